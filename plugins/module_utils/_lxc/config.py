# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration file of a container as text: read, compared, edited by line. Pure. See lxc.container.conf(5).

A file is more than a mapping: a key may stand several times and its order counts, ``lxc.net.N`` begins with its type,
includes stand where they stand, and people write comments. So nothing is ever written anew from a mapping. An `Edit`
says what shall stand in the place of the lines that it covers, and every other line stays as it is.
"""

from __future__ import annotations

import re
import typing as t

KEY = re.compile(r"lxc(\.[A-Za-z0-9_-]+)+")
_NETWORK = re.compile(r"(lxc\.net\.\d+)\.[A-Za-z0-9_.]+")
_OWNER = "# netns-lab:"
"""A comment that says which lab a container belongs to; the name of the lab follows."""

KEEPS_RUNNING = ("lxc.start.", "lxc.group")
"""Keys that only lxc-autostart reads, from the file: a container that runs needs no restart for them."""
_FENCE = "# netns.lab, "
_CGROUP = re.compile(r"lxc\.cgroup2?\.(?!(dir|relative)(\.|$))")
"""Settings of control groups. What begins alike and says where the groups are is read only by a start."""


class Edit(t.NamedTuple):
    """What shall stand in the place of some lines."""

    scope: str
    """``key``: all lines of a key. ``group``: all lines below a key (``lxc.net``). ``block``: those between two
    comments with a name. ``owner``: the comment with a lab's name. ``text``: the whole file, which `name` then is."""
    name: str
    lines: tuple[tuple[str, str], ...] = ()
    """Keys and values, in order; empty: nothing."""


class Line(t.NamedTuple):
    """One line of a file. `key` is empty for a comment, a blank line, and a line without an equals sign."""

    key: str
    value: str
    text: str


def parse(text: str) -> list[Line]:
    """The lines of a file. As for LXC, only a line feed ends one, and white space is spaces and tabs."""
    texts = text.split("\n")
    if not texts[-1]:
        texts.pop()
    return [_line(line) for line in texts]


def _line(text: str) -> Line:
    bare = text.strip(" \t")
    key, equals, value = bare.partition("=")
    if bare.startswith("#") or not equals:
        return Line("", "", text)
    value = value.strip(" \t")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return Line(key.strip(" \t"), value, text)


def settings(text: str) -> list[tuple[str, str]]:
    """What a file sets: keys and values in order, without comments."""
    return [(line.key, line.value) for line in parse(text) if line.key]


def values(text: str, key: str) -> list[str]:
    """The values of a key, in order."""
    return [value for name, value in settings(text) if name == key]


def last(text: str, key: str) -> str:
    """The value that counts of a key that has one; empty where it isn't set."""
    return ([""] + values(text, key))[-1]


def owner(text: str) -> str:
    """The lab that a configuration is marked for; empty: none."""
    for line in parse(text):
        if line.text.startswith(_OWNER):
            return line.text[len(_OWNER) :].strip()
    return ""


def edited(text: str, edits: t.Iterable[Edit]) -> str:
    """The text after all edits. What says already what an edit wants stays as it is, to the letter."""
    before = lines = parse(text)
    for edit in edits:
        if edit.scope == "text":
            text = edit.name
            before = lines = parse(text)
        else:
            lines = _EDITS[edit.scope](lines, edit)
    return text if lines == before else "".join(f"{line.text}\n" for line in lines)


def _mark(lines: list[Line], edit: Edit) -> list[Line]:
    wanted = [Line("", "", _OWNER + edit.name)] if edit.name else []
    rest = [line for line in lines if not line.text.startswith(_OWNER)]
    if wanted and wanted[0] in lines and len(rest) == len(lines) - 1:
        return lines
    return wanted + rest


def _keys(lines: list[Line], edit: Edit) -> list[Line]:
    if edit.scope == "group":
        covered = [index for index, line in enumerate(lines) if line.key.startswith(edit.name + ".")]
    else:
        covered = [index for index, line in enumerate(lines) if line.key == edit.name]
    if tuple((lines[index].key, lines[index].value) for index in covered) == edit.lines:
        return lines
    place = covered[0] if covered else _place(lines, edit.name)
    gone = set(covered)
    before = [line for index, line in enumerate(lines[:place]) if index not in gone]
    after = [line for index, line in enumerate(lines[place:], place) if index not in gone]
    return _without_empty_blocks([*before, *_written(edit.lines), *after])


def _place(lines: list[Line], key: str) -> int:
    """Where a key goes that doesn't stand yet: at the end, but with its own network, whose type comes first."""
    network = _NETWORK.fullmatch(key)
    if network is not None:
        own = [index for index, line in enumerate(lines) if line.key.startswith(network.group(1) + ".")]
        if own:
            return own[0] if key.endswith(".type") else own[-1] + 1
    return len(lines)


def _block(lines: list[Line], edit: Edit) -> list[Line]:
    begin, end = _fences(edit.name)
    texts = [line.text for line in lines]
    if begin in texts and end in texts[texts.index(begin) :]:
        first = texts.index(begin)
        last_ = texts.index(end, first)
        inside = lines[first + 1 : last_]
        if tuple((line.key, line.value) for line in inside if line.key) == edit.lines:
            return lines
        before, after = lines[:first], lines[last_ + 1 :]
    else:
        before, after = [line for line in lines if line.text not in (begin, end)], []
    if not edit.lines:
        return before + after
    return [*before, Line("", "", begin), *_written(edit.lines), Line("", "", end), *after]


def _fences(name: str) -> tuple[str, str]:
    return f"{_FENCE}{name}: begin", f"{_FENCE}{name}: end"


def _without_empty_blocks(lines: list[Line]) -> list[Line]:
    """An edit of a key may have emptied a block."""
    result: list[Line] = []
    for line in lines:
        fence = line.text.startswith(_FENCE) and line.text.endswith(": end")
        if fence and result and result[-1].text == line.text[: -len("end")] + "begin":
            result.pop()
        else:
            result.append(line)
    return result


def _written(lines: t.Iterable[tuple[str, str]]) -> list[Line]:
    return [Line(key, value, f"{key} = {_quoted(value)}".rstrip()) for key, value in lines]


def _quoted(value: str) -> str:
    """LXC takes one pair of quotes away, so a value that has some of its own gets another."""
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return f"'{value}'" if value[0] == '"' else f'"{value}"'
    return value


_EDITS: dict[str, t.Callable[[list[Line], Edit], list[Line]]] = {
    "key": _keys,
    "group": _keys,
    "block": _block,
    "owner": _mark,
}


def unseen(text: str, known: str) -> tuple[bool, list[tuple[str, str]]]:
    """What a container that was started with `known` hasn't seen of the present `text`.

    True where only a restart brings it; and the control group settings, which LXC changes while the container runs:
    those that are to be set. A limit that is gone needs a restart, for nobody knows what it was before.
    """
    now, then = settings(text), settings(known)
    if now == then:
        return False, []
    live = [pair for pair in now if _CGROUP.match(pair[0]) and pair not in then]
    keys = {key for key, _value in live}
    lost = [pair for pair in then if _CGROUP.match(pair[0]) and pair not in now and pair[0] not in keys]
    rest = [
        [pair for pair in some if not pair[0].startswith(KEEPS_RUNNING) and not _CGROUP.match(pair[0])]
        for some in (now, then)
    ]
    several = any(key.split(".")[2] == "devices" for key in keys)  # allow and deny add up to a list
    return bool(lost) or several or rest[0] != rest[1], [] if several else live

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what a lab differs from what was asked for: what is missing, what is otherwise, what somebody added. Pure.

Called by `lab_information`. Nothing differs where a run with ``exact: true`` would do nothing: what the planner would
mend and isn't found by comparing records is told in the words of its steps.
"""

from __future__ import annotations

import typing as t

from . import leftovers
from .errors import LabError
from .plan import plan, say
from .records import MACHINE, Address, Container, File, Key, Link, Namespace, Program, Request, Route, Sysctl
from .resources import BY_KIND
from .resources import route as routes
from .resources._link_rules import differs, other_options, value_words
from .resources.address import text as address_text
from .resources.base import at, differing
from .state import State

MISSING, CHANGED, ADDED = "missing", "changed", "added"


class Difference(t.NamedTuple):
    """One thing that isn't as it was asked for."""

    netns: str
    object: str
    """The kind of its key: ``link``, ``address``, ``route``."""
    name: str
    change: str
    """``missing``, ``changed`` or ``added``."""
    text: str
    """All of it as a sentence."""
    asked: t.Any = None
    stands: t.Any = None


_LINK_WORDS = {
    "kind": "kind",
    "peer": "other end",
    "lower": "lower link",
    "mtu": "MTU",
    "mac": "MAC address",
    "master": "bridge",
    "altnames": "further names",
}


def differences(request: Request, have: State) -> list[Difference]:
    """What differs, in the order of the lab file; what was added comes last."""
    found: list[Difference] = []
    gone: set[tuple[str, ...]] = set()
    for key, wanted in request.want.items():
        if wanted is None or (key[1],) in gone or (key[0] == "address" and (key[1], key[2]) in gone):
            continue
        stands = have.get(key)
        if stands is None:
            if key[0] == "namespace":
                gone.add((key[1],))
            elif key[0] == "link":
                gone.add((key[1], key[2]))
                if isinstance(wanted, Link) and wanted.peer in gone:
                    continue  # told with the other end
            elif key[0] == "sysctl":
                continue  # of a link that isn't there, or of a kernel that doesn't have it
            found.append(_missing(key, wanted))
        else:
            found += _changed(key, wanted, stands)
    found += _as_the_planner_sees_it(request, have, found)
    return [*found, *_added(request, have)]


def _missing(key: Key, wanted: t.Any) -> Difference:
    name, words = _named(key, wanted)
    if isinstance(wanted, Link) and wanted.peer:
        words += f" (to {at(*wanted.peer)})"
    is_not = "doesn't run" if isinstance(wanted, Program) else "is missing"
    return Difference(key[1], key[0], name, MISSING, f"{words} {is_not}", asked=_shown(key, wanted))


def _changed(key: Key, wanted: t.Any, stands: t.Any) -> t.Iterator[Difference]:
    ns, kind = key[1], key[0]
    name, words = _named(key, stands)
    if isinstance(wanted, Namespace):
        if stands.broken:
            text = f"{words} is broken: no namespace is mounted on its file"
            yield Difference(ns, kind, name, CHANGED, text, "ok", "broken")
        elif wanted.owner is not None and wanted.owner != stands.owner:
            text = f"{words} doesn't carry the mark of the lab, so somebody made it anew"
            yield Difference(ns, kind, name, CHANGED, text, wanted.owner, stands.owner)
    elif isinstance(wanted, Link):
        for field, said in _LINK_WORDS.items():
            if differs(field, wanted, stands):
                asked, real = _link_value(getattr(wanted, field)), _link_value(getattr(stands, field))
                text = f"{words} has {_none(said, real)}, asked was {asked or 'none'}"
                yield Difference(ns, kind, name, CHANGED, text, asked, real)
        for option, value, stood in other_options(wanted, stands):
            text = f"{words} has {option} {value_words(stood)}, asked was {value_words(value)}"
            yield Difference(ns, kind, name, CHANGED, text, value, stood)
        if differs("up", wanted, stands):
            asked, real = ("up", "down") if wanted.up else ("down", "up")
            yield Difference(ns, kind, name, CHANGED, f"{words} is {real}", asked, real)
    elif isinstance(wanted, Sysctl):
        if wanted != stands:
            text = f"{words} is {stands.value}, asked was {wanted.value}"
            yield Difference(ns, kind, name, CHANGED, text, wanted.value, stands.value)
    elif isinstance(wanted, Route):
        if routes.differences(wanted, stands):
            asked, real = routes.text(key, wanted), routes.text(key, stands)
            text = f"{_place(ns)}: the route is {real}, asked was {asked}"
            yield Difference(ns, kind, name, CHANGED, text, asked, real)
    elif isinstance(wanted, Address):
        if differing(wanted, stands):
            asked, real = address_text(key, wanted), address_text(key, stands)
            yield Difference(ns, kind, name, CHANGED, f"{words}, asked was {asked}", asked, real)
    elif isinstance(wanted, File):
        if wanted != stands:
            yield Difference(ns, kind, name, CHANGED, f"{words} has another content", wanted.content, stands.content)
    elif isinstance(wanted, Container) and wanted.state is not None and wanted.state != stands.state:
        text = f"{words} is {stands.state}, asked was {wanted.state}"
        yield Difference(ns, kind, name, CHANGED, text, wanted.state, stands.state)


_COMPARED = frozenset({"namespace", "link", "address", "route", "sysctl", "file"})
"""Kinds of which every difference is found by comparing single records, but for the order of addresses."""


def _as_the_planner_sees_it(request: Request, have: State, told: t.Sequence[Difference]) -> list[Difference]:
    """What no comparison of single records finds: the order of addresses, a container's configuration."""
    try:
        made = plan(request, have)
    except LabError as error:
        return [] if told else [Difference("", "plan", "", CHANGED, str(error))]
    known = {(one.netns, one.object) for one in told}
    found: dict[Key, Difference] = {}
    for step in made.steps:
        if told and (step.key[0] in _COMPARED or (step.key[1], step.key[0]) in known):
            continue
        name, _words = _named(step.key, step.before or step.after)
        text = f"{_place(step.key[1])}: it would take this to put it right: {say(step)}"
        found.setdefault(step.key, Difference(step.key[1], step.key[0], name, CHANGED, text))
    return list(found.values())


def _added(request: Request, have: State) -> t.Iterator[Difference]:
    """What the lab file doesn't name inside the lab's namespaces, as ``exact: true`` sees it, and NICs besides."""
    for key in leftovers.additions(request, have):
        record = have.get(key)
        name, words = _named(key, record)
        extra = ""
        if isinstance(record, Link) and record.peer and record.peer[0] != "?":
            extra = f", with its other end at {at(*record.peer)}"
        yield Difference(key[1], key[0], name, ADDED, f"{words} was added{extra}", stands=_shown(key, record))
    own = [key[1] for key, record in request.want.items() if isinstance(record, Namespace)]
    for ns in own:
        for key, link in have.of(ns, "link"):
            if link.kind == "" and key[2] != "lo" and key not in request.want:
                text = f"{_place(ns)}: the NIC {key[2]} was put there"
                yield Difference(ns, "link", key[2], ADDED, text, stands=_shown(key, link))


def _named(key: Key, record: t.Any) -> tuple[str, str]:
    """What an object is called, and the same as the beginning of a sentence."""
    ns = key[1]
    if key[0] == "namespace":
        return ns, f"namespace {ns}"
    if key[0] == "link":
        return str(key[2]), f"{_place(ns)}: link {key[2]}"
    if key[0] == "address":
        name = f"{address_text(key, record)} on {key[2]}"
        return name, f"{_place(ns)}: address {name}"
    if key[0] == "route":
        name = routes.text(key, record)
        return name, f"{_place(ns)}: route {name}"
    if key[0] == "sysctl":
        name = str(key[2]).replace("/", ".") if "." not in key[2] else str(key[2])
        return name, f"{_place(ns)}: {name}"
    if key[0] == "file":
        return str(key[2]), f"{_place(ns)}: file {key[2]}"
    return str(key[-1]), f"{_place(ns)}: {key[0]} {key[-1]}"


def _place(ns: str) -> str:
    return "the machine" if ns == MACHINE else ns


def _shown(key: Key, record: t.Any) -> t.Any:
    """What stands, or shall stand, in the words of the diff."""
    value = BY_KIND[key[0]].show(key, record)[1]
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _link_value(value: t.Any) -> t.Any:
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(part, str) for part in value):
        return at(*value) if value[0] != "?" else "out of sight"
    if isinstance(value, tuple):
        return ", ".join(value)
    return value


def _none(said: str, real: t.Any) -> str:
    article = "its" if said == "other end" else "the"
    if not real:
        return f"no {said}"
    return f"{article} other end {real}" if said == "other end" else f"{article} {said} {real}"

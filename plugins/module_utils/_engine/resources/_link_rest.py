# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of a bond that depend on more than their own values. Pure, and private to `link`.

Some can only be changed while it is down, or has no ports: it is brought to rest before, and afterwards everything is
as it was. Some have to be changed before others, and one names a port.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .. import bonds, kinds
from ..effects_bond import is_bond, ports
from ..errors import LabError
from ..records import Key, Link
from ..steps import Phase, Step
from ._link_rules import other_options
from .base import Question, at


def check(question: Question, key: Key, wanted: Link) -> None:
    """Raise LabError where the wanted options of a bond contradict each other, or those that it has."""
    if wanted.kind != kinds.BOND or not wanted.options:
        return
    have = question.state.get(key)
    standing = dict(have.options or ()) if isinstance(have, Link) else bonds.NEW
    for name, message in bonds.contradictions(dict(wanted.options), standing):
        raise LabError(message, name if question.request.lab is None else question.request.origin.get(key))


def _options(wanted: Link, have: Link) -> list[tuple[str, t.Any, kinds.Option]]:
    """The options that stand otherwise than wanted: name, wanted value, row of the table."""
    if not wanted.options or wanted.kind != have.kind:
        return []
    table = kinds.KINDS[str(wanted.kind)].options
    return [(name, value, table[name]) for name, value, _stands in other_options(wanted, have)]


def to_rest(question: Question, key: Key, wanted: Link, have: Link) -> t.Iterator[Step]:
    """What it takes before the options can be changed."""
    changing = [(name, option.rest) for name, _value, option in _options(wanted, have) if option.rest]
    if not changing:
        return
    why = f"to change {', '.join(name for name, _rest in changing)}"
    if any(rest == "bare" for _name, rest in changing):
        for port in ports(question.state, key):
            yield Step(Phase.DOWN, "change", port, question.state.get(port), Link(master=""), ("master",), why=why)
    if have.up:
        yield Step(Phase.DOWN, "change", key, have, Link(up=False), ("up",), depth=1, why=why)


def from_rest(question: Question, level: int, key: Key, wanted: Link) -> t.Iterator[Step]:
    """The ports come back, and it is up if it was, as far as nobody wants it otherwise."""
    stood, have = question.have.get(key), question.state.get(key)
    if not is_bond(stood) or not is_bond(have):
        return
    for port in ports(question.have, key):
        before, now = question.have.get(port), question.state.get(port)
        asked = question.request.want.get(port, Link())
        if not isinstance(now, Link) or now.master or not isinstance(asked, Link) or asked.master is not None:
            continue
        fields = ("master",) if before.mtu == have.mtu else ("mtu", "master")
        after = Link(master=key[2], master_kind=kinds.BOND, mtu=before.mtu)
        yield Step(Phase.SETTING, "change", port, now, after, fields, depth=level + 1)
        if not before.up and asked.up is None:
            yield Step(Phase.UP, "change", port, question.state.get(port), Link(up=False), ("up",))
    if stood.up and not have.up and wanted.up is None:
        yield Step(Phase.UP, "change", key, have, Link(up=True), ("up",), depth=level)


def in_turns(question: Question, key: Key, wanted: Link) -> list[Link]:
    """What is wanted, in the parts that are asked for one after the other."""
    if wanted.kind != kinds.BOND or not wanted.options:
        return [wanted]
    asked = wanted.options
    stood, have = question.have.get(key), question.state.get(key)
    if wanted.mac is None and have.mac is None and is_bond(stood) and ports(question.have, key):
        wanted = replace(wanted, mac=stood.mac)  # it lost it with its last port, which will be back
    table = kinds.KINDS[kinds.BOND].options
    options = [(name, value) for name, value in asked if not table[name].names_port]
    turns = sorted({table[name].turn for name, _value in options})
    parts = [tuple(pair for pair in options if table[pair[0]].turn == turn) for turn in turns] or [()]
    return [replace(wanted, options=parts[0]), *(Link(kind=wanted.kind, options=part) for part in parts[1:])]


def ports_named(question: Question, level: int, key: Key, wanted: Link) -> t.Iterator[Step]:
    """Options that name a port, once it is one."""
    have = question.state.get(key)
    if not isinstance(have, Link):
        return
    for name, value, option in _options(wanted, have):
        if not option.names_port:
            continue
        port = question.state.get(("link", key[1], value)) if value else None
        if value and (not isinstance(port, Link) or port.master != key[2]):
            raise LabError(f"{value}: is no port of {at(key[1], key[2])} yet; let it join first", name)
        after = Link(kind=wanted.kind, options=((name, value),))
        yield Step(Phase.SETTING, "change", key, have, after, ("options",), depth=level + 2)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a link needs to become as wanted. Pure, and private to `link`."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .. import kinds
from ..errors import LabError
from ..matching import in_the_way, moves
from ..records import MACHINE, Address, Key, Link
from ..steps import Phase, Step
from . import _link_rest as rest
from ._link_rules import (
    SETTINGS,
    check_master,
    depth,
    differs,
    height,
    lowest_first,
    makes_room,
    most_mtu,
    owed,
    relabelled,
    spare_name,
    unlike,
    yields,
)
from .base import Proposal, Question, at, going


def _clear(question: Question) -> t.Iterator[Step]:
    state, want = question.state, question.request.want
    victims: dict[Key, str] = {}
    found = moves(question.items, want, state)
    names = {move.source[1:]: move.target[1:] for move in found}
    for key, wanted in question.items:
        have = state.get(key)
        if wanted is not None and isinstance(have, Link) and key[1:] not in names:  # those leave their place anyhow
            if have.lower in names:
                have = replace(have, lower=names[have.lower])
            reason = unlike(wanted, have, lambda key: want.get(key) or state.get(key))
            if reason:
                victims[key] = reason
    victims.update(in_the_way(question.items, state, found))
    victims.update(makes_room(question, found, victims))
    for key, reason in victims.items():
        have = state.get(key)
        if isinstance(have, Link):  # its peer may have taken it along
            _check_deletable(question, key, have, reason)
            yield Step(Phase.CLEAR, "delete", key, have, why=reason, depth=-height(state, key))
    for key, after in yields(question, found).items():
        yield Step(Phase.CLEAR, "change", key, state.get(key), after, ("master",), depth=1)


def _move(question: Question) -> t.Iterator[Step]:
    state = question.state
    left = moves(question.items, question.request.want, state)
    turn = 0
    waiting: dict[Key, list[tuple[Key, t.Any]]] = {}
    while left:
        turn += 1
        ready = [move for move in left if move.target not in state]
        if ready:
            left = [move for move in left if move.target in state]
        else:  # names that change places: one of them goes through a name that nobody has
            source, target = left[0]
            if source == target:
                raise LabError(f"{at(source[1], source[2])} can't be brought to where it is")
            spare = spare_name(state, source[1])
            left[0] = left[0]._replace(source=spare)
            ready = [left[0]._replace(source=source, target=spare)]
        for move in ready:
            off = relabelled(state, move)
            for key, record in reversed(off):
                yield Step(Phase.MOVE, "delete", key, record, depth=turn, why="a new name would spoil its label")
            before, after = state.get(move.source), question.request.want.get(move.target)
            yield Step(Phase.MOVE, "move", move.source, before, after, other=move.target, depth=turn)
            off = waiting.pop(move.source, []) + off
            if left and left[0].source == move.target:
                waiting[move.target] = off
                continue
            for key, record in off:
                back = (*key[:2], move.target[2], key[3])
                wanted = question.request.want.get(back) or Address(record.prefix)
                yield Step(Phase.MOVE, "create", back, None, wanted, depth=turn)


def _make(question: Question) -> t.Iterator[Step]:
    state, want = question.state, question.request.want
    for key, wanted in question.items:
        if wanted is None or key in state:
            continue
        if wanted.kind is None or wanted.kind == "":
            if key[2] == "lo" and ("namespace", key[1]) in state:
                continue
            where = "on the machine" if key[1] == MACHINE else f"in namespace {key[1]} or on the machine"
            raise LabError(
                f"there is no link {key[2]} {where}: name its `kind` to have it made",
                question.request.origin.get(key),
            )
        if wanted.peer is not None:
            other: Key = ("link", wanted.peer[0], wanted.peer[1])
            if other in state:
                continue
            yield Step(Phase.LINK, "create", key, None, wanted, other=other, other_after=want.get(other))
            continue
        lower = wanted.lower
        if lower is not None and ("link", *lower) not in state and ("link", *lower) not in want:
            raise LabError(
                f"{at(key[1], key[2])} stands on {at(*lower)}, and there is no such link",
                question.request.origin.get(key),
            )
        rest.check(question, key, wanted)
        where = lower[0] if lower is not None else key[1]
        if kinds.KINDS[wanted.kind].mtu_of_ports:
            wanted = replace(wanted, mtu=None)
        elif lower is not None and wanted.mtu is not None and wanted.mtu > most_mtu(wanted, state):
            wanted = replace(wanted, mtu=None)  # too much before the lower link has its own; set afterwards
        yield Step(Phase.LINK, "create", key, None, wanted, depth=depth(want, key), where=where)


def _widen(question: Question) -> t.Iterator[Step]:
    """A greater MTU, before the links above in other namespaces get theirs: those may be visited earlier. What they
    stand on needs room for it below."""
    lowers: set[tuple[str, str]] = set()
    for key, record in question.items:
        lower = record.lower if record is not None and record.lower is not None and record.lower[0] != key[1] else None
        while lower is not None and lower not in lowers:
            lowers.add(lower)
            below = question.request.want.get(("link", *lower))
            lower = below.lower if isinstance(below, Link) else None
    for level, key, wanted in lowest_first(question) if lowers else ():
        have = question.state.get(key)
        if key[1:] in lowers and isinstance(have, Link) and (have.mtu or 0) < (wanted.mtu or 0):
            yield Step(Phase.LINK, "change", key, have, wanted, ("mtu",), depth=level + 1)


def _down(question: Question) -> t.Iterator[Step]:
    for key, wanted in question.items:
        if wanted is None or (wanted.up is not False and not wanted.options):
            continue
        have = question.state.get(key)
        if not isinstance(have, Link):
            continue
        if wanted.options:
            rest.check(question, key, wanted)
            yield from rest.to_rest(question, key, wanted, have)
            have = question.state.get(key)
        if wanted.up is False and have.up:
            yield Step(Phase.DOWN, "change", key, have, wanted, ("up",))


def _set(question: Question) -> t.Iterator[Step]:
    for level, key, wanted in lowest_first(question):
        if not isinstance(question.state.get(key), Link):
            continue
        for part in rest.in_turns(question, key, wanted):
            have = question.state.get(key)
            names = tuple(name for name in SETTINGS if differs(name, part, have) or name in owed(part, have))
            if names:
                check_master(question, key, part, have, names)
                yield Step(Phase.SETTING, "change", key, have, part, names, depth=level)
        if wanted.options:
            yield from rest.from_rest(question, level, key, wanted)


def _name_ports(question: Question) -> t.Iterator[Step]:
    if any(record is not None and record.options for _key, record in question.items):
        for level, key, wanted in lowest_first(question):
            yield from rest.ports_named(question, level, key, wanted)


def _up(question: Question) -> t.Iterator[Step]:
    for level, key, wanted in lowest_first(question):
        have = question.state.get(key)
        if wanted.up and isinstance(have, Link) and not have.up:
            yield Step(Phase.UP, "change", key, have, wanted, ("up",), depth=level)


def _trim(question: Question) -> t.Iterator[Step]:
    for key, wanted in question.items:
        have = question.state.get(key)
        if wanted is None and isinstance(have, Link) and not going(question, key[1]):
            _check_deletable(question, key, have, "wanted absent")
            yield Step(Phase.TRIM, "delete", key, have, depth=-height(question.state, key))


def _bring_home(question: Question) -> t.Iterator[Step]:
    for ns in question.gone:
        for key, have in question.state.of(ns, "link"):
            if have.kind == "" and key[2] != "lo":
                yield Step(Phase.HOME, "move", key, have, other=("link", MACHINE, key[2]), why="NICs come home")


def _check_deletable(question: Question, key: Key, link: Link, reason: str) -> None:
    """A device without a kind, a NIC or the loopback, is there as long as its driver is: nothing can delete it."""
    if link.kind == "":
        what = "the loopback" if key[2] == "lo" else "a NIC"
        raise LabError(
            f"{at(key[1], key[2])} ({reason}) is {what}, which can't be deleted: choose another name",
            question.request.origin.get(key),
        )


PROPOSALS: tuple[tuple[Phase, Proposal], ...] = (
    (Phase.CLEAR, _clear),
    (Phase.MOVE, _move),
    (Phase.LINK, _make),
    (Phase.LINK, _widen),
    (Phase.DOWN, _down),
    (Phase.SETTING, _set),
    (Phase.SETTING, _name_ports),
    (Phase.UP, _up),
    (Phase.TRIM, _trim),
    (Phase.HOME, _bring_home),
)

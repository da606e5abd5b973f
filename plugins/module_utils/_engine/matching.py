# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which standing links answer to wanted ones when names don't match: moves and what is in their way. Pure.

A wanted veth end is first looked for under its own name with the wanted peer. Where only one end stands as wanted, the
other is wherever its peer is, whoever moved it there, and is brought back rather than made anew, so that the standing
end keeps all it has.
"""

from __future__ import annotations

import typing as t

from .records import MACHINE, Key, Link, Want
from .state import State


class Move(t.NamedTuple):
    """A link that stands elsewhere."""

    source: Key
    target: Key


def pairs(links: t.Iterable[tuple[Key, t.Any]]) -> t.Iterator[tuple[Key, Key]]:
    """The two keys of each wanted veth pair, once, in the order listed."""
    seen: set[Key] = set()
    for key, record in links:
        if isinstance(record, Link) and record.peer is not None and key not in seen:
            other: Key = ("link", record.peer[0], record.peer[1])
            seen.add(other)
            yield key, other


def joined(state: State, key: Key, other: Key) -> bool:
    """Whether the two stand and are each other's peer."""
    first = state.get(key)
    return isinstance(first, Link) and first.peer == (other[1], other[2]) and other in state


def moves(links: t.Sequence[tuple[Key, t.Any]], want: Want, state: State) -> list[Move]:
    """The links to bring to where they are wanted: far ends of veths, and links that a namespace gets.

    `links` are those among what is wanted.
    """
    found: list[Move] = []
    taken: set[Key] = set()
    for choices in _choices(links, want, state):
        for _how, anchor, move in choices:
            if not taken & {move.source, anchor}:
                taken |= {move.source, anchor}  # a standing pair becomes one of the wanted ones, not two
                found.append(move)
                break
    for wanted, record in links:
        if not isinstance(record, Link) or record.kind is not None or wanted in state or wanted[2] == "lo":
            continue
        source = ("link", *(record.source or (MACHINE, wanted[2])))
        if source in state and source not in taken and want.get(source) is None:
            taken.add(source)
            found.append(Move(source, wanted))
    return found


_Likeness = t.Tuple[int, bool, int]


def _choices(links: t.Sequence[tuple[Key, t.Any]], want: Want, state: State) -> list[list[tuple[_Likeness, Key, Move]]]:
    """For each wanted pair that doesn't stand what could become it, the likest first. Of two wanted pairs that the same
    links could become, the one that they are more like chooses first: when a run goes back, the one that they were."""
    found = []
    for key, other in pairs(links):
        if joined(state, key, other):
            continue
        choices = []
        for anchor, target in ((key, other), (other, key)):
            source = _far_end(state, anchor)
            if source is not None and not _settled(want, state, source):
                move = Move(source, target)
                choices.append((_likeness(want, state, anchor, move), anchor, move))
        if choices:
            found.append(sorted(choices, key=lambda choice: choice[0], reverse=True))
    return sorted(found, key=lambda choices: choices[0][0][0], reverse=True)


def _far_end(state: State, anchor: Key) -> Key | None:
    """Where the other end of a standing veth is, if it can be seen."""
    link = state.get(anchor)
    if not isinstance(link, Link) or link.kind != "veth" or link.peer is None:
        return None
    source: Key = ("link", *link.peer)
    return source if source in state else None


def _likeness(want: Want, state: State, anchor: Key, move: Move) -> _Likeness:
    """How well a standing pair goes for a wanted one: by its MAC addresses, by how little has to move, and by the
    addresses that it has already."""
    ends = ((anchor, anchor), (move.target, move.source))
    macs = addresses = 0
    for wanted, stands in ends:
        record = want.get(wanted)
        macs += isinstance(record, Link) and record.mac == state.get(stands).mac
        names = [key[3] for key, _record in state.of(stands[1], "address") if key[2] == stands[2]]
        addresses += sum(want.get(("address", wanted[1], wanted[2], name)) is not None for name in names)
    return macs, move.source[1] == move.target[1], addresses


def _settled(want: Want, state: State, key: Key) -> bool:
    """Whether this end is wanted where it is, with the peer that it has."""
    record, link = want.get(key), state.get(key)
    return isinstance(record, Link) and isinstance(link, Link) and record.peer is not None and record.peer == link.peer


def in_the_way(links: t.Iterable[tuple[Key, t.Any]], state: State, found: t.Sequence[Move]) -> dict[Key, str]:
    """Links to delete so that the wanted pairs can stand, with the reason for each."""
    sources = {move.source for move in found}
    targets = {move.target for move in found}
    occupied = [move.target for move in found if move.target in state and move.target not in sources]
    victims = dict.fromkeys(occupied, "in the way of the link wanted here")
    for key, other in pairs(links):
        if joined(state, key, other) or key in targets or other in targets:
            continue
        for end, far in ((key, other), (other, key)):
            link = state.get(end)
            if isinstance(link, Link) and end not in sources:
                seen = link.peer is not None and link.peer[0] != "?"
                there = f"is {':'.join(link.peer or ())}" if seen else "can't be seen from here"
                victims[end] = f"its peer {there}, wanted {far[1]}:{far[2]}"
    return victims

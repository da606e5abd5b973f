# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a link can become and what has to go first, told from records alone. Pure, and private to `link`."""

from __future__ import annotations

import typing as t

from .. import kinds
from ..errors import LabError
from ..matching import Move
from ..records import Key, Link
from ..state import State
from .base import Question, at, going, inside

SETTINGS = ("mtu", "mac", "master", "options", "altnames")
"""The fields that are changed by one request."""

_ABOVE = 2
"""How much further up a link is than the one it stands on; between the two there is room for a change of the lower."""
_ABOVE_PORTS = 20
"""How much further up a bridge is than its ports: so its MTU is set after theirs, and that of a link on it later."""

_MOST_LEVELS = 16
"""No stack of links is that high; links wanted on each other must not hang anybody."""

Find = t.Callable[[Key], t.Any]


def other_options(wanted: Link, have: Link) -> list[tuple[str, t.Any, t.Any]]:
    """The options of a link's kind that stand otherwise than they were asked for: name, what was asked, what stands."""
    known = dict(have.options or ())
    return [(name, value, known.get(name)) for name, value in wanted.options or () if known.get(name) != value]


def differs(name: str, wanted: Link, have: Link) -> bool:
    """Whether a field was asked for and stands otherwise."""
    asked = getattr(wanted, name)
    if asked is None:
        return False
    stands = getattr(have, name)
    if asked == stands:
        return False
    if name == "options":
        return bool(other_options(wanted, have))
    if name == "altnames":
        return not set(asked) <= set(stands or ())
    return True


def value_words(value: t.Any) -> str:
    """The value of an option of a link's kind, as messages have it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    shown = " ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return shown or "none"


def owed(wanted: Link, have: Link) -> tuple[str, ...]:
    """Fields to set though they stand as wanted: a port that leaves a bond gets back the MTU that it had before, and
    the kernel doesn't tell which that is."""
    leaves = have.master_kind == kinds.BOND and wanted.master not in (None, have.master)
    return ("mtu",) if leaves and wanted.mtu is not None else ()


def unlike(wanted: Link, have: Link, find: Find) -> str:
    """Why a standing link can't become the wanted one; empty where it can. `find` gives the link under a key."""
    if wanted.kind is not None and wanted.kind != have.kind:
        return f"is {have.kind or 'a NIC'}, wanted {wanted.kind}"
    if wanted.lower is not None and kinds.real_lower(find, wanted.kind, wanted.lower) != have.lower:
        stands = f"stands on {at(*have.lower)}" if have.lower else "stands on no link"
        return f"{stands}, wanted {at(*wanted.lower)}"
    if wanted.options and wanted.kind:
        table = kinds.KINDS[wanted.kind].options
        for name, value, stood in other_options(wanted, have):
            if not table[name].can_change(stood, value):
                return f"has {name} {stood}, wanted {value}"
    return ""


def check_master(question: Question, key: Key, wanted: Link, have: Link, names: t.Collection[str]) -> None:
    """Raise LabError where a link can't join what it is to join, or a port of a bond is to have another MAC address."""
    where = question.request.origin.get(key)
    if "mac" in names and "master" not in names and have.master_kind == kinds.BOND:
        raise LabError(
            f"{at(key[1], key[2])} has the MAC address of {have.master} as long as it is its port, and {have.mac} "
            "again when it leaves: take it out before that is changed",
            where,
        )
    if "master" not in names or not wanted.master:
        return
    standing = question.state.get(("link", key[1], wanted.master))
    if not isinstance(standing, Link):
        raise LabError(f"there is no link {wanted.master} {inside(key[1])} for {key[2]} to join", where)
    fitting, words = (
        ((kinds.BOND,), "bond") if wanted.master_kind == kinds.BOND else (("bridge", "vrf"), "bridge or VRF")
    )
    if standing.kind not in fitting:
        what = standing.kind or "a NIC"
        raise LabError(f"{wanted.master} {inside(key[1])} is no {words} but {what}", where)


def makes_room(question: Question, found_moves: t.Sequence[Move], anew: t.Container[Key] = ()) -> dict[Key, str]:
    """Links that go anyway, but first, because a wanted one can't come to stand beside them.

    `anew` are those that stand and are made anew.
    """
    names = {move.source[1:]: move.target[1:] for move in found_moves}
    state, want = question.state, question.request.want
    coming = {record.kind for key, record in question.items if record is not None and (key not in state or key in anew)}
    leaving = [key for key, record in question.items if record is None]
    leaving += [key for key in state.standing() if going(question, key[1])]
    found: dict[Key, str] = {}
    for key in leaving:
        link = state.get(key)
        kind = kinds.KINDS.get(str(link.kind)) if isinstance(link, Link) else None
        if kind is None:
            continue
        lower = want.get(("link", *names.get(link.lower, link.lower))) if link.lower is not None else None
        becomes_port = kind.takes_lower and isinstance(lower, Link) and bool(lower.master)
        if becomes_port or (kind.unique and link.kind in coming) or (kind.takes_lower and coming & _TAKING):
            found[key] = "makes room for what is wanted"
    return found


_TAKING = frozenset(name for name, kind in kinds.KINDS.items() if kind.takes_lower)


def yields(question: Question, found_moves: t.Sequence[Move]) -> dict[Key, Link]:
    """Ports that leave their bridge first, because a link is to stand on them that claims all they receive; with what
    is wanted of them."""
    state, want = question.state, question.request.want
    sources = {move.target: move.source for move in found_moves}
    found: dict[Key, Link] = {}
    for key, record in question.items:
        if record is None or record.lower is None or record.kind not in _TAKING or key in state:
            continue
        lower: Key = ("link", *kinds.real_lower(lambda key: want.get(key) or state.get(key), record.kind, record.lower))
        now, wanted = sources.get(lower, lower), want.get(lower)
        stands = state.get(now)
        if isinstance(stands, Link) and stands.master and isinstance(wanted, Link) and wanted.master == "":
            found[now] = wanted
    return found


def spare_name(state: State, ns: str) -> Key:
    """A name that no link has in a namespace, for one that can't have its own yet."""
    number = 0
    while ("link", ns, f"netnslab{number}") in state:
        number += 1
    return ("link", ns, f"netnslab{number}")


def relabelled(state: State, move: Move) -> list[tuple[Key, t.Any]]:
    """The addresses whose labels a renaming spoils: of a link's IPv4 addresses all but the first get a label of their
    own, ``eth0:2`` (net/ipv4/devinet.c, inetdev_changename)."""
    from ..effects_ip import addresses_of, is_ipv6

    if move.source[1] != move.target[1]:
        return []
    return [(key, record) for key, record in addresses_of(state, *move.source[1:]) if not is_ipv6(key)][1:]


def most_mtu(wanted: Link, state: State) -> int:
    """The greatest MTU with which a new link can be made on top of its lower one as that stands now."""
    lower = kinds.real_lower(state.get, wanted.kind, t.cast(t.Tuple[str, str], wanted.lower))
    below = state.get(("link", *lower))
    row = kinds.KINDS[str(wanted.kind)]
    if not isinstance(below, Link) or below.mtu is None:
        return row.greatest_mtu
    return kinds.most_mtu(str(wanted.kind), wanted.options, below.mtu)


def depth(want: t.Mapping[Key, t.Any], key: Key) -> int:
    """How far up a wanted link is: by how many wanted links it stands on, counting bridges more.

    A port of a bond comes after it, whose MTU and mode it takes as they are.
    """
    found, record = 0, want.get(key)
    for _level in range(_MOST_LEVELS):
        if not isinstance(record, Link):
            break
        found += _ABOVE_PORTS if record.kind == "bridge" else int(record.master_kind == kinds.BOND)
        if record.lower is None:
            break
        found += _ABOVE
        record = want.get(("link", *record.lower))
    return found


def lowest_first(question: Question) -> list[tuple[int, Key, Link]]:
    """The wanted links with their depths, lower ones before those that stand on them."""
    want = question.request.want
    found = [(depth(want, key), key, record) for key, record in question.items if record is not None]
    return sorted(found, key=lambda entry: entry[0])


def height(state: State, key: Key) -> int:
    """How many standing links this one stands on: those that stand highest are deleted first."""
    found, record = 0, state.get(key)
    while isinstance(record, Link) and record.lower is not None and found < _MOST_LEVELS:
        found += 1
        record = state.get(("link", *record.lower))
    return found

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The unit of a plan: what one step is, and in which order steps run.

Every number of `Phase` is one line of the order that kernel state demands; the reasons stand beside it. Phases that
can share one stay in a namespace form a pass: within a pass the order across namespaces doesn't matter, so the plan
sorts it by namespace and the worker enters each namespace once a pass.
"""

from __future__ import annotations

import enum
import typing as t

from .frozen import dataclass
from .records import Key, Link, Record, Want


class Phase(enum.IntEnum):
    """When a step runs."""

    CLEAR = 0
    """Deletes that stand in the way: a link of another kind under the name, a dead namespace file."""
    NAMESPACE = 1
    CONF = 2
    """Sysctls of the namespace as a whole: links made later take their defaults from them. Forwarding comes first,
    because writing it resets others."""
    MOVE = 3
    """Links that stand elsewhere come before new ones, so that names are free."""
    LINK = 4
    """New links, down, lower ones first. Their acknowledgements are read before anything names their index."""
    DOWN = 5
    SETTING = 6
    """MTU, MAC, membership of a bridge or VRF, options of the kind: before up, so that nothing is announced wrongly."""
    LINK_CONF = 7
    """Sysctls of one link: the link must be there, and joining a VRF resets them."""
    UP = 8
    ADDRESS = 9
    ROUTE = 10
    """Link routes, then routes by gateway: the kernel refuses a gateway that it can't reach."""
    FILE = 11
    CONTAINER = 12
    """Containers start when their network is there: it is the node's, and has links, addresses and routes by now."""
    PROCESS = 13
    """Programs come last: what they talk to stands, and a program that doesn't start has it all put back."""
    STOP = 14
    """From here the way is forward only. Containers and programs go before the network that they use."""
    TRIM = 15
    """Deletes that nothing waits for."""
    HOME = 16
    """NICs leave a namespace that goes."""
    END = 17
    """Processes are ended before the namespace loses its name: afterwards nobody finds them."""
    REMOVE = 18


_PASS = {
    Phase.CLEAR: 0, Phase.NAMESPACE: 1, Phase.CONF: 1, Phase.MOVE: 2, Phase.LINK: 3, Phase.DOWN: 4, Phase.SETTING: 4,
    Phase.LINK_CONF: 4, Phase.UP: 4, Phase.ADDRESS: 4, Phase.ROUTE: 4, Phase.FILE: 5, Phase.CONTAINER: 6,
    Phase.PROCESS: 7, Phase.STOP: 8, Phase.TRIM: 9, Phase.HOME: 10, Phase.END: 11, Phase.REMOVE: 12,
}  # fmt: skip

POINT_OF_NO_RETURN = Phase.STOP
"""The first phase whose steps aren't put back."""


@dataclass(frozen=True)
class Step:
    """One thing that will be done. The same in check mode and in a real run."""

    phase: Phase
    verb: str
    """``create``, ``change``, ``move``, ``delete``, ``end``."""
    key: Key
    before: Record | None = None
    after: Record | None = None
    """What the key shall hold afterwards, as far as it was asked for. Of a container that goes: how it is to go."""
    fields: tuple[str, ...] = ()
    """Of a change: the names of the fields that differ."""
    other: Key | None = None
    """Of a new veth: the key of its second end. Of a move: where the link goes."""
    other_after: Record | None = None
    depth: int = 0
    """Links that stand on others come after them."""
    where: str = ""
    """The namespace in which the request is sent; empty: that of the key."""
    why: str = ""
    """For the reader of the plan, where the step doesn't explain itself."""

    @property
    def place(self) -> str:
        """The namespace in which the worker does it."""
        return self.where or self.key[1]

    @property
    def pass_(self) -> tuple[int, int]:
        """Steps with the same pass may run in any order across namespaces."""
        number = _PASS[self.phase]
        return number, self.depth if number in (0, 2, 3, 9) else 0


def in_order(steps: t.Sequence[Step], ranks: t.Mapping[str, int]) -> list[Step]:
    """Sort proposals into the order of execution: by pass, then by namespace, then by phase.

    Namespaces come by rank, those with the same rank as they were first named.
    """
    first: dict[str, tuple[int, int]] = {}
    for step in steps:
        first.setdefault(step.place, (ranks.get(step.place, 0), len(first)))
    return sorted(steps, key=lambda s: (s.pass_, first[s.place], s.phase, s.depth))


def ranks(want: Want) -> dict[str, int]:
    """Namespaces whose links stand on links of others come after these: a VLAN's MTU can't exceed that of the link
    below, and it comes up only over one that is up."""
    below: dict[str, set[str]] = {}
    for key, record in want.items():
        if isinstance(record, Link) and record.lower is not None and record.lower[0] != key[1]:
            below.setdefault(key[1], set()).add(record.lower[0])
    found: dict[str, int] = {}

    def rank(ns: str) -> int:
        if ns not in found:
            found[ns] = 0  # also stops where two stand on each other
            found[ns] = max((rank(lower) + 1 for lower in below.get(ns, ())), default=0)
        return found[ns]

    for ns in below:
        rank(ns)
    return found

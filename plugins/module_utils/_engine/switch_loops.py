# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loops of switches in a lab. Pure.

In a loop each broadcast goes round for ever and is copied at every turn, the kernel's own neighbour discovery as well:
a storm that takes the processors of the whole machine. One switch that speaks STP ends it: the others hand on what it
says, so it sees itself, and blocks a port (net/bridge/br_input.c, br_handle_frame).
"""

from __future__ import annotations

import collections
import typing as t

from .lab import Lab
from .segments import Segments

_MOST = 3
"""Loops that are told one by one."""

_Tree = t.Dict[str, t.List[t.Tuple[str, int]]]
"""By switch, those that it is linked to and the links, without those links that close a loop."""


def warnings(lab: Lab) -> list[str]:
    """A sentence on each link that closes a loop of switches without STP."""
    segments = Segments()
    tree: _Tree = {}
    found: list[str] = []
    for index, (near, far) in enumerate(lab.links):
        if not (_hands_on(lab, near.node) and _hands_on(lab, far.node)):
            continue
        if not segments.join(near.node, far.node):
            # Looking for the way takes time, and most aren't told.
            found.append(_told([*_way(tree, near.node, far.node), (near.node, index)]) if len(found) < _MOST else "")
            continue
        for one, other in ((near.node, far.node), (far.node, near.node)):
            tree.setdefault(one, []).append((other, index))
    if len(found) > _MOST:
        more = len(found) - _MOST
        found[_MOST:] = [f"{more} more links close loops of switches" if more > 1 else "1 more link closes a loop"]
    return found


def _hands_on(lab: Lab, node: str) -> bool:
    """Whether a node lets through whatever comes in, at once. A bridge of the machine may."""
    return lab.is_switch(node) and not (node in lab.nodes and lab.nodes[node].settings.get("stp"))


def _way(tree: _Tree, start: str, end: str) -> list[tuple[str, int]]:
    """The switches from one to another of its tree, the first left out, each with the link that leads to it."""
    came: dict[str, tuple[str, int]] = {start: (start, -1)}
    ahead = collections.deque([start])
    while ahead:
        node = ahead.popleft()
        for other, index in tree.get(node, ()):
            if other not in came:
                came[other] = (node, index)
                ahead.append(other)
    found = []
    while end != start:
        found.append((end, came[end][1]))
        end = came[end][0]
    return found[::-1]


def _told(loop: list[tuple[str, int]]) -> str:
    *others, last = (node for node, _index in loop)
    numbers = ", ".join(f"links[{index}]" for index in sorted(index for _node, index in loop))
    what = f"{', '.join(others)} and {last} stand in a loop" if others else f"{last} is linked to itself"
    return (
        f"{what} ({numbers}): without STP what is broadcast there goes round for ever and takes the machine's "
        "processors; give one of the switches `stp: true`, or leave a link out"
    )

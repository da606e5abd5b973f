# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab as its file describes it, checked and spelled out: nodes, ends of links, and what the engine shall bring about.

Made by `topology.py`, shown by `described.py`.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .names import Address
from .records import Key, Request, Want


@dataclass
class Node:
    """A node of a lab."""

    name: str
    """``@NAME`` stands for a link of the machine: a bridge that gets a port, or a NIC that is lent."""
    ns: str
    """Its namespace; `MACHINE` for the machine itself."""
    kind: str
    settings: dict[str, t.Any] = field(repr=False)
    """In canonical form, with defaults and groups merged in."""
    links: dict[str, list[Address]] = field(default_factory=dict)
    """Its links, in order, with the addresses that the lab file gives them."""


class End(t.NamedTuple):
    """An end of a link. `node` is ``@NAME`` for one on the machine."""

    node: str
    ns: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.node}:{self.name}"


@dataclass
class Lab:
    """A lab, checked and spelled out."""

    name: str
    prefix: str
    nodes: dict[str, Node] = field(default_factory=dict)
    links: list[tuple[End, End]] = field(default_factory=list)
    given: dict[str, t.Any] = field(default_factory=dict, repr=False)
    """The lab file itself."""
    want: Want = field(default_factory=dict)
    origin: dict[Key, str] = field(default_factory=dict)
    """Where in the lab file each key was asked for."""

    @property
    def id(self) -> str:
        """What tells the lab from all others on the machine: a copy under a prefix is a lab of its own."""
        return f"{self.name}@{self.prefix}" if self.prefix else self.name

    def is_switch(self, node: str) -> bool:
        """Whether what comes in at one end of a node leaves by all others. ``@BRIDGE`` is a bridge of the machine."""
        return node[0] == "@" or self.nodes[node].kind == "switch"

    def request(
        self,
        *,
        exact: bool = False,
        adopt: bool = False,
        force: bool = False,
        rollback: bool = True,
        source: str = "",
    ) -> Request:
        """What the engine is asked for."""
        return Request(
            want=self.want,
            lab=self.id,
            asked=self.given,
            source=source,
            exact=exact,
            adopt=adopt,
            force=force,
            rollback=rollback,
            origin=self.origin,
        )

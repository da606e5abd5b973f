# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy rules and next-hop objects: which routing tables are looked into, and where a route by number leads.

Called by `guard`, on the machine's own namespace, and only where a plan touches it. See ip-rule(8), ip-nexthop(8),
linux/fib_rules.h and linux/nexthop.h.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from . import decode, netlink
from .errors import KernelError

RTM_GETRULE = 34
RTM_GETNEXTHOP = 106

MAIN_TABLES = frozenset((253, 254))
"""Default and main: what is looked into where no rules can be made (a kernel without IP_MULTIPLE_TABLES)."""

_LOOK_INTO_TABLE = 1
_RULE = struct.Struct("=BBBBBBBBI")
_NEXTHOP = struct.Struct("=BBBBI")
_MEMBER = struct.Struct("=IBBH")
_U32 = struct.Struct("=I")


class Rule(t.NamedTuple):
    """A policy rule."""

    family: int
    priority: int
    action: int
    table: int
    """0 where it is the table of a VRF, which depends on the packet."""
    is_vrf: bool


def rules(bodies: t.Iterable[bytes]) -> list[Rule]:
    """The IPv4 and IPv6 rules of a dump, in the kernel's order. Raises KernelError for bytes that make no sense."""
    found = []
    try:
        for body in bodies:
            family, _unused, _unused, _unused, table, _unused, _unused, action, _unused = _RULE.unpack_from(body)
            if family not in (socket.AF_INET, socket.AF_INET6):
                continue
            attributes = decode.parts(body, 12)
            if 15 in attributes:  # FRA_TABLE
                (table,) = _U32.unpack_from(attributes[15])
            (priority,) = _U32.unpack_from(attributes.get(6, bytes(4)))  # FRA_PRIORITY
            found.append(Rule(family, priority, action, table, any(attributes.get(19, b""))))  # FRA_L3MDEV
    except struct.error as error:
        raise decode.malformed(error) from error
    return found


def nexthops(bodies: t.Iterable[bytes]) -> dict[int, tuple[decode.Hop, ...]]:
    """Where each next-hop object leads, groups resolved. Raises KernelError for bytes that make no sense."""
    single: dict[int, tuple[decode.Hop, ...]] = {}
    groups: dict[int, list[tuple[int, int]]] = {}
    try:
        for body in bodies:
            family = _NEXTHOP.unpack_from(body)[0]
            attributes = decode.parts(body, 8)
            (identity,) = _U32.unpack_from(attributes.get(1, bytes(4)))  # NHA_ID
            (link,) = _U32.unpack_from(attributes.get(5, bytes(4)))  # NHA_OIF
            if 2 in attributes:  # NHA_GROUP
                members = attributes[2]
                groups[identity] = [
                    (member, weight + 1)
                    for member, weight, _unused, _unused in _MEMBER.iter_unpack(members[: len(members) // 8 * 8])
                ]
            elif link:
                gateway = socket.inet_ntop(family, attributes[6]) if 6 in attributes else None  # NHA_GATEWAY
                single[identity] = ((gateway, link, 1),)
    except (struct.error, ValueError) as error:
        raise decode.malformed(error) from error
    for identity, group in groups.items():
        single[identity] = tuple(
            (gateway, link, weight) for member, weight in group for gateway, link, _unused in single.get(member, ())
        )
    return single


def tables(found: t.Sequence[Rule], vrf_tables: t.Iterable[int] = ()) -> frozenset[int]:
    """The tables that some rule looks into, with those of the VRFs where a rule sends packets to theirs."""
    if not found:
        return MAIN_TABLES
    reached = {rule.table for rule in found if rule.action == _LOOK_INTO_TABLE and not rule.is_vrf}
    if any(rule.is_vrf for rule in found):
        reached.update(vrf_tables)
    return frozenset(reached)


def read_rules(link: netlink.Socket) -> list[Rule]:
    """All rules of the socket's namespace; none where the kernel has no such thing."""
    return rules(rule_bodies(link))


def rule_bodies(link: netlink.Socket) -> list[bytes]:
    """The same undecoded, those of IPv4 and IPv6."""
    families = (socket.AF_INET, socket.AF_INET6)
    return [body for body in _dump(link, RTM_GETRULE, 12) if body[:1] and body[0] in families]


def read_nexthops(link: netlink.Socket) -> dict[int, tuple[decode.Hop, ...]]:
    """All next-hop objects of the socket's namespace; none where the kernel has no such thing (before 5.3)."""
    return nexthops(_dump(link, RTM_GETNEXTHOP, 8))


def _dump(link: netlink.Socket, kind: int, size: int) -> list[bytes]:
    try:
        return link.dump(netlink.request(kind, bytes(size)))
    except KernelError as error:
        if error.errno in netlink.NO_SUCH_REQUEST:
            return []
        raise

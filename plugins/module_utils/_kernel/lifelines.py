# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a namespace lives by: which links, addresses and routes its default routes and certain connections need.

Called by `guard`, which looks at the machine; everything here is pure.
"""

from __future__ import annotations

import ipaddress
import socket
import typing as t

from . import decode, endpoints

RouteKey = t.Tuple[int, str, int, int]
"""Table, destination, type of service, metric: the key of a route without its namespace."""

_UNICAST = 1
_FROM_ADVERTISEMENT = 9
"""RTPROT_RA: made by a router advertisement."""
_SECONDARY = 1
_SPLIT = {int(socket.AF_INET): 3, int(socket.AF_INET6): 4}
"""Prefixes up to this length count as default routes: VPNs halve the default route (0.0.0.0/1 and 128.0.0.0/1), and in
IPv6 the whole public Internet is 2000::/3. IPv4 multicast, 224.0.0.0/4, doesn't."""
_OVS = "openvswitch"
_MEMBER = {"bond": "a member of", "team": "a member of", "vrf": "in the VRF"}
_MASTER = {"bridge": "the bridge of", "bond": "the bond of", "team": "the team of", "vrf": "the VRF of"}


class Scene(t.NamedTuple):
    """All that is known of the namespace."""

    links: t.Sequence[decode.LinkRow]
    addresses: t.Sequence[decode.AddressRow]
    routes: t.Sequence[decode.RouteRow]
    tables: frozenset[int]
    """The tables that are looked into."""
    nexthops: t.Mapping[int, tuple[decode.Hop, ...]]
    """Next-hop objects, for routes whose hops the kernel doesn't tell (net.ipv4.nexthop_compat_mode=0)."""

    def hops(self, row: decode.RouteRow) -> tuple[decode.Hop, ...]:
        """Where a route leads."""
        return row.hops or self.nexthops.get(row.nexthop_id, ())


class Needs:
    """What was found to be needed so far, each thing with the reasons why. A reason completes "it ..."."""

    def __init__(self) -> None:
        self._carried: dict[int, dict[str, None]] = {}
        self._addresses: dict[tuple[int, str], dict[str, None]] = {}
        self._routes: dict[RouteKey, dict[str, None]] = {}
        self.advertised: dict[int, str] = {}

    def link(self, index: int, carried: str) -> None:
        """A link is needed for what it carries."""
        self._carried.setdefault(index, {})[carried] = None

    def address(self, index: int, text: str, reason: str) -> None:
        """An address of a link is needed."""
        self._addresses.setdefault((index, text), {})[reason] = None

    def route(self, row: decode.RouteRow, reason: str) -> None:
        """A route is needed."""
        self._routes.setdefault((row.table, row.dst, row.tos, row.metric), {})[reason] = None

    def links(self) -> dict[int, str]:
        """Index -> reason."""
        return {index: f"carries {listed(list(things))}" for index, things in self._carried.items()}

    def addresses(self) -> dict[tuple[int, str], str]:
        """(index, address) -> reason."""
        return {key: listed(list(reasons)) for key, reasons in self._addresses.items()}

    def routes(self) -> dict[RouteKey, str]:
        """Key -> reason."""
        return {key: listed(list(reasons)) for key, reasons in self._routes.items()}


class Far(t.NamedTuple):
    """A link in another namespace that one of this namespace depends on."""

    nsid: int
    index: int  # type: ignore[assignment]  # hides tuple.index
    reason: str


def listed(things: t.Sequence[str]) -> str:
    """At most three things in words."""
    shown = list(things[:3])
    if len(things) > 3:
        shown.append(f"{len(things) - 3} more")
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def is_default(row: decode.RouteRow) -> bool:
    """Whether a route is a default route, or a large part of one."""
    length = int(row.dst.rpartition("/")[2])
    return row.type == _UNICAST and row.source is None and length <= _SPLIT[row.family]


def default_routes(scene: Scene, needs: Needs) -> None:
    """Find what all default routes of both families need."""
    for row in scene.routes:
        if row.table not in scene.tables or not is_default(row):
            continue
        what = _default_words(row)
        needs.route(row, f"is {what}")
        for gateway, index, _unused in scene.hops(row):
            if index:
                needs.link(index, what)
                if row.protocol == _FROM_ADVERTISEMENT:
                    needs.advertised.setdefault(index, f"has learned {what} from a router advertisement")
                if gateway is not None:
                    _gateway(scene, needs, index, gateway, what)
        for owner in scene.addresses if row.prefsrc is not None else ():
            if owner.local == row.prefsrc:
                needs.address(owner.index, owner.local, f"is the source address of {what}")


def _default_words(row: decode.RouteRow) -> str:
    family = "IPv4" if row.family == socket.AF_INET else "IPv6"
    words = f"the {family} default route"
    if not row.dst.endswith("/0"):
        words += f" (its part {row.dst})"
    return words if row.table == 254 else f"{words} of table {row.table}"


def _gateway(scene: Scene, needs: Needs, index: int, gateway: str, what: str) -> None:
    """The addresses in the gateway's subnet, and the route by which the gateway itself is reached."""
    there = ipaddress.ip_address(gateway)
    for row in scene.addresses:
        if row.index == index and not (row.family == socket.AF_INET and row.flags & _SECONDARY):
            subnet = ipaddress.ip_network(f"{row.peer or row.local}/{row.prefixlen}", strict=False)
            if there in subnet:
                needs.address(index, row.local, f"is the machine's own towards {gateway}, the gateway of {what}")
    best: decode.RouteRow | None = None
    best_length = -1
    for route in scene.routes:
        if route.type != _UNICAST or not any(via is None and on == index for via, on, _unused in scene.hops(route)):
            continue
        subnet = ipaddress.ip_network(route.dst)
        if there in subnet and subnet.prefixlen > best_length:
            best, best_length = route, subnet.prefixlen
    if best is not None:
        needs.route(best, f"leads to {gateway}, the gateway of {what}")


def connection(scene: Scene, needs: Needs, words: str, local: str | None, route: decode.RouteRow | None) -> None:
    """Find what a connection needs: its address at this end, the link that has it, and the route to the other end."""
    for row in scene.addresses:
        if row.local == local:
            needs.link(row.index, words)
            needs.address(row.index, row.local, f"is this machine's end of {words}")
    if route is not None:
        needs.route(route, f"carries {words}")
        for _via, index, _weight in scene.hops(route):
            if index:
                needs.link(index, words)


def closure(links: t.Sequence[decode.LinkRow], seeds: t.Mapping[int, str]) -> tuple[dict[int, str], list[Far]]:
    """The seeds (index -> reason) and all links that they depend on, and those of the latter that are elsewhere.

    A link depends on what it stands on, on the other end of its pair, on its ports or members, and on its master. The
    other members of a master are needed only where the master itself carries something: what else is in the VRF of the
    NIC that carries the connection is free.
    """
    by_index = {row.index: row for row in links}
    members: dict[int, list[int]] = {}
    for row in links:
        members.setdefault(row.master, []).append(row.index)
    reasons = {index: reason for index, reason in seeds.items() if index in by_index}
    with_members = set(reasons)
    far: dict[tuple[int, int], Far] = {}
    waiting = list(reasons)
    while waiting:
        row = by_index[waiting.pop(0)]
        because = f"{row.name}, which {reasons[row.index]}"
        below = f"is {'the other end of' if row.kind == 'veth' else 'the link below'} {because}"
        needed: list[tuple[int, str, bool]] = []
        if row.link and row.link_nsid is not None:
            far.setdefault((row.link_nsid, row.link), Far(row.link_nsid, row.link, below))
        else:
            needed.append((endpoints.underneath(row), below, True))
        if row.index in with_members:
            belongs = _MEMBER.get(row.kind, "a port of")
            needed += [(member, f"is {belongs} {because}", True) for member in members.get(row.index, ())]
        if row.kind == _OVS and row.index in with_members:
            # All ports of Open vSwitch have the same master, which isn't this: which of them it needs, only it knows.
            ports = [port for port in links if port.master in by_index and by_index[port.master].kind == _OVS]
            needed += [(port.index, f"may be the way out of {because}", True) for port in ports]
        if row.master in by_index:
            over = _MASTER.get(by_index[row.master].kind, "the master of")
            needed.append((row.master, f"is {over} {because}", False))
        for index, reason, is_whole in needed:
            if index in by_index and (index not in reasons or (is_whole and index not in with_members)):
                reasons.setdefault(index, reason)
                if is_whole:
                    with_members.add(index)
                waiting.append(index)
    return reasons, list(far.values())

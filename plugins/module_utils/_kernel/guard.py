# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must not be cut: the links, addresses and routes of the machine itself that lead to the world and to Ansible.

Called by the engine where a plan touches the machine's own namespace. `gather` looks (a few milliseconds) and changes
nothing; what follows from what it saw is worked out by pure functions. Which steps are refused is the engine's decision.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import typing as t

from . import connections, decode, endpoints, namespaces, netlink, policy
from .errors import KernelError
from .visit import HOME, Visit

RouteKey = t.Tuple[int, str, int, int]
"""Table, destination, type of service, metric: the key of a route without its namespace."""

_UNICAST = 1
_FROM_ADVERTISEMENT = 9
"""RTPROT_RA: made by a router advertisement."""
_SECONDARY = 1
_SPLIT = {socket.AF_INET: 3, socket.AF_INET6: 4}
"""Prefixes up to this length count as default routes: VPNs halve the default route (0.0.0.0/1 and 128.0.0.0/1), and in
IPv6 the whole public Internet is 2000::/3. IPv4 multicast, 224.0.0.0/4, doesn't."""
_MEMBER = {"bridge": "a port of", "bond": "a member of", "team": "a member of", "vrf": "in the VRF"}
_MASTER = {"bridge": "the bridge of", "bond": "the bond of", "team": "the team of", "vrf": "the VRF of"}


class Protected(t.NamedTuple):
    """What must stay as it is in the machine's own namespace. A reason completes "it ..."."""

    links: dict[str, str]
    """Name -> reason, such as ``carries the IPv4 default route`` or ``is a port of br0, which carries ...``."""
    addresses: dict[tuple[str, str], str]
    """(link, address) -> reason, such as ``is where Ansible's connection from 10.0.0.9 arrives``."""
    routes: dict[RouteKey, str]
    """Key -> reason, such as ``is the IPv4 default route`` or ``leads to ...``."""
    far: dict[tuple[str, str], str]
    """(named namespace, link) -> reason: other ends of protected veth pairs, and links that protected ones stand on."""
    advertised: dict[str, str]
    """Link -> reason, for links whose default route came by router advertisement: switching on
    ``net.ipv6.conf.*.forwarding`` deletes it unless the link's ``accept_ra`` is 2."""
    notes: list[str]
    """Whole sentences: what can't be seen from here, and so isn't protected."""


class Scene(t.NamedTuple):
    """All that is known of the namespace."""

    links: t.Sequence[decode.LinkRow]
    addresses: t.Sequence[decode.AddressRow]
    routes: t.Sequence[decode.RouteRow]
    tables: frozenset[int]
    nexthops: t.Mapping[int, tuple[decode.Hop, ...]]


class Findings:
    """What was found to be needed so far, each thing with what it is needed for."""

    def __init__(self) -> None:
        self.carried: dict[int, list[str]] = {}
        """Index of a link -> what it carries."""
        self.addresses: dict[tuple[int, str], str] = {}
        self.routes: dict[RouteKey, str] = {}
        self.advertised: dict[int, str] = {}

    def carry(self, index: int, what: str) -> None:
        """Note that a link carries something."""
        known = self.carried.setdefault(index, [])
        if what not in known:
            known.append(what)

    def seeds(self) -> dict[int, str]:
        """Index -> reason, for `closure`."""
        return {index: f"carries {_listed(things)}" for index, things in self.carried.items()}


class Far(t.NamedTuple):
    """A link in another namespace that a protected one depends on."""

    nsid: int
    index: int
    reason: str


def route_key(row: decode.RouteRow) -> RouteKey:
    """The key of a route."""
    return (row.table, row.dst, row.tos, row.metric)


def is_default(row: decode.RouteRow) -> bool:
    """Whether a route is a default route, or a large part of one."""
    length = int(row.dst.rpartition("/")[2])
    return row.type == _UNICAST and row.source is None and length <= _SPLIT[row.family]


def hops(row: decode.RouteRow, nexthops: t.Mapping[int, tuple[decode.Hop, ...]]) -> tuple[decode.Hop, ...]:
    """Where a route leads. The kernel may leave that to the next-hop object (net.ipv4.nexthop_compat_mode=0)."""
    return row.hops or nexthops.get(row.nexthop_id, ())


def default_routes(scene: Scene, findings: Findings) -> None:
    """Find what all default routes of both families use."""
    for row in scene.routes:
        if row.table not in scene.tables or not is_default(row):
            continue
        what = _default_words(row)
        findings.routes.setdefault(route_key(row), f"is {what}")
        for gateway, index, _ in hops(row, scene.nexthops):
            if not index:
                continue
            findings.carry(index, what)
            if row.protocol == _FROM_ADVERTISEMENT:
                findings.advertised.setdefault(index, f"has learned {what} from a router advertisement")
            if gateway is not None:
                _gateway(scene, findings, index, gateway, what)
        if row.prefsrc is not None:
            for owner in scene.addresses:
                if owner.local == row.prefsrc:
                    findings.addresses.setdefault((owner.index, owner.local), f"is the source address of {what}")


def _default_words(row: decode.RouteRow) -> str:
    family = "IPv4" if row.family == socket.AF_INET else "IPv6"
    words = f"the {family} default route"
    if not row.dst.endswith("/0"):
        words += f" (its part {row.dst})"
    return words if row.table == 254 else f"{words} of table {row.table}"


def _gateway(scene: Scene, findings: Findings, index: int, gateway: str, what: str) -> None:
    """The address in the gateway's subnet, and the route by which the gateway itself is reached."""
    there = ipaddress.ip_address(gateway)
    for row in scene.addresses:
        if row.index == index and not (row.family == socket.AF_INET and row.flags & _SECONDARY):
            subnet = ipaddress.ip_network(f"{row.peer or row.local}/{row.prefixlen}", strict=False)
            if there.version == subnet.version and there in subnet:
                reason = f"is the machine's own in the subnet of {gateway}, the gateway of {what}"
                findings.addresses.setdefault((index, row.local), reason)
    best: decode.RouteRow | None = None
    best_length = -1
    for route in scene.routes:
        if route.type != _UNICAST or not any(hop == (None, index, hop[2]) for hop in hops(route, scene.nexthops)):
            continue
        subnet = ipaddress.ip_network(route.dst)
        if subnet.version == there.version and there in subnet and subnet.prefixlen > best_length:
            best, best_length = route, subnet.prefixlen
    if best is not None:
        findings.routes.setdefault(route_key(best), f"leads to {gateway}, the gateway of {what}")


def peer_routes(
    scene: Scene,
    findings: Findings,
    words: str,
    local: str | None,
    route: decode.RouteRow | None,
) -> None:
    """Find what a connection uses: the address at this end with its link, and the route that leads to the other end."""
    for row in scene.addresses:
        if row.local == local:
            findings.carry(row.index, words)
            findings.addresses.setdefault((row.index, row.local), f"is where {words} arrives")
    if route is not None:
        findings.routes.setdefault(route_key(route), f"leads the way back of {words}")
        for _, index, _ in hops(route, scene.nexthops):
            if index:
                findings.carry(index, words)


def closure(links: t.Sequence[decode.LinkRow], seeds: t.Mapping[int, str]) -> tuple[dict[int, str], list[Far]]:
    """The seeds and all links that they depend on, each with its reason, and those of them that are elsewhere.

    A link depends on what it stands on, on the other end of its pair, on its ports or members, and on its master. The
    other ports of a master are needed only where the master itself carries something: other links in the VRF of the NIC
    that carries the connection are free.
    """
    by_index = {row.index: row for row in links}
    members: dict[int, list[decode.LinkRow]] = {}
    for row in links:
        members.setdefault(row.master, []).append(row)
    reasons = {index: reason for index, reason in seeds.items() if index in by_index}
    far: dict[tuple[int, int], Far] = {}
    whole = set(reasons)
    waiting = list(reasons)
    while waiting:
        index = waiting.pop(0)
        row = by_index[index]
        needed: list[tuple[int, str, bool]] = []
        because = f"{row.name}, which {reasons[index]}"
        if row.link and row.link_nsid is not None:
            reason = f"is {_below(row)} {because}"
            far.setdefault((row.link_nsid, row.link), Far(row.link_nsid, row.link, reason))
        else:
            needed.append((endpoints.underneath(row), f"is {_below(row)} {because}", True))
        if index in whole:
            belongs = _MEMBER.get(row.kind, "a port of")
            needed += [(port.index, f"is {belongs} {because}", True) for port in members.get(index, ())]
        if row.master in by_index:
            over = _MASTER.get(by_index[row.master].kind, "the master of")
            needed.append((row.master, f"is {over} {because}", False))
        for other, reason, is_whole in needed:
            if other not in by_index or (other in reasons and (other in whole or not is_whole)):
                continue
            reasons.setdefault(other, reason)
            if is_whole:
                whole.add(other)
            waiting.append(other)
    return reasons, list(far.values())


def _below(row: decode.LinkRow) -> str:
    return "the other end of" if row.kind == "veth" else "what is below"


def _listed(things: t.Sequence[str]) -> str:
    shown = list(things[:3])
    if len(things) > 3:
        shown.append(f"{len(things) - 3} more")
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def gather(visit: Visit) -> Protected:
    """Look at the machine's own namespace. The worker is there afterwards. Raises KernelError."""
    visit.enter(HOME)
    link = visit.socket()
    scene = look(link)
    findings = Findings()
    default_routes(scene, findings)
    found = connections.look({row.local for row in scene.addresses})
    notes = list(found.notes)
    for peer in found.peers:
        connection = peer.connection
        at = _outgoing(scene, connection)
        peer_routes(scene, findings, peer.words, connection.local, _route_to(link, connection.peer, connection.local, at))
    reasons, far = _with_tunnels(link, scene, findings, notes)
    names = {row.index: row.name for row in scene.links}
    protected = Protected(
        links={names[index]: reason for index, reason in reasons.items()},
        addresses={(names[i], text): reason for (i, text), reason in findings.addresses.items() if i in names},
        routes=findings.routes,
        far={},
        advertised={names[index]: reason for index, reason in findings.advertised.items() if index in names},
        notes=notes,
    )
    if far:
        _elsewhere(visit, far, protected)
        visit.enter(HOME)
    return protected


def look(link: netlink.Socket) -> Scene:
    """All that `gather` needs to know of the socket's namespace. Raises KernelError."""
    links = decode.links(link.dump(netlink.link_dump_request()))
    vrf_tables = [_vrf_table(row) for row in links if row.kind == "vrf"]
    routes = decode.routes(link.dump(netlink.route_dump_request()))
    unresolved = any(row.nexthop_id and not row.hops for row in routes)
    return Scene(
        links,
        decode.addresses(link.dump(netlink.address_dump_request())),
        routes,
        policy.tables(policy.read_rules(link), vrf_tables),
        policy.read_nexthops(link) if unresolved else {},
    )


def _vrf_table(row: decode.LinkRow) -> int:
    value = endpoints.options(row).get(1, b"")  # IFLA_VRF_TABLE
    return int(struct.unpack("=I", value)[0]) if len(value) == 4 else 0


def _outgoing(scene: Scene, connection: connections.Tcp) -> int:
    """The index to look the peer's route up with: the VRF of the link with the local address, or that link itself for
    an address that means something else on every link (fe80::/10). 0 otherwise."""
    by_index = {row.index: row for row in scene.links}
    for row in scene.addresses:
        owner = by_index.get(row.index)
        if row.local != connection.local or owner is None:
            continue
        if connection.peer.startswith("fe80:"):
            if connection.scope in ("", owner.name):
                return owner.index
        elif owner.master in by_index and by_index[owner.master].kind == "vrf":
            return owner.master
    return 0


def _route_to(link: netlink.Socket, address: str, source: str | None, index: int) -> decode.RouteRow | None:
    """The route to an address; None where there is none, as for a peer that has gone meanwhile."""
    for origin in (source, None) if source else (None,):
        try:
            rows = decode.routes([link.get(netlink.route_get_request(address, origin, index))], skip_tables=())
        except KernelError:
            continue
        if rows:
            return rows[0]
    return None


def _with_tunnels(
    link: netlink.Socket, scene: Scene, findings: Findings, notes: list[str]
) -> tuple[dict[int, str], list[Far]]:
    """The closure, with what leads to the far ends of the tunnels in it, and to those of the tunnels under these."""
    by_index = {row.index: row for row in scene.links}
    done: set[int] = set()
    while True:
        reasons, far = closure(scene.links, findings.seeds())
        fresh = [index for index in reasons if index not in done]
        if not fresh:
            return reasons, far
        done.update(fresh)
        for index in fresh:
            row = by_index[index]
            try:
                ends = endpoints.wireguard_peers(index) if row.kind == "wireguard" else endpoints.far_ends(row)
            except KernelError as error:
                notes.append(f"the far ends of {row.name}, which {reasons[index]}, are unknown ({error}): not protected")
                continue
            for end in ends:
                words = f"the tunnel {row.name} to {end}, which {reasons[index]}"
                peer_routes(scene, findings, words, None, _route_to(link, end, None, 0))


def _elsewhere(visit: Visit, far: t.Sequence[Far], protected: Protected) -> None:
    """Name the links that are in other namespaces, as far as these have names."""
    wanted: dict[int, list[Far]] = {}
    for one in far:
        wanted.setdefault(one.nsid, []).append(one)
    link = visit.home_socket()
    for name in namespaces.names():
        try:
            with visit.descriptor(name) as descriptor:
                nsid = decode.nsid(link.get(netlink.nsid_get_request(descriptor)))
            if nsid not in wanted:
                continue
            visit.enter(name)
            there = visit.socket()
            for one in wanted.pop(nsid):
                (row,) = decode.links([there.get(netlink.link_get_request(one.index))])
                protected.far[name, row.name] = one.reason
        except KernelError:
            continue  # broken, or gone meanwhile
    for unnamed in wanted.values():
        protected.notes.extend(f"a link in a namespace without a name {one.reason}: it isn't protected" for one in unnamed)

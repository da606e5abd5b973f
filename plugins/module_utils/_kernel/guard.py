# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must not be cut: the links, addresses and routes of the machine itself that lead to the world and to Ansible.

Called by the engine where a plan touches the machine's own namespace. `gather` looks, for a few milliseconds, and
changes nothing. Which steps are refused is the engine's decision.
"""

from __future__ import annotations

import struct
import typing as t

from . import connections, decode, endpoints, lifelines, namespaces, netlink, policy
from .errors import KernelError
from .lifelines import RouteKey
from .visit import HOME, Visit


class Protected(t.NamedTuple):
    """What must stay as it is in the machine's own namespace. A reason completes "it ..."."""

    links: dict[str, str]
    """Name -> reason, such as ``carries the IPv4 default route`` or ``is a port of br0, which carries ...``."""
    addresses: dict[tuple[str, str], str]
    """(link, address) -> reason, such as ``is this machine's end of Ansible's connection from 10.0.0.9``."""
    routes: dict[RouteKey, str]
    """(table, destination, type of service, metric) -> reason, such as ``is the IPv4 default route``."""
    far: dict[tuple[str, str], str]
    """(named namespace, link) -> reason: other ends of protected veth pairs, and links that protected ones stand on."""
    advertised: dict[str, str]
    """Link -> reason, for links whose default route came by router advertisement: switching on
    ``net.ipv6.conf.all.forwarding`` deletes it unless the link's ``accept_ra`` is 2."""
    notes: list[str]
    """What can't be seen from here, and so isn't protected, in whole sentences."""


def gather(visit: Visit) -> Protected:
    """Look at the machine's own namespace. The worker is there afterwards. Raises KernelError."""
    visit.enter(HOME)
    link = visit.socket()
    scene = look(link)
    needs = lifelines.Needs()
    lifelines.default_routes(scene, needs)
    found = connections.look({row.local for row in scene.addresses})
    notes = list(found.notes)
    for words, one in ((peer.words, peer.connection) for peer in found.peers):
        route = _route_to(link, one.peer, one.local, _outgoing(scene, one))
        lifelines.connection(scene, needs, words, one.local, route)
    reasons, far = _with_tunnels(link, scene, needs, notes)
    names = {row.index: row.name for row in scene.links}
    protected = Protected(
        links={names[index]: reason for index, reason in reasons.items()},
        addresses={(names[index], text): why for (index, text), why in needs.addresses().items() if index in names},
        routes=needs.routes(),
        far={},
        advertised={names[index]: reason for index, reason in needs.advertised.items() if index in names},
        notes=notes,
    )
    if far:
        _elsewhere(visit, far, protected)
        visit.enter(HOME)
    return protected


def look(link: netlink.Socket) -> lifelines.Scene:
    """All that is asked of the socket's namespace at once. Raises KernelError."""
    links = decode.links(link.dump(netlink.link_dump_request()))
    routes = decode.routes(link.dump(netlink.route_dump_request()))
    return lifelines.Scene(
        links,
        decode.addresses(link.dump(netlink.address_dump_request())),
        routes,
        policy.tables(policy.read_rules(link), [_vrf_table(row) for row in links if row.kind == "vrf"]),
        policy.read_nexthops(link) if any(row.nexthop_id and not row.hops for row in routes) else {},
    )


def _vrf_table(row: decode.LinkRow) -> int:
    value = endpoints.options(row).get(1, b"")  # IFLA_VRF_TABLE
    return int(struct.unpack("=I", value)[0]) if len(value) == 4 else 0


def _outgoing(scene: lifelines.Scene, connection: connections.Tcp) -> int:
    """The index of the link to look the peer's route up with; 0 where the address alone decides.

    It is the link with the local address for a peer in fe80::/10, which is something else on every link, and the VRF of
    that link where it is in one.
    """
    by_index = {row.index: row for row in scene.links}
    for owner in (by_index[row.index] for row in scene.addresses if row.local == connection.local):
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
    link: netlink.Socket, scene: lifelines.Scene, needs: lifelines.Needs, notes: list[str]
) -> tuple[dict[int, str], list[lifelines.Far]]:
    """The closure, with what leads to the far ends of the tunnels in it, and to those of the tunnels under these."""
    by_index = {row.index: row for row in scene.links}
    done: set[int] = set()
    while True:
        reasons, far = lifelines.closure(scene.links, needs.links())
        fresh = [index for index in reasons if index not in done]
        if not fresh:
            return reasons, far
        done.update(fresh)
        for index in fresh:
            row = by_index[index]
            why = f"{row.name}, which {reasons[index]}"
            try:
                ends = endpoints.wireguard_peers(index) if row.kind == "wireguard" else endpoints.far_ends(row)
            except KernelError as error:
                notes.append(f"where the tunnel {why}, leads is unknown, so the way there isn't protected: {error}")
                continue
            for end in ends:
                words = f"the tunnel {why}, to {end}"
                lifelines.connection(scene, needs, words, None, _route_to(link, end, None, 0))


def _elsewhere(visit: Visit, far: t.Sequence[lifelines.Far], protected: Protected) -> None:
    """Name the links that are in other namespaces, as far as these have names."""
    wanted: dict[int, list[lifelines.Far]] = {}
    for one in far:
        wanted.setdefault(one.nsid, []).append(one)
    for name in namespaces.names():
        try:
            with visit.descriptor(name) as descriptor:
                nsid = decode.nsid(visit.home_socket().get(netlink.nsid_get_request(descriptor)))
            if nsid not in wanted:
                continue
            visit.enter(name)
            for one in wanted.pop(nsid):
                (row,) = decode.links([visit.socket().get(netlink.link_get_request(one.index))])
                protected.far[name, row.name] = one.reason
        except KernelError:
            continue  # broken, or gone meanwhile
    for unnamed in wanted.values():
        protected.notes.extend(f"a link in another namespace {one.reason}: it isn't protected" for one in unnamed)

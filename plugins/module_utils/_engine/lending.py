# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a link of the machine to its lease, and from a lease to what is wanted when the link comes home.

Called by `loans`. Looking changes nothing. A link that moves to another namespace keeps its index where that is free,
its alias, group and altnames; all else that a lease holds is lost on the way (net/core/dev.c,
__dev_change_net_namespace).
"""

from __future__ import annotations

import contextlib
import socket
import typing as t

from .._kernel import decode, kept, namespaces, netlink
from .._kernel.errors import KernelError
from .._kernel.sysctls import Sysctls
from .._kernel.visit import Visit
from . import kinds, reach
from .leases import Lease
from .records import MACHINE, Address, Key, Link, Route, Rule, Sysctl, Want
from .resources.address import makes_itself, named
from .resources.base import at, inside
from .resources.route import recorded, text

_ETHERNET = 1
_SYSCTLS = ("net/ipv4/conf", "net/ipv4/neigh", "net/ipv6/conf", "net/ipv6/neigh")
"""Where links have directories of their own."""
_UNREADABLE = "/stable_secret"
"""Reads as an error until it was set."""
_BORROWS_MAC = frozenset({"vlan", "ipvlan", "ipvtap", "macsec"})
JOINABLE = ("bridge", "vrf", "bond")
"""Kinds of master that a link can be given back to."""


class Found(t.NamedTuple):
    """What is wanted, and in whole sentences what can't be."""

    want: Want
    notes: list[str]


# -- looking


def row_of(visit: Visit, ns: str, name: str) -> decode.LinkRow | None:
    """A link by its own name, not by an altname; None where there is none, or no such namespace. The visit is there
    afterwards."""
    try:
        visit.enter(ns)
        (row,) = decode.links([visit.socket().get(netlink.link_get_request(name))])
    except KernelError:
        return None
    return row if row.name == name else None


def vlans_on(visit: Visit, name: str) -> list[str]:
    """The VLANs that stand on a link of the machine. Raises KernelError."""
    visit.enter(MACHINE)
    rows = decode.links(visit.socket().dump(netlink.link_dump_request()))
    below = next((row.index for row in rows if row.name == name), 0)
    return [row.name for row in rows if row.kind == "vlan" and row.link == below and row.link_nsid is None]


def look(visit: Visit, name: str) -> Lease | None:
    """All that a link of the machine has, as a lease that says nothing yet of where it goes; None where there is none.

    Raises KernelError.
    """
    row = row_of(visit, MACHINE, name)
    if row is None:
        return None
    channel = visit.socket()
    names = {other.index: other.name for other in decode.links(channel.dump(netlink.link_dump_request()))}
    dumped = [(body, route) for body in channel.dump(netlink.route_dump_request()) for route in decode.routes([body])]
    addresses, own = [], set()
    for body in channel.dump(netlink.address_dump_request()):
        for address in decode.addresses([body]):
            if address.index == row.index and not makes_itself(address):
                route = reach.of_subnet(address, [route for _body, route in dumped])
                addresses.append(body if route is None else kept.with_its_route(body, route.metric))
                own.add(address.local)
    routes = [
        body
        for body, route in dumped
        if recorded(route, names) and (route.prefsrc in own or any(hop[1] == row.index for hop in route.hops))
    ]
    return Lease(
        home=name, netns="", name=name, kind=row.kind, parent=row.parent_dev, permanent=row.perm_mac,
        mac=row.mac if row.type == _ETHERNET else "", mtu=row.mtu, up=row.is_up,
        master=names.get(row.master, "") if row.master else "", altnames=tuple(sorted(row.altnames)), names=names,
        addresses=tuple(addresses), routes=tuple(routes),
        rules=tuple(body for body in kept.rules(channel) if kept.names_link(body, name)),
        sysctls=_sysctls(visit, row), since=kept.now(),
    )  # fmt: skip


def _sysctls(visit: Visit, row: decode.LinkRow) -> dict[str, str]:
    """Those of one link, of both families, as far as they can be set."""
    sysctls, found = Sysctls(visit), {}
    for directory in _SYSCTLS:
        for name in sysctls.names(f"{directory}/{row.name}"):
            with contextlib.suppress(KernelError):  # some can only be written
                value = None if name.endswith(_UNREADABLE) else sysctls.read(name)
                # IPv6's own MTU follows that of the link until somebody sets it.
                if value is not None and not (name.endswith("/mtu") and value == str(row.mtu)):
                    found[name] = value
    return found


def find(visit: Visit, lease: Lease) -> tuple[str, str] | None:
    """Where a lent link is now, and what it is called there: where it was lent to, at home (its namespace went), or
    wherever else somebody moved it. None where it is nowhere. Raises KernelError."""
    others = [ns for ns in namespaces.names() if ns != lease.netns]
    for ns in (lease.netns, MACHINE, *others):
        try:
            visit.enter(ns)
            rows = decode.links(visit.socket().dump(netlink.link_dump_request()))
        except KernelError:
            continue  # broken, or gone
        known = {lease.netns: lease.name, MACHINE: lease.home}.get(ns, "")
        alike = [row for row in rows if _is_alike(row, lease, known)]
        alike.sort(key=lambda row: row.name != known)
        if alike:
            return ns, alike[0].name
    return None


def _is_alike(row: decode.LinkRow, lease: Lease, known: str) -> bool:
    """Whether this is the link of the lease. Hardware says who it is. Of other links the name has to do that is `known`
    in this place, or a MAC address, unless it is that of a link below, which others on it have as well."""
    if row.kind != lease.kind or row.name == "lo":
        return False
    if lease.parent or lease.permanent:
        return (row.parent_dev, row.perm_mac) == (lease.parent, lease.permanent)
    return row.name == known or (bool(lease.mac) and row.kind not in _BORROWS_MAC and row.mac == lease.mac)


# -- wanting


def home(visit: Visit, lease: Lease, source: tuple[str, str]) -> Found:
    """What is wanted of the machine so that a lent link, which stands at `source` now, has all that it had.

    What can't be given back any more, because it lies on a link that has gone or because something else has taken its
    place, is left out and said. Raises KernelError.
    """
    notes: list[str] = []
    who = f"{at(MACHINE, lease.home)} is home"
    visit.enter(MACHINE)
    channel = visit.socket()
    rows = {row.name: row for row in decode.links(channel.dump(netlink.link_dump_request()))}
    master = lease.master
    if master and (master not in rows or rows[master].kind not in JOINABLE):
        notes.append(f"{who}, but isn't a port of {master} again: there is no such bridge, bond or VRF any more")
        master = ""
    bonded = bool(master) and rows[master].kind == kinds.BOND
    key: Key = ("link", MACHINE, lease.home)
    want: Want = {
        key: Link(
            mtu=lease.mtu,
            mac=None if bonded else lease.mac or None,  # a bond's port has the bond's
            up=lease.up,
            master=master,
            master_kind=kinds.BOND if bonded else None,
            altnames=lease.altnames or None,
            source=source if source != (MACHINE, lease.home) else None,
        )
    }
    want.update(_addresses(lease, MACHINE, lease.home))
    routes = list(_routes(lease, MACHINE))
    reachable = reach.Reach(lease.home, _locals(lease), want, [record for _key, record in routes])
    names = {row.index: row.name for row in rows.values()}
    taken: dict[Key, Route] = {}
    for row in decode.routes(channel.dump(netlink.route_dump_request())):
        standing = recorded(row, names)
        if standing is not None:
            taken.setdefault(("route", MACHINE, row.table, row.dst, row.tos, row.metric), standing)
    for route_key, record in routes:
        lost = [hop.dev for hop in record.hops or () if hop.dev and hop.dev != lease.home and hop.dev not in rows]
        other = taken.get(route_key)
        why = f"there is no {lost[0]} any more" if lost else reachable.lacks(record)
        if why:
            notes.append(f"{who}, but not its route to {text(route_key, record)}: {why}")
        elif other is not None and not set(other.hops or ()) <= set(record.hops or ()):
            notes.append(f"{who}, but not its route to {text(route_key, record)}: another one has taken its place")
        else:
            want[route_key] = record
    want.update({("rule", MACHINE, body.hex()): Rule() for body in lease.rules})
    sysctls = Sysctls(visit)
    for name, value in lease.sysctls.items():
        # A link that arrives has what `default` says (net/ipv4/devinet.c, inetdev_init; net/ipv6/addrconf.c). Of the
        # settings of neighbours only the initial namespace shows that; elsewhere the loopback has them from there.
        usual = (sysctls.read(name.replace(f"/{lease.home}/", f"/{other}/", 1)) for other in ("default", "lo"))
        if next((found for found in usual if found is not None), None) != value:
            want["sysctl", MACHINE, name] = Sysctl(value)
    return Found(want, notes)


def along(lease: Lease, ns: str, name: str) -> Found:
    """What is wanted in a namespace so that a lent link, called `name` there, has the addresses and routes it had."""
    want = _addresses(lease, ns, name)
    notes = []
    own = _locals(lease)
    routes = list(_routes(lease, ns))
    reachable = reach.Reach(lease.home, own, want, [record for _key, record in routes])
    for key, record in routes:
        hops = tuple(hop._replace(dev=name) if hop.dev == lease.home else hop for hop in record.hops or ())
        if any(hop.dev != name for hop in hops) or (record.source and record.source not in own):
            what = text(key, record)
            notes.append(f"the route to {what} doesn't go along {inside(ns)}: it isn't {lease.home}'s alone")
            continue
        why = reachable.lacks(record)
        if why:
            notes.append(f"the route to {text(key, record)} doesn't go along {inside(ns)}: {why}")
            continue
        want[key] = Route(
            hops, record.type, record.protocol, record.source, record.mtu, record.onlink, kept=record.kept
        )
    return Found(want, notes)


def _locals(lease: Lease) -> set[str]:
    return {decode.addresses([body])[0].local for body in lease.addresses}


def _addresses(lease: Lease, ns: str, name: str) -> Want:
    want: Want = {}
    # The kernel puts a new IPv4 address last, and a new IPv6 address first.
    ipv4 = [body for body in lease.addresses if body[0] == socket.AF_INET]
    for body in ipv4 + [body for body in reversed(lease.addresses) if body[0] == socket.AF_INET6]:
        one = kept.Kept(body, lease.since)
        if not kept.has_expired(one):
            (row,) = decode.addresses([body])
            tail, prefix = named(row)
            want["address", ns, name, tail] = Address(prefix, kept=one)
    return want


def _routes(lease: Lease, ns: str) -> t.Iterator[tuple[Key, Route]]:
    twins: dict[Key, int] = {}
    for body in lease.routes:
        (row,) = decode.routes([body])
        record = recorded(row, lease.names)
        if record is None:
            continue
        key: Key = ("route", ns, row.table, row.dst, row.tos, row.metric)
        number = twins[key] = twins.get(key, -1) + 1
        one = kept.Kept(body, lease.since)
        yield (
            (*key, number) if number else key,
            Route(record.hops, record.type, record.protocol, record.source, record.mtu, record.onlink, kept=one),
        )

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does to addresses and routes when a link or one of them changes. Pure: only a `State` is changed.

Called by `effects`, and by the resources of addresses and routes. Sources: net/ipv4/devinet.c, net/ipv4/fib_frontend.c,
net/ipv4/fib_semantics.c, net/ipv6/addrconf.c, net/ipv6/ip6_fib.c.
"""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from .effects_conf import promotes
from .records import Address, Hop, Key, Link, Route, changed, next_hops
from .state import State


def is_ipv6(key: Key) -> bool:
    """The family of an address or a route."""
    return ":" in key[3]


def local(key: Key) -> str:
    """The address itself, without prefix length or peer."""
    return str(key[3]).partition("/")[0].partition(" ")[0]


def subnet(name: str) -> str:
    """The network of ``10.0.0.1/24``, in which the kernel makes the first address the primary one.

    Of a point-to-point address it is that of the peer.
    """
    return str(ipaddress.ip_interface(name.rpartition(" ")[2]).network)


def addresses_of(state: State, ns: str, link: str) -> list[tuple[Key, Address]]:
    """The addresses of one link, in the kernel's order."""
    found = [(key, record) for key, record in state.of(ns, "address") if key[2] == link]
    return sorted(found, key=lambda pair: pair[1].index)


def address_made(state: State, key: Key, wanted: Address) -> None:
    """A new address comes last, behind the primary one of its subnet if there is one."""
    last = max((record.index for _key, record in addresses_of(state, key[1], key[2])), default=0)
    state.put(key, changed(wanted, index=last + 1))


def address_gone(state: State, key: Key) -> None:
    """Routes that prefer the address as their source go along; routes through its subnet stay.

    A primary IPv4 address takes along the secondary ones of its subnet, unless they are promoted; with the last IPv4
    address of a link, IPv4 is off there until the next one comes (fib_disable_ip).
    """
    record = state.get(key)
    if not isinstance(record, Address):
        return
    state.drop(key)
    ns, link = key[1], key[2]
    if not is_ipv6(key):
        rest = [(other, its) for other, its in addresses_of(state, ns, link) if not is_ipv6(other)]
        if not promotes(state, ns, link):
            mates = [(other, its) for other, its in rest if subnet(other[3]) == subnet(key[3])]
            if all(its.index > record.index for _other, its in mates):
                for other, _its in mates:
                    address_gone(state, other)
        if not rest:
            routes_disturbed(state, ns, link, family=4)
    bare = local(key)
    if not any(local(other) == bare for other, _its in state.of(ns, "address")):
        for route, its in state.of(ns, "route"):
            if its.source == bare:
                state.drop(route)


def ipv6_gone(state: State, ns: str, link: str, *, gone: bool = False) -> None:
    """IPv6 leaves a link: its addresses, and the routes over it. `gone` says that it hasn't only gone down."""
    for key, _record in addresses_of(state, ns, link):
        if is_ipv6(key):
            address_gone(state, key)
    routes_disturbed(state, ns, link, family=6, gone=gone)


def ipv6_switched(state: State, ns: str, name: str, value: str) -> None:
    """``disable_ipv6`` of a link, of all (then default and every link get the same) or of default, which does nothing
    to what stands (net/ipv6/addrconf.c, addrconf_disable_ipv6)."""
    of_all = name == "net/ipv6/conf/all/disable_ipv6"
    if of_all:
        for key, record in state.of(ns, "sysctl"):
            if key[2].startswith("net/ipv6/conf/") and key[2].endswith("/disable_ipv6"):
                state.put(key, replace(record, value=value))
    if value != "0":
        for key, _link in state.of(ns, "link"):
            if of_all or name == f"net/ipv6/conf/{key[2]}/disable_ipv6":
                ipv6_gone(state, ns, key[2])


def routes_disturbed(state: State, ns: str, link: str, *, family: int | None = None, gone: bool = False) -> None:
    """A link goes down, or for good (`gone`), and with it the routes over it.

    A multipath route stays whole until all its links are down. With the first one that is unregistered IPv4 loses it
    (fib_sync_down_dev), and IPv6 the hops over that link (fib6_ifdown). IPv6's blackholes lie on the loopback.
    """
    for key, route in state.of(ns, "route"):
        if is_ipv6(key):
            if family == 4:
                continue
            if link == "lo" and route.type != "unicast":
                state.drop(key)
            elif any(hop.dev == link for hop in route.hops or ()):
                left = next_hops(hop for hop in route.hops or () if hop.dev != link)
                if not any(_is_up(state, ns, hop.dev) for hop in left):
                    state.drop(key)
                elif gone:
                    state.put(key, replace(route, hops=left))
        elif family != 6 and any(hop.dev == link for hop in route.hops or ()):
            others = {hop.dev for hop in route.hops or ()} - {link}
            if gone or not any(_carries(state, ns, other) for other in others):
                state.drop(key)


def routes_resized(state: State, ns: str, link: str, old: int | None, mtu: int) -> None:
    """An IPv6 route with an MTU of its own follows its link down, and up where it had the link's (net/ipv6/route.c,
    fib6_nh_mtu_change). Of a multipath route each hop has an MTU, and the first one's is the one that is shown."""
    for key, route in state.of(ns, "route"):
        own = route.mtu if route.hops and is_ipv6(key) and route.hops[0].dev == link else None
        if own and (own >= mtu or own == old):
            state.put(key, replace(route, mtu=mtu))


def _carries(state: State, ns: str, link: str | None) -> bool:
    """Whether IPv4 routes over a link are alive: they die with its last address, too (fib_disable_ip)."""
    return _is_up(state, ns, link) and any(not is_ipv6(key) for key, _its in addresses_of(state, ns, str(link)))


def _is_up(state: State, ns: str, link: str | None) -> bool:
    record = state.get(("link", ns, link))
    return isinstance(record, Link) and bool(record.up)


def renamed(state: State, ns: str, old: str, new: str) -> None:
    """Addresses and routes know their link by its index: they go on under its new name."""
    for key, record in state.of(ns, "address"):
        if key[2] == old:
            state.drop(key)
            state.put((key[0], ns, new, *key[3:]), record)
    for key, record in state.of(ns, "route"):
        if any(hop.dev == old for hop in record.hops or ()):
            hops = tuple(hop._replace(dev=new) if hop.dev == old else hop for hop in record.hops or ())
            state.put(key, replace(record, hops=hops))


def resolved(state: State, ns: str, hops: t.Sequence[Hop]) -> tuple[Hop, ...]:
    """Next hops with the links that the kernel will find for their gateways, where that can be told."""
    return tuple(hop if hop.dev is not None or hop.via is None else _found(state, ns, hop) for hop in hops)


def _found(state: State, ns: str, hop: Hop) -> Hop:
    gateway = ipaddress.ip_address(t.cast(str, hop.via))
    best = -1
    links: set[str] = set()
    for key, record in state.of(ns, "address"):
        text = key[3].rpartition(" ")[2] if "/" in key[3] else f"{key[3]}/{record.prefix}"
        network = ipaddress.ip_interface(text).network
        link = state.get(("link", ns, key[2]))
        if gateway in network and network.prefixlen >= best and isinstance(link, Link) and link.up:
            links = {key[2]} if network.prefixlen > best else links | {key[2]}
            best = network.prefixlen
    return hop._replace(dev=links.pop()) if len(links) == 1 else hop


def route_made(state: State, key: Key, wanted: Route) -> None:
    """A route as it stands once it was made or changed: what wasn't asked for is as it was, or the kernel's default."""
    stood = state.get(key) or Route((), "unicast", "static", "", 0, False)
    changes = {
        name: value
        for name in ("type", "protocol", "source", "mtu", "onlink")
        if (value := getattr(wanted, name)) is not None
    }
    hops = stood.hops if wanted.hops is None else resolved(state, key[1], wanted.hops)
    state.put(key, changed(stood, hops=hops, **changes))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does to the rest when one thing changes. Pure: these functions only change a `State`.

The planner calls them through each resource's `effect`, so that a plan also holds what it takes to put back what a
step disturbs; kernel tests hold them against reality. Sources: net/core/dev.c, net/ipv4/devinet.c,
net/ipv4/fib_frontend.c, net/ipv6/addrconf.c, drivers/net/veth.c.
"""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import replace

from .records import MACHINE, Key, Link, Namespace, Route
from .state import State

IPV6_LEAST_MTU = 1280


def namespace_gone(state: State, ns: str) -> None:
    """Everything inside goes, the far end of each veth and what stands on it too."""
    for key, link in state.of(ns, "link"):
        if link.peer is not None and link.peer[0] != ns:
            link_gone(state, ("link", *link.peer))
        for upper in uppers(state, key):
            if upper[1] != ns:
                link_gone(state, upper)
    files = state.of(ns, "file")
    state.clear(ns)
    for key, record in files:
        state.put(key, record)


def namespace_made(state: State, ns: str, owner: str | None, loopback: bool) -> None:
    """A new namespace holds a loopback and nothing else."""
    state.put(("namespace", ns), Namespace(owner=owner or "", nsid=-1, broken=False))
    state.put(("link", ns, "lo"), Link(kind="", mtu=65536, mac="00:00:00:00:00:00", up=False, master="", altnames=()))
    if loopback:
        link_up(state, ("link", ns, "lo"))


def uppers(state: State, key: Key) -> list[Key]:
    """The links that stand on this one (vlan, macvlan, ipvlan, vxlan), in any namespace that was looked at."""
    lower = (key[1], key[2])
    return [upper for upper in state.standing() if t.cast(Link, state.get(upper)).lower == lower]


def link_gone(state: State, key: Key) -> None:
    """A deleted link takes along its addresses, routes, sysctls, its veth peer, and the links that stand on it."""
    link = state.get(key)
    if not isinstance(link, Link):
        return
    _strip(state, key, conf=True)
    state.drop(key)
    ns, name = key[1], key[2]
    for port, record in state.of(ns, "link"):
        if record.master == name:
            state.put(port, replace(record, master=""))
    if link.kind != "veth" and link.kind != "bridge":
        for upper in uppers(state, key):
            link_gone(state, upper)
    if link.peer is not None:
        link_gone(state, ("link", *link.peer))


def link_down(state: State, key: Key) -> None:
    """Routes over the link go, and all its IPv6 addresses (net.ipv6.conf.*.keep_addr_on_down is 0)."""
    link = state.get(key)
    if isinstance(link, Link):
        _routes_over(state, key[1], key[2], gone=False)
        _ipv6_gone(state, key)
        state.put(key, replace(link, up=False))


def link_up(state: State, key: Key) -> None:
    """Up brings connected routes, which are derived, and 127.0.0.1 and ::1 where it is the loopback."""
    link = state.get(key)
    if isinstance(link, Link):
        state.put(key, replace(link, up=True))


def mtu_set(state: State, key: Key, mtu: int) -> None:
    """Under 1280 bytes IPv6 leaves the link (RFC 8200 section 5)."""
    link = state.get(key)
    if isinstance(link, Link):
        state.put(key, replace(link, mtu=mtu))
        if mtu < IPV6_LEAST_MTU:
            _ipv6_gone(state, key)


def master_set(state: State, key: Key, master: str) -> None:
    """Joining or leaving a VRF cycles the link (drivers/net/vrf.c, cycle_netdev): its routes and IPv6 addresses go."""
    link = state.get(key)
    if not isinstance(link, Link):
        return
    ends = (state.get(("link", key[1], name)) for name in (master, link.master or "") if name)
    if link.up and any(isinstance(end, Link) and end.kind == "vrf" for end in ends):
        link_down(state, key)
        link_up(state, key)
    state.put(key, replace(t.cast(Link, state.get(key)), master=master))


def link_moved(state: State, key: Key, target: Key) -> None:
    """A moved or renamed link arrives down, without addresses, routes, master and sysctls; alias and altnames stay."""
    link = state.get(key)
    if not isinstance(link, Link):
        return
    _strip(state, key, conf=key[1] != target[1], keep_ipv4=key[1] == target[1])
    here, there = (key[1], key[2]), (target[1], target[2])
    staying = key[1] == target[1]
    peer = state.get(("link", *link.peer)) if link.peer is not None else None
    if isinstance(peer, Link):
        state.put(("link", *t.cast(t.Tuple[str, str], link.peer)), replace(peer, peer=there))
    for upper in uppers(state, key):
        state.put(upper, replace(t.cast(Link, state.get(upper)), lower=there))
    for port, record in state.of(here[0], "link"):
        if record.master == here[1]:
            state.put(port, replace(record, master=there[1] if staying else ""))
    if staying:
        for old, address in [(k, r) for k, r in state.of(key[1], "address") if k[2] == key[2]]:
            state.drop(old)
            state.put((old[0], old[1], target[2], *old[3:]), address)
    state.drop(key)
    state.put(target, replace(link, up=False, master=link.master if staying else ""))


def address_gone(state: State, key: Key) -> None:
    """Routes that prefer the address as their source go along; routes through its subnet stay.

    With the last IPv4 address of a link all IPv4 routes over it go (net/ipv4/fib_frontend.c, fib_inetaddr_event).
    """
    if key not in state:
        return
    state.drop(key)
    for other, record in state.of(key[1], "address"):
        if record.fragile and other[2] == key[2] and " " not in other[3] + key[3] and _same_subnet(other[3], key[3]):
            state.drop(other)
    if ":" not in key[3] and not any(k[2] == key[2] and ":" not in k[3] for k, _record in state.of(key[1], "address")):
        for route, record in state.of(key[1], "route"):
            if ":" not in route[3] and any(hop.dev == key[2] for hop in record.hops or ()):
                state.drop(route)
    text = key[3].split("/")[0].split(" ")[0]
    if any(k[3].split("/")[0].split(" ")[0] == text for k, _record in state.of(key[1], "address")):
        return
    for route, record in state.of(key[1], "route"):
        if record.source == text:
            state.drop(route)


def forwarding_set(state: State, ns: str, family: str, value: str) -> None:
    """Writing the switch of a family sets ``forwarding`` of all, default and every link of it.

    For IPv4 it also resets ``accept_redirects`` and ``send_redirects`` stay (net/ipv4/devinet.c, inet_forward_change).
    """
    head = f"net/{family}/conf/"
    for key, record in state.of(ns, "sysctl"):
        name = key[2]
        if name.startswith(head) and name.endswith("/forwarding"):
            state.put(key, replace(record, value=value))
        elif family == "ipv4" and name.startswith(head) and name.endswith("/all/accept_redirects"):
            state.put(key, replace(record, value=str(1 - int(value != "0"))))
        elif family == "ipv4" and name == "net/ipv4/ip_forward":
            state.put(key, replace(record, value=value))


def routes_without(route: Route, dev: str) -> Route | None:
    """The route less its hops over one link; None when none is left."""
    left = tuple(hop for hop in route.hops or () if hop.dev != dev)
    if not left:
        return None
    return replace(route, hops=left)


def _routes_over(state: State, ns: str, name: str, *, gone: bool) -> None:
    """IPv6 loses the hops over the link. IPv4 keeps a multipath route whole until all its links are down, but loses it
    with the first link that is unregistered (net/ipv4/fib_semantics.c, fib_sync_down_dev)."""
    for key, route in state.of(ns, "route"):
        if not any(hop.dev == name for hop in route.hops or ()):
            continue
        left = routes_without(route, name)
        if ":" in key[3] and left is not None:
            state.put(key, left)
        elif ":" in key[3] or gone or left is None:
            state.drop(key)


def _ipv6_gone(state: State, key: Key) -> None:
    ns, name = key[1], key[2]
    for address, _record in state.of(ns, "address"):
        if address[2] == name and ":" in address[3]:
            address_gone(state, address)
    for route, record in state.of(ns, "route"):
        if ":" in route[3] and any(hop.dev == name for hop in record.hops or ()):
            left = routes_without(record, name)
            if left is None:
                state.drop(route)
            else:
                state.put(route, left)


def _strip(state: State, key: Key, *, conf: bool, keep_ipv4: bool = False) -> None:
    ns, name = key[1], key[2]
    _routes_over(state, ns, name, gone=not keep_ipv4)
    for address, _record in state.of(ns, "address"):
        if address[2] == name and not (keep_ipv4 and ":" not in address[3]):
            address_gone(state, address)
    if conf:
        for sysctl, _record in state.of(ns, "sysctl"):
            parts = sysctl[2].split("/")
            if len(parts) > 4 and parts[2] in ("conf", "neigh") and parts[3] == name:
                state.drop(sysctl)


def _same_subnet(one: str, other: str) -> bool:
    return ":" not in one + other and ipaddress.ip_interface(one).network == ipaddress.ip_interface(other).network


def reachable_subnets(state: State, ns: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The subnets of all addresses in a namespace, for messages about a gateway out of reach."""
    found: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for key, record in state.of(ns, "address"):
        text = key[3] if "/" in key[3] else f"{key[3]}/{record.prefix}"
        if " " not in text:
            found.append(ipaddress.ip_interface(text).network)
    return found


def nic_home(state: State, key: Key) -> None:
    """A NIC (a link without a kind) goes to the machine's own namespace, down and bare."""
    link_moved(state, key, ("link", MACHINE, key[2]))

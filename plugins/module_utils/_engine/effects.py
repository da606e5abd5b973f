# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does to the rest when a namespace or a link changes. Pure: these functions only change a `State`.

The planner calls them through each resource's `effect`, so that a plan also holds what it takes to put back what a
step disturbs; kernel tests hold them against reality. Addresses, routes and sysctls: `effects_ip`, `effects_conf`.
Bonds: `effects_bond`. Sources: net/core/dev.c, net/bridge/br_if.c, drivers/net/veth.c, macvlan.c, vrf.c,
net/8021q/vlan.c.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import effects_bond, effects_conf, effects_ip, kinds
from .names import IPV6_LEAST_MTU
from .records import OUTLASTING, Key, Link, Namespace, changed
from .state import State

_DEFAULT_MTU = 1500


def namespace_gone(state: State, ns: str) -> None:
    """Everything inside goes, the far end of each veth and what stands on it too."""
    for key, link in state.of(ns, "link"):
        if link.peer is not None and link.peer[0] != ns:
            link_gone(state, ("link", *link.peer))
        for upper in uppers(state, key):
            if upper[1] != ns:
                link_gone(state, upper)
    outlasting = [(key, record) for key, record in state.space(ns).items() if key[0] in OUTLASTING]
    state.clear(ns)
    for key, record in outlasting:
        state.put(key, record)


def namespace_made(state: State, ns: str, owner: str | None, loopback: bool) -> None:
    """A new namespace holds a loopback, its sysctls, and nothing else."""
    state.put(("namespace", ns), Namespace(owner=owner or "", nsid=-1, broken=False))
    state.put(("link", ns, "lo"), Link(kind="", mtu=65536, mac="00:00:00:00:00:00", up=False, master="", altnames=()))
    for key, record in state.at_birth.get(ns, {}).items():
        state.put(key, record)
    if loopback:
        link_up(state, ("link", ns, "lo"))


def uppers(state: State, key: Key) -> list[Key]:
    """The links that stand on this one (vlan, macvlan, ipvlan, vxlan), in any namespace that was looked at."""
    lower = (key[1], key[2])
    return [upper for upper in state.standing() if t.cast(Link, state.get(upper)).lower == lower]


def link_made(state: State, key: Key, wanted: Link) -> None:
    """A new link is down and has no master; what wasn't asked for has the kernel's default."""
    mtu, lower = wanted.mtu, wanted.lower
    if lower is not None:
        lower = kinds.real_lower(state.get, wanted.kind, lower)
        below = state.get(("link", *lower))
        if isinstance(below, Link) and mtu is None:
            mtu = kinds.most_mtu(str(wanted.kind), wanted.options, t.cast(int, below.mtu))
    options = wanted.options or ()
    if options:
        table = kinds.KINDS[str(wanted.kind)].options
        options = tuple((name, table[name].unset if table[name].names_port else value) for name, value in options)
    state.put(
        key,
        changed(
            wanted,
            lower=lower,
            mtu=_DEFAULT_MTU if mtu is None else mtu,
            up=False,
            master="",
            altnames=(),
            options=options,
            mtu_floats=kinds.KINDS[str(wanted.kind)].mtu_of_ports,
            mac_floats=wanted.mac is None,
            master_kind="",
        ),
    )


def link_gone(state: State, key: Key) -> None:
    """A deleted link takes along its addresses, routes, sysctls, its veth peer, and the links that stand on it."""
    link = state.get(key)
    if not isinstance(link, Link):
        return
    _strip(state, key)
    bridge = _floating(state, key[1], link.master)
    state.drop(key)
    if bridge:
        _float(state, bridge)
    if link.master:
        effects_bond.left(state, key[2], ("link", key[1], link.master))
    for port in effects_bond.ports(state, key):
        if effects_bond.is_bond(link) and state.get(port).up:
            link_down(state, port)
        state.put(port, replace(state.get(port), master="", master_kind=""))
    for upper in uppers(state, key):
        link_gone(state, upper)
    if link.peer is not None:
        link_gone(state, ("link", *link.peer))


def link_down(state: State, key: Key) -> None:
    """Routes over the link go, and all its IPv6 addresses (net.ipv6.conf.*.keep_addr_on_down is 0)."""
    link = state.get(key)
    if isinstance(link, Link):
        state.put(key, replace(link, up=False))
        effects_ip.routes_disturbed(state, key[1], key[2])
        effects_ip.ipv6_gone(state, key[1], key[2])
        for upper in _followers(state, key):
            if t.cast(Link, state.get(upper)).up:
                link_down(state, upper)


def link_up(state: State, key: Key) -> None:
    """Up brings connected routes, which are derived, and 127.0.0.1 and ::1 where it is the loopback."""
    link = state.get(key)
    if isinstance(link, Link):
        state.put(key, changed(link, up=True))
        for upper in _followers(state, key):
            link_up(state, upper)


def _followers(state: State, key: Key) -> list[Key]:
    """The links that go up and down with this one: VLANs (net/8021q/vlan.c, vlan_device_event)."""
    return [
        upper
        for upper in uppers(state, key)
        if (kind := kinds.KINDS.get(state.get(upper).kind)) is not None and kind.state_follows
    ]


def mtu_set(state: State, key: Key, mtu: int, *, asked: bool = False) -> None:
    """Under 1280 bytes IPv6 leaves the link (RFC 8200 section 5), with its sysctls; uppers and bridges follow, and the
    ports of a bond.

    A bridge that was asked for an MTU once keeps it, whatever its ports have.
    """
    link = state.get(key)
    if not isinstance(link, Link):
        return
    bridge = _floating(state, key[1], link.master)
    floats = False if asked and _is_of_ports(link) else link.mtu_floats
    state.put(key, replace(link, mtu=mtu, mtu_floats=floats))
    if mtu < IPV6_LEAST_MTU:
        effects_ip.ipv6_gone(state, key[1], key[2], gone=True)
        effects_conf.gone(state, key[1], key[2], "ipv6")
    else:
        effects_ip.routes_resized(state, key[1], key[2], link.mtu, mtu)
    for upper in uppers(state, key):
        follows = kinds.KINDS[state.get(upper).kind].mtu_follows
        if follows == "copy" or (follows == "cap" and state.get(upper).mtu > mtu):
            mtu_set(state, upper, mtu)
    for port in effects_bond.ports(state, key) if effects_bond.is_bond(link) else ():
        mtu_set(state, port, mtu)
    if bridge:
        _float(state, bridge)


def _is_of_ports(link: Link) -> bool:
    kind = kinds.KINDS.get(str(link.kind))
    return kind is not None and kind.mtu_of_ports


def _least_mtu(state: State, ns: str, bridge: str) -> int:
    """net/bridge/br_if.c, br_mtu_min."""
    return min((link.mtu for _key, link in state.of(ns, "link") if link.master == bridge), default=_DEFAULT_MTU)


def _floating(state: State, ns: str, master: str | None) -> Key | None:
    """The key of this bridge, if its MTU is that of its ports; of one that stood already its MTU has to tell."""
    key: Key = ("link", ns, master)
    bridge = state.get(key) if master else None
    if not isinstance(bridge, Link) or not _is_of_ports(bridge) or bridge.mtu_floats is False:
        return None
    return key if bridge.mtu_floats or bridge.mtu == _least_mtu(state, ns, str(master)) else None


def _float(state: State, bridge: Key) -> None:
    """A bridge takes on the least MTU of its ports (br_mtu_auto_adjust)."""
    least = _least_mtu(state, bridge[1], bridge[2])
    if state.get(bridge).mtu != least:
        mtu_set(state, bridge, least)
    state.put(bridge, replace(state.get(bridge), mtu_floats=True))


def master_set(state: State, key: Key, master: str) -> None:
    """Joining or leaving a VRF cycles the link (drivers/net/vrf.c, cycle_netdev): its routes and IPv6 addresses go.

    So they do with a bond, which only takes links that are down, brings them up, and closes those that leave. It gives
    its MTU to its ports, and gives each back what it had before; only the kernel knows what that was.
    """
    link = state.get(key)
    if not isinstance(link, Link):
        return
    ns = key[1]
    old, new = (state.get(("link", ns, name)) if name else None for name in (link.master, master))
    kinds_of_ends = {end.kind for end in (old, new) if isinstance(end, Link)}
    if link.up and kinds_of_ends & {"vrf", kinds.BOND}:
        link_down(state, key)
        if kinds.BOND not in kinds_of_ends:
            link_up(state, key)
    bridges = [_floating(state, ns, name) for name in (link.master, master) if name and not _same_mtu(state, key, name)]
    state.put(key, replace(state.get(key), master=master, master_kind=new.kind if isinstance(new, Link) else ""))
    for bridge in bridges:
        if bridge:
            _float(state, bridge)
    if link.master:
        effects_bond.left(state, key[2], ("link", ns, link.master))
    if isinstance(new, Link) and new.kind == kinds.BOND:
        mtu_set(state, key, t.cast(int, new.mtu))
        effects_bond.joined(state, key, ("link", ns, master))
        link_up(state, key)


def _same_mtu(state: State, key: Key, master: str) -> bool:
    """A port that joins with the bridge's own MTU changes nothing: spares counting the ports of a big switch."""
    bridge, link = state.get(("link", key[1], master)), state.get(key)
    return isinstance(bridge, Link) and link.master != master and bool(bridge.mtu == link.mtu)


def link_moved(state: State, key: Key, target: Key) -> None:
    """A moved link arrives down, without addresses, routes, master and sysctls; alias and altnames stay.

    Renamed within its namespace it loses no more than by going down, which older kernels insist on.
    """
    link = state.get(key)
    if not isinstance(link, Link):
        return
    ns, here, there = key[1], (key[1], key[2]), (target[1], target[2])
    staying = ns == target[1]
    bridge = None
    if staying:
        if link.up:
            link_down(state, key)
        effects_ip.renamed(state, ns, key[2], target[2])
        effects_conf.renamed(state, ns, key[2], target[2])
        for kept, record in _keepsakes(state, ns, key[2]):
            state.drop(kept)
            state.put((*kept[:2], target[2], *kept[3:]), record)
    else:
        for upper in _followers(state, key):  # the kernel takes it down before
            link_down(state, upper)
        _strip(state, key)
        bridge = _floating(state, ns, link.master)
    link = t.cast(Link, state.get(key))
    peer = state.get(("link", *link.peer)) if link.peer is not None else None
    if isinstance(peer, Link):
        state.put(("link", *t.cast(t.Tuple[str, str], link.peer)), replace(peer, peer=there))
        link = t.cast(Link, state.get(key))
    for upper in uppers(state, key):
        record = t.cast(Link, state.get(upper))
        if kinds.KINDS[str(record.kind)].lower_option and not staying:
            link_gone(state, upper)  # drivers/net/vxlan/vxlan_core.c, vxlan_handle_lowerdev_unregister
        else:
            state.put(upper, replace(record, lower=there))
    for port, record in state.of(here[0], "link"):
        if record.master == here[1]:
            state.put(port, replace(record, master=there[1] if staying else ""))
    state.drop(key)
    if staying:
        state.put(target, link)
        effects_bond.port_renamed(state, ("link", ns, link.master), key[2], target[2])
        return
    if link.master:
        effects_bond.left(state, key[2], ("link", ns, link.master))
    state.put(target, replace(link, up=False, master="", master_kind="", index=0))
    if bridge:
        _float(state, bridge)


def _strip(state: State, key: Key) -> None:
    """What a link loses when it leaves its namespace."""
    ns, name = key[1], key[2]
    effects_ip.routes_disturbed(state, ns, name, gone=True)
    for address, _record in effects_ip.addresses_of(state, ns, name):
        effects_ip.address_gone(state, address)
    effects_conf.gone(state, ns, name)
    for kept, _record in _keepsakes(state, ns, name):
        state.drop(kept)


def _keepsakes(state: State, ns: str, name: str) -> list[tuple[Key, t.Any]]:
    """What lies on a link and isn't modelled, where it was looked for."""
    return [(key, record) for key, record in state.of(ns, "keepsake") if key[2] == name]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules about links and routes ask for: options to `Request`, and the state back to their result. Pure.

One pair of functions for each module. Every problem of the options is reported, with the path of the option.
"""

from __future__ import annotations

import typing as t

from . import kinds, names
from .asking import Asking, Options
from .errors import LabError
from .records import IPV6_METRIC, MACHINE, MAIN_TABLE, Address, Hop, Key, Link, Request, Route, next_hops
from .resources.address import text as address_text
from .state import State
from .walk import unquoted

_OPTION_RANGES = {
    ("vlan", "id"): (1, 4094),
    ("vxlan", "id"): (0, 2**24 - 1),
    ("vxlan", "dstport"): (1, 65535),
    ("vxlan", "ttl"): (0, 255),
    ("vrf", "table"): (1, 2**32 - 1),
    ("bond", "miimon"): (0, 2**31 - 1),
    ("bond", "updelay"): (0, 2**31 - 1),
    ("bond", "downdelay"): (0, 2**31 - 1),
    ("bond", "arp_interval"): (0, 2**31 - 1),
    ("bond", "min_links"): (0, 2**31 - 1),
    ("bridge", "priority"): (0, 65535),
    ("bridge", "forward_delay"): (0, 30),
    ("bridge", "hello_time"): (1, 10),
    ("bridge", "max_age"): (6, 40),
    ("bridge", "ageing_time"): (0, 10_000_000),
}
"""The least and the greatest value: those of the kernel, for the bridge those of IEEE 802.1D that it enforces."""


# -- veth


def veth(options: Options) -> Request:
    """Options of the module `veth`."""
    asking = Asking(options)
    peer = options.get("peer") or {}
    near: Key = ("link", asking.netns(options), options["name"])
    asking.checked("name", names.link_name, options["name"])
    if peer:
        asking.checked("peer.name", names.link_name, peer["name"])
    far: Key = ("link", asking.netns(peer, "peer.netns"), peer.get("name"))
    if options["state"] == "absent":
        asking.ask(near, None, "name")
        if peer:
            asking.ask(far, None, "peer.name")
        return asking.request()
    if not peer:
        asking.problems.add("peer", "a veth has two ends: give the peer's `name`, and its `netns`")
    elif near == far:
        asking.problems.add("peer.name", f"{peer['name']}: both ends have this name in one namespace")
    for key, other, some, path in ((near, far, options, ""), (far, near, peer, "peer.")):
        _end(asking, key, (other[1], other[2]), some, path)
    return asking.request()


def _end(asking: Asking, key: Key, peer: tuple[str, str], options: Options, path: str) -> None:
    record = Link(kind="veth", peer=peer, **_settings(asking, options, path))
    asking.ask(key, record, f"{path}name")
    want_addresses(asking, key, options.get("addresses"), path, record.mtu)


def _settings(asking: Asking, options: Options, path: str) -> dict[str, t.Any]:
    """The fields of a link that every kind has."""
    mtu, mac, bridge = options.get("mtu"), options.get("mac"), options.get("bridge")
    if bridge:
        asking.checked(f"{path}bridge", names.link_name, bridge)
    return {
        "mtu": asking.checked(f"{path}mtu", names.mtu, mtu) if mtu is not None else None,
        "mac": asking.checked(f"{path}mac", _mac, mac) if mac is not None else None,
        "up": options.get("up"),
        "master": bridge,
    }


def _mac(text: str) -> str:
    """A MAC address. Ansible has made text of it by now: digits alone are what YAML makes of one without quotes."""
    if text.isascii() and text.isdigit():
        raise LabError(str(unquoted(int(text), "a MAC address")))
    return names.mac(text)


def want_addresses(asking: Asking, link: Key, texts: t.Sequence[str] | None, path: str, mtu: int | None) -> None:
    """The addresses that a link shall have, and no others; None: as they are."""
    if texts is None:
        return
    asking.complete.add((link[1], link[2]))
    for index, text in enumerate(texts):
        where = f"{path}addresses[{index}]"
        address = asking.checked(where, names.address, str(text))
        if address is None:
            continue
        key = ("address", link[1], link[2], address.key)
        if key in asking.want:
            asking.problems.add(where, f"{text}: stands in the list twice")
        if address.family == 6 and mtu is not None and mtu < names.IPV6_LEAST_MTU:
            least = f"IPv6 needs an MTU of at least {names.IPV6_LEAST_MTU}, this link gets {mtu}"
            asking.problems.add(where, f"{text}: {least}")
        asking.ask(key, Address(prefix=address.prefix if address.family == 6 else None), where)


def veth_result(options: Options, state: State) -> dict[str, t.Any]:
    """What the module `veth` returns under its own key."""
    peer = options.get("peer") or {}
    if options["state"] == "absent":
        return {"name": options["name"], "netns": options.get("netns"), "state": "absent"}
    found = link_as_it_stands(options.get("netns"), options["name"], state)
    found["peer"] = link_as_it_stands(peer.get("netns"), peer["name"], state)
    return found


def link_as_it_stands(netns: str | None, name: str, state: State) -> dict[str, t.Any]:
    """A link in the words of the modules' options."""
    ns = netns or MACHINE
    link = state.get(("link", ns, name))
    if not isinstance(link, Link):
        return {"name": name, "netns": netns, "state": "absent"}
    found: dict[str, t.Any] = {
        "name": name,
        "netns": netns,
        "state": "present",
        "kind": link.kind,
        "mtu": link.mtu,
        "mac": link.mac,
        "up": link.up,
        "bridge": link.master or None,
        "addresses": [address_text(k, r) for k, r in state.of(ns, "address") if k[2] == name],
    }
    if link.lower and link.lower[0] != "?":
        found["link"] = link.lower[1]
        if link.lower[0] != ns:
            found["link_netns"] = link.lower[0]
    found.update((name, list(value) if isinstance(value, tuple) else value) for name, value in link.options or ())
    return found


# -- link


def link(options: Options) -> Request:
    """Options of the module `link`."""
    asking = Asking(options)
    ns, name, kind = asking.netns(options), options["name"], options.get("kind")
    key: Key = ("link", ns, name)
    asking.checked("name", names.link_name, name)
    given = {option: options[option] for option in OPTIONS if options.get(option) is not None}
    if options["state"] == "absent":
        asking.ask(key, None, "name")
        return asking.request()
    if kind is None:
        for option in (*given, *(("link",) if options.get("link") else ())):
            asking.problems.add(option, f"{options[option]}: belongs to a kind of link: name the `kind`")
    else:
        _check_kind(asking, kind, given)
    settings = _settings(asking, options, "")
    settings.update(_master(asking))
    if kind is not None and settings["mac"] is not None and not kinds.KINDS[kind].arp:
        asking.problems.add("mac", f"{settings['mac']}: an {kind} has the MAC address of its lower link")
    lower = None
    if kind is not None and options.get("link"):
        asking.checked("link", names.link_name, options["link"])
        there = options.get("link_netns") or ns
        if there != MACHINE:
            asking.checked("link_netns", names.namespace_name, there)
            asking.origin.setdefault(("namespace", there), "link_netns" if options.get("link_netns") else "netns")
        lower = (there, options["link"])
    record = Link(kind=kind, lower=lower, options=tuple(sorted(given.items())) or None, **settings)
    asking.ask(key, record, "name")
    want_addresses(asking, key, options.get("addresses"), "", record.mtu)
    request = asking.request()
    if lower is not None:
        request.look.add(lower[0])
    return request


OPTIONS: tuple[str, ...] = tuple(sorted({name for kind in kinds.KINDS.values() for name in kind.options}))
"""Every option that belongs to a kind."""


def _master(asking: Asking) -> dict[str, t.Any]:
    """What the link belongs to, which is one thing only."""
    options = asking.options
    given = {name: options[name] for name in ("bridge", "bond", "vrf") if options.get(name) is not None}
    chosen = [name for name, value in given.items() if value]
    for name in chosen[1:]:
        asking.problems.add(name, f"{given[name]}: a link belongs to a bridge, to a bond or to a VRF, to one of them")
    for name in ("bond", "vrf"):
        if given.get(name):
            asking.checked(name, names.link_name, given[name])
    if given.get("bond") and options.get("addresses"):
        asking.problems.add("addresses", "a port of a bond has no addresses of its own: give them to the bond")
    if not given:
        return {}
    name = (chosen or list(given))[0]
    return {"master": given[name], "master_kind": kinds.BOND if name == "bond" and given[name] else None}


def _check_kind(asking: Asking, kind: str, given: dict[str, t.Any]) -> None:
    row = kinds.KINDS[kind]
    if row.pair:
        asking.problems.add("kind", f"{kind}: has two ends; the module netns.lab.veth makes both")
        return
    options = asking.options
    if row.lower == "always" and not options.get("link"):
        asking.problems.add("link", f"a {kind} stands on another link: name it")
    if row.lower == "never" and options.get("link"):
        asking.problems.add("link", f"{options['link']}: a {kind} doesn't stand on another link")
    for name in row.needs:
        if name not in given:
            asking.problems.add(name, f"a {kind} needs it")
    for name, value in list(given.items()):
        if name not in row.options:
            known = ", ".join(row.options) or "none"
            asking.problems.add(name, f"{value}: is no option of kind {kind}; its options are: {known}")
            continue
        least, greatest = _OPTION_RANGES.get((kind, name), (None, None))
        if least is not None and not least <= value <= greatest:
            asking.problems.add(name, f"{value}: expected a number from {least} to {greatest}")
        if name in ("local", "remote"):
            host = asking.checked(name, names.host, value)
            given[name] = host.text if host else value
        if name == "mode" and value not in (modes := kinds.MODES[kind]):
            asking.problems.add(name, f"{value}: a {kind} has one of the modes {', '.join(modes)}")
        if name == "arp_ip_target":
            given[name] = _targets(asking, value)
        if name == "primary" and value:
            asking.checked(name, names.link_name, value)
    if kind == kinds.BOND and given.get("mode", "balance-rr") in kinds.BOND_MODES:
        from . import bonds

        for name, message in bonds.contradictions(given, {}):
            asking.problems.add(name, message)


def _targets(asking: Asking, texts: t.Sequence[str]) -> tuple[str, ...]:
    """Addresses that a bond asks for by ARP."""
    from . import bonds

    found: dict[str, None] = {}
    for index, text in enumerate(texts):
        where = f"arp_ip_target[{index}]"
        host = asking.checked(where, names.host, str(text))
        if host is None:
            continue
        if ":" in host.text:
            asking.problems.add(where, f"{host.text}: expected an IPv4 address, for ARP is of IPv4")
        elif host.text in ("0.0.0.0", "255.255.255.255"):
            asking.problems.add(where, f"{host.text}: expected the address of one machine")
        elif host.text in found:
            asking.problems.add(where, f"{host.text}: stands in the list twice")
        found[host.text] = None
    if len(found) > bonds.MOST_TARGETS:
        asking.problems.add("arp_ip_target", f"{len(found)} addresses: the kernel takes {bonds.MOST_TARGETS} at most")
    return tuple(found)


def link_result(options: Options, state: State) -> dict[str, t.Any]:
    """What the module `link` returns under its own key."""
    return link_as_it_stands(options.get("netns"), options["name"], state)


# -- route


def route(options: Options) -> Request:
    """Options of the module `route`."""
    asking = Asking(options)
    ns = asking.netns(options)
    hops = _hops(asking)
    key = _route_key(asking, ns, hops)
    if options["state"] == "absent":
        asking.ask(key, None, "to")
        return asking.request()
    kind = options["type"]
    if kind == "unicast" and not hops:
        asking.problems.add("via", "give `via`, `dev` or both, or `hops`; or `type: blackhole` to drop what matches")
    if kind != "unicast" and hops:
        asking.problems.add("type", f"{kind}: such a route drops what matches and has no `via`, `dev` or `hops`")
    if options.get("onlink") and any(hop.via is None for hop in hops):
        asking.problems.add("onlink", "it is about a gateway: give `via`, too, or leave it out")
    source = asking.checked("src", names.host, options["src"]) if options.get("src") else None
    record = Route(
        hops=next_hops(hops),
        type=kind,
        source=source.text if source else None,
        mtu=options.get("mtu"),
        onlink=options.get("onlink"),
    )
    asking.ask(key, record, "to")
    return asking.request()


def _hops(asking: Asking) -> list[Hop]:
    options = asking.options
    given = options.get("hops")
    if given and (options.get("via") or options.get("dev")):
        asking.problems.add("hops", "stands in the place of `via` and `dev`: put them into the hops")
    hops = []
    for index, hop in enumerate(given or [{"via": options.get("via"), "dev": options.get("dev")}]):
        path = f"hops[{index}]." if given else ""
        via, dev = hop.get("via"), hop.get("dev")
        if dev:
            asking.checked(f"{path}dev", names.link_name, dev)
        host = asking.checked(f"{path}via", names.host, via) if via else None
        weight = 1 if hop.get("weight") is None else hop["weight"]
        if not 1 <= weight <= 256:
            asking.problems.add(f"{path}weight", f"{weight}: expected a number from 1 to 256")
        if via or dev:
            hops.append(Hop(host.text if host else None, dev or None, weight))
        elif given:
            asking.problems.add(f"hops[{index}]", "give `via`, `dev` or both")
    return hops


def _route_key(asking: Asking, ns: str, hops: t.Sequence[Hop]) -> Key:
    options = asking.options
    families = {6 if ":" in hop.via else 4 for hop in hops if hop.via}
    family = {"ipv4": 4, "ipv6": 6}.get(options.get("family") or "")
    to = asking.checked("to", names.destination, options["to"])
    if to is None and options["to"] == "default":
        to = names.DEFAULTS[family or (min(families) if families else 4)]
    if to is not None and family is not None and to.family != family:
        asking.problems.add("family", f"{options['family']}: {to.text} is IPv{to.family}")
    if to is not None and to.family == 6 and 4 in families:
        asking.problems.add("via", f"{to.text} is IPv6, but its gateway is IPv4")
    table = options.get("table") or MAIN_TABLE
    if not 0 < table < 2**32 or table == 255:
        asking.problems.add("table", f"{table}: expected a number from 1 to {2**32 - 1}; 255 is the kernel's own")
    metric = options.get("metric")
    if metric is not None and not 0 <= metric < 2**32:
        asking.problems.add("metric", f"{metric}: expected a number from 0 to {2**32 - 1}")
    text = to.text if to is not None else ""
    if not metric:
        metric = IPV6_METRIC if ":" in text else 0
    return ("route", ns, table, text, 0, metric)


def route_result(options: Options, state: State) -> dict[str, t.Any]:
    """What the module `route` returns under its own key."""
    asking = Asking(options)
    key = _route_key(asking, options.get("netns") or MACHINE, _hops(asking))
    record = state.get(key)
    found: dict[str, t.Any] = {"to": options["to"], "netns": options.get("netns"), "table": key[2], "metric": key[5]}
    if not isinstance(record, Route):
        return {**found, "state": "absent"}
    hops = [{"via": hop.via, "dev": hop.dev, "weight": hop.weight} for hop in record.hops or ()]
    return {
        **found,
        "state": "present",
        "type": record.type,
        "hops": hops,
        "src": record.source or None,
        "protocol": record.protocol,
        "onlink": record.onlink,
    }

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of a lab's nodes: from what the lab file says to records, and what can be told wrong without a kernel."""

from __future__ import annotations

import typing as t

from .errors import LabError, show
from .names import DEFAULTS, Address, Destination, Host
from .records import IPV6_METRIC, MAIN_TABLE, Hop, Key, Route, next_hops

_LOCAL_TABLE = 255
_Given = t.Dict[str, t.Any]


class Standing(t.NamedTuple):
    """What a node has that its routes stand on."""

    node: str
    ns: str
    links: t.Mapping[str, t.Sequence[Address]]
    """The addresses of each link, lo too."""


def records(standing: Standing, routes: t.Sequence[_Given]) -> t.Iterator[tuple[int, Key, Route | LabError]]:
    """Each route's place in the list, key and record; where the error is the record, the key is empty."""
    direct = [
        (route["to"], route["dev"])
        for route in routes
        if "dev" in route and "via" not in route and "hops" not in route and isinstance(route["to"], Destination)
    ]
    taken: dict[Key, int] = {}
    for index, route in enumerate(routes):
        try:
            key, record = _record(standing, route, direct)
            if key in taken:
                raise LabError(
                    f"destination, table and metric are those of routes[{taken[key]}]; for two gateways at once write "
                    "one route with 'via: [A, B]', for a spare one give it another metric"
                )
        except LabError as error:
            yield index, (), error
        else:
            taken[key] = index
            yield index, key, record


def _hops(route: _Given) -> list[_Given]:
    """The next hops as mappings, whichever way they were given."""
    if "hops" in route:
        if "via" in route or "dev" in route:
            raise LabError("'hops' stands in the place of 'via' and 'dev': put them into the hops")
        for index, hop in enumerate(route["hops"]):
            if not hop.keys() & {"via", "dev"}:
                raise LabError(f"hops[{index}]: give 'via', 'dev' or both")
        return list(route["hops"])
    via = route.get("via")
    gateways = via if isinstance(via, list) else [via]
    if via is None and "dev" not in route:
        return []
    return [{"via": gateway, "dev": route.get("dev")} for gateway in gateways]


def _destination(route: _Given, hops: list[_Given]) -> Destination:
    families = {hop["via"].family for hop in hops if hop.get("via")}
    if "src" in route:
        families.add(route["src"].family)
    to = route["to"]
    if not isinstance(to, Destination):
        if not families:
            raise LabError("'default': without a gateway this may be IPv4 or IPv6; write 0.0.0.0/0 or ::/0")
        to = DEFAULTS[min(families)]
    if families - {to.family}:
        raise LabError(f"{to.text} is IPv{to.family}, but its gateway or source is IPv{10 - to.family}")
    return to


def _record(standing: Standing, route: _Given, direct: list[tuple[Destination, str]]) -> tuple[Key, Route]:
    kind = route.get("type", "unicast")
    hops = _hops(route)
    if kind != "unicast" and hops:
        raise LabError(f"a route of type {kind} drops what matches: it has no 'via', 'dev' or 'hops'")
    if kind == "unicast" and not hops:
        raise LabError("give 'via', 'dev' or both (or 'type: blackhole' to drop what matches)")
    to = _destination(route, hops)
    table = route.get("table", MAIN_TABLE)
    if not 0 < table < 2**32 or table == _LOCAL_TABLE:
        raise LabError(f"table {table}: expected a number from 1 to 4294967295; 255 is the kernel's own")
    metric = route.get("metric", 0)
    onlink = route.get("onlink", False)
    found = tuple(_hop(standing, hop, onlink, direct) for hop in hops)
    if onlink and any(hop.via is None for hop in found):
        raise LabError("'onlink' is about a gateway: give 'via', too, or leave it out")
    if len(set(found)) < len(found):
        raise LabError("the same next hop stands here twice; for a larger share give it a 'weight' in 'hops'")
    source = route.get("src")
    if source is not None and not any(source.text == own.local for own in _addresses(standing)):
        raise LabError(f"{source.text}: {standing.node} has no such address{_has(standing)}")
    if to.family == 4 and found and found[0].via is None and not metric and table == MAIN_TABLE:
        for own in standing.links.get(found[0].dev or "", ()):
            if own.family == 4 and own.prefix == to.prefix and own.subnet == to.number >> 32 - to.prefix:
                raise LabError(
                    f"{to.text}: the kernel makes this route itself, with the address {own.text}: leave it out"
                )
    key = ("route", standing.ns, table, to.text, 0, metric or (IPV6_METRIC if to.family == 6 else 0))
    return key, Route(hops=next_hops(found), type=kind, source=source.text if source else "", onlink=onlink)


def _hop(standing: Standing, hop: _Given, onlink: bool, direct: list[tuple[Destination, str]]) -> Hop:
    via: Host | None = hop.get("via")
    dev: str | None = hop.get("dev")
    weight = hop.get("weight", 1)
    if dev is not None and dev not in standing.links:
        raise LabError(f"{show(dev)}: {standing.node} has no link of that name; it has {', '.join(standing.links)}")
    if via is None:
        return Hop(None, dev, weight)
    for own in _addresses(standing):
        if own.number == via.number and own.family == via.family:
            raise LabError(f"{via.text}: this is {standing.node}'s own address; a gateway is another node's")
    if onlink or (via.family == 6 and via.number >> 118 == 0x3FA):
        if dev is None:
            raise LabError(f"{via.text}: say by which link this gateway is reached: dev")
        return Hop(via.text, dev, weight)
    reached = [
        (own.prefix, link)
        for link, addresses in standing.links.items()
        if dev is None or dev == link
        for own in addresses
        if own.covers(via)
    ]
    reached += [(to.prefix, link) for to, link in direct if dev in (None, link) and to.prefix and to.covers(via)]
    if not reached:
        where = f" on {dev}" if dev else ""
        raise LabError(
            f"{via.text}: no address of {standing.node}{where} is in one subnet with this gateway{_has(standing)}; "
            "give it one there, or, if the gateway answers all the same, say 'onlink: true' with 'dev'"
        )
    longest = max(reached)[0]
    links = {link for prefix, link in reached if prefix == longest}
    return Hop(via.text, links.pop() if len(links) == 1 else dev, weight)


def _addresses(standing: Standing) -> t.Iterator[Address]:
    for addresses in standing.links.values():
        yield from addresses


def _has(standing: Standing) -> str:
    texts = [f"{own.text} on {link}" for link, addresses in standing.links.items() if link != "lo" for own in addresses]
    if not texts:
        return "; it has no addresses"
    return f"; it has {', '.join(texts[:4])}{' and more' if len(texts) > 4 else ''}"

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan's steps would lose though nobody asked for it: looked up before they run, so that it can be put back.

Observation only reads the sysctls that are wanted, and of addresses and routes what records hold. What no record models
lies on links, too: queueing disciplines, static neighbours, entries of bridges. Called by `execution`, and by `vetting`
for what can't be put back.
"""

from __future__ import annotations

import socket
import typing as t
from dataclasses import replace

from .._kernel import decode, netlink
from .._kernel.visit import Visit
from .plan import Plan
from .records import Address, Keepsake, Key, Link, Route
from .resources.address import LOOPBACK, named
from .resources.base import at
from .resources.route import recorded
from .state import State
from .steps import POINT_OF_NO_RETURN


def remembered(visit: Visit, made: Plan) -> State:
    """What stood before the plan, with the sysctls that it disturbs. Raises KernelError."""
    before = made.before.fork()
    if any(step.key[0] in ("namespace", "link", "sysctl") for step in made.steps):
        from . import disturbed

        disturbed.remember(before, visit, made)
    places = _places(made)
    for ns in places:
        visit.enter(ns)
        _keep_keepsakes(before, visit.socket(), ns)
    for ns in _places_of_neighbours(made):
        if ns not in places:
            visit.enter(ns)
            _keep_neighbours(before, visit.socket(), ns)
    for ns in _places_of_addresses_and_routes(made):
        visit.enter(ns)
        _keep_whole(before, visit.socket(), ns)
    for key in own_of_loopbacks(made):
        visit.enter(key[1])
        index = before.get(("link", key[1], "lo")).index
        rows = decode.addresses(visit.socket().dump(netlink.address_dump_request(socket.AF_INET)))
        if any(row.index == index and named(row)[0] == key[3] for row in rows):
            before.put(key, Address())
    return before


def own_of_loopbacks(made: Plan) -> list[Key]:
    """The addresses that loopbacks get when a plan brings them up, unless they have them from an earlier time."""
    return [
        ("address", step.key[1], "lo", LOOPBACK[0])
        for step in made.steps
        if step.key[0] == "link" and step.key[2] == "lo" and "up" in step.fields and t.cast(Link, step.after).up
        if step.key in made.before
    ]


def _keep_keepsakes(before: State, channel: netlink.Socket, ns: str) -> None:
    """All that lies on the links of a namespace and isn't modelled."""
    from .._kernel import keepsakes, neighbours

    links = _by_index(before, ns)
    lent = _lent_to_lowers(before)
    for one in keepsakes.read(channel):
        name = links.get(one.index)
        if name and not (one.what == "fdb" and (ns, name, neighbours.lladdr(one.body)) in lent):
            before.put(("keepsake", ns, name, one.what, one.body.hex()), Keepsake())


def _keep_neighbours(before: State, channel: netlink.Socket, ns: str) -> None:
    """Of that, only the static neighbours."""
    from .._kernel import neighbours

    links = _by_index(before, ns)
    for index, body in neighbours.read(channel):
        if index in links:
            before.put(("keepsake", ns, links[index], "neighbour", body.hex()), Keepsake())


def _by_index(before: State, ns: str) -> dict[int, str]:
    return {link.index: key[2] for key, link in before.of(ns, "link") if key[2] != "lo"}


def _lent_to_lowers(state: State) -> set[tuple[str, str, str]]:
    """The MAC addresses that the links below others listen to because of these, and as long as these are up: a macvlan
    enters its own with the link that it stands on (drivers/net/macvlan.c, macvlan_open)."""
    return {(*link.lower, str(link.mac)) for key in state.standing() if (link := t.cast(Link, state.get(key))).lower}


def _keep_whole(before: State, channel: netlink.Socket, ns: str) -> None:
    """Addresses and routes with the messages that tell of them: they have more than records hold."""
    from .._kernel import kept

    now = kept.now()
    names = {link.index: key[2] for key, link in before.of(ns, "link")}
    for body in channel.dump(netlink.address_dump_request()):
        for row in decode.addresses([body]):
            key: Key = ("address", ns, names.get(row.index, ""), named(row)[0])
            record = before.get(key)
            if isinstance(record, Address) and record.kept is None:
                before.put(key, replace(record, kept=kept.Kept(body, now)))
    seen: set[Key] = set()
    for body in channel.dump(netlink.route_dump_request()):
        for route in decode.routes([body]):
            if recorded(route, names) is None:
                continue
            key, twin = ("route", ns, route.table, route.dst, route.tos, route.metric), 0
            while key in seen:
                twin += 1
                key = (*key[:6], twin)
            seen.add(key)
            record = before.get(key)
            if isinstance(record, Route) and record.kept is None:
                before.put(key, replace(record, kept=kept.Kept(body, now)))


def _places_of_neighbours(made: Plan) -> dict[str, None]:
    """The namespaces where static neighbours may go though their link stays as it is: with its last IPv4 address it
    loses them (net/ipv4/fib_frontend.c, fib_disable_ip)."""
    return {
        step.key[1]: None
        for step in made.steps
        if step.key[0] == "address" and step.verb == "delete" and ":" not in step.key[3]
    }


def _places_of_addresses_and_routes(made: Plan) -> dict[str, None]:
    """The namespaces where some that stood may go, or change, before the point of no return."""
    found = _places(made)
    for step in made.steps:
        if step.key[0] in ("address", "route") and step.phase < POINT_OF_NO_RETURN and step.key in made.before:
            found[step.key[1]] = None
    return found


def warnings(visit: Visit, made: Plan) -> list[str]:
    """What lies on links that the plan takes away and couldn't be put back, should it fail. Raises KernelError."""
    found = []
    links: dict[str, dict[int, str]] = {}
    for ns, name in _stirred(made):
        link = made.before.get(("link", ns, name))
        if isinstance(link, Link) and link.index:
            links.setdefault(ns, {})[link.index] = name
    for ns, names in links.items():
        from .._kernel import keepsakes

        visit.enter(ns)
        for index, some in keepsakes.unkept(visit.socket(), names).items():
            found += [f"{at(ns, names[index])}: {what} isn't put back if this run fails" for what in some]
    for step in made.steps:
        if step.verb == "move" and step.other is not None and step.other[1] == step.key[1] and step.key in made.before:
            visit.enter(step.key[1])
            found += _labels(visit.socket(), made.before.get(step.key).index, at(step.key[1], step.key[2]))
    visit.come_home()
    return found


def _labels(channel: netlink.Socket, index: int, where: str) -> list[str]:
    """The first IPv4 address of a link that gets another name loses its label, if that says more than the name
    (net/ipv4/devinet.c, inetdev_changename); the other ones are taken off before."""
    rows = decode.addresses(channel.dump(netlink.address_dump_request(socket.AF_INET)))
    first = next((row for row in rows if row.index == index), None)
    if first is None or ":" not in first.label:
        return []
    return [f"{where}: the label {first.label} of {first.local} isn't put back if this run fails"]


def _places(made: Plan) -> dict[str, None]:
    """The namespaces with links that lose what lies on them."""
    return {ns: None for ns, _link in _stirred(made)}


def _stirred(made: Plan) -> dict[tuple[str, str], None]:
    """The links that stood and go, move, go down or change their master, before the point of no return: (namespace,
    name). Static neighbours go with a link that goes down, which one does to be renamed, or that gets another MAC
    address, which a bridge may get from its ports (net/core/neighbour.c, neigh_ifdown and neigh_changeaddr)."""
    if all(step.key[0] not in ("namespace", "link") for step in made.steps):
        return {}
    from . import disturbed

    found: dict[tuple[str, str], None] = {(ns, link): None for ns, link, _family in disturbed.of_links(made)}
    for step in made.steps:
        if step.key[0] != "link" or step.phase >= POINT_OF_NO_RETURN:
            continue
        goes_down = step.fields == ("up",) and not t.cast(Link, step.after).up
        if step.verb == "move" or goes_down or not {"master", "mac"}.isdisjoint(step.fields):
            ends = (made.before.get(step.key), step.after)
            masters = [end.master for end in ends if isinstance(end, Link) and end.master]
            found.update({(step.key[1], name): None for name in (step.key[2], *masters)})
    return {end: None for end in found if ("link", *end) in made.before}

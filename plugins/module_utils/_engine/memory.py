# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan's steps would lose though nobody asked for it: looked up before they run, so that it can be put back.

Observation only reads the sysctls that are wanted. A link that is deleted, moved, or too narrow for IPv6 for a moment
loses all of its own; the switch of forwarding, and some values of default and all, are handed on to every link. What no
record models lies on links, too: queueing disciplines, static neighbours, entries of bridges. Called by `execution`,
and by `vetting` for what can't be put back.
"""

from __future__ import annotations

import socket
import typing as t
from dataclasses import replace

from .._kernel import decode, netlink
from .._kernel.errors import KernelError
from .._kernel.sysctls import Sysctls
from .._kernel.visit import Visit
from .names import IPV6_LEAST_MTU
from .plan import Plan
from .records import Address, Keepsake, Key, Link, Route, Sysctl
from .resources import BY_KIND
from .resources.address import LOOPBACK, named
from .resources.base import at
from .resources.route import recorded
from .state import State
from .steps import POINT_OF_NO_RETURN, Step
from .sysctl_names import FORWARDING, link_of

_MTU = "/mtu"
"""IPv6's own; follows that of the link until somebody sets it."""
_SECRET = "/stable_secret"
"""Can't be read before it was set, and reads as an error then."""
_FINER = "_ms"
"""Ends the name of what is another one in milliseconds: the finer one of the two says it all."""
_FAMILIES = ("ipv4", "ipv6")
_TRACER = "netns-lab"
"""No sysctl is called so."""


def remembered(visit: Visit, made: Plan) -> State:
    """What stood before the plan, with the sysctls that it disturbs. Raises KernelError."""
    before = made.before.fork()
    sysctls = Sysctls(visit)
    for ns, link, family in _disturbed(made):
        visit.enter(ns)
        for table in (f"net/{family}/conf", f"net/{family}/neigh"):
            names = sysctls.names(f"{table}/{link}")
            for name in names:
                if name == f"net/ipv6/conf/{link}{_MTU}":
                    _keep(before, sysctls, ns, name, str(before.get(("link", ns, link)).mtu))
                elif not name.endswith(_SECRET) and f"{name}{_FINER}" not in names:
                    default = f"{table}/default/{name.rpartition('/')[2]}"
                    _keep(before, sysctls, ns, name, sysctls.read(default))
    for ns, name in _under_old_names(made):
        visit.enter(ns)
        _keep(before, sysctls, ns, name, None)
    for ns, family, tail in _handed_on(made):
        visit.enter(ns)
        for directory in sysctls.names(f"net/{family}/conf"):
            _keep(before, sysctls, ns, f"{directory}/{tail}", None)
        if tail == "forwarding":
            _keep(before, sysctls, ns, f"net/{family}/conf/all/accept_redirects", None)
    places = _places_of_keepsakes(made)
    lent = _lent_to_lowers(before) if places else frozenset()
    for ns in places:
        from .._kernel import keepsakes

        visit.enter(ns)
        links = {link.index: key[2] for key, link in before.of(ns, "link") if key[2] != "lo"}
        for one in keepsakes.read(visit.socket()):
            if one.index not in links:
                continue
            if one.what == "fdb" and (ns, links[one.index], keepsakes.lladdr(one.body)) in lent:
                continue
            before.put(("keepsake", ns, links[one.index], one.what, one.body.hex()), Keepsake())
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


def _places_of_keepsakes(made: Plan) -> dict[str, None]:
    """The namespaces where something that isn't modelled may go. With its last IPv4 address a link loses its static
    neighbours (net/ipv4/fib_frontend.c, fib_disable_ip)."""
    found = _places(made)
    for step in made.steps:
        if step.key[0] == "address" and step.verb == "delete" and ":" not in step.key[3]:
            found[step.key[1]] = None
    return found


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
    found: dict[tuple[str, str], None] = {(ns, link): None for ns, link, _family in _disturbed(made)}
    for step in made.steps:
        if step.key[0] != "link" or step.phase >= POINT_OF_NO_RETURN:
            continue
        goes_down = step.fields == ("up",) and not t.cast(Link, step.after).up
        if step.verb == "move" or goes_down or not {"master", "mac"}.isdisjoint(step.fields):
            ends = (made.before.get(step.key), step.after)
            masters = [end.master for end in ends if isinstance(end, Link) and end.master]
            found.update({(step.key[1], name): None for name in (step.key[2], *masters)})
    return {end: None for end in found if ("link", *end) in made.before}


def _keep(before: State, sysctls: Sysctls, ns: str, name: str, usual: str | None) -> None:
    """Note a value unless it is the usual one of a new link."""
    try:
        value = sysctls.read(name)
    except KernelError:
        return  # some can only be written
    if value is not None and value != usual:
        before.put(("sysctl", ns, name), Sysctl(value))


def _disturbed(made: Plan) -> list[tuple[str, str, str]]:
    """The links that lose their sysctls before the point up to which the plan can be put back: (namespace, name,
    family).

    The effects of the steps tell: each link gets a sysctl that says whose it is, and afterwards those are missing that
    went.
    """
    steps = [step for step in made.steps if step.phase < POINT_OF_NO_RETURN and step.key[0] in ("namespace", "link")]
    if not any(_disturbs(step) for step in steps):
        return []
    state = made.before.fork()
    left: dict[tuple[str, str, str], None] = {}
    for key in made.before:
        if key[0] == "link":
            for family in _FAMILIES:
                left[key[1], key[2], family] = None
                state.put(("sysctl", key[1], f"net/{family}/conf/{key[2]}/{_TRACER}"), Sysctl(f"{key[1]}/{key[2]}"))
    for step in steps:
        BY_KIND[step.key[0]].effect(step, state)
    for key in state:
        if key[0] == "sysctl" and key[2].endswith(f"/{_TRACER}"):
            ns, _slash, name = t.cast(str, t.cast(Sysctl, state.get(key)).value).partition("/")
            left.pop((ns, name, key[2].split("/")[1]), None)
    return list(left)


def _disturbs(step: Step) -> bool:
    """Whether a step can end the sysctls of a link that stands."""
    if step.key[0] != "link" or step.verb == "create":
        return False
    return step.verb != "change" or _is_narrow(t.cast(Link, step.before), step.after)


def _under_old_names(made: Plan) -> list[tuple[str, str]]:
    """The sysctls that the plan sets on links that it has renamed, by the names that these had."""
    names: dict[Key, str] = {}
    found = []
    for step in made.steps:
        if step.verb == "move" and step.other is not None and step.other[1] == step.key[1]:
            names[step.other] = names.pop(step.key, step.key[2])
        elif names and step.key[0] == "sysctl":
            link = link_of(step.key[2])
            old = names.get(("link", step.key[1], link))
            if old is not None:
                found.append((step.key[1], step.key[2].replace(f"/{link}/", f"/{old}/", 1)))
    return found


def _is_narrow(before: Link, after: t.Any) -> bool:
    """Whether IPv6 has no place on a link before or after."""
    return any((link.mtu or IPV6_LEAST_MTU) < IPV6_LEAST_MTU for link in (before, after))


def _handed_on(made: Plan) -> list[tuple[str, str, str]]:
    """The sysctls that set those of links as well, of namespaces that stood before: (namespace, family, last part)."""
    found: dict[tuple[str, str, str], None] = {}
    for step in made.steps:
        if step.key[0] != "sysctl" or not made.before.lives(step.key[1]):
            continue
        parts = step.key[2].split("/")
        if step.key[2] in FORWARDING:
            found[step.key[1], FORWARDING[step.key[2]], "forwarding"] = None
        elif parts[2:4] in (["conf", "default"], ["conf", "all"]):
            found[step.key[1], parts[1], parts[4]] = None
    return list(found)

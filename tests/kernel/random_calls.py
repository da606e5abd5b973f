# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random module calls, mostly about what stands on a machine, with options that are wrong now and then."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st

from ansible_collections.netns.lab.tests.kernel.model import HERE, Machine, Options

SPACES = ("n1", "n2")
NAMES = ("a", "b", "c")
BRIDGES = ("br0", "c")
IPV4 = tuple(f"10.{subnet}.0.{host}/24" for subnet in (1, 2) for host in (1, 2))
IPV6 = ("fd00:1::1/64", "fd00:2::1/64")


def maybe(strategy: st.SearchStrategy[t.Any], name: str) -> st.SearchStrategy[Options]:
    """An option that is given or not."""
    return st.just({}) | strategy.map(lambda value: {name: value})


def merged(*parts: st.SearchStrategy[Options]) -> st.SearchStrategy[Options]:
    return st.tuples(*parts).map(lambda some: {key: value for part in some for key, value in part.items()})


addresses = st.lists(st.sampled_from(IPV4 + IPV6), max_size=3, unique_by=lambda text: text)
space = st.sampled_from((*SPACES, *SPACES, *SPACES, "p", "gone"))
"""Namespaces that may stand, one that a lab may own, and one that never stands."""
inside = st.tuples(space, st.sampled_from(NAMES)).map(lambda end: {"netns": end[0], "name": end[1]})
outside = st.sampled_from(("m0", "m1")).map(lambda name: {"name": name})
changes = merged(
    maybe(addresses, "addresses"),
    maybe(st.sampled_from((1500, 1400, 9000)), "mtu"),
    maybe(st.booleans() | st.just(True), "up"),
    maybe(st.sampled_from(("br0", "")), "bridge"),
)
WRONG = (
    {"mtu": 20}, {"mtu": 70000}, {"name": "a name"}, {"name": "x" * 16}, {"mac": "01:00:00:00:00:01"}, {"mac": "5"},
    {"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.300/24"]}, {"netns": "../etc"}, {"bridge": "a/b"},
    {"addresses": ["10.9.0.1/24", "10.9.0.1/24"]}, {"nonsense": 1}, {"up": "perhaps"},
)  # fmt: skip
wrong = st.sampled_from(WRONG)
rarely = st.integers(0, 9).flatmap(lambda n: wrong if n == 9 else st.just({}))


def state(*words: str) -> st.SearchStrategy[Options]:
    return st.sampled_from(words).map(lambda word: {"state": word})


netns = merged(space.map(lambda name: {"name": name}), state("present", "present", "present", "absent"))
veth = merged(
    inside, changes,
    (inside | inside | outside).flatmap(lambda end: changes.map(lambda some: {"peer": {**some, **end}})),
    state("present", "present", "present", "absent"), rarely,
)  # fmt: skip
bridge = merged(
    # With STP, which lets nothing through at first: both ends of a veth may become ports of it.
    st.tuples(space, st.sampled_from(BRIDGES)).map(
        lambda end: {"netns": end[0], "name": end[1], "kind": "bridge", "stp": True}
    ),
    maybe(addresses, "addresses"), maybe(st.booleans(), "up"), rarely,
)  # fmt: skip
link = merged(inside, changes, state("present", "present", "present", "absent"), rarely)
route = merged(
    space.map(lambda ns: {"netns": ns}),
    st.sampled_from(("10.20.0.0/24", "10.21.0.0/16", "0.0.0.0/0", "fd20::/64")).map(lambda to: {"to": to}),
    maybe(st.sampled_from(("10.1.0.9", "10.2.0.9", "fd00:1::9")), "via"),
    maybe(st.sampled_from(NAMES), "dev"),
    maybe(st.sampled_from((0, 5)), "metric"),
    state("present", "present", "absent"),
)
command = merged(
    space.map(lambda ns: {"netns": ns}),
    st.sampled_from((["true"], ["sh", "-c", "exit 3"], ["no-such-program"])).map(lambda argv: {"argv": argv}),
)
lab = st.tuples(st.sampled_from(IPV4[:2]), st.sampled_from((1500, 1400)), st.booleans(), st.booleans())
"""Of the lab's variants: the address of p, the MTU, whether there is a second link, whether p has a route."""
topology = state("present", "present", "absent").flatmap(
    lambda chosen: lab.map(lambda some: {**chosen, "variant": some})
)
KINDS = {
    "netns": (netns, 1), "veth": (veth, 5), "link": (link, 5), "bridge": (bridge, 2), "route": (route, 5),
    "netns_exec": (command, 1), "topology": (topology, 2),
}  # fmt: skip
"""Sorts of call: options of every sort, and how often they come."""
kinds = st.sampled_from([name for name, (_options, weight) in KINDS.items() for _unused in range(weight)])


def next_call(draw: t.Callable[[t.Any], t.Any], machine: Machine) -> tuple[str, Options]:
    """A call; mostly one about what stands."""
    kind = draw(kinds)
    options = draw(KINDS[kind][0])
    ends = [(ns, name) for ns, ports in machine.spaces.items() if ns != HERE for name in ports]
    if ends and draw(st.integers(0, 4)):
        ns, name = draw(st.sampled_from(ends))
        if kind == "link":
            options = {**options, "netns": ns, "name": name}
        elif kind == "route":
            options = draw(_route_that_fits(machine, ns, name, options))
        elif kind == "veth" and (peer := machine.spaces[ns][name].peer) and draw(st.booleans()):
            there = {"name": peer[1], **({} if peer[0] == HERE else {"netns": peer[0]})}
            options = {**options, "netns": ns, "name": name, "peer": {**_without_place(options["peer"]), **there}}
    return ("link" if kind == "bridge" else kind), options


def _without_place(options: Options) -> Options:
    return {key: value for key, value in options.items() if key not in ("name", "netns")}


def _route_that_fits(machine: Machine, ns: str, name: str, options: Options) -> st.SearchStrategy[Options]:
    """One that stands, or one over this link."""
    standing = [key for key in machine.routes if key[0] == ns]
    some = [{"netns": ns, "to": to, "metric": metric, "dev": name} for _ns, to, metric in standing]
    for text in sorted(machine.spaces[ns][name].addresses):
        six = ":" in text
        via = text.split("/")[0][:-1] + "9"
        to = "fd20::/64" if six else options["to"] if ":" not in options["to"] else "10.20.0.0/24"
        some.append({**_without_place(options), "netns": ns, "to": to, "via": via, "dev": name})
    state = options["state"]
    return st.sampled_from(some or [{**options, "netns": ns, "dev": name}]).map(lambda one: {**one, "state": state})


def arguments(name: str, options: Options) -> Options:
    """Of the lab the file, else the options themselves."""
    if name != "topology":
        return options
    if options["state"] == "absent":
        return {"name": "walk", "state": "absent"}
    address, mtu, second, routed = options["variant"]
    ends = [
        {"node": "p", "name": "a", "addresses": [address]},
        {"node": "q", "name": "a", "addresses": ["10.1.0.8/24"]},
    ]
    links: list[t.Any] = [{"endpoints": ends, "mtu": mtu}, *([["p:b", "q:b"]] if second else [])]
    routes = [{"to": "10.20.0.0/24", "via": "10.1.0.8"}] if routed else []
    return {"name": "walk", "nodes": {"p": {"routes": routes}, "q": {}}, "links": links}

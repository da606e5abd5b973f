# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab as it stands, in the words of the lab file: the module's result.

What it says about a node can stand in a lab file again. Works on observed records and, in check mode, on planned ones.
"""

from __future__ import annotations

import typing as t

from .lab import End, Lab
from .names import DEFAULTS
from .records import IPV6_METRIC, MACHINE, MAIN_TABLE, Address, Key, Link, Program, Route
from .resources.route import DERIVED
from .state import State

_DEFAULTS = {destination.text for destination in DEFAULTS.values()}


def describe(lab: Lab, have: State) -> dict[str, t.Any]:
    """``{name, nodes: {NAME: {netns, kind, links, routes}}, links: [[END, END], …]}`` from what stands."""
    nodes_by_ns = {node.ns: node.name for node in lab.nodes.values()}
    nodes = {}
    for node in lab.nodes.values():
        space = have.space(node.ns)
        if ("namespace", node.ns) not in space:
            continue
        links: dict[str, dict[str, t.Any]] = {}
        routes = []
        for key, record in space.items():
            if isinstance(record, Link):
                if key[2] != "lo":
                    links[key[2]] = {**_link(record, nodes_by_ns, have), **links.get(key[2], {})}
            elif isinstance(record, Address):
                if key[2] != "lo":
                    links.setdefault(key[2], {}).setdefault("addresses", []).append(address(key, record))
            elif isinstance(record, Route) and record.protocol not in DERIVED:
                routes.append(route(key, record))
        nodes[node.name] = {"netns": node.ns, "kind": node.kind, "links": links, "routes": routes}
        for _key, container in have.of(node.ns, "container"):
            states = {"running": "started"}
            nodes[node.name]["container"] = {"state": states.get(container.state, container.state)}
        programs = [_program(key, record) for key, record in have.of(node.ns, "process") if record.state == "running"]
        if programs:
            nodes[node.name]["processes"] = programs
    ends = [
        [_end(near, have), _end(far, have)]
        for near, far in lab.links
        if all(end.ns == MACHINE or ("link", end.ns, end.name) in have for end in (near, far))
    ]
    return {"name": lab.name, "nodes": nodes, "links": ends}


def _program(key: Key, program: Program) -> dict[str, t.Any]:
    from .program_options import described

    return described(program, key[1], key[2])


def _end(end: End, have: State) -> str:
    """An end as a lab file has it; of a link of the machine that is lent, the name that it has at home."""
    return end.text if ("link", end.ns, end.name) in have else end.node


def _link(link: Link, nodes: t.Mapping[str, str], have: State) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"up": link.up, "mtu": link.mtu, "mac": link.mac, "addresses": []}
    if link.kind != "veth":
        found["kind"] = link.kind
    if link.master:
        found["bridge"] = link.master
    if link.peer and link.peer[1]:
        ns, name = link.peer
        if ns == MACHINE:
            other = have.get(("link", MACHINE, name))
            ns = f"@{other.master or ''}" if isinstance(other, Link) else "@"
        found["peer"] = f"{nodes.get(ns, ns)}:{name}"
    return found


def address(key: Key, record: Address) -> str:
    """An address with its prefix length, as a lab file has it."""
    return f"{key[3]}/{record.prefix}" if ":" in key[3] else str(key[3])


def route(key: Key, record: Route) -> dict[str, t.Any]:
    """A route, as a lab file has it."""
    table, to, metric = key[2], key[3], key[5]
    found: dict[str, t.Any] = {"to": "default" if to in _DEFAULTS else to}
    hops = record.hops or ()
    if len(hops) == 1:
        found.update((name, value) for name, value in (("via", hops[0].via), ("dev", hops[0].dev)) if value)
    elif hops:
        found["hops"] = [{name: value for name, value in hop._asdict().items() if value} for hop in hops]
    if to in _DEFAULTS and not any(hop.via for hop in hops):
        found["to"] = to
    if table != MAIN_TABLE:
        found["table"] = table
    if metric != (IPV6_METRIC if ":" in to else 0):
        found["metric"] = metric
    if record.type not in (None, "unicast"):
        found["type"] = record.type
    if record.source:
        found["src"] = record.source
    if record.onlink:
        found["onlink"] = True
    return found

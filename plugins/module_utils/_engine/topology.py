# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a lab file (a dict, as YAML or a task gives it) to a `Lab` with what the engine shall bring about.

`load` checks everything that can be told without looking at the machine, and reports all of it at once. Called by the
module `topology` through `_door`. What stands on the machine is told in the lab's words by `described.py`.
"""

from __future__ import annotations

import typing as t

from . import node_settings, schema, static_routes
from .derived_names import BRIDGE
from .errors import LabError, Problems, below, show
from .lab import End, Lab, Node
from .lab_links import Links
from .names import Address, namespace_name
from .records import File, Key, Link, Namespace
from .sysctl_names import link_of

_LOOPBACK_ADDRESSES = [Address(4, "127.0.0.1", 8, None, 0x7F000001, 0x7F), Address(6, "::1", 128, None, 1, 1)]
_LOOPBACK = {up: Link(up=up) for up in (True, False)}
_BRIDGE = {stp: Link(kind="bridge", up=True, master="", options=(("stp", stp),)) for stp in (True, False)}
_Given = t.Dict[str, t.Any]


def load(definition: object) -> Lab:
    """A lab from the content of its file. Raises `LabError` with everything that is wrong with it."""
    problems = Problems()
    given = schema.read(definition, problems)
    bad = _Bad(problems)
    lab = Lab(given.get("name") or "", given.get("prefix") or "")
    lab.given = definition if isinstance(definition, dict) else {}
    _nodes(lab, given, problems)
    if not bad.nodes and _links(lab, given, bad, problems):
        # A route or sysctl is judged only if every link is known: else a link may only seem to be missing.
        for node in lab.nodes.values():
            if not bad.settings and node.name not in bad.node:
                _on_links(lab, given, node, problems)
    problems.check()
    return lab


def lab_id(prefix: object, name: object) -> str:
    """What tells a lab from all others on the machine, for one that is to go. Raises `LabError`."""
    problems = Problems()
    found = Lab(
        schema.LAB.keys["name"].read(name, (None, "name"), problems),
        schema.LAB.keys["prefix"].read(prefix or "", (None, "prefix"), problems),
    )
    problems.check()
    return found.id


class _Bad:
    """The parts of a file that the schema found wrong. What rests on them isn't judged: one mistake is told once."""

    def __init__(self, problems: Problems) -> None:
        places = problems.places()
        self.nodes = ("nodes",) in places
        self.node = {place[1] for place in places if place[:1] == ("nodes",) and len(place) > 1}
        self.links = ("links",) in places
        self.link = {place[1] for place in places if place[:1] == ("links",) and len(place) > 1}
        self.settings = any(place[:1] in (("groups",), ("defaults",)) for place in places)
        """Something in the groups or the defaults, of which any node may have its kind or routes."""


def _nodes(lab: Lab, given: _Given, problems: Problems) -> None:
    """Namespaces with their loopback and sysctls, and the bridges of switches."""
    layers = node_settings.Layers((given.get("defaults") or {}).get("node"), given.get("groups"), problems)
    want, origin = lab.want, lab.origin
    key: Key
    namespace = Namespace(owner=lab.id, broken=False)
    for name, own in (given.get("nodes") or {}).items():
        settings = layers.settings(name, own or {})
        kind = settings.get("kind") or "host"
        ns = lab.prefix + name
        where = below("nodes", name)
        if lab.prefix:
            try:
                namespace_name(ns)
            except LabError as error:
                problems.add(where, f"{error.message} (counting the lab's prefix)")
        node = lab.nodes[name] = Node(name, ns, kind, settings)
        key = ("namespace", ns)
        want[key] = namespace
        origin[key] = where
        key = ("link", ns, "lo")
        want[key] = _LOOPBACK[settings.get("loopback") is not False]
        origin[key] = where
        node.links["lo"] = _LOOPBACK_ADDRESSES
        for sysctl, record in node_settings.sysctls(kind, settings.get("sysctls")):
            want["sysctl", ns, sysctl] = record
        if kind == "switch":
            key = ("link", ns, BRIDGE)
            want[key] = _BRIDGE[settings.get("stp") is True]
            origin[key] = where
            node.links[BRIDGE] = []
        elif (own or {}).get("stp") is not None:
            problems.add(f"{where}.stp", f"{name} is a {kind}: only a switch speaks it")
        if settings.get("processes"):
            _processes(lab, node, given, problems)
        if kind == "container":
            _container(lab, node, where, problems)
        elif (own or {}).get("container") is not None:
            problems.add(f"{where}.container", f"{name} is a {kind}: say `kind: container`, too")


def _processes(lab: Lab, node: Node, given: _Given, problems: Problems) -> None:
    """The programs that are kept running in a node."""
    from . import program_options

    where = node_settings.source(given, node.name, "processes")
    aside = _aside(where, node)
    for index, settings in enumerate(node.settings["processes"]):
        name = (settings or {}).get("name")
        if name is None:
            continue  # the schema has said so
        place = f"{where}[{index}]"
        key: Key = ("process", node.ns, name)
        if key in lab.want:
            problems.add(f"{place}.name", f"{show(name)}: stands in the list twice{aside}")
        lab.want[key] = program_options.wanted(settings, node.ns, owner=lab.id, where=place, problems=problems)
        lab.origin[key] = place


def _aside(where: str, node: Node) -> str:
    """The node that a problem is about, where it lies in what several nodes have from groups or defaults."""
    return "" if where.startswith("nodes") else f" (in node {node.name})"


def _container(lab: Lab, node: Node, where: str, problems: Problems) -> None:
    """The container that shares the namespace of a node, and its name."""
    from . import container_options, container_schema

    settings = node.settings.get("container") or {}
    try:
        container_schema.container_name(node.ns)
    except LabError as error:
        problems.add(where, f"{error.message}, and this one is called as its node")
    key = container_options.key(node.ns, settings)
    lab.want[key] = container_options.wanted(
        {"restart": "if_needed", **settings},
        container_schema.LAB_STATES[settings.get("state") or "started"],
        netns=node.ns,
        owner=lab.id,
        where=f"{where}.container",
        problems=problems,
    )
    lab.origin[key] = f"{where}.container"


def _links(lab: Lab, given: _Given, bad: _Bad, problems: Problems) -> bool:
    """The veth pairs with their addresses; False if one of them, or more, couldn't be entered."""
    unsure = set(lab.nodes) if bad.settings else bad.node
    links = Links(lab, (given.get("defaults") or {}).get("link") or {}, unsure, problems)
    whole = not bad.links
    for index, link in enumerate(given.get("links") or ()):
        if index in bad.link or not links.add(index, link):
            whole = False
    return whole


def _on_links(lab: Lab, given: _Given, node: Node, problems: Problems) -> None:
    """Routes and files of a node, and what else can only be judged when its links are known."""
    settings = node.settings
    _unique(lab, node, problems)
    if settings.get("sysctls"):
        _named_links(lab, node, problems)
    if settings.get("routes"):
        where = node_settings.source(given, node.name, "routes")
        aside = _aside(where, node)
        for index, key, record in static_routes.records(
            static_routes.Standing(node.name, node.ns, node.links), settings["routes"]
        ):
            if isinstance(record, LabError):
                problems.add(f"{where}[{index}]", record.message + aside)
            else:
                lab.want[key] = record
                lab.origin[key] = f"{where}[{index}]"
    for name, content in (settings.get("etc") or {}).items():
        key = ("file", node.ns, name)
        lab.want[key] = File(content, lab.id)
        lab.origin[key] = below(below("nodes", node.name), "etc")


def _unique(lab: Lab, node: Node, problems: Problems) -> None:
    """One address on two links of a node is a slip: the kernel takes it, and then answers on either."""
    seen: dict[str, str] = {}
    for link, addresses in node.links.items():
        for address in addresses:
            before = seen.setdefault(address.local, link)
            if before != link:
                where = lab.origin["address", node.ns, link, address.key]
                problems.add(where, f"{address.text}: {node.name} has this address on {before} already")


def _named_links(lab: Lab, node: Node, problems: Problems) -> None:
    """A sysctl about a link needs the link."""
    for name in node.settings["sysctls"]:
        where = below(below("nodes", node.name), "sysctls")
        link = link_of(name)
        if link is not None and link not in node.links:
            problems.add(where, f"{show(name)}: {node.name} has no link {show(link)}; it has {', '.join(node.links)}")
        lab.origin["sysctl", node.ns, name] = where


__all__ = ["End", "Lab", "Node", "load"]

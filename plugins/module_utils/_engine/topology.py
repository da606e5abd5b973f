# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a lab file (a dict, as YAML or a task gives it) to a `Lab` with what the engine shall bring about.

`load` checks everything that can be told without looking at the machine, and reports all of it at once. Called by the
module `topology` through `_door.py`. What stands on the machine is told in the lab's words by `described.py`.
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
_BRIDGE = Link(kind="bridge", up=True, master="")
_Given = t.Dict[str, t.Any]


def load(definition: object) -> Lab:
    """A lab from the content of its file. Raises `LabError` with everything that is wrong with it."""
    problems = Problems()
    given = schema.read(definition, problems)
    bad = problems.places()
    lab = Lab(given.get("name") or "", given.get("prefix") or "")
    _nodes(lab, given, problems)
    if ("nodes",) not in bad and _links(lab, given, bad, problems):
        # A route or sysctl is judged only if every link is known: else a link may only seem to be missing.
        for node in lab.nodes.values():
            if not bad & {("nodes", node.name), ("groups",), ("defaults",)}:
                _on_links(lab, given, node, problems)
    problems.check()
    return lab


def _nodes(lab: Lab, given: _Given, problems: Problems) -> None:
    """Namespaces with their loopback and sysctls, and the bridges of switches."""
    layers = node_settings.Layers((given.get("defaults") or {}).get("node"), given.get("groups"), problems)
    want, origin = lab.want, lab.origin
    key: Key
    namespace = Namespace(owner=lab.name, broken=False)
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
            want[key] = _BRIDGE
            origin[key] = where
            node.links[BRIDGE] = []


def _links(lab: Lab, given: _Given, bad: set[tuple[t.Any, ...]], problems: Problems) -> bool:
    """The veth pairs with their addresses; False if one of them, or more, couldn't be entered."""
    bad_nodes = {place[1] for place in bad if place[0] in ("nodes",) and len(place) > 1}
    if bad & {("groups",), ("defaults",)}:
        bad_nodes.update(lab.nodes)
    links = Links(lab, (given.get("defaults") or {}).get("link") or {}, bad_nodes, problems)
    whole = ("links",) not in bad
    for index, link in enumerate(given.get("links") or ()):
        if ("links", index) in bad or not links.add(index, link):
            whole = False
    return whole


def _on_links(lab: Lab, given: _Given, node: Node, problems: Problems) -> None:
    """Routes and files of a node, and what else can only be judged when its links are known."""
    settings = node.settings
    if len(node.links) > 2:
        _unique(lab, node, problems)
    if settings.get("sysctls"):
        _named_links(lab, node, problems)
    if settings.get("routes"):
        where = node_settings.source(given, node.name, "routes")
        aside = "" if where.startswith("nodes.") else f" (in node {node.name})"
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
        lab.want[key] = File(content)
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

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From labs to Ansible's hosts: what a host is called, which groups it is in and what its variables say. No Ansible.

Called by the inventory plugin `topology`. A lab goes through two forms: `outline` makes it plain data, which a cache
can keep and which grows with the lab alone; `hosts` makes the hosts from that, on one machine or on several.
"""

from __future__ import annotations

import re
import string
import typing as t
from dataclasses import dataclass

from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError, Problems, below, show
from ansible_collections.netns.lab.plugins.module_utils._engine.lab import End, Lab, Node
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link
from ansible_collections.netns.lab.plugins.module_utils._engine.segments import Segments

THIS_MACHINE = "localhost"
"""What the variables call the machine that Ansible runs on, so that `delegate_to` leads there."""

ALL = "netns_lab"
"""The group that every node is in."""

HERE = "netns_lab_here"
"""The group of those that have the files and programs of the machine that Ansible runs on."""

_FIELDS = {
    "node": "netns_lab_node",
    "netns": "netns_lab_netns",
    "lab": "netns_lab_name",
    "machine": "netns_lab_machine",
}
"""What can stand in braces in the pattern of host names, and the variable that says the same."""

_RESERVED = {
    "all": "Ansible's own",
    "ungrouped": "Ansible's own",
    ALL: "that of all nodes",
    HERE: "that of the nodes with this machine's files",
    "lab_machines": "that of the machines on which labs are made",
}
_MISREAD = re.compile(r"[\s,:*?\[\]{}]|^[!&~@-]")
"""What a host pattern, as in ``--limit``, would take for something else, and what begins a template."""

Plain = t.Dict[str, t.Any]


@dataclass(frozen=True)
class Host:
    """A node as a host of the inventory."""

    name: str
    groups: tuple[str, ...]
    variables: Plain


# --- A lab as plain data ---------------------------------------------------------------------------------------------


def outline(lab: Lab, kinds: t.Container[str], safe: t.Callable[[str], str]) -> Plain:
    """What the hosts of a lab are made from. `safe` makes a name one that a group can have.

    Raises `LabError` for what is right in a lab file but can't be said in an inventory, with the path in the file.
    """
    problems = Problems()
    peers = {near: far.text for pair in lab.links for near, far in (pair, pair[::-1])}
    nodes = {node.name: _node(lab, node, peers, safe, problems) for node in lab.nodes.values() if node.kind in kinds}
    group = safe(f"lab_{lab.name}")
    if group in _RESERVED:
        problems.add("name", f"{show(lab.name)}: Ansible's group {group} is {_RESERVED[group]}; choose another name")
    problems.check()
    return {"name": lab.name, "id": lab.id, "group": group, "nodes": nodes, "segments": _segments(lab)}


def _node(lab: Lab, node: Node, peers: t.Mapping[End, str], safe: t.Callable[[str], str], problems: Problems) -> Plain:
    where = below("nodes", node.name)
    if _MISREAD.search(node.ns):
        problems.add(where, f"{show(node.ns)}: Ansible would take a host of this name for a pattern; choose another")
    groups = [group for group in node.settings.get("groups") or () if group is not None]
    for group in groups:
        if safe(group) in _RESERVED:
            place = below(where, "groups")
            problems.add(
                place, f"{show(group)}: Ansible's group {safe(group)} is {_RESERVED[safe(group)]}; choose another name"
            )
    found: Plain = {
        "netns": node.ns,
        "kind": node.kind,
        "groups": [f"kind_{node.kind}", *(safe(group) for group in groups)],
        "links": {},
        "addresses": [],
    }
    for name, addresses in node.links.items():
        peer = peers.get(End(node.name, node.ns, name))
        if peer is None:  # the loopback, or a switch's bridge
            continue
        own = [address.text for address in addresses]
        found["links"][name] = {"addresses": own, "peer": peer, **_link(lab, node, name)}
        found["addresses"] += own
        if addresses and "address" not in found:
            found["address"] = addresses[0].local
    if node.kind == "container":
        found["lxc_path"] = (node.settings.get("container") or {}).get("lxc_path")
    return found


def _link(lab: Lab, node: Node, name: str) -> Plain:
    """A link in the words of the module `topology`."""
    record = t.cast(Link, lab.want["link", node.ns, name])
    found: Plain = {"mtu": record.mtu}
    if record.mac:
        found["mac"] = record.mac
    if record.master:
        found["bridge"] = record.master
    return found


def _segments(lab: Lab) -> list[list[list[str]]]:
    """Which ends hear each other without a router between: [NODE, LINK] each, by segment, through switches.

    Each node's end is in one of them, and an end of a switch in none: it carries what others say.
    """
    segments = Segments()

    def place(end: End) -> str | End:
        return end.node if lab.is_switch(end.node) else end

    ends: dict[End, None] = {}
    for pair in lab.links:
        segments.join(place(pair[0]), place(pair[1]))
        ends.update((end, None) for end in pair if not lab.is_switch(end.node))
    found: dict[t.Any, list[list[str]]] = {}
    for end in ends:
        found.setdefault(segments.of(end), []).append([end.node, end.name])
    return list(found.values())


# --- Hosts -----------------------------------------------------------------------------------------------------------


class Naming:
    """The pattern of the hosts' names."""

    def __init__(self, pattern: str | None, placed: bool) -> None:
        """`placed`: the labs are on machines of the inventory. Raises `LabError` if the pattern can't be one."""
        self.pattern = pattern or ("{netns}@{machine}" if placed else "{netns}")
        try:
            fields = [(field, form, spec) for _text, field, spec, form in string.Formatter().parse(self.pattern)]
        except ValueError as error:
            raise LabError(f"{show(self.pattern)}: {error}", "name_format") from None
        for field, form, spec in fields:
            if field is not None and (field not in _FIELDS or form or spec):
                known = ", ".join(f"{{{name}}}" for name in _FIELDS)
                raise LabError(f"{show(self.pattern)}: what can stand in braces is {known}", "name_format")

    def __call__(self, lab: Plain, node: str, machine: str | None) -> str:
        """What a node is called. Raises `LabError` if no host can be called so."""
        name = self.pattern.format(
            node=node, netns=lab["nodes"][node]["netns"], lab=lab["name"], machine=machine or THIS_MACHINE
        )
        if not name or _MISREAD.search(name):
            raise LabError(f"{show(name)}: Ansible would take a host of this name for a pattern", "name_format")
        return name

    def clash(self, one: Host, other: Host) -> LabError:
        """What to say of two nodes that would be called the same."""
        differ = [
            f"{{{field}}}"
            for field, name in reversed(_FIELDS.items())
            if f"{{{field}}}" not in self.pattern and one.variables[name] != other.variables[name]
        ]
        told = "{netns_lab_node} of {netns_lab_id} on {netns_lab_machine}".format_map
        return LabError(
            f"{show(self.pattern)}: {told(one.variables)} and {told(other.variables)} would both be called {one.name}; "
            f"put {differ[0] if differ else 'something else'} into it",
            "name_format",
        )


def hosts(lab: Plain, machines: t.Sequence[str] | None, naming: Naming, container_connection: str) -> t.Iterator[Host]:
    """The hosts that a lab makes on each machine; `machines` None is this machine."""
    for machine in [None] if machines is None else machines:
        names = {node: naming(lab, node, machine) for node in lab["nodes"]}
        neighbours = _neighbours(lab, names)
        for node, settings in lab["nodes"].items():
            variables = _variables(lab, node, machine, container_connection)
            variables["netns_lab_neighbours"] = neighbours.get(node, {})
            here = (HERE,) if machine is None and variables["ansible_connection"] == "netns.lab.netns" else ()
            yield Host(names[node], (ALL, *here, lab["group"], *settings["groups"]), variables)


def _variables(lab: Plain, node: str, machine: str | None, container_connection: str) -> Plain:
    settings = lab["nodes"][node]
    contained = settings["kind"] == "container"
    found: Plain = {
        "ansible_connection": f"netns.lab.{container_connection if contained else 'netns'}",
        "ansible_netns_name": settings["netns"],
        "netns_lab_name": lab["name"],
        "netns_lab_id": lab["id"],
        "netns_lab_node": node,
        "netns_lab_kind": settings["kind"],
        "netns_lab_netns": settings["netns"],
        "netns_lab_machine": machine or THIS_MACHINE,
        "netns_lab_addresses": settings["addresses"],
        "netns_lab_links": settings["links"],
    }
    if "address" in settings:
        found["netns_lab_address"] = settings["address"]
    if contained:
        # Whoever asks for the other connection finds the name, too.
        found["ansible_lxc_name"] = settings["netns"]
        if settings["lxc_path"]:
            found["ansible_lxc_path"] = settings["lxc_path"]
    if machine is not None:
        found["ansible_netns_machine"] = machine
        if contained:
            found["ansible_lxc_machine"] = machine
    return found


def _neighbours(lab: Plain, names: t.Mapping[str, str]) -> dict[str, dict[str, list[Plain]]]:
    """By node and link the ends that it hears. Each end is one object, however many others hear it."""
    found: dict[str, dict[str, list[Plain]]] = {}
    for segment in lab["segments"]:
        ends = [(node, link, _end(lab, node, link, names)) for node, link in segment if node in names]
        for node, link, own in ends:
            found.setdefault(node, {})[link] = [end for _node, _link, end in ends if end is not own]
    return found


def _end(lab: Plain, node: str, link: str, names: t.Mapping[str, str]) -> Plain:
    addresses = lab["nodes"][node]["links"][link]["addresses"]
    return {"host": names[node], "node": node, "link": link, "addresses": addresses}

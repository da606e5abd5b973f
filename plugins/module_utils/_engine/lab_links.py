# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The links of a lab file: the nodes their ends are in, what the ends are called, and their records.

Called by `topology.py`.
"""

from __future__ import annotations

import typing as t

from . import derived_names
from .derived_names import BRIDGE
from .errors import Problems, show
from .lab import End, Lab, Node
from .names import IPV6_LEAST_MTU, Address
from .records import MACHINE, Key, Link
from .records import Address as AddressRecord
from .walk import near

MTU = 1500
"""What the kernel gives a veth. Asked for in so many words, so that a link that loses its `mtu` goes back to it."""

_IPV4 = AddressRecord()
_IPV6 = {prefix: AddressRecord(prefix=prefix) for prefix in range(129)}
_Given = t.Dict[str, t.Any]


class Links:
    """Enters the links of a file into a lab, one after the other."""

    def __init__(self, lab: Lab, defaults: _Given, bad_nodes: t.Container[str], problems: Problems) -> None:
        self._lab = lab
        self._mtu: int = defaults.get("mtu") or MTU
        self._bad_nodes = bad_nodes
        """Nodes of which something is wrong already: their kind may not be known."""
        self._problems = problems

    def add(self, index: int, given: list[_Given] | _Given) -> bool:
        """Enter ``links[index]``; False if that can't be done, for a reason that is put into the problems."""
        if isinstance(given, list):
            ends, where, mtu = given, f"links[{index}]", self._mtu
        else:
            ends, where, mtu = given["endpoints"], f"links[{index}].endpoints", given.get("mtu") or self._mtu
        places = (f"{where}[0]", f"{where}[1]")
        nodes = [self._node(end["node"], place) for end, place in zip(ends, places)]
        first, second = nodes
        if first is None or second is None:
            return False
        if first.ns == second.ns == MACHINE:
            self._problems.add(
                f"links[{index}]", "this would join two bridges of the machine: one end has to be in a node"
            )
            return False
        names = (self._name(first, ends, 0, places[0]), self._name(second, ends, 1, places[1]))
        if names[0] is None or names[1] is None:
            return False
        pairs = ((first.ns, names[0]), (second.ns, names[1]))
        for side, node in ((0, first), (1, second)):
            name, place = pairs[side][1], places[side]
            if not self._free(node, name, ends[side], place):
                return False
            self._put(node, name, pairs[1 - side], ends, side, ends[side].get("mtu") or mtu, place)
        self._lab.links.append((End(first.name, *pairs[0]), End(second.name, *pairs[1])))
        if "addresses" in ends[0] and "addresses" in ends[1] and first is not second:
            self._same_address(ends, places[1])
        return True

    def _node(self, name: str, place: str) -> Node | None:
        node = self._lab.nodes.get(name)
        if node is None:
            if name[0] == "@":
                return Node(name, MACHINE, "machine", {})
            nodes = list(self._lab.nodes)
            known = ", ".join(nodes[:6]) + (" and more" if len(nodes) > 6 else "")
            known = f"there are {known}" if nodes else "it has none"
            self._problems.add(place, f"{show(name)}: the lab has no such node{near(name, nodes)} ({known})")
        return node

    def _name(self, node: Node, ends: list[_Given], side: int, place: str) -> str | None:
        """The name of an end, given or derived from the other end."""
        name: str | None = ends[side].get("name")
        if name is not None:
            return name
        far = ends[1 - side]
        if node.ns == MACHINE:
            return derived_names.machine_port_name(self._lab.id, far["node"], far.get("name"))
        if node.kind == "switch":
            return derived_names.port_name(far["node"], far.get("name"))
        if node.name not in self._bad_nodes:
            self._problems.add(
                place,
                f"{show(node.name)}: a {node.kind}'s link needs a name, like '{node.name}:eth0'; "
                "only a switch names its own",
            )
        return None

    def _free(self, node: Node, name: str, end: _Given, place: str) -> bool:
        """Whether a node has no link of that name yet."""
        key = ("link", node.ns, name)
        if key not in self._lab.want:
            return True
        before = self._lab.origin[key]
        if before.startswith("nodes"):
            what = "loopback" if name == "lo" else "bridge, since it is a switch"
            message = f"{show(name)}: this is the name of {node.name}'s {what}; choose another"
        elif "name" in end:
            message = f"{show(name)}: {node.name} has a link of that name already, from {before}; choose another"
        else:
            message = (
                f"{node.name}'s port would be called {show(name)}, as that of {before} is; "
                f"give one of them a name, like '{node.name}:port1'"
            )
        self._problems.add(place, message)
        return False

    def _put(
        self, node: Node, name: str, peer: tuple[str, str], ends: list[_Given], side: int, mtu: int, place: str
    ) -> None:
        lab, end = self._lab, ends[side]
        mac = end.get("mac")
        master, altnames = "", None
        if node.kind == "switch":
            master = BRIDGE
        elif node.ns == MACHINE:
            far = ends[1 - side]
            master = node.name[1:]
            altnames = (derived_names.machine_altname(lab.id, name),)
            mac = mac or derived_names.machine_port_mac(lab.id, far["node"], far.get("name"))
        key: Key = ("link", node.ns, name)
        lab.want[key] = Link("veth", peer, None, mtu, mac, True, master, None, altnames)
        lab.origin[key] = place
        addresses: list[Address] = end.get("addresses") or []
        node.links[name] = addresses
        if not addresses:
            return
        if master:
            self._problems.add(
                f"{place}.addresses", "a port of a bridge has no addresses of its own: give them to the other end"
            )
        for index, address in enumerate(addresses):
            key = ("address", node.ns, name, address.key)
            if key in lab.want:
                self._problems.add(f"{place}.addresses[{index}]", f"{address.text}: stands in this list already")
            lab.origin[key] = f"{place}.addresses[{index}]"
            if address.family == 4:
                lab.want[key] = _IPV4
                continue
            lab.want[key] = _IPV6[address.prefix]
            if mtu < IPV6_LEAST_MTU:
                self._problems.add(
                    f"{place}.addresses[{index}]",
                    f"{address.text}: IPv6 needs an MTU of at least {IPV6_LEAST_MTU}, this link has {mtu}",
                )

    def _same_address(self, ends: list[_Given], place: str) -> None:
        first = {(address.family, address.number) for address in ends[0]["addresses"]}
        for index, address in enumerate(ends[1]["addresses"]):
            if (address.family, address.number) in first:
                self._problems.add(
                    f"{place}.addresses[{index}]", f"{address.text}: the other end of the link has the same address"
                )

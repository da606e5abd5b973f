# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab as it stands, as a lab file: what the kernel shows, and from what was asked for only what it can't show.

Called by `lab_information`. Such a file given to `topology` changes nothing. Settings are spelled out at each node and
link; of groups the names are kept. What no lab file can say (a link that is down) is left to `drift`.
"""

from __future__ import annotations

import re
import typing as t

from . import derived_names, described, node_settings, topology
from .derived_names import BRIDGE
from .errors import LabError, Problems
from .lab import End, Lab, Node
from .lab_links import MTU
from .records import MACHINE, Key, Link
from .resources.route import DYNAMIC
from .state import State
from .sysctl_names import link_of, sysctl_name

_SEEN = frozenset({"kind", "stp", "loopback", "sysctls", "etc", "routes", "container"})
"""Settings of a node that can be seen."""
_LINK_SEEN = frozenset({"endpoints", "mtu"})
_END_SEEN = frozenset({"node", "name", "addresses", "mac", "mtu"})
_ROUNDS = 5
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")
_Given = t.Dict[str, t.Any]


def lab_file(lab: Lab, have: State, unknown: t.Container[str] = ()) -> _Given:
    """The content of a lab file that says what stands. Of the `unknown` nodes no kind is known but what shows it."""
    reading = _Reading(lab, have, unknown)
    links = [link for pair in reading.pairs() if (link := reading.link(*pair)) is not None]
    found: _Given = {"name": lab.name}
    if lab.prefix:
        found["prefix"] = lab.prefix
    found["nodes"] = {node.name: reading.node(node) for node in lab.nodes.values() if ("namespace", node.ns) in have}
    found["links"] = links
    groups = dict.fromkeys(group for node in found["nodes"].values() for group in node.get("groups") or ())
    if groups:
        found["groups"] = {group: {} for group in groups}
    rest = {key: value for key, value in reading.link_defaults.items() if key not in _LINK_SEEN}
    if rest:
        found["defaults"] = {"link": rest}
    return _sayable(found)


class _Reading:
    """One lab while it is read back."""

    def __init__(self, lab: Lab, have: State, unknown: t.Container[str]) -> None:
        self._lab = lab
        self._have = have
        self._unknown = unknown
        self._by_ns = {node.ns: node for node in lab.nodes.values()}
        self._links: dict[str, set[str]] = {node.name: {"lo"} for node in lab.nodes.values()}
        """The links of each node that the file will name, or that its kind brings along."""
        defaults = lab.given.get("defaults") or {}
        self.link_defaults: _Given = defaults.get("link") or {}
        self._layers = node_settings.Layers(defaults.get("node"), lab.given.get("groups"), Problems())
        self._kinds = {node.name: self._kind(node) for node in lab.nodes.values()}
        for name, kind in self._kinds.items():
            if kind == "switch":
                self._links[name].add(BRIDGE)

    def _kind(self, node: Node) -> str:
        if node.name not in self._unknown or node.kind == "container":
            return node.kind
        bridge = self._have.get(("link", node.ns, BRIDGE))
        if isinstance(bridge, Link) and bridge.kind == "bridge":
            return "switch"
        forwards = [self._sysctl(node, name) for name in ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")]
        return "router" if forwards == ["1", "1"] else "host"

    def _sysctl(self, node: Node, name: str) -> str | None:
        record = self._have.get(("sysctl", node.ns, name))
        return record.value if record is not None else None

    # -- nodes

    def node(self, node: Node) -> _Given:
        """The settings of a node."""
        given = (self._lab.given.get("nodes") or {}).get(node.name)
        settings = self._layers.settings(node.name, given or {})
        kind = self._kinds[node.name]
        found: _Given = {} if kind == "host" else {"kind": kind}
        bridge = self._have.get(("link", node.ns, BRIDGE))
        if isinstance(bridge, Link) and ("stp", True) in (bridge.options or ()) and kind == "switch":
            found["stp"] = True
        if settings.get("groups"):
            found["groups"] = list(settings["groups"])
        lo = self._have.get(("link", node.ns, "lo"))
        if isinstance(lo, Link) and not lo.up:
            found["loopback"] = False
        parts = {
            "sysctls": self._sysctls(node, kind, settings.get("sysctls") or {}),
            "etc": {key[2]: record.content for key, record in self._have.of(node.ns, "file")},
            "routes": self._routes(node),
        }
        found.update((name, part) for name, part in parts.items() if part)
        containers = self._have.of(node.ns, "container")
        if kind == "container" and containers:
            state = containers[0][1].state
            own = dict(settings.get("container") or {})
            if state != "running" or own.get("state", "started") != "started":
                own["state"] = {"running": "started"}.get(state, state)
            found["container"] = own
        found.update((name, value) for name, value in settings.items() if name not in _SEEN and name not in found)
        return found

    def _sysctls(self, node: Node, kind: str, asked: _Given) -> _Given:
        usual = node_settings.KIND_SYSCTLS[kind]
        names = {sysctl_name(name): name for name in asked}
        found: _Given = {}
        for key, record in self._have.of(node.ns, "sysctl"):
            name, link = key[2], link_of(key[2])
            if key not in self._lab.want or (name in usual and record.value == usual[name] and name not in names):
                continue
            if link is None or link in self._links[node.name]:
                said = names.get(name) or (name if "." in name else name.replace("/", "."))
                found[said] = int(record.value) if record.value.isdigit() else record.value
        return found

    def _routes(self, node: Node) -> list[_Given]:
        standing = {
            key: record
            for key, record in self._have.of(node.ns, "route")
            if record.protocol not in DYNAMIC and key[4] == 0 and len(key) == 6
        }
        first = [key for key in self._lab.want if key[0] == "route" and key in standing] if standing else []
        return [described.route(key, standing[key]) for key in dict.fromkeys([*first, *standing])]

    # -- links

    def pairs(self) -> t.Iterator[tuple[End, End, bool]]:
        """The veth pairs that stand: those of the lab file in its order, then others. True: the lab file has it."""
        seen: set[Key] = set()
        for near, far in self._lab.links:
            key = ("link", near.ns, near.name)
            link = self._have.get(key)
            if isinstance(link, Link) and link.peer == (far.ns, far.name) and ("link", *link.peer) in self._have:
                seen |= {key, ("link", far.ns, far.name)}
                yield near, far, True
        for node in self._lab.nodes.values():
            for key, link in self._have.of(node.ns, "link"):
                if key in seen or link.kind != "veth" or link.peer is None:
                    continue
                other = self._end(*link.peer)
                if other is not None:
                    seen |= {key, ("link", *link.peer)}
                    near = End(node.name, node.ns, key[2])
                    # A switch's end comes last, as people write it.
                    yield (other, near, False) if self._kinds[node.name] == "switch" else (near, other, False)

    def _end(self, ns: str, name: str) -> End | None:
        """The other end of a veth, if a lab file can name it."""
        link = self._have.get(("link", ns, name))
        if not isinstance(link, Link):
            return None
        if ns == MACHINE:
            mark = derived_names.machine_altname(self._lab.id, name)
            return End(f"@{link.master}", ns, name) if link.master and mark in (link.altnames or ()) else None
        node = self._by_ns.get(ns)
        return End(node.name, ns, name) if node is not None else None

    def link(self, near: End, far: End, known: bool) -> t.Any:
        """A pair in the words of the lab file, or None where those can't say it."""
        ends = (near, far)
        links = [self._have.get(("link", end.ns, end.name)) for end in ends]
        if not known and not all(map(self._is_sayable, ends, links)):
            return None
        for end in ends:
            if end.ns != MACHINE:
                self._links[end.node].add(end.name)
        asked, asked_ends = self._asked(near)
        same = links[0].mtu == links[1].mtu
        said = [
            self._said(end, link, asked_end, None if same else link.mtu)
            for end, link, asked_end in zip(ends, links, asked_ends)
        ]
        self._shorten(ends, said)
        endpoints = [_short(one) for one in said]
        settings = {key: value for key, value in asked.items() if key not in _LINK_SEEN}
        if same and links[0].mtu != MTU:
            settings = {"mtu": links[0].mtu, **settings}
        return {"endpoints": endpoints, **settings} if settings else endpoints

    def _is_sayable(self, end: End, link: Link) -> bool:
        if end.ns == MACHINE:
            return bool(link.up)
        return bool(link.up) and link.master == (BRIDGE if self._kinds[end.node] == "switch" else "")

    def _asked(self, near: End) -> tuple[_Given, list[_Given]]:
        """What the lab file says of a pair that can't be seen."""
        where = re.match(r"links\[(\d+)\]", self._lab.origin.get(("link", near.ns, near.name), ""))
        given = (self._lab.given.get("links") or [])[int(where[1])] if where else {}
        link: _Given = given if isinstance(given, dict) else {"endpoints": given}
        ends: list[t.Any] = link.get("endpoints") or [{}, {}]
        return link, [end if isinstance(end, dict) else {} for end in ends]

    def _said(self, end: End, link: Link, asked: _Given, mtu: int | None) -> _Given:
        said: _Given = {"node": end.node, "name": end.name}
        addresses = sorted(
            (pair for pair in self._have.of(end.ns, "address") if pair[0][2] == end.name),
            key=lambda pair: pair[1].index,
        )
        if addresses and end.ns != MACHINE:
            said["addresses"] = [described.address(key, record) for key, record in addresses]
        wanted = self._lab.want.get(("link", end.ns, end.name))
        pinned = isinstance(wanted, Link) and wanted.mac is not None
        if "mac" in asked or (pinned and link.mac != t.cast(Link, wanted).mac):
            said["mac"] = link.mac
        if mtu is not None and mtu != MTU:
            said["mtu"] = mtu
        said.update((key, value) for key, value in asked.items() if key not in _END_SEEN)
        return said

    def _shorten(self, ends: tuple[End, End], said: list[_Given]) -> None:
        """Leave out the names of ends that `topology` would choose itself."""
        both = [self._derived(ends[side], ends[1 - side].node, None) == ends[side].name for side in (0, 1)]
        if all(both):
            for one in said:
                del one["name"]
            return
        for side in (1, 0):
            if self._derived(ends[side], ends[1 - side].node, ends[1 - side].name) == ends[side].name:
                del said[side]["name"]
                return

    def _derived(self, end: End, node: str, name: str | None) -> str | None:
        if end.ns == MACHINE:
            return derived_names.machine_port_name(self._lab.id, node, name)
        return derived_names.port_name(node, name) if self._kinds[end.node] == "switch" else None


def _short(end: _Given) -> t.Any:
    """``NODE:LINK`` or ``NODE`` for an end of which nothing else is said."""
    if end.keys() <= {"node", "name"}:
        return f"{end['node']}:{end['name']}" if "name" in end else end["node"]
    return end


# -- what a lab file can't say


def _sayable(found: _Given) -> _Given:
    """The file without what `topology` would refuse: an address that two links have, a gateway that nothing reaches."""
    for _round in range(_ROUNDS):
        try:
            topology.load(found)
        except LabError as error:
            for place in sorted({_parsed(part.path or "") for part in error.parts}, key=repr, reverse=True):
                _leave_out(found, place)
        else:
            break
    return found


def _parsed(path: str) -> tuple[str | int, ...]:
    return tuple(int(number) if number else plain or quoted for plain, number, quoted in _STEP.findall(path))


def _leave_out(found: _Given, place: tuple[str | int, ...]) -> None:
    """Take the smallest part off that can go: an address, else its link; a route, else all of that setting."""
    if len(place) < 2 or place[0] not in ("nodes", "links"):
        return
    if place[0] == "links" and "addresses" not in place:
        place = place[:2]
    elif place[0] == "nodes":
        place = place[:4] if place[2:3] == ("routes",) else place[:3]
    inner: t.Any = found
    try:
        for step in place[:-1]:
            inner = inner[step]
        del inner[place[-1]]
        if not inner and place[2:3] == ("routes",):
            del found["nodes"][place[1]]["routes"]
    except (KeyError, IndexError, TypeError):
        pass  # it went with something else

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine as somebody who knows the modules' documentation and Linux would think of it: a few dictionaries.

For the random sequences of module calls, which hold it against what ip shows. It knows nothing of the engine.
"""

from __future__ import annotations

import copy
import ipaddress
import json
import subprocess
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

HERE = "@"
Options = t.Dict[str, t.Any]
End = t.Tuple[str, str]
"""Namespace and name of a link."""


@dataclass
class Port:
    """A link."""

    kind: str
    peer: End | None = None
    up: bool = False
    mtu: int = 1500
    master: str = ""
    addresses: set[str] = field(default_factory=set)

    def family(self, version: int) -> set[str]:
        return {text for text in self.addresses if ipaddress.ip_interface(text).version == version}


@dataclass
class Machine:
    """Namespaces with their links, and routes by namespace, destination and metric: gateway and link."""

    spaces: dict[str, dict[str, Port]] = field(default_factory=lambda: {HERE: {}})
    routes: dict[tuple[str, str, int], End] = field(default_factory=dict)
    lab: set[str] = field(default_factory=set)
    """The namespaces that the lab owns."""

    def copy(self) -> Machine:
        return copy.deepcopy(self)

    def find(self, end: End) -> Port | None:
        return self.spaces.get(end[0], {}).get(end[1])

    # -- what Linux does

    def link_gone(self, end: End) -> None:
        port = self.find(end)
        if port is None:
            return
        del self.spaces[end[0]][end[1]]
        self._routes_gone(end)
        for other in self.spaces[end[0]].values():
            if other.master == end[1]:
                other.master = ""
        if port.peer is not None:
            self.link_gone(port.peer)

    def space_gone(self, ns: str) -> None:
        for name in list(self.spaces.get(ns, {})):
            self.link_gone((ns, name))
        self.spaces.pop(ns, None)
        self.lab.discard(ns)

    def set(self, end: End, options: Options) -> None:
        """What the options that every link has do to one."""
        port = self.spaces[end[0]][end[1]]
        port.mtu = port.mtu if options.get("mtu") is None else options["mtu"]
        port.master = port.master if options.get("bridge") is None else options["bridge"]
        if options.get("up") is False and port.up:
            port.addresses -= port.family(6)
            self._routes_gone(end)
        port.up = port.up if options.get("up") is None else options["up"]
        if options.get("addresses") is not None:
            had, port.addresses = port.family(4), set(options["addresses"])
            if had and not port.family(4):
                self._routes_gone(end, 4)  # net/ipv4/fib_frontend.c: without an address IPv4 leaves the link

    def _routes_gone(self, end: End, version: int = 0) -> None:
        for key in [key for key, (_via, dev) in self.routes.items() if (key[0], dev) == end]:
            if version in (0, ipaddress.ip_network(key[1]).version):
                del self.routes[key]

    # -- what ip shows

    def shown(self) -> dict[t.Any, t.Any]:
        """In the form in which `seen` says it."""
        found: dict[t.Any, t.Any] = {}
        for ns, ports in self.spaces.items():
            found[ns] = "namespace"
            for name, port in ports.items():
                # The MTU of a bridge follows those of its ports.
                mtu = None if port.kind == "bridge" else port.mtu
                found[ns, name] = (port.kind, port.peer, port.up, mtu, port.master, frozenset(port.addresses))
        found.update(self.routes)
        return found


def seen(foreign: t.Collection[str] = ()) -> dict[t.Any, t.Any]:
    """What stands on this machine, by what ip says; without lo, and without the namespaces and links named here."""
    directory = Path("/run/netns")
    standing = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    names = [HERE, *(ns for ns in standing if ns not in foreign)]
    script = ""
    for ns in names:
        where = "" if ns == HERE else f"-n {ns}"
        script += f"ip {where} -d -j -batch - <<'END'\naddress show\nroute show\nEND\nip {where} -6 -j route show\n"
    text = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True).stdout
    answers = _answers(text)
    links: dict[str, list[dict[str, t.Any]]] = {}
    routes: dict[str, list[dict[str, t.Any]]] = {}
    for ns in names:
        links[ns] = next(answers)
        routes[ns] = [*next(answers), *next(answers)]
    found: dict[t.Any, t.Any] = {}
    ids = {ns: _ids(ns) for ns in names}
    for ns in names:
        found[ns] = "namespace"
        for one in links[ns]:
            if one["ifname"] == "lo" or one["ifname"] in foreign:
                continue
            kind = one.get("linkinfo", {}).get("info_kind", "")
            addresses = frozenset(
                f"{a['local']}/{a['prefixlen']}" for a in one["addr_info"] if not a["local"].startswith("fe80:")
            )
            peer = _peer(ns, one, links, ids) if kind == "veth" else None
            mtu = None if kind == "bridge" else one["mtu"]
            found[ns, one["ifname"]] = (kind, peer, "UP" in one["flags"], mtu, one.get("master", ""), addresses)
        for one in routes[ns]:
            if one.get("protocol") == "static" and one.get("dev") not in foreign:
                six = ":" in one["dst"] or ":" in one.get("gateway", "")
                to = ("::/0" if six else "0.0.0.0/0") if one["dst"] == "default" else one["dst"]
                to = str(ipaddress.ip_network(to))
                metric = 0 if six and one.get("metric") == 1024 else one.get("metric", 0)
                found[ns, to, metric] = (one.get("gateway", ""), one["dev"])
    return found


def _answers(text: str) -> t.Iterator[list[dict[str, t.Any]]]:
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        value, place = decoder.raw_decode(text, place)
        yield value


def _ids(ns: str) -> dict[int, str]:
    """The namespaces by the numbers under which one of them knows them."""
    command = ["ip", *([] if ns == HERE else ["-n", ns]), "-j", "netns", "list-id"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {one["nsid"]: one.get("name", "") for one in json.loads(done.stdout or "[]")}


def _peer(ns: str, one: dict[str, t.Any], links: dict[str, list[dict[str, t.Any]]], ids: t.Any) -> End | None:
    """The other end of a veth: the one whose number it gives and that gives this one's number."""
    if "link" in one:
        return ns, one["link"]
    for other, ports in links.items():
        for port in ports:
            points_here = port["ifindex"] == one.get("link_index") and port.get("link_index") == one["ifindex"]
            if other != ns and points_here and "link_netnsid" in port and _is_mutual(ns, other, one, port, ids):
                return other, port["ifname"]
    return None


def _is_mutual(ns: str, other: str, one: dict[str, t.Any], port: dict[str, t.Any], ids: t.Any) -> bool:
    """The machine's own namespace has no name."""
    there = ids[ns].get(one.get("link_netnsid"), "")
    back = ids[other].get(port["link_netnsid"], "")
    return (there or HERE, back or HERE) == (other, ns)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random things to want, such that a kernel can have them. For the property tests of the planner and of the engine.

Names, subnets and numbers come from small pools, so that two of these share much: a link that one has as a veth is a
bridge in the other, ends change places, an address moves to another link, the first of a subnet becomes the second.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Address,
    File,
    Hop,
    Key,
    Link,
    Namespace,
    Route,
    Sysctl,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.segments import Segments

SPACES = ("n0", "n1", "n2")
LINKS = ("a", "b", "c", "d")
MTUS = (1500, 1400, 9000, 1280, 1200)
CONF = (
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/default/rp_filter",
    "net/ipv4/conf/all/promote_secondaries",
    "net/ipv4/conf/all/accept_redirects",
)


THOROUGH = settings().max_examples > 100
"""Whether time doesn't count: `--hypothesis-profile=all`."""


def examples(count: int) -> settings:
    """So many examples for a test; with `--hypothesis-profile=all` ten times as many."""
    return settings(max_examples=count * settings().max_examples // 100)


class Shape(t.NamedTuple):
    """What a strategy may make use of."""

    kinds: tuple[str, ...] = ("veth", "bridge", "macvlan", "vxlan")
    spaces: tuple[str, ...] = SPACES
    conf: bool = True
    files: bool = True


ALL = Shape()


class _Drawing:
    """One want while it is drawn."""

    def __init__(self, draw: t.Callable[[st.SearchStrategy[t.Any]], t.Any], shape: Shape) -> None:
        self.draw = draw
        self.shape = shape
        self.want: Want = {}
        self.spaces: list[str] = []

    def pick(self, *some: t.Any) -> t.Any:
        return self.draw(st.sampled_from(some))

    def chance(self, one_in: int = 2) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def free(self, ns: str, names: t.Sequence[str]) -> list[str]:
        return [name for name in names if ("link", ns, name) not in self.want]

    def links(self, ns: str | None = None) -> list[tuple[Key, Link]]:
        return [
            (key, record)
            for key, record in self.want.items()
            if isinstance(record, Link) and key[2] != "lo" and ns in (None, key[1])
        ]

    # -- parts, in the order in which they build on each other

    def namespaces(self, owner: str | None) -> None:
        self.spaces = sorted(self.draw(st.sets(st.sampled_from(self.shape.spaces), min_size=1)))
        for ns in self.spaces:
            self.want["namespace", ns] = Namespace(owner=owner, broken=False)
            self.want["link", ns, "lo"] = Link(up=True)

    def bridges(self) -> None:
        for ns in self.spaces:
            if "bridge" in self.shape.kinds and self.chance(2):
                name = self.pick("br0", "a")
                options = (
                    ("ageing_time", self.pick(0, 300)),
                    ("priority", self.pick(4096, 32768)),
                    ("stp", self.chance()),
                )
                self.want["link", ns, name] = self._settings(Link(kind="bridge", options=options))

    def veths(self) -> None:
        for _number in range(self.draw(st.integers(0, 5))):
            ends = []
            for _end in range(2):
                ns = self.pick(*self.spaces)
                free = [name for name in self.free(ns, LINKS) if (ns, name) not in ends]
                if free:
                    ends.append((ns, self.pick(*free)))
            if len(ends) == 2:
                for near, far in (ends, ends[::-1]):
                    self.want["link", near[0], near[1]] = self._settings(Link(kind="veth", peer=far))

    def vxlans(self) -> None:
        for ns in self.spaces:
            if "vxlan" in self.shape.kinds and self.chance(4):
                options: dict[str, t.Any] = {
                    "id": self.pick(7, 8), "dstport": self.pick(4789, 8472), "learning": self.chance(),
                    "ttl": self.pick(0, 9), "remote": self.pick("10.9.9.9", "10.9.9.8", "fd99::9"),
                }  # fmt: skip
                lower = None
                below = [
                    key for key, record in self.links(ns) if record.kind == "veth" and t.cast(int, record.mtu) >= 1400
                ]
                if below and self.chance():
                    chosen = self.pick(*below)
                    lower = (chosen[1], chosen[2])
                name = "v1" if lower else self.pick("v0", "a")  # a lower link that isn't asked for isn't taken away
                if ("link", ns, name) not in self.want:
                    record = Link(kind="vxlan", options=tuple(sorted(options.items())), lower=lower)
                    self.want["link", ns, name] = replace(self._settings(record), mtu=self.pick(1200, 1280))

    def ports(self) -> None:
        """In a loop of bridges the kernel's own multicast goes round and multiplies, in the interrupts of the whole
        machine: what runs beside it hardly gets on. Those with STP let nothing through at first."""
        segments = Segments()
        for ns in self.spaces:
            bridges = [key[2] for key, record in self.links(ns) if record.kind == "bridge"]
            for key, record in self.links(ns):
                if record.kind in ("veth", "vxlan") and bridges and self.chance():
                    near = (ns, bridges[0])
                    peer = self.want.get(("link", *record.peer)) if record.peer else None
                    far = (record.peer[0], peer.master) if isinstance(peer, Link) and peer.master else None
                    if far and not self._has_stp(*near) and not self._has_stp(*far) and not segments.join(near, far):
                        continue
                    self.want[key] = replace(record, master=bridges[0])

    def _has_stp(self, ns: str, bridge: str) -> bool:
        return ("stp", True) in t.cast(Link, self.want["link", ns, bridge]).options

    def macvlans(self) -> None:
        for ns in self.spaces:
            if "macvlan" not in self.shape.kinds or not self.chance(3):
                continue
            below = [(key, record) for key, record in self.links() if record.kind != "vxlan" and not record.master]
            names = self.free(ns, ("m0", "m1", "b"))
            if below and names:
                key, lower = self.pick(*below)
                record = Link(
                    kind="macvlan", lower=(key[1], key[2]), options=(("mode", self.pick("bridge", "private", "vepa")),)
                )
                self.want["link", ns, self.pick(*names)] = replace(
                    self._settings(record), mtu=self.pick(*(mtu for mtu in MTUS if mtu <= t.cast(int, lower.mtu)))
                )

    def addresses(self) -> None:
        for key, record in self.links():
            if record.master:
                continue
            for _number in range(self.draw(st.integers(0, 3))):
                subnet, host = self.draw(st.integers(1, 3)), self.draw(st.integers(1, 3))
                if self.chance(3) and t.cast(int, record.mtu) >= 1280:
                    address = ("address", key[1], key[2], f"fd00:{subnet}::{host}")
                    self.want[address] = Address(prefix=self.pick(64, 96))
                else:
                    self.want["address", key[1], key[2], f"10.{subnet}.0.{host}/{self.pick(24, 24, 25, 32)}"] = (
                        Address()
                    )

    def routes(self) -> None:
        for ns in self.spaces:
            for _number in range(self.draw(st.integers(0, 4))):
                self._route(ns)

    def sysctls(self) -> None:
        if not self.shape.conf:
            return
        for ns in self.spaces:
            for name in CONF:
                self.want["sysctl", ns, name] = Sysctl(self.pick("0", "1"))
            for key, record in self.links(ns):
                self.want["sysctl", ns, f"net/ipv4/conf/{key[2]}/proxy_arp"] = Sysctl(self.pick("0", "1"))
                if t.cast(int, record.mtu) >= 1280:
                    self.want["sysctl", ns, f"net/ipv6/conf/{key[2]}/accept_ra"] = Sysctl(self.pick("1", "2"))
            if self.shape.files and self.chance(3):
                self.want["file", ns, "resolv.conf"] = File(self.pick("nameserver 10.0.0.1\n", "", "# ä\n"))

    def _settings(self, link: Link) -> Link:
        mac = f"02:00:00:00:00:{len(self.want):02x}" if self.chance(4) else None
        return replace(link, mtu=self.pick(*MTUS), mac=mac, up=not self.chance(5), master="")

    def _reachable(self, ns: str, family: int) -> list[Hop]:
        """Gateways on links that are up, by way of an address that stands there."""
        found = []
        for key in self.want:
            if key[0] != "address" or key[1] != ns or (":" in key[3]) is not (family == 6):
                continue
            if not t.cast(Link, self.want["link", ns, key[2]]).up or key[3].endswith("/32"):
                continue
            subnet = key[3].split(".")[1] if family == 4 else key[3].split(":")[1]
            gateway = f"10.{subnet}.0.9" if family == 4 else f"fd00:{subnet}::9"
            found.append(Hop(gateway, key[2]))
        return list(dict.fromkeys(found))

    def _route(self, ns: str) -> None:
        family = 4 if self.chance(2) else 6
        targets = ("10.20.0.0/24", "10.20.1.0/24", "0.0.0.0/0") if family == 4 else ("fd20::/64", "fd21::/64", "::/0")
        metric = self.pick(0, 5) if family == 4 else self.pick(1024, 5)
        key: Key = ("route", ns, self.pick(254, 254, 100), self.pick(*targets), 0, metric)
        hops = self._reachable(ns, family)
        up = [link[2] for link, record in self.links(ns) if record.up and not record.master
              and (family == 4 or t.cast(int, record.mtu) >= 1280)]  # fmt: skip
        what = self.pick("via", "via", "dev", "type", "many")
        if what == "type":
            self.want[key] = Route(
                (), self.pick("blackhole", "unreachable", "prohibit", "throw"), source="", onlink=False
            )
        elif what == "dev" and up:
            self.want[key] = Route((Hop(None, self.pick(*up)),), "unicast", source="", onlink=False, mtu=0)
        elif what == "many" and len(hops) > 1:
            chosen = self.draw(st.lists(st.sampled_from(hops), min_size=2, max_size=3, unique=True))
            weighted = tuple(hop._replace(weight=self.pick(1, 2)) for hop in chosen)
            self.want[key] = Route(weighted, "unicast", source="", onlink=False, mtu=0)
        elif hops:
            hop = self.pick(*hops)
            self.want[key] = Route((hop,), "unicast", source="", onlink=False, mtu=self.pick(0, 0, 1300))


@st.composite
def wants(draw: t.Any, owner: str | None = None, shape: Shape = ALL) -> Want:
    """Some namespaces and everything in them, each field given: what stands afterwards is wholly determined."""
    drawing = _Drawing(draw, shape)
    drawing.namespaces(owner)
    drawing.bridges()
    drawing.veths()
    drawing.vxlans()
    drawing.ports()
    drawing.macvlans()
    drawing.addresses()
    drawing.routes()
    drawing.sysctls()
    return drawing.want

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random lab files that `topology` takes. For the property tests of what is made from files and read back as such."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.segments import Segments

_NODES = ("a", "b", "c", "s1", "s2")
_NAMES = ("eth0", "eth1", "a-b", "v.5")


@st.composite
def lab_files(draw: t.Callable[[st.SearchStrategy[t.Any]], t.Any]) -> dict[str, t.Any]:
    """Hosts, routers and switches with links of every form, groups, defaults, routes, sysctls and files."""
    lab: dict[str, t.Any] = {"name": "any"}
    if draw(st.booleans()):
        lab["prefix"] = "x-"
    nodes: dict[str, t.Any] = {}
    for name in draw(st.lists(st.sampled_from(_NODES), min_size=1, unique=True)):
        kind = "switch" if name[0] == "s" else draw(st.sampled_from(["host", "router"]))
        nodes[name] = _settings(draw, kind)
    lab["nodes"] = nodes
    if draw(st.booleans()):
        lab["groups"] = {"g": {"sysctls": {"net.ipv4.icmp_echo_ignore_all": draw(st.integers(0, 1))}}}
        for node in nodes.values():
            if draw(st.booleans()):
                node["groups"] = ["g"]
    if draw(st.booleans()):
        lab["defaults"] = {"link": {"mtu": draw(st.sampled_from([1400, 9000]))}}
    lab["links"] = _links(draw, nodes)
    return lab


def _settings(draw: t.Callable[[st.SearchStrategy[t.Any]], t.Any], kind: str) -> dict[str, t.Any]:
    node: dict[str, t.Any] = {} if kind == "host" else {"kind": kind}
    if kind == "switch" and draw(st.integers(0, 2)) == 0:
        node["stp"] = True
    if draw(st.integers(0, 3)) == 0:
        node["loopback"] = False
    sysctls = draw(
        st.dictionaries(
            st.sampled_from(
                ["net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net/ipv4/ip_default_ttl", "net.ipv4.tcp_rmem"]
            ),
            st.just(1),
            max_size=2,
        )
    )
    if "net.ipv4.tcp_rmem" in sysctls:
        sysctls["net.ipv4.tcp_rmem"] = "4096 131072  6291456"
    if sysctls:
        node["sysctls"] = sysctls
    if draw(st.integers(0, 3)) == 0:
        node["etc"] = {"hosts": draw(st.sampled_from(["", "10.0.0.1 a\n", "ä\n\tb"]))}
    return node


def _links(draw: t.Callable[[st.SearchStrategy[t.Any]], t.Any], nodes: dict[str, t.Any]) -> list[t.Any]:
    links: list[t.Any] = []
    taken: set[tuple[str, str]] = set()
    segments = Segments()
    for number in range(draw(st.integers(0, 5))):
        ends = []
        for side in (0, 1):
            name = draw(st.sampled_from(sorted(nodes)))
            end: dict[str, t.Any] = {"node": name}
            if nodes[name].get("kind") != "switch":
                free = [link for link in _NAMES if (name, link) not in taken]
                if not free:
                    break
                end["name"] = draw(st.sampled_from(free))
                taken.add((name, end["name"]))
                if draw(st.booleans()):
                    end["addresses"] = [f"10.{number}.0.{side + 1}/24", f"fd00:{number}::{side + 1}/64"]
            elif draw(st.booleans()):
                end["name"] = f"p{number}{side}"
            if draw(st.integers(0, 4)) == 0:
                end["mac"] = f"02:00:00:00:{number:02x}:{side:02x}"
            if draw(st.integers(0, 4)) == 0:
                end["mtu"] = 1300
            ends.append(end)
        if len(ends) < 2:
            continue
        pair = (ends[0]["node"], ends[1]["node"])
        if all(nodes[node].get("kind") == "switch" for node in pair):
            # No loops but with STP: see `random_wants`.
            unnamed = "name" not in ends[0] and "name" not in ends[1]  # of these there is one between two
            speaks = any("stp" in nodes[node] for node in pair) and not unnamed
            if not speaks and not segments.join(*pair):
                continue
        elif pair[0] == pair[1] and "name" in ends[0] and ends[0].get("name") == ends[1].get("name"):
            continue
        for side, end in enumerate(ends):
            if "addresses" in end and pair[0] != pair[1] and draw(st.booleans()):
                _route(draw, nodes[end["node"]], number, side, end["name"])
        short = [_short(end) if draw(st.booleans()) else end for end in ends]
        links.append({"endpoints": short, "mtu": 1280} if draw(st.integers(0, 3)) == 0 else short)
    return links


def _route(
    draw: t.Callable[[st.SearchStrategy[t.Any]], t.Any], node: dict[str, t.Any], number: int, side: int, dev: str
) -> None:
    gateway = {4: f"10.{number}.0.{2 - side}", 6: f"fd00:{number}::{2 - side}"}
    route = draw(
        st.sampled_from([
            {"to": f"192.168.{number}.0/24", "via": gateway[4]},
            {"to": f"192.168.{number}.0/24", "dev": dev},
            {"to": f"192.168.{number}.0/24", "type": "blackhole", "table": 7},
            {"to": "default", "via": [gateway[4], f"10.{number}.0.77"], "metric": number + 1},
            {"to": "default", "via": gateway[6], "metric": number + 1},
            {"to": f"fd99:{number}::/64", "via": gateway[6], "src": f"fd00:{number}::{side + 1}"},
            {"to": "198.51.100.7", "via": "203.0.113.1", "dev": dev, "onlink": True, "metric": number},
        ])
    )  # fmt: skip
    node.setdefault("routes", []).append(route)


def _short(end: dict[str, t.Any]) -> t.Any:
    if end.keys() == {"node", "name"}:
        return f"{end['node']}:{end['name']}"
    return end["node"] if end.keys() == {"node"} else end

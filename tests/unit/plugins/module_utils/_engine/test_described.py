# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab as it stands, in the words of the lab file."""

from __future__ import annotations

import typing as t

from ansible_collections.netns.lab.plugins.module_utils._engine import described, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Address,
    Hop,
    Key,
    Link,
    Namespace,
    Record,
    Route,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

LAB = topology.load(
    {
        "name": "lab",
        "prefix": "b-",
        "nodes": {"red": {}, "blue": {}, "sw": {"kind": "switch"}},
        "links": [["red:eth0", "blue:eth0"], ["red:eth1", "sw"], ["red:eth2", "@virbr0"]],
    }
)
PORT = next(key[2] for key in LAB.want if key[:2] == ("link", "@"))


def state(records: dict[Key, Record]) -> State:
    """What stands: the namespace of red, and these."""
    found = State()
    found.put(("namespace", "b-red"), Namespace(owner="lab@b-", nsid=-1, broken=False))
    for key, record in records.items():
        found.put(key, record)
    return found


def veth(ns: str, name: str, **keys: t.Any) -> Link:
    """A veth as it is observed."""
    return Link("veth", (ns, name), mtu=1500, mac="02:00:00:00:00:01", up=True, master="", **keys)


def red(records: dict[Key, Record]) -> dict[str, t.Any]:
    """What is said about the node red."""
    node: dict[str, t.Any] = described.describe(LAB, state(records))["nodes"]["red"]
    return node


def routes(*given: tuple[tuple[t.Any, ...], Route]) -> list[dict[str, t.Any]]:
    """What is said about red's routes."""
    found: list[dict[str, t.Any]] = red({("route", "b-red", *key): record for key, record in given})["routes"]
    return found


def test_a_node_that_does_not_stand_is_left_out():
    assert list(described.describe(LAB, state({}))["nodes"]) == ["red"]
    assert described.describe(LAB, State()) == {"name": "lab", "nodes": {}, "links": []}


def test_a_link_with_its_addresses_and_its_peer_by_the_names_of_the_lab():
    said = red(
        {
            ("link", "b-red", "lo"): Link(kind="", up=True),
            ("link", "b-red", "eth0"): veth("b-blue", "eth0"),
            ("address", "b-red", "eth0", "10.0.0.1/24"): Address(),
            ("address", "b-red", "eth0", "fd00::1"): Address(prefix=64),
            ("address", "b-red", "lo", "127.0.0.1/8"): Address(),
        }
    )
    assert said == {
        "netns": "b-red",
        "kind": "host",
        "links": {
            "eth0": {
                "up": True,
                "mtu": 1500,
                "mac": "02:00:00:00:00:01",
                "addresses": ["10.0.0.1/24", "fd00::1/64"],
                "peer": "blue:eth0",
            }
        },
        "routes": [],
    }


def test_a_port_of_a_bridge_names_the_bridge():
    found = state(
        {
            ("namespace", "b-sw"): Namespace(owner="lab@b-"),
            ("link", "b-sw", "br0"): Link("bridge", up=True, mtu=1500, mac="02:00:00:00:00:02", master=""),
            ("link", "b-sw", "red-eth1"): Link("veth", ("b-red", "eth1"), up=True, mtu=1500, master="br0"),
        }
    )
    links = described.describe(LAB, found)["nodes"]["sw"]["links"]
    assert links["red-eth1"]["bridge"] == "br0"
    assert links["red-eth1"]["peer"] == "red:eth1"
    assert links["br0"]["kind"] == "bridge"


def test_a_peer_on_the_machine_is_named_with_its_bridge():
    said = red(
        {
            ("link", "b-red", "eth2"): veth("@", PORT),
            ("link", "@", PORT): Link("veth", ("b-red", "eth2"), master="virbr0"),
        }
    )
    assert said["links"]["eth2"]["peer"] == f"@virbr0:{PORT}"


def test_a_peer_that_cannot_be_seen_is_left_out():
    assert "peer" not in red({("link", "b-red", "eth0"): veth("?", "")})["links"]["eth0"]


def test_the_links_of_the_lab_are_listed_when_both_ends_stand():
    found = state(
        {("link", "b-red", "eth0"): veth("b-blue", "eth0"), ("link", "b-blue", "eth0"): veth("b-red", "eth0")},
    )
    assert described.describe(LAB, found)["links"] == [["red:eth0", "blue:eth0"]]


def test_routes_are_said_in_the_words_of_the_lab_file():
    assert routes(
        ((254, "0.0.0.0/0", 0, 0), Route((Hop("10.0.0.2", "eth0"),), "unicast", "static", "")),
        ((254, "::/0", 0, 1024), Route((Hop("fd00::2", "eth0"),), "unicast", "static", "")),
        ((100, "10.5.0.0/16", 0, 7), Route((Hop(None, "eth0"),), "unicast", "static", "10.0.0.1")),
        ((254, "0.0.0.0/0", 0, 9), Route((Hop(None, "eth0"),), "unicast", "static", "")),
        ((254, "10.6.0.0/16", 0, 0), Route((), "blackhole", "static", "")),
        ((254, "10.7.0.0/16", 0, 0), Route((Hop("10.0.0.2", "eth0", 2), Hop("10.0.0.3", "eth0")), "unicast")),
        ((254, "10.8.0.0/16", 0, 0), Route((Hop("192.0.2.1", "eth0"),), "unicast", "static", "", onlink=True)),
    ) == [
        {"to": "default", "via": "10.0.0.2", "dev": "eth0"},
        {"to": "default", "via": "fd00::2", "dev": "eth0"},
        {"to": "10.5.0.0/16", "dev": "eth0", "table": 100, "metric": 7, "src": "10.0.0.1"},
        {"to": "0.0.0.0/0", "dev": "eth0", "metric": 9},
        {"to": "10.6.0.0/16", "type": "blackhole"},
        {
            "to": "10.7.0.0/16",
            "hops": [{"via": "10.0.0.2", "dev": "eth0", "weight": 2}, {"via": "10.0.0.3", "dev": "eth0", "weight": 1}],
        },
        {"to": "10.8.0.0/16", "via": "192.0.2.1", "dev": "eth0", "onlink": True},
    ]


def test_routes_that_the_kernel_makes_are_left_out():
    assert not routes(((254, "10.0.0.0/24", 0, 0), Route((Hop(None, "eth0"),), "unicast", "kernel", "10.0.0.1")))


def test_what_is_said_of_a_nodes_routes_can_stand_in_a_lab_file_again():
    given = [
        {"to": "default", "via": "10.0.0.2"},
        {"to": "10.5.0.0/16", "hops": [{"via": "10.0.0.2", "weight": 2}, {"via": "10.0.0.3"}], "metric": 5},
        {"to": "10.6.0.0/16", "type": "blackhole", "table": 7},
        {"to": "::/0", "dev": "eth0", "src": "fd00::1"},
    ]
    end = {"node": "red", "name": "eth0", "addresses": ["10.0.0.1/24", "fd00::1/64"]}

    def loaded(routes: list[dict[str, t.Any]]) -> topology.Lab:
        nodes = {"red": {"routes": routes}, "blue": {}}
        return topology.load({"name": "lab", "nodes": nodes, "links": [[end, "blue:eth0"]]})

    first = loaded(given)
    found = State()
    for key, record in first.want.items():
        assert record is not None
        found.put(key, record)
    said = described.describe(first, found)["nodes"]["red"]["routes"]
    assert loaded(said).want == first.want

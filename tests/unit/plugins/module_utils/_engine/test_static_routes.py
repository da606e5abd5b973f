# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of nodes: their records, and what the kernel would refuse."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Hop, Key, Route


def red(*routes: dict[str, t.Any]) -> dict[str, t.Any]:
    """A lab whose node red has two links, addresses of both families, and these routes."""
    eth0 = {"node": "red", "name": "eth0", "addresses": ["10.0.0.1/24", "fd00::1/64"]}
    eth1 = {"node": "red", "name": "eth1", "addresses": ["10.1.0.1/16", "10.9.0.1 peer 10.9.0.2/32"]}
    nodes = {"red": {"routes": list(routes)}, "blue": {}}
    return {"name": "lab", "nodes": nodes, "links": [[eth0, "blue:eth0"], [eth1, "blue:eth1"]]}


def routes_of(*routes: dict[str, t.Any]) -> dict[Key, Route]:
    """The records of red's routes."""
    return {key: record for key, record in topology.load(red(*routes)).want.items() if isinstance(record, Route)}


@pytest.mark.parametrize(
    ("route", "key", "hops"),
    [
        ({"to": "default", "via": "10.0.0.2"}, (254, "0.0.0.0/0", 0, 0), [Hop("10.0.0.2", "eth0")]),
        ({"to": "default", "via": "fd00::2"}, (254, "::/0", 0, 1024), [Hop("fd00::2", "eth0")]),
        ({"to": "0.0.0.0/0", "dev": "eth1"}, (254, "0.0.0.0/0", 0, 0), [Hop(None, "eth1")]),
        ({"to": "10.5.0.0/16", "via": "10.1.2.3"}, (254, "10.5.0.0/16", 0, 0), [Hop("10.1.2.3", "eth1")]),
        ({"to": "10.5.0.1", "via": "10.9.0.2"}, (254, "10.5.0.1/32", 0, 0), [Hop("10.9.0.2", "eth1")]),
        ({"to": "fd01::/64", "via": "fe80::1", "dev": "eth1"}, (254, "fd01::/64", 0, 1024), [Hop("fe80::1", "eth1")]),
        ({"to": "10.5.0.0/16", "dev": "lo", "table": 100}, (100, "10.5.0.0/16", 0, 0), [Hop(None, "lo")]),
        (
            {"to": "10.5.0.0/16", "dev": "lo", "table": "main", "metric": 7},
            (254, "10.5.0.0/16", 0, 7),
            [Hop(None, "lo")],
        ),
        (
            {"to": "10.5.0.0/16", "via": ["10.0.0.2", "10.1.0.2"]},
            (254, "10.5.0.0/16", 0, 0),
            [Hop("10.0.0.2", "eth0"), Hop("10.1.0.2", "eth1")],
        ),
        (
            {"to": "10.5.0.0/16", "hops": [{"via": "10.0.0.2", "weight": 3}, {"dev": "eth1"}]},
            (254, "10.5.0.0/16", 0, 0),
            [Hop("10.0.0.2", "eth0", 3), Hop(None, "eth1")],
        ),
        (
            {"to": "10.5.0.0/16", "hops": [{"dev": "eth1", "weight": 3}]},
            (254, "10.5.0.0/16", 0, 0),
            [Hop(None, "eth1")],
        ),
    ],
)
def test_a_route_and_its_record(route, key, hops):
    assert routes_of(route) == {
        ("route", "red", *key): Route(hops=tuple(hops), type="unicast", source="", onlink=False),
    }


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit", "throw"])
def test_a_route_that_drops_has_no_hops(kind):
    assert routes_of({"to": "10.5.0.0/16", "type": kind}) == {
        ("route", "red", 254, "10.5.0.0/16", 0, 0): Route(hops=(), type=kind, source="", onlink=False)
    }


def test_a_route_may_prefer_an_address_of_the_node():
    (record,) = routes_of({"to": "default", "via": "10.0.0.2", "src": "10.1.0.1"}).values()
    assert record.source == "10.1.0.1"


def test_onlink_takes_any_gateway_on_its_word():
    (record,) = routes_of({"to": "default", "via": "192.0.2.1", "dev": "eth0", "onlink": True}).values()
    assert record == Route(hops=(Hop("192.0.2.1", "eth0"),), type="unicast", source="", onlink=True)


def test_a_gateway_may_be_reached_by_a_route_that_needs_no_gateway():
    found = routes_of({"to": "192.0.2.1", "dev": "eth1"}, {"to": "default", "via": "192.0.2.1"})
    assert found["route", "red", 254, "0.0.0.0/0", 0, 0].hops == (Hop("192.0.2.1", "eth1"),)


def test_of_two_subnets_with_the_gateway_the_smaller_one_has_it():
    definition = red({"to": "10.5.0.0/16", "via": "10.0.0.2"})
    definition["links"][1][0]["addresses"] = ["10.1.0.1/8"]
    record = topology.load(definition).want["route", "red", 254, "10.5.0.0/16", 0, 0]
    assert isinstance(record, Route)
    assert record.hops == (Hop("10.0.0.2", "eth0"),)


def test_a_spare_route_has_another_metric():
    found = routes_of({"to": "default", "via": "10.0.0.2"}, {"to": "default", "via": "10.1.0.2", "metric": 100})
    assert [key[5] for key in found] == [0, 100]


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ({"to": "default"}, "give 'via', 'dev' or both"),
        (
            {"to": "default", "dev": "eth0"},
            "'default': without a gateway this may be IPv4 or IPv6; write 0.0.0.0/0 or ::/0",
        ),
        ({"to": "10.5.0.0/16", "via": "fd00::2"}, "10.5.0.0/16 is IPv4, but its gateway or source is IPv6"),
        ({"to": "default", "via": ["10.0.0.2", "fd00::2"]}, "0.0.0.0/0 is IPv4, but its gateway or source is IPv6"),
        (
            {"to": "default", "via": "10.0.0.2", "src": "fd00::1"},
            "0.0.0.0/0 is IPv4, but its gateway or source is IPv6",
        ),
        (
            {"to": "default", "dev": "eth9", "via": "10.0.0.2"},
            "'eth9': red has no link of that name; it has lo, eth0, eth1",
        ),
        ({"to": "default", "via": "10.0.0.1"}, "10.0.0.1: this is red's own address"),
        (
            {"to": "default", "via": "192.0.2.1"},
            "192.0.2.1: no address of red is in one subnet with this gateway; it has 10.0.0.1/24 on eth0, fd00::1/64",
        ),
        ({"to": "default", "via": "10.1.0.2", "dev": "eth0"}, "10.1.0.2: no address of red on eth0 is in one subnet"),
        (
            {"to": "default", "via": "192.0.2.1", "onlink": True},
            "192.0.2.1: say by which link this gateway is reached: dev",
        ),
        ({"to": "10.5.0.0/16", "dev": "eth0", "onlink": True}, "'onlink' is about a gateway: give 'via', too"),
        ({"to": "default", "via": "fe80::1"}, "fe80::1: say by which link this gateway is reached: dev"),
        (
            {"to": "default", "via": "10.0.0.2", "src": "10.0.0.3"},
            "10.0.0.3: red has no such address; it has 10.0.0.1/24",
        ),
        ({"to": "10.5.0.0/16", "type": "blackhole", "via": "10.0.0.2"}, "a route of type blackhole drops what matches"),
        ({"to": "10.5.0.0/16", "hops": [{"weight": 1}, {}]}, "hops[0]: give 'via', 'dev' or both"),
        (
            {"to": "10.5.0.0/16", "via": "10.0.0.2", "hops": [{"dev": "eth0"}]},
            "'hops' stands in the place of 'via' and 'dev'",
        ),
        ({"to": "10.5.0.0/16", "via": ["10.0.0.2", "10.0.0.2"]}, "the same next hop stands here twice"),
        ({"to": "10.5.0.0/16", "dev": "lo", "table": 255}, "table 255: expected a number from 1 to 4294967295"),
        ({"to": "10.5.0.0/16", "dev": "lo", "table": "0"}, "table 0: expected a number from 1 to 4294967295"),
    ],
)
def test_a_route_that_cannot_be(route, problem):
    with pytest.raises(LabError) as caught:
        topology.load(red(route))
    assert caught.value.path == "nodes.red.routes[0]"
    assert caught.value.message.startswith(problem)


def test_two_routes_with_one_key_need_two_metrics_or_one_list_of_gateways():
    with pytest.raises(LabError) as caught:
        topology.load(red({"to": "default", "via": "10.0.0.2"}, {"to": "0.0.0.0/0", "via": "10.1.0.2"}))
    assert caught.value.path == "nodes.red.routes[1]"
    assert caught.value.message.startswith(
        "destination, table and metric are those of routes[0]; for two gateways at once"
    )


def test_a_node_without_addresses_is_told_so():
    definition = red({"to": "default", "via": "10.0.0.2"})
    definition["links"] = []
    with pytest.raises(LabError, match="in one subnet with this gateway; it has no addresses"):
        topology.load(definition)

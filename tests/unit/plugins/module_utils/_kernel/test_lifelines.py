# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a namespace lives by, worked out from what is known of it."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import decode, endpoints, lifelines

LINK = decode.LinkRow(
    index=1, name="", flags=1, mtu=1500, mac="", master=0, link=0, link_nsid=None, kind="", info_data=None,
    slave_kind="", alias="", group=0, altnames=(), operstate=6, perm_mac="", parent_dev="", xdp=False, qdisc="", type=1,
)  # fmt: skip
ADDRESS = decode.AddressRow(
    family=socket.AF_INET, index=1, local="", peer=None, prefixlen=24, flags=128, scope=0, label="", broadcast=None,
    protocol=0, valid=0xFFFFFFFF, preferred=0xFFFFFFFF, metric=0,
)  # fmt: skip
ROUTE = decode.RouteRow(
    family=socket.AF_INET, dst="0.0.0.0/0", table=254, tos=0, metric=0, protocol=3, type=1, scope=0, prefsrc=None,
    flags=0, nexthop_id=0, mtu=0, hops=(), source=None,
)  # fmt: skip
NIC = LINK._replace(index=2, name="eth0")
OTHER = LINK._replace(index=3, name="eth1")


def family(text):
    return socket.AF_INET6 if ":" in text else socket.AF_INET


def route(dst="0.0.0.0/0", *hops, **fields):
    """A route whose hops are given as (gateway, index) pairs."""
    return ROUTE._replace(family=family(dst), dst=dst, hops=tuple((via, index, 1) for via, index in hops), **fields)


def address(local, index=2, **fields):
    return ADDRESS._replace(family=family(local), local=local, index=index, **fields)


def scene(*routes, addresses=(), links=(NIC, OTHER), tables=(254, 253), nexthops=None):
    return lifelines.Scene(links, addresses, routes, frozenset(tables), nexthops or {})


def needs(*arguments, **fields):
    found = lifelines.Needs()
    lifelines.default_routes(scene(*arguments, **fields), found)
    return found


class TestDefaultRoutes:
    def test_the_link_and_the_route_are_needed(self):
        found = needs(route("0.0.0.0/0", ("10.0.0.1", 2)))
        assert found.links() == {2: "carries the IPv4 default route"}
        assert found.routes() == {(254, "0.0.0.0/0", 0, 0): "is the IPv4 default route"}

    def test_of_both_families(self):
        found = needs(route("0.0.0.0/0", ("10.0.0.1", 2)), route("::/0", ("fe80::1", 2), metric=1024))
        assert found.links() == {2: "carries the IPv4 default route and the IPv6 default route"}
        assert set(found.routes()) == {(254, "0.0.0.0/0", 0, 0), (254, "::/0", 0, 1024)}

    def test_without_a_gateway(self):
        assert set(needs(route("0.0.0.0/0", (None, 2))).links()) == {2}

    @pytest.mark.parametrize("dst", ["0.0.0.0/1", "128.0.0.0/1", "64.0.0.0/2", "::/1", "8000::/1", "2000::/3"])
    def test_halved_by_a_vpn(self, dst):
        found = needs(route(dst, (None, 2)))
        assert f"(its part {dst})" in found.links()[2]

    @pytest.mark.parametrize("dst", ["224.0.0.0/4", "10.0.0.0/8", "fd00::/8", "ff00::/8"])
    def test_other_large_networks_are_none(self, dst):
        assert needs(route(dst, (None, 2))).links() == {}

    def test_over_several_hops(self):
        assert set(needs(route("0.0.0.0/0", ("10.0.0.1", 2), ("10.1.0.1", 3))).links()) == {2, 3}

    def test_over_a_next_hop_object_that_the_kernel_does_not_resolve(self):
        found = needs(route(nexthop_id=7), nexthops={7: (("10.0.0.1", 2, 1), ("10.1.0.1", 3, 2))})
        assert set(found.links()) == {2, 3}

    def test_the_backup_with_a_higher_metric_too(self):
        assert set(needs(route("0.0.0.0/0", (None, 2)), route("0.0.0.0/0", (None, 3), metric=100)).links()) == {2, 3}

    def test_in_a_table_that_rules_look_into(self):
        found = needs(route("0.0.0.0/0", (None, 2), table=51820), tables=(254, 51820))
        assert found.links() == {2: "carries the IPv4 default route of table 51820"}

    def test_but_not_in_a_table_that_no_rule_looks_into(self):
        assert needs(route("0.0.0.0/0", (None, 2), table=100)).links() == {}

    @pytest.mark.parametrize("kind", [6, 7, 8])
    def test_a_refusal_of_everything_is_no_way_out(self, kind):
        assert needs(route("::/0", (None, 1), type=kind)).routes() == {}

    def test_the_way_to_the_gateway_is_needed(self):
        found = needs(
            route("0.0.0.0/0", ("10.0.0.1", 2)),
            route("10.0.0.0/8", (None, 2)),
            route("10.0.0.0/24", (None, 2), scope=253),
            route("10.0.0.0/25", (None, 3)),
        )
        reason = "leads to 10.0.0.1, the gateway of the IPv4 default route"
        assert found.routes() == {
            (254, "0.0.0.0/0", 0, 0): "is the IPv4 default route",
            (254, "10.0.0.0/24", 0, 0): reason,
        }

    def test_the_address_in_the_gateways_subnet_is_needed(self):
        standing = [
            address("10.0.0.2"),
            address("10.0.0.3", flags=129),
            address("10.1.0.2"),
            address("10.0.0.4", index=3),
            address("fd00::1"),
        ]
        found = needs(route("0.0.0.0/0", ("10.0.0.1", 2)), addresses=standing)
        assert set(found.addresses()) == {(2, "10.0.0.2")}

    def test_the_end_of_a_point_to_point_address_may_be_the_gateway(self):
        standing = [address("10.9.9.9", peer="10.0.0.1", prefixlen=32)]
        assert set(needs(route("0.0.0.0/0", ("10.0.0.1", 2)), addresses=standing).addresses()) == {(2, "10.9.9.9")}

    def test_the_preferred_source_is_needed_wherever_it_is(self):
        found = needs(
            route("0.0.0.0/0", ("10.0.0.1", 2), prefsrc="192.0.2.1"), addresses=[address("192.0.2.1", index=1)]
        )
        assert found.addresses() == {(1, "192.0.2.1"): "is the source address of the IPv4 default route"}

    def test_a_gateway_of_the_other_family(self):
        standing = [address("fe80::2", prefixlen=64), address("10.0.0.1")]
        found = needs(route("0.0.0.0/0", ("fe80::1", 2)), route("fe80::/64", (None, 2)), addresses=standing)
        assert set(found.addresses()) == {(2, "fe80::2")}
        assert (254, "fe80::/64", 0, 0) in found.routes()

    def test_one_that_was_advertised_is_told(self):
        found = needs(route("::/0", ("fe80::1", 2), protocol=9), route("0.0.0.0/0", (None, 3)))
        assert found.advertised == {2: "has learned the IPv6 default route from a router advertisement"}


class TestConnections:
    def test_the_route_the_link_and_this_end_are_needed(self):
        found = lifelines.Needs()
        back = route("192.0.2.0/24", ("10.0.0.1", 2))
        lifelines.connection(scene(addresses=[address("10.0.0.2")]), found, "the connection", "10.0.0.2", back)
        assert found.links() == {2: "carries the connection"}
        assert found.addresses() == {(2, "10.0.0.2"): "is this machine's end of the connection"}
        assert found.routes() == {(254, "192.0.2.0/24", 0, 0): "carries the connection"}

    def test_where_it_arrives_and_where_it_leaves_may_differ(self):
        found = lifelines.Needs()
        here = scene(addresses=[address("10.0.0.2", index=3)])
        lifelines.connection(here, found, "it", "10.0.0.2", route("0.0.0.0/0", ("10.1.0.1", 2)))
        assert set(found.links()) == {2, 3}

    def test_without_a_route_this_end_is_needed_still(self):
        found = lifelines.Needs()
        lifelines.connection(scene(addresses=[address("10.0.0.2")]), found, "it", "10.0.0.2", None)
        assert set(found.links()) == {2}


def links(*rows):
    """Links from (index, name, kind, fields) tuples."""
    return [LINK._replace(index=index, name=name, kind=kind, **fields) for index, name, kind, fields in rows]


BRIDGED = links(
    (2, "eth0", "", {"master": 4}), (3, "tap0", "tun", {"master": 4}), (4, "br0", "bridge", {}), (5, "eth1", "", {})
)


class TestClosure:
    def test_the_ports_of_a_bridge(self):
        reasons, _unused = lifelines.closure(BRIDGED, {4: "carries it"})
        assert reasons == {
            4: "carries it",
            2: "is a port of br0, which carries it",
            3: "is a port of br0, which carries it",
        }

    def test_the_master_of_a_port_but_not_its_other_ports(self):
        reasons, _unused = lifelines.closure(BRIDGED, {2: "carries it"})
        assert reasons == {2: "carries it", 4: "is the bridge of eth0, which carries it"}

    def test_the_members_too_where_the_master_is_needed_for_itself(self):
        reasons, _unused = lifelines.closure(BRIDGED, {2: "carries it", 4: "carries more"})
        assert set(reasons) == {2, 3, 4}

    def test_what_may_be_a_port_of_open_vswitch(self):
        """All its ports have the same master, which isn't the bridge that carries something."""
        rows = links(
            (2, "eth0", "", {"master": 3}), (3, "ovs-system", "openvswitch", {}), (4, "br-ex", "openvswitch", {}),
            (5, "eth1", "", {}),
        )  # fmt: skip
        assert set(lifelines.closure(rows, {4: "carries it"})[0]) == {2, 3, 4}
        assert set(lifelines.closure(rows, {5: "carries it"})[0]) == {5}

    def test_down_a_whole_stack(self):
        stack = links(
            (2, "eth0", "", {"master": 4}), (3, "eth1", "", {"master": 4}), (4, "bond0", "bond", {}),
            (5, "bond0.7", "vlan", {"link": 4, "master": 6}), (6, "br7", "bridge", {}), (7, "eth2", "", {}),
        )  # fmt: skip
        reasons, _unused = lifelines.closure(stack, {6: "carries it"})
        assert set(reasons) == {2, 3, 4, 5, 6}
        assert reasons[2] == (
            "is a member of bond0, which is the link below bond0.7, which is a port of br7, which carries it"
        )

    def test_the_other_end_of_a_pair(self):
        pair = links(
            (2, "a", "veth", {"link": 3, "master": 5}), (3, "b", "veth", {"link": 2}), (5, "br0", "bridge", {})
        )
        reasons, _unused = lifelines.closure(pair, {3: "carries it"})
        assert reasons[2] == "is the other end of b, which carries it"
        assert set(reasons) == {2, 3, 5}

    def test_what_is_elsewhere_is_named_apart(self):
        pair = links((2, "a", "veth", {"link": 3, "link_nsid": 7}), (3, "innocent", "", {}))
        reasons, far = lifelines.closure(pair, {2: "carries it"})
        assert set(reasons) == {2}
        assert far == [lifelines.Far(7, 3, "is the other end of a, which carries it")]

    def test_what_stands_on_a_needed_link_is_free(self):
        stack = links((2, "eth0", "", {}), (3, "eth0.7", "vlan", {"link": 2}))
        assert set(lifelines.closure(stack, {2: "carries it"})[0]) == {2}

    def test_the_link_below_a_vxlan_stands_in_its_options(self):
        options = b"\x08\0\1\0\x07\0\0\0\x08\0\3\0\2\0\0\0"
        stack = links((2, "eth0", "", {}), (3, "vx0", "vxlan", {"info_data": options}))
        assert set(lifelines.closure(stack, {3: "carries it"})[0]) == {2, 3}

    def test_a_seed_that_is_no_link_is_left_out(self):
        assert lifelines.closure(BRIDGED, {99: "carries it"}) == ({}, [])


index = st.integers(0, 9)
kinds = st.sampled_from(["", "veth", "bridge", "vlan", "vrf", "bond"])
graphs = st.lists(
    st.tuples(index, index, st.none() | st.integers(0, 2), kinds),
    min_size=1, max_size=9,
).map(
    lambda rows: [
        LINK._replace(index=place + 1, name=f"n{place + 1}", master=master, link=link, link_nsid=nsid, kind=kind)
        for place, (master, link, nsid, kind) in enumerate(rows)
    ]
)  # fmt: skip
seeds = st.dictionaries(index, st.just("carries it"))


@given(graphs, seeds)
def test_nothing_that_a_needed_link_depends_on_is_missing(rows, start):
    """Whatever the graph, circles included."""
    reasons, far = lifelines.closure(rows, start)
    by_index = {row.index: row for row in rows}
    assert start.keys() & by_index.keys() <= reasons.keys() <= by_index.keys()
    away = {(one.nsid, one.index) for one in far}
    for row in rows:
        if row.index not in reasons:
            continue
        if row.link_nsid is not None and row.link:
            assert (row.link_nsid, row.link) in away
        assert endpoints.underneath(row) in reasons or endpoints.underneath(row) not in by_index
        assert row.master in reasons or row.master not in by_index
    for row in rows:
        if row.master in start and row.master in by_index:
            assert row.index in reasons


@given(graphs, seeds, seeds)
def test_more_to_protect_never_protects_less(rows, some, more):
    smaller, _unused = lifelines.closure(rows, some)
    larger, _unused = lifelines.closure(rows, {**some, **more})
    assert smaller.keys() <= larger.keys()


@given(graphs, seeds)
def test_every_reason_leads_back_to_what_is_carried(rows, start):
    reasons, far = lifelines.closure(rows, start)
    for place, reason in reasons.items():
        assert reason == "carries it" if place in start else reason.endswith(", which carries it")
    assert all(one.reason.endswith(", which carries it") for one in far)


@pytest.mark.parametrize(
    ("things", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_things_in_words(things, text):
    assert lifelines.listed(things) == text

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab file may look like, and what is said about one that doesn't."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import schema, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError, Problems, written


def problems_of(definition: object) -> list[str]:
    """What the walk alone finds wrong."""
    problems = Problems()
    schema.read(definition, problems)
    return [f"{written(path)}: {message}" for path, message in problems.found]


def lab(**keys: t.Any) -> dict[str, t.Any]:
    """A lab file with two nodes and these keys."""
    return {"name": "lab", "nodes": {"red": {}, "blue": {}}, **keys}


def node(**keys: t.Any) -> dict[str, t.Any]:
    """A lab file with one node with these keys."""
    return {"name": "lab", "nodes": {"red": keys}}


def link(**keys: t.Any) -> dict[str, t.Any]:
    """A lab file with one link, whose first end has these keys."""
    return lab(links=[{"endpoints": [{"node": "red", "name": "eth0", **keys}, "blue:eth0"]}])


def test_the_example_of_the_design_is_taken_as_far_as_this_version_goes():
    assert not problems_of(
        {
            "name": "red-blue",
            "nodes": {
                "red": {"routes": [{"to": "default", "via": "10.0.0.2"}]},
                "blue": {
                    "kind": "router",
                    "sysctls": {"net.ipv4.conf.all.rp_filter": 0},
                    "etc": {"resolv.conf": "nameserver 10.0.0.1\n"},
                    "groups": ["routers"],
                },
                "sw1": {"kind": "switch"},
            },
            "links": [
                ["red:eth0", "blue:eth0"],
                {
                    "endpoints": [{"node": "red", "name": "eth1", "addresses": ["10.9.0.1/24"]}, {"node": "sw1"}],
                    "mtu": 9000,
                },
                ["red:eth2", "@br0"],
            ],
            "defaults": {"link": {"mtu": 1500}, "node": {}},
            "groups": {"routers": {"sysctls": {"net.ipv4.ip_forward": 1}}},
            "prefix": "",
        }
    )


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (None, ": nothing stands here: expected a lab, a mapping with keys like name, nodes, links"),
        ([], ": a list stands here: expected a lab, a mapping"),
        ({}, ": the key 'name' is missing: The name of the lab, which marks what belongs to it"),
        ({"name": "lab"}, ": the key 'nodes' is missing"),
        (lab(name="Red Blue"), "name: 'Red Blue': a lab name has 1 to 31 of a-z, 0-9 and '-'"),
        (lab(nodes=["red"]), "nodes: a list stands here: expected a mapping from names to nodes"),
        (lab(nodes={"red": "host"}), "nodes.red: 'host': expected a node, a mapping with keys like kind"),
        (lab(nodes={"../x": {}}), "nodes['../x']: '../x': a namespace name is also a file name: no '/'"),
        (
            node(kind="swich"),
            "nodes.red.kind: 'swich': expected host or router or switch or container; did you mean 'switch'?",
        ),
        (node(routes={"to": "default"}), "nodes.red.routes: a mapping stands here: expected a list of routes"),
        (node(routes=[{"via": "10.0.0.1"}]), "nodes.red.routes[0]: the key 'to' is missing: Where the route leads"),
        (
            node(routes=[{"to": "default", "via": 10.5}]),
            "nodes.red.routes[0].via: 10.5: expected the address of a gateway",
        ),
        (node(routes=[{"to": "default", "via": []}]), "nodes.red.routes[0].via: 0 items: expected a list of gateways"),
        (node(routes=[{"to": "10.0.0.0/8", "metric": -1}]), "nodes.red.routes[0].metric: -1: expected a whole number"),
        (node(routes=[{"to": "10.0.0.0/8", "table": "mian"}]), "nodes.red.routes[0].table: 'mian': a routing table is"),
        (
            node(routes=[{"to": "10.0.0.0/8", "table": "10000000000"}]),
            "nodes.red.routes[0].table: '10000000000': a routing table is a number or main",
        ),
        (node(routes=[{"to": "10.0.0.0/8", "type": "drop"}]), "nodes.red.routes[0].type: 'drop': expected unicast or"),
        (node(sysctls={"kernel.panic": 1}), "nodes.red.sysctls['kernel.panic']: 'kernel.panic': this would change"),
        (node(etc={"resolv.conf": 5}), "nodes.red.etc['resolv.conf']: 5: expected the content of the file"),
        (node(etc={"../passwd": ""}), "nodes.red.etc['../passwd']: '../passwd': a file of 'etc' is also a file name"),
        (node(loopback=2), "nodes.red.loopback: 2: expected true or false"),
        (lab(links={}), "links: a mapping stands here: expected a list of links"),
        (lab(links=["red:eth0"]), "links[0]: 'red:eth0': expected a list of two ends, or a mapping with endpoints"),
        (lab(links=[["red:eth0"]]), "links[0]: 1 items: expected two ends"),
        (lab(links=[{"mtu": 1500}]), "links[0]: the key 'endpoints' is missing: The two ends"),
        (
            lab(links=[["red:sixteen-bytes-xx", "blue:x"]]),
            "links[0][0]: 'sixteen-bytes-xx': a link name has at most 15",
        ),
        (lab(links=[["red:x", "@"]]), "links[0][1]: '@': name the link of the machine, like '@br0' or '@ens4'"),
        (lab(links=[["red:x", "@a%d"]]), "links[0][1]: 'a%d': a link name has no '/'"),
        (lab(links=[["red:x", ":y"]]), "links[0][1]: ':y': an end is NODE:LINK, the name of a switch, or @NAME"),
        (link(name="../x"), "links[0].endpoints[0].name: '../x': a link name has no '/'"),
        (link(node="red:eth1"), "links[0].endpoints[0].node: 'red:eth1': only the node stands here"),
        (link(mtu=70000), "links[0].endpoints[0].mtu: 70000: expected an MTU, a number from 68 to 65535"),
        (link(addresses=["10.0.0.1"]), "links[0].endpoints[0].addresses[0]: '10.0.0.1': an address without prefix"),
        (link(addresses="10.0.0.1/24"), "links[0].endpoints[0].addresses: '10.0.0.1/24': expected a list of addresses"),
        (link(mac="03:00:00:00:00:00"), "links[0].endpoints[0].mac: '03:00:00:00:00:00': this is a multicast address"),
    ],
)
def test_a_problem_says_where_what_was_given_and_what_would_be_right(definition, problem):
    found = problems_of(definition)
    assert any(text.startswith(problem) for text in found), found


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        (lab(nodes={True: {}}), "nodes[true]"),
        (lab(nodes={False: {}}), "nodes[false]"),
        (lab(nodes={1: {}}), "nodes[1]"),
        (lab(nodes={1.5: {}}), "nodes[1.5]"),
        (lab(name=True), "name"),
        (node(groups=[True]), "nodes.red.groups[0]"),
        (node(etc={True: ""}), "nodes.red.etc[true]"),
        (node(routes=[{"to": "default", True: ""}]), "nodes.red.routes[0][true]"),
        (lab(links=[[62, "blue:eth0"]]), "links[0][0]"),
        (link(name=False), "links[0].endpoints[0].name"),
        (link(node=1), "links[0].endpoints[0].node"),
        (link(mac=41135880056), "links[0].endpoints[0].mac"),
        (link(addresses=[10.0]), "links[0].endpoints[0].addresses[0]"),
    ],
)
def test_what_yaml_read_as_something_else_has_to_be_quoted(definition, path):
    (found,) = problems_of(definition)
    assert found.startswith(f"{path}: ")
    assert found.endswith("quote it")


def test_a_mac_address_that_arrives_as_a_number_is_recognised():
    (found,) = problems_of(link(mac=41135085296))
    assert "digits with colons as a number of base 60 (was it 52:54:00:12:34:56?): quote it" in found


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (lab(link=[]), "link: this version knows no such key in a lab; did you mean 'links'?"),
        (node(sysctl={}), "nodes.red.sysctl: this version knows no such key in a node; did you mean 'sysctls'?"),
        (link(adresses=[]), "links[0].endpoints[0].adresses: this version knows no such key in an end of a link; did"),
        (lab(shape={"kind": "ring"}), "shape: this version knows no such key in a lab (known: name, nodes"),
        (lab(addressing={}), "addressing: this version knows no such key in a lab (known: name, nodes"),
        (node(daemons=[]), "nodes.red.daemons: this version knows no such key in a node (known: kind"),
        (node(contaner={}), "nodes.red.contaner: this version knows no such key in a node; did you mean 'container'?"),
    ],
)
def test_a_key_that_is_not_known_gets_the_nearest_one_suggested(definition, problem):
    (found,) = problems_of(definition)
    assert found.startswith(problem)


def test_everything_wrong_is_told_at_once():
    found = problems_of(
        {
            "name": "X",
            "nodes": {"red": {"kind": "x", "routes": [{}, {"to": "y"}]}},
            "links": [["a", "b", "c"], {"endpoints": [{"mtu": 1}, 5]}],
        }
    )
    assert [text.partition(": ")[0] for text in found] == [
        "name",
        "nodes.red.kind",
        "nodes.red.routes[0]",
        "nodes.red.routes[1].to",
        "links[0]",
        "links[1].endpoints[0].mtu",
        "links[1].endpoints[0]",
        "links[1].endpoints[1]",
    ]


def test_of_a_thousand_problems_fifty_are_listed_and_the_rest_counted():
    with pytest.raises(LabError) as caught:
        topology.load({"name": "lab", "nodes": {f"n{number}": {"kind": "x"} for number in range(1000)}})
    lines = str(caught.value).splitlines()
    assert lines[0] == "1000 problems:"
    assert len(lines) == 52
    assert lines[-1] == "- and 950 more"
    assert len(caught.value.problems) == 1000


def test_a_node_may_be_a_name_alone():
    assert not problems_of({"name": "lab", "nodes": {"red": None}})


def test_a_key_without_a_value_counts_as_not_given():
    assert not problems_of(node(routes=None, sysctls=None, kind=None))
    (found,) = problems_of(node(routes=[{"to": None}]))
    assert found.startswith("nodes.red.routes[0]: the key 'to' is missing")


def test_numbers_and_switches_may_come_as_text_from_templates():
    problems = Problems()
    read = schema.read(lab(links=[{"endpoints": ["red:a", "blue:a"], "mtu": "9000"}]), problems)
    assert read["links"][0]["mtu"] == 9000
    assert schema.read(node(loopback="no"), problems)["nodes"]["red"]["loopback"] is False
    assert not problems


@pytest.mark.parametrize("mtu", ["9000.0", "9_000", " 9000", "٩٠٠٠", "1" * 30, True, 9000.0, "-9000"])
def test_but_not_as_just_any_text(mtu):
    (found,) = problems_of(lab(links=[{"endpoints": ["red:a", "blue:a"], "mtu": mtu}]))
    assert "expected an MTU, a number from 68 to 65535" in found


def test_a_switched_sysctl_is_a_number():
    (found,) = problems_of(node(sysctls={"net.ipv4.ip_forward": True}))
    assert found.endswith("write 1 for on and 0 for off")


def test_one_sysctl_under_two_spellings_is_given_twice():
    (found,) = problems_of(node(sysctls={"net.ipv4.ip_forward": 1, "net/ipv4/ip_forward": 0}))
    assert found == "nodes.red.sysctls['net/ipv4/ip_forward']: given twice, under two spellings"


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["red:eth0", "@br0", ":"])
)
known = st.sampled_from(
    [
        *schema.LAB.keys,
        *schema.NODE.keys,
        *schema.ROUTE.keys,
        "endpoints",
        "node",
        "addresses",
        "mac",
        "mtu",
        "link",
        "red",
    ]
)
keys = known | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
junk = st.recursive(
    scalars, lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=4), max_leaves=30
)


@given(junk | st.fixed_dictionaries({}, optional=dict.fromkeys(schema.LAB.keys, junk)))
def test_whatever_is_given_nothing_but_a_laberror_comes_out(definition):
    problems: tuple[str, ...] = ("",)
    try:
        topology.load(definition)
    except LabError as error:
        problems = error.problems
    assert problems
    assert not any("\n" in problem for problem in problems)


@given(
    st.fixed_dictionaries(
        {
            "name": st.just("lab"),
            "nodes": st.dictionaries(
                st.sampled_from(["a", "b"]),
                st.fixed_dictionaries({}, optional=dict.fromkeys(schema.NODE.keys, junk)),
                min_size=1,
            ),
            "links": st.lists(
                st.lists(st.sampled_from(["a:x", "b:x", "a", "b", "@br0", "c:x"]) | junk, min_size=2, max_size=2)
                | st.fixed_dictionaries(
                    {"endpoints": st.lists(st.just("a:y") | junk, min_size=2, max_size=2), "mtu": junk}
                ),
                max_size=3,
            ),
        },
        optional={
            "groups": st.dictionaries(
                st.just("g"), st.fixed_dictionaries({}, optional=dict.fromkeys(schema.NODE.keys, junk))
            ),
            "defaults": st.fixed_dictionaries({}, optional={"node": junk, "link": junk}),
            "prefix": junk,
        },
    )
)
def test_nor_where_junk_stands_in_a_lab_that_is_otherwise_right(definition):
    try:
        topology.load(definition)
    except LabError:
        pass

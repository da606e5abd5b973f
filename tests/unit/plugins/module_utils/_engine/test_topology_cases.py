# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single lab files: every word of what is refused, that one mistake is told once, and containers."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Container, Link
from ansible_collections.netns.lab.tests.unit.plugins.module_utils._engine.test_topology import end, lab, problems_of

LOST = {"routes": [{"to": "10.0.0.0/8", "dev": "eth9"}]}
"""A route over a link that the node doesn't have, which is told if the lab's links are all known."""
NO_LINK = "nodes.red.routes[0]: 'eth9': red has no link of that name; it has lo"


@pytest.mark.parametrize(
    ("nodes", "known"),
    [
        (6, "there are n0, n1, n2, n3, n4, n5"),
        (7, "there are n0, n1, n2, n3, n4, n5 and more"),
        (0, "it has none"),
    ],
)
def test_an_unknown_node_is_told_with_those_that_there_are(nodes, known):
    found = problems_of(lab({f"n{number}": {} for number in range(nodes)}, ["x:a", "@br0"]))
    assert found == [f"links[0][0]: 'x': the lab has no such node ({known})"]


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        (["red:a", "nowhere:a"], "links[0][1]: 'nowhere': the lab has no such node (there are red, blue)"),
        (["@b", "@c"], "links[0]: this would join two bridges of the machine: one end has to be in a node"),
        (
            ["red", "blue:a"],
            "links[0][0]: 'red': a host's link needs a name, like 'red:eth0'; only a switch names its own",
        ),
        (
            ["red:a", "blue"],
            "links[0][1]: 'blue': a host's link needs a name, like 'blue:eth0'; only a switch names its own",
        ),
        (["red:lo", "blue:a"], "links[0][0]: 'lo': this is the name of red's loopback; choose another"),
    ],
    ids=["node", "machine", "first-name", "second-name", "taken"],
)
def test_a_route_is_not_judged_while_a_link_is_wrong(link, problem):
    assert problems_of(lab({"red": LOST, "blue": {}}, link)) == [problem]
    assert problems_of(lab({"red": LOST, "blue": {}}, ["red:a", "blue:a"])) == [f"{NO_LINK}, a"]


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "lab", "nodes": ["red"], "links": [["red:a", "blue:a"]]},
        {"name": "lab", "nodes": {"red": LOST}, "links": {"a": 1}},
        lab({"red": LOST}, defaults={"node": {"kind": "x"}}),
        lab({"red": LOST}, groups={"g": {"kind": "x"}}),
        lab({"red": {}}, ["red", "red:a"], defaults={"node": {"kind": "x"}}),
        lab({"red": {}}, ["red", "red:a"], groups={"g": {"kind": "x"}}),
    ],
    ids=["nodes", "links", "defaults", "groups", "name-by-defaults", "name-by-groups"],
)
def test_what_rests_on_a_part_that_is_wrong_is_not_judged(definition):
    (problem,) = problems_of(definition)
    assert "red" not in problem.partition(": ")[0]


def test_a_namespace_that_only_its_prefix_makes_too_long_is_told_at_its_node():
    (problem,) = problems_of(lab({"r" * 200: {}}, prefix="p" * 60))
    assert problem.startswith(f"nodes.{'r' * 200}: ")
    assert problem.endswith("(counting the lab's prefix)")


@pytest.mark.parametrize("name", ["red", "r.d"])
def test_the_problem_of_a_nodes_own_route_does_not_name_the_node_twice(name):
    (problem,) = problems_of(lab({name: LOST}))
    assert problem.endswith(f"'eth9': {name} has no link of that name; it has lo")
    assert problems_of(lab({name: {}}, defaults={"node": LOST})) == [
        f"defaults.node.routes[0]: 'eth9': {name} has no link of that name; it has lo (in node {name})"
    ]


@pytest.mark.parametrize("name", ["red", "r.d"])
def test_a_name_that_the_node_itself_takes_is_told_as_that(name):
    (problem,) = problems_of(lab({name: {}}, [f"{name}:lo", f"{name}:a"]))
    assert problem == f"links[0][0]: 'lo': this is the name of {name}'s loopback; choose another"


def test_ipv6_is_content_with_the_least_mtu_that_it_needs():
    topology.load(lab({"red": {}}, [end("red", "a", "fd00::1/64", mtu=1280), "red:b"]))


def test_files_and_sysctls_say_where_they_were_asked_for():
    own = {"etc": {"hosts": ""}, "sysctls": {"net.ipv4.conf.lo.forwarding": 1, "net.ipv4.tcp_sack": 0}}
    origin = topology.load(lab({"r.d": own})).origin
    assert origin["file", "r.d", "hosts"] == "nodes['r.d'].etc"
    assert origin["sysctl", "r.d", "net/ipv4/tcp_sack"] == "nodes['r.d'].sysctls"
    assert origin["sysctl", "r.d", "net/ipv4/conf/lo/forwarding"] == "nodes['r.d'].sysctls"


def test_ports_on_the_machine_depend_on_the_other_ends_name_and_never_change():
    loaded = topology.load(lab({"r.d": {}}, ["@br0", "r.d:eth0"], ["@br0", "r.d:eth1"]))
    ports = {key[2]: t.cast(Link, record).mac for key, record in loaded.want.items() if key[:2] == ("link", "@")}
    assert ports == {"r.d-eth0-so5lwp": "fe:59:83:7b:c8:98", "r.d-eth1-4jipfs": "fe:53:f5:76:b8:06"}


# Containers


def test_a_container_is_the_labs_and_shares_its_nodes_namespace():
    loaded = topology.load(lab({"web": {"kind": "container", "container": {"template": "busybox"}}}, prefix="p-"))
    key = ("container", "p-web", "/var/lib/lxc", "p-web")
    container = loaded.want[key]
    assert isinstance(container, Container)
    assert container.state == "running"
    assert container.wish is not None
    assert container.wish.restart == "if_needed"
    assert ("lxc.namespace.share.net", "/run/netns/p-web") in [
        line for edit in container.wish.edits for line in edit.lines
    ]
    assert [edit.name for edit in container.wish.edits if edit.scope == "owner"] == ["lab@p-"]
    assert loaded.origin[key] == "nodes.web.container"
    assert not any(key[0] == "container" for key in topology.load(lab({"web": {}})).want)


def test_what_is_wrong_with_a_container_is_told_at_its_node():
    assert problems_of(lab({"web": {"kind": "container", "container": {"config": {"lxc.net.0.type": "veth"}}}})) == [
        "nodes.web.container.config['lxc.net.0.type']: `netns` says what network it has: leave this out"
    ]
    (problem,) = problems_of(lab({"wé": {"kind": "container"}}))
    assert problem == (
        "nodes.wé: 'wé': a container's name has up to 63 letters, digits, '.', '_' and '-', and begins with a letter "
        "or digit, and this one is called as its node"
    )


def test_settings_of_a_container_want_a_node_that_is_one():
    assert problems_of(lab({"web": {"container": {"template": "busybox"}}})) == [
        "nodes.web.container: web is a host: say `kind: container`, too"
    ]
    topology.load(lab({"web": {"container": None}}))

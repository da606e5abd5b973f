# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a lab file to records, and what can be told wrong without a kernel."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.lab import Lab
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Address,
    File,
    Link,
    Namespace,
    Route,
    Sysctl,
)


def lab(nodes: t.Any, *links: t.Any, **keys: t.Any) -> dict[str, t.Any]:
    """A lab file."""
    return {"name": "lab", "nodes": nodes, "links": list(links), **keys}


def end(node: str, name: str, *addresses: str, **keys: t.Any) -> dict[str, t.Any]:
    """An end in its long form."""
    return {"node": node, "name": name, "addresses": list(addresses), **keys}


def problems_of(definition: object) -> list[str]:
    """What is wrong with a lab file."""
    with pytest.raises(LabError) as caught:
        topology.load(definition)
    return list(caught.value.problems)


def sysctls_of(loaded: Lab, ns: str) -> dict[str, str | None]:
    """The sysctls that a namespace is to have, in order."""
    return {
        key[2]: record.value
        for key, record in loaded.want.items()
        if key[0] == "sysctl" and key[1] == ns and isinstance(record, Sysctl)
    }


# Nodes


def test_a_node_is_a_namespace_of_the_lab_with_its_loopback_up():
    want = topology.load(lab({"red": {}})).want
    assert want["namespace", "red"] == Namespace(owner="lab", broken=False)
    assert want["link", "red", "lo"] == Link(up=True)


def test_the_loopback_stays_down_if_that_is_asked_for():
    assert topology.load(lab({"red": {"loopback": False}})).want["link", "red", "lo"] == Link(up=False)


def test_a_prefix_stands_before_every_namespace():
    loaded = topology.load(lab({"red": {}, "blue": {}}, ["red:eth0", "blue:eth0"], prefix="b-"))
    assert {key[1] for key in loaded.want} == {"b-red", "b-blue"}
    link = loaded.want["link", "b-red", "eth0"]
    assert isinstance(link, Link)
    assert link.peer == ("b-blue", "eth0")


def test_a_copy_under_a_prefix_is_a_lab_of_its_own():
    assert topology.load(lab({"red": {}}, prefix="b-")).request().lab == "lab@b-"
    assert topology.load(lab({"red": {}})).request().lab == "lab"
    assert topology.lab_id("b-", "lab") == "lab@b-"
    assert topology.lab_id(None, "lab") == "lab"


@pytest.mark.parametrize(
    ("prefix", "name", "path"), [(None, None, "name"), ("", "../x", "name"), ("../", "lab", "prefix")]
)
def test_the_lab_to_remove_needs_a_right_name(prefix, name, path):
    with pytest.raises(LabError) as caught:
        topology.lab_id(prefix, name)
    assert caught.value.path == path


def test_a_namespace_has_to_fit_with_its_prefix():
    (problem,) = problems_of(lab({"x" * 254: {}}, prefix="b-"))
    assert "at most 255 bytes, this has 256 (counting the lab's prefix)" in problem


def test_every_node_gets_the_sysctls_that_make_a_lab_the_same_on_every_machine():
    assert sysctls_of(topology.load(lab({"red": {}})), "red") == {
        "net/ipv4/ip_forward": "0",
        "net/ipv6/conf/all/forwarding": "0",
        "net/ipv4/conf/all/rp_filter": "0",
        "net/ipv4/conf/default/rp_filter": "0",
        "net/ipv4/conf/all/promote_secondaries": "1",
        "net/ipv6/conf/default/accept_dad": "0",
    }


@pytest.mark.parametrize(("kind", "forwarding"), [("host", "0"), ("router", "1"), ("switch", "0")])
def test_only_a_router_forwards(kind, forwarding):
    sysctls = sysctls_of(topology.load(lab({"red": {"kind": kind}})), "red")
    assert sysctls["net/ipv4/ip_forward"] == sysctls["net/ipv6/conf/all/forwarding"] == forwarding


def test_forwarding_is_set_first_because_it_sets_others():
    node = {"sysctls": {"net.ipv4.conf.all.accept_redirects": 1, "net.ipv4.conf.all.forwarding": 1}}
    sysctls = sysctls_of(topology.load(lab({"red": node})), "red")
    assert next(iter(sysctls)) == "net/ipv4/ip_forward"
    assert sysctls["net/ipv4/ip_forward"] == "1"
    assert list(sysctls)[-1] == "net/ipv4/conf/all/accept_redirects"


def test_a_sysctl_of_a_link_needs_the_link():
    node = {"sysctls": {"net.ipv4.conf.eth1.forwarding": 1, "net.ipv4.conf.lo.forwarding": 1}}
    (problem,) = problems_of(lab({"red": node, "blue": {}}, ["red:eth0", "blue:eth0"]))
    assert problem.startswith(
        "nodes.red.sysctls: 'net/ipv4/conf/eth1/forwarding': red has no link 'eth1'; it has lo, eth0"
    )


def test_files_of_etc():
    want = topology.load(lab({"red": {"etc": {"resolv.conf": "nameserver 10.0.0.1\n"}}})).want
    file = want["file", "red", "resolv.conf"]
    assert isinstance(file, File)
    assert (file.content, file.owner) == ("nameserver 10.0.0.1\n", "lab")


# Defaults and groups


def test_the_nearest_setting_wins_defaults_then_groups_in_order_then_the_node():
    def of(value):
        return {"sysctls": {"net.ipv4.tcp_sack": value}}

    loaded = topology.load(
        lab(
            {
                "defaults": {},
                "one": {"groups": ["g1"]},
                "two": {"groups": ["g1", "g2"]},
                "other-way": {"groups": ["g2", "g1"]},
                "own": {"groups": ["g1", "g2"], **of(9)},
            },
            defaults={"node": of(0)},
            groups={"g1": of(1), "g2": of(2)},
        )
    )
    found = {ns: sysctls_of(loaded, ns)["net/ipv4/tcp_sack"] for ns in loaded.nodes}
    assert found == {"defaults": "0", "one": "1", "two": "2", "other-way": "1", "own": "9"}


def test_settings_go_before_the_sysctls_of_the_kind():
    loaded = topology.load(
        lab({"red": {"kind": "router"}}, defaults={"node": {"sysctls": {"net.ipv4.conf.all.rp_filter": 2}}})
    )
    assert sysctls_of(loaded, "red")["net/ipv4/conf/all/rp_filter"] == "2"


def test_mappings_are_merged_and_lists_replaced():
    def to(destination, via):
        return {"to": destination, "via": via}

    loaded = topology.load(
        lab(
            {
                "red": {"groups": ["g"], "etc": {"hosts": "near"}, "routes": [to("10.9.0.0/16", "10.0.0.2")]},
                "blue": {"groups": ["g"]},
            },
            [end("red", "eth0", "10.0.0.1/24"), end("blue", "eth0", "10.0.0.3/24")],
            groups={"g": {"etc": {"hosts": "far", "motd": "far"}, "routes": [to("10.8.0.0/16", "10.0.0.2")]}},
        )
    )
    files = {key[1:]: record.content for key, record in loaded.want.items() if isinstance(record, File)}
    assert files == {
        ("red", "hosts"): "near",
        ("red", "motd"): "far",
        ("blue", "hosts"): "far",
        ("blue", "motd"): "far",
    }
    routes = {(key[1], key[3]) for key, record in loaded.want.items() if isinstance(record, Route)}
    assert routes == {("red", "10.9.0.0/16"), ("blue", "10.8.0.0/16")}


def test_the_kind_may_come_from_a_group():
    loaded = topology.load(lab({"r1": {"groups": ["routers"]}}, groups={"routers": {"kind": "router"}}))
    assert loaded.nodes["r1"].kind == "router"


def test_an_unknown_group_gets_the_nearest_one_suggested():
    (problem,) = problems_of(lab({"red": {"groups": ["routrs"]}}, groups={"routers": {}}))
    assert problem == "nodes.red.groups[0]: 'routrs': no such group; did you mean 'routers'? (there are routers)"


def test_a_problem_with_what_a_group_gives_is_told_where_it_was_written():
    (problem,) = problems_of(
        lab({"red": {"groups": ["g"]}}, groups={"g": {"routes": [{"to": "10.0.0.0/8", "dev": "eth0"}]}})
    )
    assert problem.startswith("groups.g.routes[0]: 'eth0': red has no link of that name")
    assert problem.endswith("(in node red)")


# Links


@pytest.mark.parametrize(
    "link",
    [
        ["red:eth0", "blue:eth1"],
        {"endpoints": ["red:eth0", "blue:eth1"]},
        {"endpoints": [{"node": "red", "name": "eth0"}, "blue:eth1"]},
        [{"node": "red", "name": "eth0"}, {"node": "blue", "name": "eth1"}],
    ],
)
def test_the_forms_of_a_link_mean_the_same(link):
    loaded = topology.load(lab({"red": {}, "blue": {}}, link))
    assert loaded.want["link", "red", "eth0"] == Link("veth", ("blue", "eth1"), None, 1500, None, True, "")
    assert loaded.want["link", "blue", "eth1"] == Link("veth", ("red", "eth0"), None, 1500, None, True, "")
    assert [(near.text, far.text) for near, far in loaded.links] == [("red:eth0", "blue:eth1")]


def test_both_ends_may_be_in_one_node():
    want = topology.load(lab({"red": {}}, ["red:a", "red:b"])).want
    assert isinstance(want["link", "red", "a"], Link)
    assert want["link", "red", "a"].peer == ("red", "b")


@pytest.mark.parametrize(
    ("default", "of_link", "of_end", "mtu"),
    [(None, None, None, 1500), (9000, None, None, 9000), (9000, 2000, None, 2000), (9000, 2000, 1400, 1400)],
)
def test_the_nearest_mtu_wins(default, of_link, of_end, mtu):
    loaded = topology.load(
        lab(
            {"red": {}, "blue": {}},
            {"endpoints": [{"node": "red", "name": "eth0", "mtu": of_end}, "blue:eth0"], "mtu": of_link},
            defaults={"link": {"mtu": default}},
        )
    )
    link = loaded.want["link", "red", "eth0"]
    assert isinstance(link, Link)
    assert link.mtu == mtu


def test_addresses_keep_their_order():
    loaded = topology.load(lab({"red": {}}, [end("red", "a", "10.0.0.2/24", "fd00::1/64", "10.0.0.1/24"), "red:b"]))
    addresses = [(key[3], record) for key, record in loaded.want.items() if isinstance(record, Address)]
    assert addresses == [("10.0.0.2/24", Address()), ("fd00::1", Address(prefix=64)), ("10.0.0.1/24", Address())]


def test_each_record_says_where_it_was_asked_for():
    loaded = topology.load(
        lab(
            {"red": {"routes": [{"to": "default", "via": "10.0.0.2"}]}, "b.lue": {}},
            ["red:eth1", "b.lue:eth1"],
            {"endpoints": ["b.lue:eth0", end("red", "eth0", "10.0.0.1/24")]},
        )
    )
    assert loaded.origin["namespace", "b.lue"] == "nodes['b.lue']"
    assert loaded.origin["link", "b.lue", "eth1"] == "links[0][1]"
    assert loaded.origin["address", "red", "eth0", "10.0.0.1/24"] == "links[1].endpoints[1].addresses[0]"
    assert loaded.origin["route", "red", 254, "0.0.0.0/0", 0, 0] == "nodes.red.routes[0]"


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        (["red:eth0", "blu:eth0"], "links[1][1]: 'blu': the lab has no such node; did you mean 'blue'?"),
        (["red", "blue:eth0"], "links[1][0]: 'red': a host's link needs a name, like 'red:eth0'"),
        (["red:taken", "blue:x"], "links[1][0]: 'taken': red has a link of that name already, from links[0][0]"),
        (["red:x", "red:x"], "links[1][1]: 'x': red has a link of that name already, from links[1][0]"),
        (["red:lo", "blue:x"], "links[1][0]: 'lo': this is the name of red's loopback"),
        (["sw:br0", "blue:x"], "links[1][0]: 'br0': this is the name of sw's bridge, since it is a switch"),
        (["@br0", "@br1"], "links[1]: this would join two bridges of the machine"),
        (
            [end("sw", "p1", "10.0.0.1/24"), "red:x"],
            "links[1][0].addresses: a port of a bridge has no addresses of its own: give them to the other end",
        ),
        (
            [end("red", "x", "10.0.0.1/24", "10.0.0.1/24"), "blue:x"],
            "links[1][0].addresses[1]: 10.0.0.1/24: stands in this list already",
        ),
        (
            [end("red", "x", "10.0.0.1/24"), end("blue", "x", "10.0.0.1/24")],
            "links[1][1].addresses[0]: 10.0.0.1/24: the other end of the link has the same address",
        ),
        (
            [end("red", "x", "fd00::1/64", mtu=1279), "blue:x"],
            "links[1][0].addresses[0]: fd00::1/64: IPv6 needs an MTU of at least 1280, this link has 1279",
        ),
    ],
)
def test_a_link_that_cannot_be(link, problem):
    definition = lab({"red": {}, "blue": {}, "sw": {"kind": "switch"}}, ["red:taken", "blue:taken"], link)
    (found,) = problems_of(definition)
    assert found.startswith(problem)


def test_one_address_on_two_links_of_a_node_is_a_slip():
    definition = lab({"red": {}}, [end("red", "a", "10.0.0.1/24"), end("red", "b", "10.0.0.1/16")])
    (found,) = problems_of(definition)
    assert found == "links[0][1].addresses[0]: 10.0.0.1/16: red has this address on a already"
    (found,) = problems_of(lab({"red": {}, "blue": {}}, [end("red", "a", "127.0.0.1/32"), "blue:a"]))
    assert found == "links[0][0].addresses[0]: 127.0.0.1/32: red has this address on lo already"


def test_mistakes_in_different_parts_of_the_file_are_told_at_once():
    found = problems_of(
        lab(
            {"red": {"kind": "x"}, "blue": {"groups": ["none"]}},
            ["red:eth0", "green:eth0"],
            ["red:a", "blue:a"],
            ["red:a", "blue:b"],
            ["red:sixteen-bytes-xx", "blue:c"],
        )
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "nodes.red.kind",
        "links[3][0]",
        "nodes.blue.groups[0]",
        "links[0][1]",
        "links[2][0]",
    ]


def test_a_route_over_a_link_that_has_a_mistake_is_not_called_wrong_as_well():
    found = problems_of(
        lab(
            {"red": {"routes": [{"to": "10.0.0.0/8", "dev": "eth0"}]}, "blue": {}},
            [{"node": "red", "name": "eth0", "mtu": 1}, "blue:eth0"],
        )
    )
    assert [problem.partition(": ")[0] for problem in found] == ["links[0][0].mtu"]


# Switches and the machine


def test_a_switch_is_a_namespace_with_a_bridge():
    want = topology.load(lab({"sw": {"kind": "switch"}, "s2": {"kind": "switch", "stp": True}})).want
    assert want["link", "sw", "br0"] == Link(kind="bridge", up=True, master="", options=(("stp", False),))
    assert want["link", "s2", "br0"] == Link(kind="bridge", up=True, master="", options=(("stp", True),))


def test_only_a_switch_speaks_stp():
    found = problems_of(lab({"red": {"stp": True}, "sw": {"kind": "switch", "stp": False}}))
    assert found == ["nodes.red.stp: red is a host: only a switch speaks it"]
    nodes = {"red": {"groups": ["all"]}, "sw": {"kind": "switch", "groups": ["all"]}}
    loaded = topology.load({**lab(nodes), "groups": {"all": {"stp": True}}})
    assert loaded.want["link", "sw", "br0"].options == (("stp", True),)


def test_a_switch_names_its_ports_after_the_other_end():
    loaded = topology.load(lab({"sw": {"kind": "switch"}, "red": {}}, ["red:eth0", "sw"]))
    port = loaded.want["link", "sw", "red-eth0"]
    assert isinstance(port, Link)
    assert (port.master, port.peer) == ("br0", ("red", "eth0"))


def test_a_port_may_be_named():
    loaded = topology.load(lab({"sw": {"kind": "switch"}, "red": {}}, ["red:eth0", "sw:port1"]))
    assert isinstance(loaded.want["link", "sw", "port1"], Link)


def test_two_switches_may_be_joined():
    loaded = topology.load(lab({"a": {"kind": "switch"}, "b": {"kind": "switch"}}, ["a", "b"]))
    assert [(near.text, far.text) for near, far in loaded.links] == [("a:b-br0", "b:a-br0")]


def test_two_links_between_two_switches_need_names():
    (problem,) = problems_of(lab({"a": {"kind": "switch"}, "b": {"kind": "switch"}}, ["a", "b"], ["b", "a"]))
    assert problem.startswith(
        "links[1][0]: b's port would be called 'a-br0', as that of links[0][1] is; give one of them"
    )


def test_an_end_on_the_machine_is_a_port_of_its_bridge_that_says_whose_it_is():
    loaded = topology.load(lab({"red": {}}, ["red:eth0", "@virbr0"]))
    (name,) = (key[2] for key in loaded.want if key[0] == "link" and key[1] == "@")
    port = loaded.want["link", "@", name]
    assert isinstance(port, Link)
    assert (port.master, port.peer, port.up) == ("virbr0", ("red", "eth0"), True)
    assert port.altnames == (f"netns-lab:lab:{name}",)
    assert port.mac is not None
    assert port.mac.startswith("fe:")


def test_a_port_on_the_machine_may_be_named_and_given_a_mac_address():
    link = ["red:eth0", {"node": "@virbr0", "name": "tap-red", "mac": "02:00:00:00:00:01"}]
    port = topology.load(lab({"red": {}}, link)).want["link", "@", "tap-red"]
    assert isinstance(port, Link)
    assert port.mac == "02:00:00:00:00:01"


def test_a_switch_may_be_joined_to_a_bridge_of_the_machine():
    loaded = topology.load(lab({"sw": {"kind": "switch"}}, ["sw", "@virbr0"]))
    assert all(near.node == "sw" and far.node == "@virbr0" for near, far in loaded.links)


# Properties

_NODES = {
    "a": {},
    "b": {"kind": "router"},
    "s1": {"kind": "switch"},
    "s2": {"kind": "switch"},
    "long-name-of-a-node": {},
}
_ends = st.sampled_from(
    [f"{node}:{link}" for node in ("a", "b", "long-name-of-a-node") for link in ("eth0", "eth1", "to-x", "e")]
    + ["s1", "s2", "s1:p1", "s2:p2", "@br0", "@br1", "@br0:mine"]
)
_links = st.lists(st.lists(_ends, min_size=2, max_size=2), max_size=8)


def _legal(links: list[list[str]]) -> list[list[str]]:
    """The links less those that don't go together with earlier ones."""
    kept: list[list[str]] = []
    for link in links:
        try:
            topology.load(lab(_NODES, *kept, link))
        except LabError:
            continue
        kept.append(link)
    return kept


def _ends_of(links: list[list[str]]) -> list[tuple[str, str]]:
    return [(near.text, far.text) for near, far in topology.load(lab(_NODES, *links)).links]


@given(_links, st.randoms(use_true_random=False))
def test_adding_removing_or_reordering_links_never_renames_another(links, random):
    links = _legal(links)
    named = dict(zip(map(tuple, links), _ends_of(links)))
    fewer = [link for link in links if random.random() < 0.7]
    random.shuffle(fewer)
    assert _ends_of(fewer) == [named[tuple(link)] for link in fewer]


@given(_links)
def test_every_veth_is_two_records_that_name_each_other(links):
    want = topology.load(lab(_NODES, *_legal(links))).want
    for key, record in want.items():
        if isinstance(record, Link) and record.kind == "veth":
            assert record.peer is not None
            other = want["link", record.peer[0], record.peer[1]]
            assert isinstance(other, Link)
            assert other.peer == (key[1], key[2])


@given(_links)
def test_what_is_wanted_follows_the_order_of_the_file(links):
    links = _legal(links)
    loaded = topology.load(lab(_NODES, *links))
    order = [
        loaded.origin[key] for key, record in loaded.want.items() if isinstance(record, Link) and record.kind == "veth"
    ]
    assert order == [f"links[{index}][{side}]" for index in range(len(links)) for side in (0, 1)]


def test_mappings_in_mappings_are_merged_too():
    node = {"kind": "container", "container": {"limits": {"pids": 100}}}
    defaults = {"node": {"container": {"limits": {"memory": "512M", "pids": 7}, "environment": {"A": "1"}}}}
    settings = topology.load(lab({"web": node}, defaults=defaults)).nodes["web"].settings["container"]
    assert settings["limits"]["pids"] == 100
    assert set(settings["limits"]) == {"memory", "pids"}
    assert settings["environment"] == {"A": "1"}

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs read back from what stands, here from what the planner foresees: the same on a kernel is tests/kernel's."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import replace

import pytest
from hypothesis import given

from ansible_collections.netns.lab.plugins.module_utils._engine import drift, leftovers, read_back, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.lab import Lab
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import plan, say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Address, Container, Hop, Link, Route
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.tests.random_labs import lab_files
from ansible_collections.netns.lab.tests.random_wants import examples

PAIR: dict[str, t.Any] = {
    "name": "pair",
    "nodes": {"red": {}, "blue": {}},
    "links": [
        [
            {"node": "red", "name": "eth0", "addresses": ["10.0.0.1/24"]},
            {"node": "blue", "name": "eth0", "addresses": ["10.0.0.2/24"]},
        ]
    ],
}


def standing(lab: dict[str, t.Any]) -> tuple[Lab, State]:
    """A lab, and what stands once it is built."""
    loaded = topology.load(copy.deepcopy(lab))
    return loaded, plan(loaded.request(), State({})).after


def steps(lab: dict[str, t.Any], have: State) -> list[str]:
    """What a reset to a lab file would do."""
    request = leftovers.exactly(topology.load(copy.deepcopy(lab)).request(), have)
    return [say(step) for step in plan(request, have).steps]


@examples(200)
@given(lab_files())
def test_any_lab_read_back_asks_for_what_stands_and_nothing_drifts(lab):
    loaded, have = standing(lab)
    found = read_back.lab_file(loaded, have)
    assert steps(found, have) == []
    assert drift.differences(loaded.request(), have) == []
    # Once more, it is the same to the letter.
    assert read_back.lab_file(topology.load(copy.deepcopy(found)), have) == found


@examples(100)
@given(lab_files())
def test_any_lab_of_which_only_the_namespaces_are_known_is_found_in_what_stands(lab):
    loaded, have = standing(lab)
    prefix = loaded.prefix
    known = topology.load({"name": loaded.name, "prefix": prefix, "nodes": {name: {} for name in loaded.nodes}})
    found = read_back.lab_file(known, have, unknown=set(known.nodes))
    assert {
        name: node.get("kind", "host") for name, node in found["nodes"].items() if node.get("kind") == "switch"
    } == {name: "switch" for name, node in loaded.nodes.items() if node.kind == "switch"}
    again = topology.load(copy.deepcopy(found))
    request = leftovers.exactly(again.request(), have)
    # Settings of which nobody knows that they were asked for are left as they stand.
    assert [say(step) for step in plan(request, have).steps] == []


def test_an_end_that_a_switch_names_itself_stays_without_a_name():
    lab = {"name": "lan", "nodes": {"sw": {"kind": "switch"}, "pc": {}}, "links": [["pc:eth0", "sw"]]}
    loaded, have = standing(lab)
    assert read_back.lab_file(loaded, have) == lab


def test_a_port_of_a_bridge_of_the_machine_is_named_by_the_bridge():
    lab = {"name": "out", "nodes": {"pc": {}}, "links": [["pc:eth0", "@br0"]]}
    loaded = topology.load(copy.deepcopy(lab))
    have = State({})
    have.put(("link", "@", "br0"), Link("bridge", mtu=1500, up=True, master="", index=3))
    have = plan(loaded.request(), have).after
    assert read_back.lab_file(loaded, have) == lab


def test_what_has_changed_stands_in_it():
    loaded, have = standing(PAIR)
    have = have.fork()
    red = have.get(("link", "red", "eth0"))
    have.put(("link", "red", "eth0"), replace(red, mtu=1400))
    have.put(("address", "red", "eth0", "fd00::1"), Address(prefix=64, index=9))
    have.put(
        ("route", "red", 254, "192.0.2.0/24", 0, 0), Route((Hop("10.0.0.2", "eth0"),), "unicast", "boot", "", 0, False)
    )
    found = read_back.lab_file(loaded, have)
    assert found["links"] == [
        [
            {"node": "red", "name": "eth0", "addresses": ["10.0.0.1/24", "fd00::1/64"], "mtu": 1400},
            {"node": "blue", "name": "eth0", "addresses": ["10.0.0.2/24"]},
        ]
    ]
    assert found["nodes"]["red"] == {"routes": [{"to": "192.0.2.0/24", "via": "10.0.0.2", "dev": "eth0"}]}
    assert steps(found, have) == []


def test_what_no_lab_file_can_say_is_left_out():
    loaded, have = standing(PAIR)
    have = have.fork()
    # A second address that the other end has already, and a gateway that nothing reaches.
    have.put(("address", "blue", "eth0", "10.0.0.1/24"), Address(index=9))
    have.put(
        ("route", "red", 254, "192.0.2.0/24", 0, 0), Route((Hop("10.9.9.9", "eth0"),), "unicast", "boot", "", 0, False)
    )
    found = read_back.lab_file(loaded, have)
    topology.load(copy.deepcopy(found))
    assert found["links"] == PAIR["links"]
    assert found["nodes"] == PAIR["nodes"]


def test_a_setting_that_nobody_can_see_comes_from_what_was_asked():
    lab = {"name": "box", "nodes": {"web": {"kind": "container", "container": {"timeout": 5, "state": "stopped"}}}}
    loaded, have = standing(lab)
    assert read_back.lab_file(loaded, have)["nodes"] == lab["nodes"]
    (key,) = [key for key in have if key[0] == "container"]
    have = have.fork()
    have.put(key, Container("running"))
    assert read_back.lab_file(loaded, have)["nodes"]["web"]["container"] == {"timeout": 5, "state": "started"}


@pytest.mark.parametrize("prefix", ["", "b-"])
def test_names_are_those_of_nodes_whatever_the_prefix(prefix):
    loaded, have = standing({**PAIR, "prefix": prefix})
    found = read_back.lab_file(loaded, have)
    assert found["links"] == PAIR["links"]
    assert found.get("prefix", "") == prefix

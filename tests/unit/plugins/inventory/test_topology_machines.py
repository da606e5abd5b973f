# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs on other machines: a host for each node on each of them, and what it is called."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.tests.unit.plugins.inventory.places import names, variables


def test_a_lab_on_machines_has_a_host_for_each_node_on_each_of_them(place):
    inventory = place.inventory("class.ini", files="pair.yml", hosts="lab_machines")
    assert names(inventory.get_hosts("netns_lab")) == ["red@vm1", "blue@vm1", "red@vm2", "blue@vm2"]
    assert names(inventory.get_hosts("lab_machines")) == ["vm1", "vm2"]
    found = variables(inventory, "red@vm2")
    assert [found[name] for name in ("netns_lab_machine", "ansible_netns_machine", "ansible_netns_name")] == [
        "vm2", "vm2", "red",
    ]  # fmt: skip
    assert [end["host"] for end in found["netns_lab_neighbours"]["eth0"]] == ["blue@vm2"]
    assert "ansible_lxc_machine" not in found


def test_a_container_on_a_machine_has_the_machine_for_either_way_in(place):
    found = variables(place.inventory("class.ini", hosts="vm1"), "web@vm1")
    assert (found["ansible_netns_machine"], found["ansible_lxc_machine"]) == ("vm1", "vm1")


def test_machines_are_named_by_hosts_and_groups_each_counts_once(place):
    for hosts in ("vm2,lab_machines", ["vm2", "vm1", "vm2"], "vm2,all"):
        inventory = place.inventory("class.ini", files="pair.yml", hosts=hosts)
        assert names(inventory.get_hosts("netns_lab")) == ["red@vm2", "blue@vm2", "red@vm1", "blue@vm1"]


def test_nodes_of_another_source_are_no_machines(place):
    place.source("other.topology.yml", files="red-blue")
    inventory = place.inventory("class.ini", "other.topology.yml", files="pair.yml", hosts="all")
    assert names(inventory.get_hosts("lab_pair")) == ["red@vm1", "blue@vm1", "red@vm2", "blue@vm2"]
    said = place.refused("class.ini", "other.topology.yml", files="pair.yml", hosts="red")
    assert said == "hosts: 'red': this is a node of the lab red-blue"


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [
        ("red@vm1", ["red@vm1"]),
        ("red@*", ["red@vm1", "red@vm2"]),
        ("*@vm1", ["red@vm1", "blue@vm1"]),
        ("*@vm1,red@vm2", ["red@vm1", "blue@vm1", "red@vm2"]),
        ("netns_lab:!*@vm1", ["red@vm2", "blue@vm2"]),
        ("lab_pair:&~red@.*", ["red@vm1", "red@vm2"]),
    ],
)
def test_names_can_stand_in_limit(place, limit, chosen):
    inventory = place.inventory("class.ini", files="pair.yml", hosts="lab_machines")
    inventory.subset(limit)
    assert names(inventory.get_hosts("netns_lab")) == chosen


def test_the_pattern_of_names_can_be_another(place):
    inventory = place.inventory("class.ini", files="pair.yml", hosts="vm1", name_format="{machine}-{lab}-{node}")
    assert names(inventory.get_hosts("netns_lab")) == ["vm1-pair-red", "vm1-pair-blue"]
    inventory = place.inventory(files="pair.yml", name_format="{machine}.{netns}", prefix="b-")
    assert names(inventory.get_hosts("netns_lab")) == ["localhost.b-red", "localhost.b-blue"]

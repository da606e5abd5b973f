# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory refuses, and with which words."""

from __future__ import annotations

import os

import pytest
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

from ansible_collections.netns.lab.tests.unit.plugins.inventory.places import PAIR, names


def test_a_mistake_in_a_lab_file_is_told_with_file_and_line_and_all_of_them_at_once(place):
    place.write("a.yml", "name: a\nnodes: {red: {mtu: 1}}\n")
    place.write("b.yml", "name: b\nnodes:\n  red: {}\n  red: {}\n")
    said = place.refused(files=["a.yml", "b.yml", "pair.yml"]).splitlines()
    assert said[0] == "2 problems:"
    assert said[1].startswith("- a.yml:2: nodes.red.mtu: this version knows no such key in a node")
    assert said[2] == "- b.yml:4: the key 'red' stands here and in line 3; the first would be lost"


def test_a_file_that_is_nowhere(place):
    assert place.refused(files="blue-red.yml") == (
        f"files: 'blue-red.yml': there is no such lab file in {place.folder}, and no such lab comes with netns.lab "
        "(it has containers, red-blue, switched-lan, three-routers, web-server)"
    )
    assert place.refused(files=["labs/*.yml"]).startswith("files: 'labs/*.yml': there is no such lab file")
    assert place.refused(files=[]) == "files: an empty list: name one lab file or more"


def test_an_option_that_there_is_not(place):
    assert place.refused(file="x.yml").startswith("'file': there is no such option; did you mean 'files'? (there are ")
    assert "'machines': there is no such option" in place.refused(machines="vm1")


def test_a_kind_that_there_is_not(place):
    with pytest.raises(Exception, match="routers"):
        inventory_loader.get("netns.lab.topology").parse(InventoryData(), DataLoader(), place.source(kinds="routers"))


def test_machines_that_are_not_in_the_inventory_so_far(place):
    assert place.refused("class.ini", hosts="vm1,vm3") == (
        "hosts: 'vm3': the inventory has no such host or group so far (the source that has it comes before this one); "
        "did you mean 'vm2'?"
    )
    assert place.refused(hosts="localhost").endswith("; without `hosts` the labs are on this machine")
    place.write("class.ini", "[lab_machines]\n")
    assert place.refused("class.ini", hosts="lab_machines") == "hosts: 'lab_machines': there is no host in it so far"
    assert place.refused("class.ini", hosts=[]) == "hosts: an empty list: there is no host in it so far"


def test_two_nodes_that_would_be_called_the_same(place):
    place.write("other.yml", "name: other\nnodes: {red: {}}\n")
    assert place.refused(files=["pair.yml", "other.yml"]) == (
        "name_format: '{netns}': red of pair on localhost and red of other on localhost would both be called red; "
        "put {lab} into it"
    )
    assert place.refused("class.ini", files="pair.yml", hosts="vm1,vm2", name_format="{lab}-{node}") == (
        "name_format: '{lab}-{node}': red of pair on vm1 and red of pair on vm2 would both be called pair-red; "
        "put {machine} into it"
    )
    inventory = place.inventory(files=["pair.yml", "other.yml"], name_format="{lab}-{node}")
    assert names(inventory.get_hosts()) == ["pair-red", "pair-blue", "other-red"]


def test_one_lab_in_two_files(place):
    place.write("copy.yml", PAIR.replace("red", "green"))
    assert place.refused(files=["pair.yml", "copy.yml"]) == "copy.yml: the lab pair is in pair.yml already"


def test_a_host_that_another_source_has(place):
    place.source("other.topology.yml", files="pair.yml")
    assert place.refused("other.topology.yml", files="red-blue") == (
        "'red': the lab pair of another source has a host of that name: call the nodes otherwise by `name_format`"
    )


@pytest.mark.parametrize("pattern", ["{host}", "{node", "{node!r}", "{node:>9}", "{node.name}", "{}", "{node[0]}"])
def test_patterns_of_names_that_mean_nothing(place, pattern):
    assert place.refused(name_format=pattern).startswith(f"name_format: {pattern!r}: ")


def test_names_that_ansible_would_misread(place):
    place.write("pair.yml", "name: pair\nnodes:\n  a*: {}\n  '{{7*7}}': {}\n  'x,y': {}\n  '!z': {}\n  fine: {}\n")
    said = place.refused(files="pair.yml").splitlines()
    assert said[0] == "4 problems:"
    assert said[1] == (
        "- pair.yml:3: nodes['a*']: 'a*': Ansible would take a host of this name for a pattern; choose another"
    )
    assert [line.split(":")[1] for line in said[1:]] == ["3", "4", "5", "6"]
    assert "for a pattern" in place.refused(name_format="{node}, {lab}")


def test_a_node_does_not_take_the_place_of_a_machine(place):
    place.write("pair.yml", "name: pair\nnodes: {localhost: {}, vm1: {}}\n")
    assert place.refused(files="pair.yml").startswith("'localhost': this would put a node in the place of the machine")
    assert place.refused("class.ini", files="pair.yml", hosts="vm1", name_format="{node}").startswith("'localhost': ")
    place.write("pair.yml", "name: pair\nnodes: {vm1: {}}\n")
    assert place.refused("class.ini", files="pair.yml", hosts="vm1", name_format="{node}").startswith("'vm1': this ")


def test_a_group_and_a_host_of_one_name(place):
    said = "would both be called so: call the nodes otherwise by `name_format`, or rename the group in the lab file"
    place.write("pair.yml", "name: pair\nnodes: {desks: {groups: [desks]}}\ngroups: {desks: {}}\n")
    assert place.refused(files="pair.yml") == f"'desks': a host and a group {said}"
    place.write("pair.yml", "name: pair\nnodes: {red: {groups: [vm1]}}\ngroups: {vm1: {}}\n")
    assert place.refused("class.ini", files="pair.yml") == f"'vm1': a host and a group {said}"
    place.write("pair.yml", "name: pair\nnodes: {lab_machines: {}}\n")
    assert place.refused("class.ini", files="pair.yml") == f"'lab_machines': a host and a group {said}"


@pytest.mark.parametrize("group", ["all", "ungrouped", "netns_lab", "netns-lab", "lab_machines"])
def test_groups_that_mean_something_else(place, group):
    place.write("pair.yml", f"name: pair\nnodes:\n  red:\n    groups: [{group}]\ngroups: {{{group}: {{}}}}\n")
    said = place.refused(files="pair.yml")
    assert said.startswith(f"pair.yml:4: nodes.red.groups: {group!r}: Ansible's group ")
    assert said.endswith("; choose another name")


def test_a_lab_called_machines(place):
    place.write("pair.yml", "name: machines\nnodes: {red: {}}\n")
    assert place.refused(files="pair.yml") == (
        "pair.yml:1: name: 'machines': Ansible's group lab_machines is that of the machines on which labs are made; "
        "choose another name"
    )


def test_a_wrong_source_does_not_stop_the_others(place, monkeypatch):
    monkeypatch.undo()
    inventory = InventoryManager(DataLoader(), [str(place.folder / "class.ini"), place.source(files="gone.yml")])
    assert names(inventory.get_hosts()) == ["vm1", "vm2"]
    assert os.path.exists(place.folder / "topology.yml")

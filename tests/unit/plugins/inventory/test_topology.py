# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of labs as hosts, by Ansible's own inventory manager: names, groups, variables, and lab files."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.vars.manager import VariableManager

from ansible_collections.netns.lab.tests.unit.plugins.inventory.places import names, variables

CHECKOUT = Path(__file__).parents[4]


def test_every_node_is_a_host_that_is_called_as_its_namespace(place):
    assert names(place.inventory().get_hosts()) == ["gw", "lan", "pc1", "pc2", "web"]
    assert names(place.inventory(prefix="b-").get_hosts()) == ["b-gw", "b-lan", "b-pc1", "b-pc2", "b-web"]


def test_groups_are_all_nodes_the_lab_the_kind_and_those_of_the_lab_file(place):
    groups = place.inventory().get_groups_dict()
    assert {name: hosts for name, hosts in groups.items() if name not in ("all", "ungrouped")} == {
        "netns_lab": ["gw", "lan", "pc1", "pc2", "web"],
        "netns_lab_here": ["gw", "lan", "pc1", "pc2"],
        "lab_office": ["gw", "lan", "pc1", "pc2", "web"],
        "kind_router": ["gw"],
        "kind_switch": ["lan"],
        "kind_host": ["pc1", "pc2"],
        "kind_container": ["web"],
        "desks": ["pc1", "pc2"],
    }
    assert groups["ungrouped"] == []


def python(inventory: InventoryManager, host: str) -> t.Any:
    """By which Python modules are run on a host."""
    found = VariableManager(DataLoader(), inventory).get_vars(host=inventory.get_host(host))
    return found.get("ansible_python_interpreter")


def test_nodes_with_the_files_of_this_machine_use_the_python_that_runs_ansible(place):
    inventory = place.inventory("class.ini")
    assert [python(inventory, host) for host in ("gw", "pc1", "web")] == [sys.executable, sys.executable, None]
    assert python(place.inventory("class.ini", container_connection="netns"), "web") == sys.executable
    assert python(place.inventory("class.ini", hosts="vm1"), "pc1@vm1") is None


def test_any_group_vars_go_before_that(place):
    place.write("group_vars/all.yml", "ansible_python_interpreter: /usr/bin/python3\n")
    assert python(place.inventory(), "pc1") == "/usr/bin/python3"


def test_names_of_groups_are_made_such_as_groups_can_have(place):
    place.write("office.yml", "name: my-lab\nnodes: {red: {groups: [far-off]}}\ngroups: {far-off: {}}\n")
    assert {"lab_my_lab", "far_off"} < set(place.inventory().groups)


def test_variables_of_a_host(place):
    assert variables(place.inventory(), "pc1") == {
        "ansible_connection": "netns.lab.netns",
        "ansible_netns_name": "pc1",
        "netns_lab_name": "office",
        "netns_lab_id": "office",
        "netns_lab_node": "pc1",
        "netns_lab_kind": "host",
        "netns_lab_netns": "pc1",
        "netns_lab_machine": "localhost",
        "netns_lab_address": "fd00::11",
        "netns_lab_addresses": ["fd00::11/64", "10.1.0.11/24"],
        "netns_lab_links": {
            "eth0": {
                "addresses": ["fd00::11/64", "10.1.0.11/24"],
                "mtu": 1500,
                "mac": "02:00:00:00:00:11",
                "peer": "lan:pc1-eth0",
            }
        },
        "netns_lab_neighbours": {
            "eth0": [
                {"host": "gw", "node": "gw", "link": "lan", "addresses": ["10.1.0.1/24"]},
                {"host": "pc2", "node": "pc2", "link": "eth0", "addresses": []},
            ]
        },
    }


def test_a_node_without_addresses_has_no_first_one(place):
    found = variables(place.inventory(), "pc2")
    assert "netns_lab_address" not in found
    assert found["netns_lab_addresses"] == []


def test_a_switch_has_its_ports_and_no_neighbours(place):
    found = variables(place.inventory(), "lan")
    assert found["netns_lab_links"]["pc1-eth0"] == {"addresses": [], "mtu": 1500, "bridge": "br0", "peer": "pc1:eth0"}
    assert found["netns_lab_neighbours"] == {}


def test_neighbours_are_heard_through_any_number_of_switches_and_bridges_of_the_machine(place):
    place.write(
        "office.yml",
        "name: far\nnodes: {a: {}, b: {}, c: {}, s1: {kind: switch}, s2: {kind: switch}}\n"
        "links: [['a:eth0', s1], [s1, s2], [s2, '@br9'], ['b:eth0', '@br9'], ['c:eth0', 'b:eth1']]\n",
    )
    found = {host: variables(place.inventory(), host)["netns_lab_neighbours"] for host in ("a", "b", "c")}
    assert {
        host: {link: [end["host"] for end in ends] for link, ends in links.items()} for host, links in found.items()
    } == {"a": {"eth0": ["b"]}, "b": {"eth0": ["a"], "eth1": ["c"]}, "c": {"eth0": ["b"]}}
    assert variables(place.inventory(), "b")["netns_lab_links"]["eth0"]["peer"].startswith("@br9:")


def test_ansible_gets_into_a_container_unless_only_its_network_is_asked_for(place):
    ways = {
        "ansible_netns_name": "b-web",
        "ansible_lxc_name": "b-web",
        "ansible_lxc_path": "/srv/lxc",
    }
    found = variables(place.inventory(prefix="b-"), "b-web")
    assert found["ansible_connection"] == "netns.lab.lxc"
    assert {key: value for key, value in found.items() if key in ways} == ways
    found = variables(place.inventory(prefix="b-", container_connection="netns"), "b-web")
    assert found["ansible_connection"] == "netns.lab.netns"
    assert {key: value for key, value in found.items() if key in ways} == ways


def test_a_container_where_lxc_keeps_them_needs_no_path(place):
    place.write("office.yml", "name: x\nnodes: {web: {kind: container}}\n")
    assert "ansible_lxc_path" not in variables(place.inventory(), "web")


def test_kinds_that_are_not_wanted_are_no_hosts_and_nobodys_neighbours(place):
    inventory = place.inventory(kinds=["host"])
    assert names(inventory.get_hosts()) == ["pc1", "pc2"]
    assert [end["host"] for end in variables(inventory, "pc1")["netns_lab_neighbours"]["eth0"]] == ["pc2"]
    assert "kind_router" not in inventory.groups


def test_a_prefix_goes_before_that_of_the_file(place):
    place.write("office.yml", "name: x\nprefix: a-\nnodes: {red: {}}\n")
    assert names(place.inventory().get_hosts()) == ["a-red"]
    found = variables(place.inventory(prefix="b-"), "b-red")
    assert [found[f"netns_lab_{name}"] for name in ("name", "id", "node", "netns")] == ["x", "x@b-", "red", "b-red"]
    assert names(place.inventory(prefix="").get_hosts()) == ["red"]


# --- Files -----------------------------------------------------------------------------------------------------------


def test_files_are_paths_from_the_folder_of_the_source_patterns_and_labs_that_come_with_it(place, monkeypatch):
    monkeypatch.chdir("/")
    place.write("labs/a.yml", "name: a\nnodes: {a1: {}}\n")
    place.write("labs/b.yml", "name: b\nnodes: {b1: {}}\n")
    place.write("labs/old-topology.yml", "plugin: netns.lab.topology\n")
    for files in (["labs/a.yml", "labs/b.yml"], ["labs/*.yml"], ["**/[ab].yml", "labs/a.yml"], "labs/a.yml,labs/b.yml"):
        assert names(place.inventory(files=files).get_hosts()) == ["a1", "b1"]
    assert names(place.inventory(files="red-blue").get_hosts()) == ["red", "blue"]
    place.write("red-blue.yml", "name: mine\nnodes: {green: {}}\n")
    assert names(place.inventory(files="red-blue.yml").get_hosts()) == ["green"]


def test_the_source_is_told_by_its_name(place):
    plugin = inventory_loader.get("netns.lab.topology")
    for name in ("topology.yml", "office.topology.yaml", "class-topology.yml"):
        assert plugin.verify_file(place.source(name))
    assert not plugin.verify_file(place.source("office-lab.yml"))
    assert not plugin.verify_file(str(place.folder / "gone.topology.yml"))


@pytest.mark.parametrize("path", sorted((CHECKOUT / "playbooks" / "labs").glob("*.yml")), ids=lambda path: path.stem)
def test_every_lab_that_comes_with_the_collection_can_be_an_inventory(place, path):
    lab = yaml.safe_load(path.read_text())
    assert names(place.inventory(files=path.stem).get_hosts()) == list(lab["nodes"])


def test_variables_that_an_inventory_before_gives_a_node_stay(place):
    place.write("more.ini", "red motd=hello\n")
    assert variables(place.inventory("more.ini", files="pair.yml"), "red")["motd"] == "hello"

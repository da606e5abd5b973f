# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of labs as hosts, by Ansible's own inventory manager: names, groups, variables, and what is refused."""

from __future__ import annotations

import importlib
import json
import os
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible import constants as C
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

COLLECTION = "ansible_collections.netns.lab"
CHECKOUT = Path(__file__).parents[4]
OFFICE = """\
name: office
nodes:
  gw: {kind: router}
  lan: {kind: switch}
  pc1: {groups: [desks]}
  pc2: {groups: [desks]}
  web:
    kind: container
    container: {lxc_path: /srv/lxc}
groups: {desks: {}}
links:
  - [{node: gw, name: lan, addresses: [10.1.0.1/24]}, lan]
  - [{node: pc1, name: eth0, addresses: ["fd00::11/64", 10.1.0.11/24], mac: "02:00:00:00:00:11"}, lan]
  - [{node: pc2, name: eth0}, lan]
  - endpoints: [{node: gw, name: web, addresses: [10.2.0.1/24]}, {node: web, name: eth0, addresses: [10.2.0.2/24]}]
    mtu: 9000
"""
PAIR = "name: pair\nnodes: {red: {}, blue: {}}\nlinks: [['red:eth0', 'blue:eth0']]\n"
MACHINES = "[lab_machines]\nvm1\nvm2\n[all:vars]\nansible_user=student\n"


@pytest.fixture(scope="module", autouse=True)
def _collection():
    """Lets Ansible find the plugin in the collection, which tests import as Python does, without Ansible's importer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module(COLLECTION), "_collection_meta", {}, raising=False)
        package = importlib.import_module(f"{COLLECTION}.plugins.inventory")
        folder, *_others = package.__path__
        patch.setattr(package, "__file__", f"{folder}/__init__.py")
        yield


class Place:
    """A folder with lab files, sources and other inventories."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("office.yml", OFFICE)
        self.write("pair.yml", PAIR)
        self.write("class.ini", MACHINES)

    def write(self, name: str, text: str) -> str:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def source(self, name: str = "topology.yml", **options: t.Any) -> str:
        return self.write(name, yaml.safe_dump({"plugin": "netns.lab.topology", "files": ["office.yml"], **options}))

    def inventory(self, *before: str, **options: t.Any) -> InventoryManager:
        """What Ansible makes of the inventories `before` and a source with these options."""
        sources = [str(self.folder / name) for name in before]
        return InventoryManager(DataLoader(), [*sources, self.source(**options)])

    def refused(self, *before: str, **options: t.Any) -> str:
        """Why the plugin refuses a source with these options. Nothing may have got into the inventory."""
        standing = InventoryManager(DataLoader(), [str(self.folder / name) for name in before])._inventory
        hosts, groups = set(standing.hosts), set(standing.groups)
        plugin = inventory_loader.get("netns.lab.topology")
        with pytest.raises(AnsibleParserError) as caught:
            plugin.parse(standing, DataLoader(), self.source(**options))
        assert (set(standing.hosts), set(standing.groups)) == (hosts, groups)
        return str(caught.value.message)


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    # What Ansible only warns of, so that other sources are still used, is a failure here.
    monkeypatch.setattr(C, "INVENTORY_ANY_UNPARSED_IS_FAILED", True, raising=False)
    return Place(tmp_path)


def names(hosts: t.Iterable[t.Any]) -> list[str]:
    return [host.name for host in hosts]


def variables(inventory: InventoryManager, host: str) -> dict[str, t.Any]:
    own = dict(inventory.get_host(host).vars)
    for key in ("inventory_file", "inventory_dir"):
        own.pop(key)
    return own


# --- On this machine -------------------------------------------------------------------------------------------------


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


# --- On machines -----------------------------------------------------------------------------------------------------


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


# --- What Ansible's own classes do -----------------------------------------------------------------------------------


def test_groups_and_variables_of_the_sources_own(place):
    inventory = place.inventory(
        "class.ini",
        hosts="vm1",
        strict=True,
        keyed_groups=[{"key": "netns_lab_machine", "prefix": "machine"}],
        groups={"ipv6": "netns_lab_addresses is search(':')"},
        compose={"peers": "netns_lab_neighbours.values() | flatten | map(attribute='host') | list"},
    )
    assert names(inventory.get_hosts("machine_vm1")) == ["gw@vm1", "lan@vm1", "pc1@vm1", "pc2@vm1", "web@vm1"]
    assert names(inventory.get_hosts("ipv6")) == ["pc1@vm1"]
    assert variables(inventory, "gw@vm1")["peers"] == ["pc1@vm1", "pc2@vm1", "web@vm1"]


def test_an_expression_that_fails_is_passed_over_unless_strict(place):
    assert "wrong" not in variables(place.inventory(compose={"wrong": "nothing.of.that"}), "gw")
    with pytest.raises(Exception, match="wrong"):
        inventory_loader.get("netns.lab.topology").parse(
            InventoryData(), DataLoader(), place.source(strict=True, compose={"wrong": "nothing.of.that"})
        )


def test_what_comes_from_a_lab_file_is_no_template(place):
    place.write(
        "office.yml",
        "name: x\nnodes: {red: {kind: container, container: {lxc_path: '/srv/{{ 7*7 }}'}}, blue: {}}\n"
        "links: [['red:{{7*7}}', 'blue:eth0']]\n",
    )
    inventory = place.inventory(compose={"composed": "netns_lab_links"})
    loader = DataLoader()
    for host, path in (("red", "/srv/{{ 7*7 }}"), ("blue", None)):
        found = VariableManager(loader, inventory).get_vars(host=inventory.get_host(host))
        templar = Templar(loader, variables=found)
        for name in ("netns_lab_links", "netns_lab_neighbours", "composed"):
            expression = "{{ " + name + " | string }}"
            try:
                from ansible.template import trust_as_template
            except ImportError:
                seen = templar.template(expression)
            else:
                seen = templar.template(trust_as_template(expression))
            assert "{{7*7}}" in str(seen)
            assert "49" not in str(seen)
        assert found.get("ansible_lxc_path") == path
        assert templar.template(found.get("ansible_lxc_path")) == path


def test_a_cache_saves_the_reading_but_never_hides_a_change(place, monkeypatch):
    options = {
        "cache": True, "cache_plugin": "jsonfile", "cache_connection": str(place.folder / "cache"),
        "files": ["pair.yml"],
    }  # fmt: skip
    fresh = place.inventory(**options)
    (kept,) = (place.folder / "cache").iterdir()
    assert json.loads(kept.read_text())

    from ansible_collections.netns.lab.plugins.module_utils._engine import topology

    reads = []
    load = topology.load
    monkeypatch.setattr(topology, "load", lambda content: reads.append(content) or load(content))

    def again(cache: bool = True) -> t.Any:
        inventory = InventoryManager(DataLoader(), [place.source(**options)], parse=False)
        inventory.parse_sources(cache=cache)
        return inventory

    kept_one = again()
    assert reads == []
    assert names(kept_one.get_hosts()) == names(fresh.get_hosts()) == ["red", "blue"]
    assert variables(kept_one, "red") == variables(fresh, "red")
    again(cache=False)
    assert len(reads) == 1
    place.write("pair.yml", PAIR.replace("blue", "green"))
    assert names(again().get_hosts()) == ["red", "green"]
    options["prefix"] = "b-"
    assert names(again().get_hosts()) == ["b-red", "b-green"]
    assert len(reads) == 3


# --- What is refused, and with which words ---------------------------------------------------------------------------


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


def test_variables_that_an_inventory_before_gives_a_node_stay(place):
    place.write("more.ini", "red motd=hello\n")
    assert variables(place.inventory("more.ini", files="pair.yml"), "red")["motd"] == "hello"


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

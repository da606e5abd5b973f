# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible's own classes do for the inventory: groups and variables of the source's own, templates, the cache."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.inventory.data import InventoryData
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager

from ansible_collections.netns.lab.tests.unit.plugins.inventory.places import PAIR, names, variables


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

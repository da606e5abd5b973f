# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of inventories share: lab files, sources, and what Ansible makes of them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleParserError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import inventory_loader

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


def names(hosts: t.Iterable[t.Any]) -> list[str]:
    return [host.name for host in hosts]


def variables(inventory: InventoryManager, host: str) -> dict[str, t.Any]:
    own = dict(inventory.get_host(host).vars)
    for key in ("inventory_file", "inventory_dir"):
        own.pop(key)
    return own

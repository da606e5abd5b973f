# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs read back: what stands as a lab file, what differs from what was asked for, and in which state the lab is."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import typing as t
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from ansible_collections.netns.lab.plugins.module_utils._engine import lab_information, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import REGISTRY
from ansible_collections.netns.lab.tests.kernel import snapshot, ten_nodes
from ansible_collections.netns.lab.tests.kernel.engine import words
from ansible_collections.netns.lab.tests.random_labs import lab_files
from ansible_collections.netns.lab.tests.random_wants import examples

SHIPPED = sorted(Path(__file__).resolve().parents[2].glob("playbooks/labs/*.yml"))
LAB: dict[str, t.Any] = {
    "name": "office",
    "groups": {"desks": {"routes": [{"to": "default", "via": "10.1.0.1"}]}},
    "nodes": {
        "gw": {"kind": "router"},
        "lan": {"kind": "switch"},
        "pc1": {"groups": ["desks"], "sysctls": {"net.ipv4.conf.eth0.proxy_arp": 1}},
        "pc2": {"groups": ["desks"], "etc": {"hosts": "10.1.0.1 gw\n"}},
    },
    "links": [
        [{"node": "gw", "name": "lan", "addresses": ["10.1.0.1/24", "fd01::1/64"]}, "lan"],
        [{"node": "pc1", "name": "eth0", "addresses": ["10.1.0.11/24"], "mac": "02:00:00:00:00:11"}, "lan"],
        {"endpoints": [{"node": "pc2", "name": "eth0", "addresses": ["10.1.0.12/24"]}, "lan"], "mtu": 1400},
    ],
}


def build(lab: dict[str, t.Any], **options: t.Any) -> t.Any:
    return converge(topology.load(copy.deepcopy(lab)).request(**options), check=False)


def look(name: str = "office") -> dict[str, t.Any]:
    """The one lab of that name, by way of JSON, as a task gets it."""
    (found,) = lab_information.gather(name, None, asked=True)
    return json.loads(json.dumps(found))


def texts(seen: dict[str, t.Any]) -> list[str]:
    assert seen["drift_total"] == len(seen["drift"])
    return [one["text"] for one in seen["drift"]]


def unchanged(lab: dict[str, t.Any], *, exact: bool = True) -> list[str]:
    """The steps that a lab file would take now."""
    return words(converge(topology.load(copy.deepcopy(lab)).request(exact=exact), check=True))


def forget() -> None:
    shutil.rmtree(REGISTRY)


# -- read back


def read_back_and_given_again(lab: dict[str, t.Any]) -> None:
    """Read back with the registry and without, and given again each time: nothing changes, and no drift is seen."""
    build(lab)
    name = topology.load(copy.deepcopy(lab)).id
    before = snapshot.machine()
    seen = look(name)
    assert snapshot.differences(before, snapshot.machine()) == []
    assert seen["state"] == "complete"
    assert texts(seen) == []
    assert seen["asked"] == lab
    assert unchanged(seen["topology"]) == []
    assert list(seen["topology"]["nodes"]) == list(lab["nodes"])
    build(seen["topology"], exact=True)
    assert unchanged(lab) == []
    assert look(name)["topology"] == seen["topology"]
    forget()
    lost = look(name)
    assert not lost["recorded"]
    assert unchanged(lost["topology"]) == []
    assert len(lost["topology"]["links"]) == len(seen["topology"]["links"])
    build(lost["topology"], exact=True)
    assert unchanged(lab) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_lab_read_back_and_given_again_changes_nothing(path):
    lab = yaml.safe_load(path.read_text())
    if any((node or {}).get("kind") == "container" for node in lab["nodes"].values()):
        pytest.skip("test_lab_containers.py has the labs with containers")
    read_back_and_given_again(lab)


@examples(25)
@given(lab_files())
def test_any_lab_read_back_and_given_again_changes_nothing(cold_machine, lab):
    with cold_machine():
        read_back_and_given_again(lab)

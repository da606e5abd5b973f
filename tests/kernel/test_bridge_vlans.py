# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs of a bridge and of its ports, which somebody made by hand: a run that fails gives them back."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Request, Sysctl
from ansible_collections.netns.lab.plugins.module_utils._kernel import bridge_vlans
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker
from ansible_collections.netns.lab.tests.kernel.test_engine_rollback_cases import ip_does, leaves_no_trace, red

VLANS = """
vlan del dev p0 vid 1
vlan add dev p0 vid 10 pvid untagged
vlan add dev p0 vid 20-29
vlan del dev p1 vid 1
vlan add dev p2 vid 40 untagged
vlan add dev br0 vid 10 self
vlan del dev br0 vid 1 self
fdb add 02:00:00:00:00:99 dev p0 master static vlan 20
"""


@pytest.fixture(autouse=True)
def bridge(lonely) -> t.Iterator[None]:
    """A bridge in red that keeps VLANs apart, with three ports, each with other VLANs than a new one has."""
    ip_does("netns add red\n")
    command = ["ip", "-n", "red", "link", "add", "br0", "type", "bridge", "vlan_filtering", "1"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this kernel's bridges have no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)")
    ports = "".join(f"link add p{i} master br0 up type veth peer name f{i}\n" for i in range(3))
    ip_does(f"{ports}link set br0 up\nlink set lo up\n", netns="red")
    subprocess.run(["bridge", "-n", "red", "-batch", "-"], input=VLANS, text=True, check=True)
    yield
    Fault.at = None


def shown() -> dict[str, list[int]]:
    done = subprocess.run(["bridge", "-n", "red", "-json", "vlan", "show"], capture_output=True, text=True, check=True)
    return {one["ifname"]: [vlan["vlan"] for vlan in one["vlans"]] for one in json.loads(done.stdout)}


LAST = (("sysctl", "red", "net/ipv4/conf/f1/proxy_arp"), Sysctl("1"))


@pytest.mark.parametrize("change", [
    (("link", "red", "p0"), Link(master="", up=True)),
    (("link", "red", "p1"), Link(master="", up=True)),
    (("link", "red", "p0"), Link("bridge", up=True)),
    (("link", "red", "br0"), Link("bridge", mac="02:00:00:00:00:0f", up=True)),
    (("link", "red", "br0"), Link("bridge", options=(("vlan_filtering", False),), up=True)),
], ids=["out", "out, without VLANs", "gone", "another MAC address", "no filtering"])  # fmt: skip
def test_a_port_comes_back_with_its_vlans(change):
    assert shown()["p0"] == [10, *range(20, 30)]
    assert "p1" not in shown()
    leaves_no_trace(Request(red(change, LAST)))


def test_a_bridge_comes_back_with_its_vlans_and_their_default():
    ip_does("""
        link set br0 type bridge vlan_filtering 0
        link set br0 type bridge vlan_default_pvid 77
        link set br0 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_stats_enabled 1
    """, netns="red")  # fmt: skip
    pair = (("link", "red", "br0"), Link("veth", ("red", "w0"))), (("link", "red", "w0"), Link("veth", ("red", "br0")))
    leaves_no_trace(Request(red(*pair)))


def test_in_words():
    def read(visit: Visit) -> list[str]:
        visit.enter("red")
        return [bridge_vlans.words(vlans) for _index, vlans in bridge_vlans.read(visit.socket())]

    assert in_worker(read) == ["VLANs 10", "VLANs 10, 20-29", "no VLANs", "VLANs 1, 40"]

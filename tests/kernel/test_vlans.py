# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs of a bridge and of its ports, and links of the kind vlan, with what somebody made by hand of them: a run that
fails gives it back."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_nic
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Link, Request, Sysctl
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


@pytest.fixture
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


@pytest.fixture
def cable(lonely) -> t.Iterator[None]:
    """A cable in red with two VLANs on it."""
    ip_does("netns add red\n")
    ip_does("link set lo up\nlink add e0 up type veth peer name f0\nlink set f0 up\n", netns="red")
    command = ["ip", "-n", "red", "link", "add", "link", "e0", "name", "e0.10", "type", "vlan", "id", "10"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this kernel has no links of the kind vlan (CONFIG_VLAN_8021Q)")
    ip_does("""
        link set e0.10 up txqueuelen 77 alias of-mine group 7
        link set e0.10 type vlan egress-qos-map 0:3 1:4 ingress-qos-map 2:5 gvrp on
        link add link e0 name e0.20 type vlan id 20 reorder_hdr off
    """, netns="red")  # fmt: skip
    yield
    Fault.at = None


def shown() -> dict[str, list[int]]:
    done = subprocess.run(["bridge", "-n", "red", "-json", "vlan", "show"], capture_output=True, text=True, check=True)
    return {one["ifname"]: [vlan["vlan"] for vlan in one["vlans"]] for one in json.loads(done.stdout)}


LAST_OF_E0 = (("sysctl", "red", "net/ipv4/conf/e0/proxy_arp"), Sysctl("1"))
LAST = (("sysctl", "red", "net/ipv4/conf/f1/proxy_arp"), Sysctl("1"))


@pytest.mark.parametrize("change", [
    (("link", "red", "p0"), Link(master="", up=True)),
    (("link", "red", "p1"), Link(master="", up=True)),
    (("link", "red", "p0"), Link("bridge", up=True)),
    (("link", "red", "br0"), Link("bridge", mac="02:00:00:00:00:0f", up=True)),
    (("link", "red", "br0"), Link("bridge", options=(("vlan_filtering", False),), up=True)),
], ids=["out", "out, without VLANs", "gone", "another MAC address", "no filtering"])  # fmt: skip
@pytest.mark.usefixtures("bridge")
def test_a_port_comes_back_with_its_vlans(change):
    assert shown()["p0"] == [10, *range(20, 30)]
    assert "p1" not in shown()
    leaves_no_trace(Request(red(change, LAST)))


@pytest.mark.usefixtures("bridge")
def test_a_bridge_comes_back_with_its_vlans_and_their_default():
    ip_does("""
        link set br0 type bridge vlan_filtering 0
        link set br0 type bridge vlan_default_pvid 77
        link set br0 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_stats_enabled 1
    """, netns="red")  # fmt: skip
    pair = (("link", "red", "br0"), Link("veth", ("red", "w0"))), (("link", "red", "w0"), Link("veth", ("red", "br0")))
    leaves_no_trace(Request(red(*pair)))


@pytest.mark.usefixtures("bridge")
def test_in_words():
    def read(visit: Visit) -> list[str]:
        visit.enter("red")
        return [bridge_vlans.words(vlans) for _index, vlans in bridge_vlans.read(visit.socket())]

    assert in_worker(read) == ["VLANs 10", "VLANs 10, 20-29", "no VLANs", "VLANs 1, 40"]


@pytest.mark.usefixtures("cable")
@pytest.mark.parametrize("number", [10, 20])
def test_a_vlan_that_is_made_anew_comes_back_with_its_flags_and_priorities(number):
    other = Link("vlan", lower=("red", "e0"), options=(("id", 30), ("protocol", "802.1q")), up=True)
    leaves_no_trace(Request(red((("link", "red", f"e0.{number}"), other), LAST_OF_E0)))


def test_what_the_vlans_of_a_lent_nic_lose_is_foreseen_and_said(lonely):
    ip_does("netns add red\nlink add e0 up type veth peer name f0\nlink set f0 up\n")
    command = ["ip", "link", "add", "link", "e0", "name", "e0.10", "type", "vlan", "id", "10"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this kernel has no links of the kind vlan (CONFIG_VLAN_8021Q)")
    ip_does("""
        link set e0.10 up
        address add 10.10.0.1/24 dev e0.10
        address add fd10::1/64 dev e0.10 nodad
        route add 10.11.0.0/16 via 10.10.0.9
    """)  # fmt: skip
    wanted = {"name": "e0", "netns": "red", "state": "lent", "up": False}
    foreseen = converge(objects_nic.nic(dict(wanted)), check=True)
    done = converge(objects_nic.nic(dict(wanted)), check=False)
    assert any("e0.10 stands on e0: it goes down with it" in text for text in done.warnings)
    for outcome in (foreseen, done):
        assert not outcome.after.get(("link", MACHINE, "e0.10")).up
        assert ("address", MACHINE, "e0.10", "fd10::1") not in outcome.after
        assert not [key for key in outcome.after.space(MACHINE) if key[0] == "route" and key[3] == "10.11.0.0/16"]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab that has a port in a bridge of the machine: the one thing that a lab makes outside its own namespaces."""

from __future__ import annotations

import shutil

import pytest

LAB = {
    "name": "web",
    "nodes": {"red": {}},
    "links": [{"endpoints": [{"node": "red", "name": "eth0", "addresses": ["192.0.2.9/24"]}, "@br0"]}],
}


@pytest.fixture
def bridge(ip):
    ip("link", "add", "br0", "address", "02:00:00:00:00:01", "type", "bridge")
    ip("link", "set", "br0", "up")
    ip("address", "add", "192.0.2.1/24", "dev", "br0")


def _ports(ip):
    return [link for link in ip("link") if link.get("master") == "br0"]


def test_it_gets_a_port_that_says_whose_it_is_and_the_bridge_keeps_its_address(bridge, ip, run_module):
    foreseen = run_module("topology", check=True, **LAB)
    assert _ports(ip) == []
    result = run_module("topology", **LAB)
    assert result.get("changed"), result
    assert result["steps"] == foreseen["steps"]
    (port,) = _ports(ip)
    assert port["altnames"] == [f"netns-lab:web:{port['ifname']}"]
    assert ip("link", "show", "br0")[0]["address"] == "02:00:00:00:00:01"
    assert run_module("topology", **LAB)["steps"] == []


def test_it_can_be_reached_over_the_bridge(bridge, run_module):
    run_module("topology", **LAB)
    result = run_module("netns_exec", netns="red", argv=["ping", "-c", "1", "-W", "5", "192.0.2.1"])
    assert not result.get("failed"), result


def test_the_port_goes_with_the_lab_and_the_bridge_stays(bridge, ip, run_module):
    run_module("topology", **LAB)
    result = run_module("topology", name="web", state="absent")
    assert result.get("changed"), result
    assert [link["ifname"] for link in ip("link")] == ["lo", "br0"]


def test_the_port_goes_when_the_link_goes(bridge, ip, run_module):
    run_module("topology", **LAB)
    result = run_module("topology", name="web", nodes={"red": {}})
    assert result.get("changed"), result
    assert _ports(ip) == []


def test_the_port_goes_with_the_lab_though_the_registry_is_lost(bridge, ip, run_module):
    run_module("topology", **LAB)
    shutil.rmtree("/var/lib/netns-lab")
    run_module("topology", name="web", state="absent")
    assert [link["ifname"] for link in ip("link")] == ["lo", "br0"]


def test_single_modules_leave_the_port_alone_unless_forced(bridge, ip, run_module):
    run_module("topology", **LAB)
    (port,) = _ports(ip)
    result = run_module("link", name=port["ifname"], mtu=1300)
    assert result["failed"]
    assert "belongs to a lab" in result["msg"]
    assert run_module("link", name=port["ifname"], mtu=1300, force=True).get("changed")


def test_a_bridge_that_isnt_there_is_named(run_module, ip):
    result = run_module("topology", **LAB)
    assert result["failed"]
    assert "br0" in result["msg"]
    assert ip("netns", "list") == []


def test_a_machine_link_that_is_no_bridge_is_lent_itself(run_module, ip):
    ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth8")
    result = run_module("topology", **{**LAB, "links": [["red:eth0", "@eth9"]]})
    assert "move link @eth9 to red:eth0" in result["steps"]
    assert [link["ifname"] for link in ip("link", netns="red")] == ["lo", "eth0"]

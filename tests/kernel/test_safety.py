# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No module cuts the machine off from its default route, unless it is forced; and check mode says so beforehand."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def uplink(ip):
    """A machine whose default route leads over eth0, a port of which br0 has another one."""
    # Otherwise eth0 gets an IPv6 address a while later, which is tentative at first: that would count as a change.
    Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text("1")
    ip("netns", "add", "outside")
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "far", "netns", "outside")
    ip("link", "set", "eth0", "up")
    ip("link", "set", "far", "up", netns="outside")
    ip("address", "add", "192.0.2.2/24", "dev", "eth0")
    ip("route", "add", "default", "via", "192.0.2.1")


CUTS = [
    ("link", {"name": "eth0", "netns": "red"}, "move link @eth0"),
    ("link", {"name": "eth0", "up": False}, "set @eth0 down"),
    ("link", {"name": "eth0", "mac": "02:00:00:00:00:09"}, "mac"),
    ("link", {"name": "eth0", "state": "absent"}, "delete link @eth0"),
    ("link", {"name": "eth0", "bridge": "br0"}, "a port of br0"),
    ("link", {"name": "eth0", "addresses": []}, "delete address 192.0.2.2/24"),
    ("route", {"to": "default", "state": "absent"}, "delete route default"),
    ("route", {"to": "default", "via": "192.0.2.9"}, "change route default"),
    ("veth", {"name": "eth0", "netns": "red", "peer": {"name": "far", "netns": "outside"}}, "move link @eth0"),
    ("netns", {"name": "outside", "state": "absent"}, "eth0"),
]


@pytest.mark.parametrize("check", [True, False], ids=["in check mode", "in a run"])
@pytest.mark.parametrize(("module", "options", "words"), CUTS, ids=[f"{m} {w}" for m, _o, w in CUTS])
def test_what_carries_the_default_route_stays(uplink, ip, run_module, module, options, words, check):
    ip("netns", "add", "red")
    ip("link", "add", "br0", "type", "bridge")
    before = ip("address"), ip("route")
    result = run_module(module, check=check, **options)
    assert result.get("failed"), result
    assert words in result["msg"]
    assert "default route" in result["msg"]
    assert "force: true" in result["msg"]
    assert (ip("address"), ip("route")) == before


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("link", {"name": "eth0", "mtu": 1400}),
        ("link", {"name": "eth0", "addresses": ["192.0.2.2/24", "198.51.100.1/24"]}),
        ("route", {"to": "203.0.113.0/24", "via": "192.0.2.1"}),
        ("veth", {"name": "eth1", "netns": "outside", "peer": {"name": "mine"}}),
    ],
    ids=["another MTU", "one more address", "one more route", "another link"],
)
def test_what_harms_nobody_is_allowed(uplink, run_module, module, options):
    result = run_module(module, **options)
    assert result.get("changed"), result


def test_force_does_it_all_the_same(uplink, ip, run_module):
    result = run_module("link", name="eth0", state="absent", force=True)
    assert result.get("changed"), result
    assert [link["ifname"] for link in ip("link")] == ["lo"]


def test_a_port_of_a_protected_bridge_that_leads_into_a_namespace_comes_and_goes(ip, run_module):
    ip("netns", "add", "outside")
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "add", "up0", "type", "veth", "peer", "name", "far", "netns", "outside")
    ip("link", "set", "up0", "master", "br0", "up")
    ip("link", "set", "br0", "up")
    ip("address", "add", "192.0.2.2/24", "dev", "br0")
    ip("route", "add", "default", "via", "192.0.2.1")
    ip("netns", "add", "red")
    port = {"name": "eth0", "netns": "red", "peer": {"name": "red-eth0", "bridge": "br0"}}
    assert run_module("veth", **port).get("changed")
    assert run_module("link", name="br0", state="absent")["failed"]
    assert run_module("veth", **port, state="absent").get("changed")
    assert "red-eth0" not in [link["ifname"] for link in ip("link")]


def test_plans_that_leave_the_machine_alone_dont_ask(uplink, run_module):
    result = run_module("netns", name="red")
    assert result.get("changed"), result
    assert "warnings" not in result

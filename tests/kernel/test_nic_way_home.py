# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link that comes home, whatever became of it, of the machine and of what is written down while it was away."""

from __future__ import annotations

import json
import os
import re

import pytest

from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.loans import LEASES, ip_does, stands, warned


@pytest.mark.usefixtures("nic")
def test_it_is_lent_on_and_comes_home_from_there(ip, run_module):
    before = stands()
    ip("netns", "add", "blue")
    run_module("nic", name="ens4", netns="red", addresses=["192.0.2.1/24"])
    done = run_module("nic", name="ens4", netns="blue", addresses=["192.0.2.2/24"])
    assert done["steps"][0] == "move link red:ens4 to blue:ens4"
    assert sorted(path.name for path in LEASES.iterdir()) == ["blue:ens4.json"]
    run_module("nic", name="ens4", state="home")
    ip("netns", "del", "blue")
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
def test_it_comes_home_under_its_name_whatever_became_of_it(ip, run_module):
    before = stands()
    run_module("nic", name="ens4", netns="red", addresses=["192.0.2.1/24"])
    ip("link", "set", "ens4", "down", netns="red")
    ip("link", "set", "ens4", "name", "wan", "mtu", "1300", "address", "02:00:00:00:00:44", netns="red")
    ip("link", "property", "del", "dev", "wan", "altname", "a-nic-that-is-lent", netns="red")
    run_module("nic", name="ens4", state="home")
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
def test_a_rule_that_somebody_took_away_comes_back(ip, run_module):
    before = stands()
    run_module("nic", name="ens4", netns="red")
    ip("rule", "del", "priority", "60")
    ip("-6", "rule", "del", "priority", "55")
    steps = run_module("nic", name="ens4", state="home")["steps"]
    assert "add rule 60: from 10.4.0.0/16 fwmark 0x7 oif ens4 lookup 3000 on the machine" in steps
    assert snapshot.differences(before, stands()) == []


def test_it_is_a_port_of_its_bridge_again_or_says_that_there_is_none(ip, run_module):
    ip_does(
        "link add br0 type bridge\nlink add ens4 type veth peer name far\nlink set ens4 master br0\nnetns add red\n"
    )
    before = stands()
    run_module("nic", name="ens4", netns="red")
    run_module("nic", name="ens4", state="home")
    assert snapshot.differences(before, stands()) == []
    run_module("nic", name="ens4", netns="red")
    ip("link", "del", "br0")
    done = run_module("nic", name="ens4", state="home")
    assert "@ens4 is home, but isn't a port of br0 again: there is no such bridge, bond or VRF any more" in warned(done)
    assert "master" not in ip("link", "show", "ens4")[0]


@pytest.mark.usefixtures("nic")
def test_what_has_been_taken_meanwhile_is_left_to_who_has_it(ip, run_module):
    run_module("nic", name="ens4", netns="red")
    ip("route", "add", "10.40.0.0/16", "via", "10.8.0.9", "metric", "7")
    done = run_module("nic", name="ens4", state="home")
    assert re.search(r"its route to 10.40.0.0/16 [^:]*: another one has taken its place", warned(done)), done
    assert ip("route", "show", "10.40.0.0/16")[0]["gateway"] == "10.8.0.9"


@pytest.mark.usefixtures("nic")
def test_it_waits_outside_as_long_as_another_link_has_its_name(ip, run_module):
    run_module("nic", name="ens4", netns="red")
    ip("link", "add", "ens4", "type", "veth", "peer", "name", "x")
    for module, options in (("nic", {"name": "ens4", "state": "home"}), ("netns", {"name": "red", "state": "absent"})):
        result = run_module(module, **options)
        assert result["failed"]
        assert "red:ens4 can't come home: another link on the machine is called ens4 by now" in result["msg"]


@pytest.mark.usefixtures("nic")
def test_lifetimes_go_on_while_it_is_away(ip, run_module):
    def lifetimes() -> dict[str, int]:
        return {a["local"]: a["valid_life_time"] for a in ip("address", "show", "ens4")[0]["addr_info"]}

    ip("address", "add", "10.9.0.1/24", "dev", "ens4", "valid_lft", "3", "preferred_lft", "3")
    run_module("nic", name="ens4", netns="red")
    lease = json.loads((LEASES / "red:ens4.json").read_text())
    lease["since"] -= 1000
    (LEASES / "red:ens4.json").write_text(json.dumps(lease))
    run_module("nic", name="ens4", state="home")
    found = lifetimes()
    assert 7990 <= found["10.6.0.1"] <= 8000
    assert 7990 <= found["fd04::2"] <= 8000
    assert found["10.4.0.1"] == 2**32 - 1
    assert "10.9.0.1" not in found


@pytest.mark.usefixtures("nic")
def test_moved_by_hand_it_comes_home_as_it_is(ip, run_module):
    ip("link", "set", "ens4", "netns", "red")
    done = run_module("nic", name="ens4", netns="red", state="home")
    assert done["steps"] == ["move link red:ens4 to @ens4"]
    assert "nothing is known of what ens4 had" in warned(done)


@pytest.mark.usefixtures("nic")
def test_a_lost_registry_is_said(run_module):
    run_module("nic", name="ens4", netns="red")
    (LEASES / "red:ens4.json").write_text("{")
    result = run_module("nic", name="ens4", state="home")
    assert result["msg"] == (
        "name: there is no link ens4 on the machine, nor is it lent: name the `netns` that it is in"
    ), result
    assert run_module("nic", name="ens4", state="home", netns="red").get("changed")
    assert not LEASES.exists()


@pytest.mark.usefixtures("nic")
def test_a_lease_of_an_earlier_boot_says_nothing(ip, run_module):
    run_module("nic", name="ens4", netns="red")
    lease = json.loads((LEASES / "red:ens4.json").read_text())
    ip("link", "set", "ens4", "netns", str(os.getpid()), netns="red")
    (LEASES / "red:ens4.json").write_text(json.dumps({**lease, "boot": "another"}))
    assert run_module("nic", name="ens4", state="home")["steps"] == []
    assert not LEASES.exists()

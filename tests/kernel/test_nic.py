# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link of the machine that is lent to a namespace and comes home, by whichever way, with all that it had."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.loans import LEASES, ip_does, stands, warned


@pytest.mark.usefixtures("nic")
def test_it_is_lent_as_check_mode_said_and_comes_home_with_everything(ip, run_module):
    before = stands()
    foreseen = run_module("nic", name="ens4", netns="red", addresses=["192.0.2.1/24"], check=True, diff=True)
    assert snapshot.differences(before, stands()) == []
    done = run_module("nic", name="ens4", netns="red", addresses=["192.0.2.1/24"], diff=True)
    assert done.get("changed"), done
    assert (done["steps"], done["diff"]) == (foreseen["steps"], foreseen["diff"])
    assert done["nic"]["state"] == "lent"
    assert done["nic"]["addresses"] == ["192.0.2.1/24"]
    assert [link["ifname"] for link in ip("link", netns="red")] == ["lo", "ens4"]
    assert run_module("nic", name="ens4", netns="red", addresses=["192.0.2.1/24"])["steps"] == []
    away = stands()
    foreseen = run_module("nic", name="ens4", state="home", check=True, diff=True)
    assert snapshot.differences(away, stands()) == []
    done = run_module("nic", name="ens4", state="home", diff=True)
    assert done.get("changed"), done
    assert (done["steps"], done["diff"]) == (foreseen["steps"], foreseen["diff"])
    assert done["nic"]["state"] == "home"
    assert snapshot.differences(before, stands()) == []
    assert run_module("nic", name="ens4", state="home")["steps"] == []


@pytest.mark.usefixtures("nic")
def test_link_lends_it_in_the_same_way(run_module):
    before = stands()
    assert run_module("link", name="ens4", netns="red", up=True).get("changed")
    assert run_module("link", name="ens4", netns="red", state="absent")["steps"][0] == "move link red:ens4 to @ens4"
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
def test_it_comes_home_when_its_namespace_goes(ip, run_module):
    before = stands()
    run_module("nic", name="ens4", netns="red")
    foreseen = run_module("netns", name="red", state="absent", check=True)
    done = run_module("netns", name="red", state="absent")
    assert done["steps"] == foreseen["steps"]
    ip("netns", "add", "red")
    assert snapshot.differences(before, stands()) == []


LAB = {
    "name": "web",
    "nodes": {"blue": {}, "green": {}},
    "links": [["blue:eth2", "@ens4"], ["blue:eth0", "green:eth0"]],
}


@pytest.mark.usefixtures("nic")
def test_an_end_of_a_lab_lends_it_and_it_comes_home_when_that_goes(ip, run_module):
    before = stands()
    foreseen = run_module("topology", check=True, **LAB)
    done = run_module("topology", **LAB)
    assert done.get("changed"), done
    assert done["steps"] == foreseen["steps"]
    assert ["blue:eth2", "@ens4"] in done["topology"]["links"]
    link = ip("link", "show", "eth2", netns="blue")[0]
    assert (link["address"], link["mtu"]) == ("02:00:00:00:00:44", 1442)
    assert run_module("topology", **LAB)["steps"] == []
    assert run_module("topology", name="web", state="absent").get("changed")
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
def test_it_comes_home_when_the_lab_no_longer_has_that_end(run_module):
    run_module("topology", **{**LAB, "links": LAB["links"][1:]})
    before = stands()
    assert run_module("topology", **LAB).get("changed")
    done = run_module("topology", **{**LAB, "links": LAB["links"][1:]})
    assert done["steps"][0] == "move link blue:eth2 to @ens4"
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
def test_a_lab_leaves_alone_what_was_lent_to_it_by_others(ip, run_module):
    before = ip("address", "show", "ens4")[0]["addr_info"][:3]
    run_module("topology", **{**LAB, "links": LAB["links"][1:]})
    assert run_module("nic", name="ens4", netns="blue")["msg"].startswith(
        "netns: namespace blue belongs to the lab web"
    )
    assert run_module("nic", name="ens4", netns="blue", force=True).get("changed")
    assert run_module("topology", **{**LAB, "links": LAB["links"][1:]}, exact=True)["steps"] == []
    run_module("topology", name="web", state="absent")
    assert ip("address", "show", "ens4")[0]["addr_info"][:3] == before
    assert not LEASES.exists()


@pytest.mark.usefixtures("nic")
def test_it_takes_its_configuration_along(ip, run_module):
    at_home = {(a["local"], a["prefixlen"]) for a in ip("address", "show", "ens4")[0]["addr_info"]}
    before = stands()
    foreseen = run_module("nic", name="ens4", netns="red", keep_config=True, check=True)
    done = run_module("nic", name="ens4", netns="red", keep_config=True)
    assert done.get("changed"), done
    assert done["steps"] == foreseen["steps"]
    there = {(a["local"], a["prefixlen"]) for a in ip("address", "show", "ens4", netns="red")[0]["addr_info"]}
    assert {one for one in at_home if not one[0].startswith("fe80")} <= there
    (route,) = ip("route", "show", "10.40.0.0/16", netns="red")
    assert (route["gateway"], route["prefsrc"], route["metrics"]) == (
        "10.4.0.9",
        "10.4.0.2",
        [{"mtu": 1300, "advmss": 1200}],
    )
    assert ip("route", "show", "table", "100", netns="red")
    assert "10.42.0.0/16" in warned(done)
    again = run_module("nic", name="ens4", netns="red", keep_config=True)
    assert again["steps"] == [], again
    run_module("nic", name="ens4", state="home")
    assert snapshot.differences(before, stands()) == []


@pytest.mark.parametrize("kind", ["bridge", "vrf"])
def test_a_link_that_the_kernel_lets_nowhere_is_said_before_anything_is_touched(ip, run_module, kind):
    options = ["table", "10"] if kind == "vrf" else []
    made = subprocess.run(
        ["ip", "link", "add", "x0", "type", kind, *options], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this kernel has no {kind}: {made.stderr.strip()}")
    ip("netns", "add", "red")
    for check in (True, False):
        result = run_module("nic", name="x0", netns="red", check=check)
        assert result["msg"] == f"@x0 stays where it is: the kernel lets no namespace have a {kind}"
    assert not LEASES.exists()


@pytest.mark.parametrize("kind", ["macvlan", "ifb", "dummy"])
def test_any_link_that_can_move_can_be_lent(ip, run_module, kind):
    ip_does("link add base type veth peer name base-far\nnetns add red\n")
    below = ["link", "base"] if kind == "macvlan" else []
    made = subprocess.run(
        ["ip", "link", "add", *below, "name", "x0", "type", kind], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"this kernel has no {kind}: {made.stderr.strip()}")
    ip_does("link set base up\nlink set x0 up\naddress add 10.4.0.1/24 dev x0\nroute add 10.40.0.0/16 via 10.4.0.9\n")
    before = stands()
    assert run_module("nic", name="x0", netns="red").get("changed")
    assert ip("link", "show", "x0", netns="red")
    assert run_module("netns", name="red", state="absent").get("changed")
    ip("netns", "add", "red")
    assert snapshot.differences(before, stands()) == []


def test_what_cant_be_meant_is_refused(run_module):
    for options, says in (
        ({"name": "lo", "netns": "red"}, "name: lo: every namespace has a loopback of its own"),
        ({"name": "ens4"}, "state is lent but all of the following are missing: netns"),
        ({"name": "ens4", "netns": "red", "confirm": -1}, "confirm: -1: expected seconds, at most 3600"),
        ({"name": "ens4", "state": "home", "keep_config": True}, "keep_config: True: belongs to a link that is lent"),
        ({"name": "ens4", "netns": "red"}, "name: there is no link ens4 on the machine"),
    ):
        result = run_module("nic", **options)
        assert result["failed"]
        assert says in result["msg"]


@pytest.mark.usefixtures("nic")
def test_several_that_want_it_at_once(ip, start_module, run_module):
    before = stands()
    ip("netns", "add", "blue")
    runs = [start_module("nic", name="ens4", netns=ns) for ns in ("red", "blue", "red", "blue")]
    runs.append(start_module("topology", name="web", nodes={"pc": {}}, links=[["pc:wan", "@ens4"]]))
    results = [run.result() for run in runs]
    assert any(result.get("changed") for result in results), results
    assert not any("fault" in result.get("msg", "") for result in results), results
    (lease,) = (json.loads(path.read_text()) for path in LEASES.iterdir())
    assert ip("link", "show", lease["name"], netns=lease["netns"])
    run_module("topology", name="web", state="absent")
    run_module("nic", name="ens4", state="home")
    ip("netns", "del", "blue")
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
def test_netns_info_says_where_a_link_is_at_home(run_module):
    run_module("topology", name="web", nodes={"pc": {}}, links=[["pc:wan", "@ens4"]])
    (found,) = run_module("netns_info", names=["pc"])["namespaces"]
    assert {link["name"]: link["home"] for link in found["links"]} == {"lo": None, "wan": "ens4"}

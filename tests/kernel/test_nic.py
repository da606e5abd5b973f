# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link of the machine that is lent to a namespace and comes home, by whichever way, with all that it had."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_nic
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.test_engine_kill import killed

LEASES = Path("/var/lib/netns-lab/leases")

MACHINE = """
link add other type veth peer name other-far
link set other-far up
link set other up
address add 10.8.0.1/24 brd + dev other
link add ens4 type veth peer name far
link set far up
link set ens4 address 02:00:00:00:00:44 mtu 1442 alias lent
link property add dev ens4 altname a-nic-that-is-lent
link set ens4 up
address add 10.4.0.1/24 brd + dev ens4
address add 10.4.0.2/24 brd 10.4.0.200 dev ens4 label ens4:two
address add 10.4.9.1 peer 10.4.9.2/32 dev ens4 scope link
address add 10.5.0.1/24 dev ens4 noprefixroute metric 77
address add 10.6.0.1/24 dev ens4 valid_lft 9000 preferred_lft 8000
address add fd04::1/64 dev ens4 nodad
address add fd04::2/64 dev ens4 nodad valid_lft 9000 preferred_lft 8000
route add 10.40.0.0/16 via 10.4.0.9 src 10.4.0.2 mtu 1300 advmss 1200 metric 7
route add 10.41.0.0/16 dev ens4 table 100 proto 77 realm 3
route add 10.42.0.0/16 table 3000 nexthop via 10.4.0.9 dev ens4 weight 3 nexthop via 10.8.0.9 dev other
route add 10.43.0.0/16 via 10.7.7.7 dev ens4 onlink initcwnd 20
route append 10.44.0.0/16 via 10.4.0.7
route append 10.44.0.0/16 via 10.4.0.8
route add fd40::/32 via fd04::9 pref high
route add fd41::/32 via fd04::9 table 100 metric 5
rule add iif ens4 lookup 100 priority 50
rule add from 10.4.0.0/16 oif ens4 fwmark 0x7/0xf lookup 3000 priority 60 protocol 99
"""
MACHINE_6 = "rule add iif ens4 lookup 100 priority 55\n"
SYSCTLS = {
    "ipv4/conf/ens4/rp_filter": "2", "ipv4/conf/ens4/arp_ignore": "1", "ipv4/neigh/ens4/gc_stale_time": "77",
    "ipv6/conf/ens4/accept_ra": "0", "ipv6/conf/ens4/addr_gen_mode": "1", "ipv6/neigh/ens4/mcast_solicit": "5",
}  # fmt: skip


def ip_does(commands: str, *options: str) -> None:
    subprocess.run(["ip", *options, "-batch", "-"], input=commands, text=True, check=True)


@pytest.fixture(autouse=True)
def _no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


@pytest.fixture
def nic() -> None:
    """ens4, with everything that a link can have, and a namespace red."""
    ip_does(MACHINE)
    ip_does(MACHINE_6, "-6")
    for name, value in SYSCTLS.items():
        write(name, value)
    ip_does("netns add red\n")


def write(name: str, value: str) -> None:
    # In a process of its own: /proc/self/net is that of the main thread, and this may be another one.
    subprocess.run(["sh", "-c", f"echo {value} >/proc/sys/net/{name}"], check=True)


def read(name: str) -> str:
    return subprocess.run(["cat", f"/proc/sys/net/{name}"], capture_output=True, text=True, check=True).stdout.strip()


def stands() -> dict[str, t.Any]:
    """All that stands, with lifetimes to the minute, and the neighbours' settings."""

    def rounded(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {
                name: inner if not name.endswith("_life_time") or inner > 10**6 else round(inner / 60)
                for name, inner in ((name, rounded(inner)) for name, inner in value.items())
            }
        return [rounded(inner) for inner in value] if isinstance(value, list) else value

    found = {key: rounded(value) for key, value in snapshot.machine(index=True).items()}
    found["neighbours"] = {name: read(name) for name in SYSCTLS if Path(f"/proc/sys/net/{name}").exists()}
    return found


def warned(result: dict[str, t.Any]) -> str:
    """The warnings of a module, which look otherwise in each release of ansible-core."""
    return json.dumps(result.get("warnings", []))


def lent(**options: t.Any) -> Request:
    given = {"name": "ens4", "netns": "red", "state": "lent", "up": True, **options}
    return objects_nic.nic(given)


def home(**options: t.Any) -> Request:
    return objects_nic.nic({"name": "ens4", "state": "home", **options})


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


# -- failures and kills


@pytest.mark.usefixtures("nic")
def test_a_loan_that_fails_at_any_step_is_undone():
    before = stands()
    request = lent(addresses=["192.0.2.1/24"], keep_config=True)
    for at in range(len(converge(request, check=True).plan.steps)):
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            converge(lent(addresses=["192.0.2.1/24"], keep_config=True), check=False)
        assert snapshot.differences(before, stands()) == [], at


@pytest.mark.usefixtures("nic")
def test_a_way_home_that_fails_at_any_step_is_undone_and_can_be_gone_again():
    before = stands()
    converge(lent(addresses=["192.0.2.1/24"]), check=False)
    away = stands()
    for at in range(len(converge(home(), check=True).plan.steps)):
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            converge(home(), check=False)
        assert snapshot.differences(away, stands()) == [], at
    converge(home(), check=False)
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
@pytest.mark.parametrize("then", ["lent", "home", "absent"])
def test_a_loan_killed_at_any_step(then):
    before = stands()
    steps = len(converge(lent(addresses=["192.0.2.1/24"]), check=True).plan.steps)
    for at in range(steps):
        killed(lent(addresses=["192.0.2.1/24"]), at)
        if then == "lent":
            converge(lent(addresses=["192.0.2.1/24"]), check=False)
            assert converge(lent(addresses=["192.0.2.1/24"]), check=True).plan.steps == []
        if then == "absent":
            converge(Request({("namespace", "red"): None}), check=False)
            ip_does("netns add red\n")
        converge(home(), check=False)
        assert snapshot.differences(before, stands()) == [], at


@pytest.mark.usefixtures("nic")
@pytest.mark.parametrize("then", ["home", "lent again", "absent", "anything, after the namespace went"])
def test_a_way_home_killed_at_any_step(then, run_module):
    before = stands()
    converge(lent(), check=False)
    steps = len(converge(home(), check=True).plan.steps)
    for at in range(1, steps, 1 if then == "home" else 4):
        converge(lent(), check=False)
        killed(home(), at)
        if then == "lent again":
            converge(lent(), check=False)
        elif then == "absent":
            converge(Request({("namespace", "red"): None}), check=False)
            ip_does("netns add red\n")
        elif then != "home":
            ip_does("netns del red\n")
            done = run_module("netns", name="another")
            assert "ens4 came home first: the namespace has gone; it was lent to red" in warned(done), at
            ip_does("netns del another\nnetns add red\n")
            assert snapshot.differences(before, stands()) == [], at
            continue
        converge(home(), check=False)
        assert snapshot.differences(before, stands()) == [], at


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

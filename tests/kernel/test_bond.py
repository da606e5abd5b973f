# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bonds: their options, their ports, and what the kernel does to both, held against what the engine foresees."""

from __future__ import annotations

import subprocess
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import Outcome, converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Hop,
    Key,
    Link,
    Request,
    Route,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.engine import bring_about, difference, look, picture, words

BOND: Key = ("link", "n0", "bond0")
MACS = {"p0": "02:00:00:00:00:10", "p1": "02:00:00:00:00:11"}


@pytest.fixture(autouse=True)
def wires(lonely, ip):
    """Two namespaces with two cables between; those in n0 are called p0 and p1, and are up. Without bonds, nothing."""
    made = subprocess.run(["ip", "link", "add", "probe", "type", "bond"], capture_output=True, text=True, check=False)
    if "Unknown device type" in made.stderr:
        pytest.skip("this kernel has no bond")
    ip("link", "del", "probe")
    script = ["netns add n0", "netns add n1"]
    for name, mac in MACS.items():
        script.append(f"link add {name} address {mac} up netns n0 type veth peer name {name} netns n1")
    subprocess.run(["ip", "-batch", "-"], input="\n".join(script), text=True, check=True)
    subprocess.run(
        ["ip", "-n", "n1", "-batch", "-"],
        input="".join(f"link set {name} up\n" for name in MACS),
        text=True,
        check=True,
    )
    yield
    Fault.at = None


def bond(**fields: t.Any) -> Link:
    options = fields.pop("options", {})
    return Link(kind="bond", options=tuple(sorted(options.items())) or None, **fields)


def port(name: str, **fields: t.Any) -> dict[Key, t.Any]:
    return {("link", "n0", name): Link(master="bond0", master_kind="bond", **fields)}


def foreseen(want: Want) -> Outcome:
    """Check mode, the run and the run again, and what stands afterwards is what was foreseen."""
    outcome = bring_about(want)
    assert difference(picture(outcome.plan.after, want), picture(look(want), want)) == []
    return outcome


def by_hand(ip, *options: str, ports: t.Sequence[str] = ("p0", "p1"), up: bool = True) -> None:
    """A bond in n0, made by ip."""
    ip("link", "add", "bond0", "type", "bond", *options, netns="n0")
    for name in ports:
        ip("link", "set", name, "down", netns="n0")
        ip("link", "set", name, "master", "bond0", netns="n0")
    if up:
        ip("link", "set", "bond0", "up", netns="n0")


def seen(ip, name: str = "bond0") -> dict[str, t.Any]:
    return ip("link", "show", name, netns="n0")[0]


def options_of(ip) -> dict[str, t.Any]:
    return seen(ip)["linkinfo"]["info_data"]


MADE: list[dict[str, t.Any]] = [
    {"mode": "balance-rr"},
    {"mode": "active-backup", "miimon": 100, "updelay": 200, "downdelay": 300},
    {"mode": "active-backup", "arp_interval": 500, "arp_ip_target": ("10.0.0.2", "10.0.0.1")},
    {"mode": "active-backup", "miimon": 0, "arp_interval": 0, "updelay": 0, "arp_ip_target": (), "primary": ""},
    {"mode": "balance-xor", "xmit_hash_policy": "layer3+4"},
    {"mode": "broadcast"},
    {"mode": "802.3ad", "lacp_rate": "fast", "ad_select": "bandwidth", "min_links": 2, "arp_interval": 0},
    {"mode": "802.3ad", "lacp_rate": "slow", "ad_select": "stable", "min_links": 0},
    {"mode": "balance-tlb", "xmit_hash_policy": "vlan+srcmac"},
    {"mode": "balance-alb", "miimon": 50},
]


def test_bonds_are_made_as_ip_says(ip):
    foreseen({("link", "n0", f"b{at}"): bond(options=options, up=True) for at, options in enumerate(MADE)})
    for at, options in enumerate(MADE):
        shown = seen(ip, f"b{at}")["linkinfo"]["info_data"]
        shown["lacp_rate"] = shown.pop("ad_lacp_rate", None)
        for name, value in options.items():
            # ip leaves out what isn't set.
            found = shown.get(name) or type(value)()
            assert found == (list(value) if value and isinstance(value, tuple) else value), (at, name)


def test_ports_join_a_bond_in_one_run(ip):
    want: Want = {
        **port("p0"),
        **port("p1"),
        BOND: bond(options={"mode": "active-backup", "miimon": 100, "primary": "p1"}, mtu=1400, up=True),
        ("address", "n0", "bond0", "10.0.0.1/24"): Address(),
    }
    foreseen(want)
    assert options_of(ip)["primary"] == "p1"
    for name in MACS:
        shown = seen(ip, name)
        assert (shown["master"], shown["mtu"], shown["address"]) == ("bond0", 1400, seen(ip)["address"])
        assert "UP" in shown["flags"]
        assert shown["linkinfo"]["info_slave_data"]["perm_hwaddr"] == MACS[name]
    assert seen(ip)["address"] == MACS["p0"]


def test_a_new_bond_with_a_mac_address_keeps_it(ip):
    foreseen({**port("p0"), BOND: bond(mac="02:00:00:00:00:99")})
    assert {seen(ip)["address"], seen(ip, "p0")["address"]} == {"02:00:00:00:00:99"}


def test_a_port_loses_routes_and_ipv6_addresses_when_it_joins(ip):
    by_hand(ip, "mode", "active-backup", ports=["p1"])
    ip("address", "add", "10.1.0.1/24", "dev", "p0", netns="n0")
    ip("address", "add", "fd00:1::1/64", "dev", "p0", "nodad", netns="n0")
    ip("route", "add", "10.2.0.0/16", "via", "10.1.0.2", netns="n0")
    outcome = foreseen(port("p0"))
    assert words(outcome) == ["set n0:p0 a port of bond0"]
    assert ip("-6", "address", "show", "dev", "p0", netns="n0") in ([], [{}])
    assert [route["dst"] for route in ip("route", netns="n0")] == ["10.1.0.0/24"]


def test_a_port_that_leaves_is_down_with_its_own_mtu_and_mac_address(ip):
    by_hand(ip, "mode", "active-backup")
    ip("link", "set", "bond0", "mtu", "1400", netns="n0")
    outcome = bring_about({("link", "n0", "p1"): Link(master="")})
    assert words(outcome) == ["set n0:p1 out of bond0"]
    shown = seen(ip, "p1")
    assert (shown.get("master"), shown["address"], shown["mtu"]) == (None, MACS["p1"], 1500)
    assert "UP" not in shown["flags"]


def test_a_port_that_leaves_gets_the_mtu_and_the_state_that_it_is_asked_to_have(ip):
    by_hand(ip, "mode", "active-backup")
    foreseen({("link", "n0", "p1"): Link(master="", mtu=1500, up=True, mac="02:00:00:00:00:55")})
    shown = seen(ip, "p1")
    assert (shown["address"], shown["mtu"]) == ("02:00:00:00:00:55", 1500)
    assert "UP" in shown["flags"]


def test_the_last_port_takes_the_mac_address_along(ip):
    by_hand(ip, "mode", "active-backup", ports=["p0"])
    ip("link", "set", "bond0", "address", "02:00:00:00:00:99", netns="n0")
    outcome = foreseen({("link", "n0", "p0"): Link(master=""), BOND: bond(mac="02:00:00:00:00:99")})
    assert words(outcome) == ["set n0:p0 out of bond0", "set n0:bond0 mac 02:00:00:00:00:99"]
    assert seen(ip)["address"] == "02:00:00:00:00:99"


def test_a_port_goes_from_one_bond_to_another_and_to_a_bridge(ip):
    by_hand(ip, "mode", "active-backup")
    ip("link", "add", "bond1", "mtu", "1300", "type", "bond", netns="n0")
    ip("link", "add", "br0", "type", "bridge", netns="n0")
    foreseen({("link", "n0", "p0"): Link(master="bond1", master_kind="bond", mac="02:00:00:00:00:77")})
    assert (seen(ip, "p0")["mtu"], seen(ip, "bond1")["address"]) == (1300, "02:00:00:00:00:77")
    foreseen({("link", "n0", "p0"): Link(master="br0", mtu=1450, up=True)})
    assert (seen(ip, "p0")["mtu"], seen(ip, "p0")["address"]) == (1450, "02:00:00:00:00:77")
    foreseen(port("p0"))
    assert seen(ip, "p0")["master"] == "bond0"


def test_a_port_keeps_an_mtu_of_its_own(ip):
    by_hand(ip, "mode", "active-backup", ports=[])
    foreseen(port("p0", mtu=9000))
    assert seen(ip, "p0")["mtu"] == 9000
    foreseen({BOND: bond(mtu=1280)})
    assert seen(ip, "p0")["mtu"] == 1280


def test_a_port_that_shall_be_down_is_down(ip):
    by_hand(ip, "mode", "active-backup", ports=["p1"])
    foreseen(port("p0", up=False))
    assert "UP" not in seen(ip, "p0")["flags"]


@pytest.mark.parametrize(("up", "mac"), [(True, None), (False, "02:00:00:00:00:99")])
def test_a_change_of_mode_gives_back_the_ports(ip, up, mac):
    by_hand(ip, "mode", "active-backup", up=up)
    if mac:
        ip("link", "set", "bond0", "address", mac, netns="n0")
    ip("link", "set", "p1", "down", netns="n0")
    ip("link", "set", "p0", "mtu", "1450", netns="n0")
    ip("address", "add", "10.0.0.1/24", "dev", "bond0", netns="n0")
    index, address = seen(ip)["ifindex"], seen(ip)["address"]
    outcome = foreseen({BOND: bond(options={"mode": "802.3ad", "lacp_rate": "fast", "miimon": 100})})
    assert words(outcome) == [
        "set n0:p0 out of bond0 (to change lacp_rate, mode)",
        "set n0:p1 out of bond0 (to change lacp_rate, mode)",
        *(["set n0:bond0 down (to change lacp_rate, mode)"] if up else []),
        f"set n0:bond0 mac {address}, mode 802.3ad (was active-backup)",
        "set n0:bond0 lacp_rate fast (was slow)",
        "set n0:p0 mtu 1450, a port of bond0",
        "set n0:p1 a port of bond0",
        "set n0:p1 down",
        *(["set n0:bond0 up"] if up else []),
    ]
    shown = seen(ip)
    assert (shown["ifindex"], shown["address"], "UP" in shown["flags"]) == (index, address, up)
    assert (shown["linkinfo"]["info_data"]["mode"], options_of(ip)["ad_lacp_rate"]) == ("802.3ad", "fast")
    assert [(seen(ip, name)["master"], "UP" in seen(ip, name)["flags"]) for name in MACS] == [
        ("bond0", True),
        ("bond0", False),
    ]
    assert (seen(ip, "p0")["mtu"], seen(ip, "p1")["mtu"]) == (1450, 1500)
    assert [a["local"] for a in ip("-4", "address", "show", "dev", "bond0", netns="n0")[0]["addr_info"]] == ["10.0.0.1"]


def test_addresses_that_are_asked_for_survive_a_change_of_mode(ip):
    by_hand(ip, "mode", "active-backup")
    want: Want = {
        BOND: bond(options={"mode": "balance-xor"}),
        ("address", "n0", "bond0", "10.0.0.1/24"): Address(),
        ("address", "n0", "bond0", "fd00::1"): Address(64),
        ("route", "n0", 254, "10.9.0.0/16", 0, 0): Route((Hop("10.0.0.2", None),)),
    }
    foreseen(want)
    foreseen({**want, BOND: bond(options={"mode": "active-backup"})})


CHANGED: list[tuple[dict[str, t.Any], dict[str, t.Any], list[str]]] = [
    ({"miimon": 100}, {"miimon": 50}, ["miimon 50 (was 100)"]),
    ({"miimon": 100, "updelay": 200}, {"miimon": 50}, ["miimon 50 (was 100)"]),
    (
        {"miimon": 100, "updelay": 200},
        {"miimon": 50, "updelay": 200},
        ["miimon 50 (was 100)", "updelay 200 (was 100)"],
    ),
    ({"miimon": 100, "updelay": 200}, {"miimon": 50, "updelay": 100}, ["miimon 50 (was 100)"]),
    ({"miimon": 100, "downdelay": 200}, {"miimon": 0, "downdelay": 0}, ["miimon 0 (was 100)"]),
    ({"miimon": 100, "downdelay": 200}, {"downdelay": 0}, ["downdelay 0 (was 200)"]),
    (
        {"miimon": 100},
        {"arp_interval": 200, "arp_ip_target": ("10.0.0.2",)},
        ["arp_interval 200 (was 0), arp_ip_target 10.0.0.2 (was none)"],
    ),
    (
        {"arp_interval": 200, "arp_ip_target": ("10.0.0.2",)},
        {"miimon": 100},
        ["miimon 100 (was 0)"],
    ),
    (
        {"arp_interval": 200, "arp_ip_target": ("10.0.0.2", "10.0.0.3")},
        {"arp_ip_target": ("10.0.0.3", "10.0.0.4")},
        ["arp_ip_target 10.0.0.3 10.0.0.4 (was 10.0.0.2 10.0.0.3)"],
    ),
    ({}, {"min_links": 2}, ["min_links 2 (was 0)"]),
    ({}, {"xmit_hash_policy": "layer2+3"}, ["xmit_hash_policy layer2+3 (was layer2)"]),
]


def test_options_change_in_place_and_take_others_along(ip):
    keys = [("link", "n0", f"b{at}") for at in range(len(CHANGED))]
    bring_about({key: bond(options={"mode": "active-backup", **case[0]}, up=True) for key, case in zip(keys, CHANGED)})
    indexes = [seen(ip, key[2])["ifindex"] for key in keys]
    outcome = foreseen({key: bond(options=case[1]) for key, case in zip(keys, CHANGED)})
    wanted = [f"set n0:b{at} {step}" for at, case in enumerate(CHANGED) for step in case[2]]
    assert sorted(words(outcome)) == sorted(wanted)
    assert [seen(ip, key[2])["ifindex"] for key in keys] == indexes


def test_a_mode_that_cannot_watch_by_arp_watches_the_carrier(ip):
    by_hand(ip, "mode", "active-backup", "arp_interval", "200", "arp_ip_target", "10.0.0.2")
    foreseen({BOND: bond(options={"mode": "balance-alb"})})
    assert (options_of(ip)["miimon"], options_of(ip)["arp_interval"]) == (100, 0)


def test_lacp_rate_takes_the_bond_down_for_a_moment_and_leaves_the_ports(ip):
    by_hand(ip, "mode", "802.3ad", "miimon", "100")
    outcome = foreseen({BOND: bond(options={"lacp_rate": "fast"})})
    assert words(outcome) == [
        "set n0:bond0 down (to change lacp_rate)",
        "set n0:bond0 lacp_rate fast (was slow)",
        "set n0:bond0 up",
    ]


def test_the_primary_is_forgotten_with_the_port(ip):
    by_hand(ip, "mode", "active-backup")
    foreseen({BOND: bond(options={"primary": "p0"})})
    foreseen({("link", "n0", "p0"): Link(master=""), BOND: bond(options={"primary": ""})})
    foreseen({**port("p0"), BOND: bond(options={"primary": "p0"})})
    foreseen({BOND: bond(options={"primary": ""})})


def test_a_bond_that_goes_leaves_its_ports_down(ip):
    by_hand(ip, "mode", "active-backup")
    foreseen({BOND: None})
    for name, mac in MACS.items():
        assert seen(ip, name)["address"] == mac
        assert "UP" not in seen(ip, name)["flags"]


def test_a_bond_is_a_port_of_a_bridge(ip):
    by_hand(ip, "mode", "active-backup")
    foreseen({("link", "n0", "br0"): Link(kind="bridge", up=True), BOND: Link(master="br0", mtu=1400)})
    assert (seen(ip)["master"], seen(ip, "br0")["mtu"], seen(ip, "p0")["mtu"]) == ("br0", 1400, 1400)


def test_a_vlan_on_a_bond(ip):
    made = subprocess.run(
        ["ip", "-n", "n1", "link", "add", "link", "p0", "name", "x", "type", "vlan", "id", "7"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unknown device type" in made.stderr:
        pytest.skip("this kernel has no vlan")
    by_hand(ip, "mode", "active-backup")
    foreseen({("link", "n0", "v7"): Link(kind="vlan", lower=("n0", "bond0"), options=(("id", 7),), up=True)})
    foreseen({BOND: bond(options={"mode": "balance-xor"}), ("link", "n0", "v7"): Link(up=True)})


REFUSED: list[tuple[Want, str]] = [
    ({("link", "n0", "p0"): Link(master="br0", master_kind="bond")}, "br0 in n0 is no bond but bridge"),
    ({("link", "n0", "p0"): Link(master="bond0")}, "bond0 in n0 is no bridge or VRF but bond"),
    (port("p1", mac="02:00:00:00:00:55"), "p1 has the MAC address of bond0 as long as it is its port"),
    ({BOND: bond(options={"primary": "p0"})}, "p0: is no port of n0:bond0 yet"),
    ({BOND: bond(options={"lacp_rate": "fast"})}, "belongs to the mode 802.3ad, this bond has active-backup"),
    ({BOND: bond(options={"updelay": 150})}, "expected a multiple of miimon, which is 100"),
]


def test_what_cannot_be_is_said_before_anything_is_touched(ip):
    by_hand(ip, "mode", "active-backup", "miimon", "100", ports=["p1"])
    ip("link", "add", "br0", "type", "bridge", netns="n0")
    before = snapshot.machine(index=True)
    for want, says in REFUSED:
        for check in (True, False):
            with pytest.raises(LabError, match=says):
                converge(Request(dict(want)), check=check)
    assert snapshot.differences(before, snapshot.machine(index=True)) == []


def test_a_port_that_is_asked_for_as_a_veth_is_as_wanted(ip):
    by_hand(ip, "mode", "active-backup")
    ends: Want = {
        ("link", "n0", "p1"): Link("veth", peer=("n1", "p1"), mac=MACS["p1"], up=True),
        ("link", "n1", "p1"): Link("veth", peer=("n0", "p1"), up=True),
    }
    assert words(converge(Request(ends), check=False)) == []


def everything_else(ip) -> Want:
    """A request whose plan disturbs a bond with all that it has, and then fails."""
    by_hand(ip, "mode", "active-backup", "miimon", "100", "updelay", "200", "primary", "p1")
    ip("link", "set", "p1", "mtu", "1450", netns="n0")
    ip("address", "add", "10.0.0.1/24", "broadcast", "+", "dev", "bond0", netns="n0")
    ip("address", "add", "fd00::1/64", "dev", "bond0", netns="n0")
    ip("route", "add", "10.9.0.0/16", "via", "10.0.0.2", netns="n0")
    return {
        BOND: bond(options={"mode": "802.3ad", "miimon": 50, "ad_select": "count"}, mtu=1400),
        ("link", "n0", "p1"): Link(master="", mtu=1300, up=True),
        ("link", "n0", "br0"): Link(kind="bridge", up=True),
        ("address", "n0", "bond0", "10.5.0.1/24"): Address(),
    }


def test_a_change_that_fails_at_any_step_leaves_all_as_it_was(ip):
    want = everything_else(ip)
    before = snapshot.machine(index=True)
    steps = converge(Request(dict(want)), check=True).plan.steps
    assert len(steps) > 8
    for at, step in enumerate(steps):
        if step.phase >= POINT_OF_NO_RETURN:
            break
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            converge(Request(dict(want)), check=False)
        assert snapshot.differences(before, snapshot.machine(index=True)) == [], at


def test_a_bond_that_was_replaced_comes_back_when_the_rest_fails(ip):
    everything_else(ip)
    want: Want = {BOND: Link(kind="bridge", up=True), ("link", "n0", "br0"): Link(kind="bridge", up=True)}
    before = snapshot.machine()
    Fault.at = len(converge(Request(dict(want)), check=True).plan.steps) - 1
    with pytest.raises(LabError, match="was put back"):
        converge(Request(dict(want)), check=False)
    assert snapshot.differences(before, snapshot.machine()) == []


def test_a_bond_on_the_machine_comes_back_when_the_rest_fails(ip):
    for name in ("m0", "m1"):
        ip("link", "add", name, "type", "veth", "peer", "name", f"{name}x")
    ip("link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "100")
    for name in ("m0", "m1"):
        ip("link", "set", name, "master", "bond0")
    ip("link", "set", "bond0", "up")
    ip("address", "add", "10.7.0.1/24", "dev", "bond0")
    want: Want = {
        ("link", MACHINE, "bond0"): bond(options={"mode": "balance-xor"}),
        ("link", MACHINE, "br0"): Link(kind="bridge", up=True),
    }
    before = snapshot.machine(index=True)
    for at in range(len(converge(Request(dict(want)), check=True).plan.steps)):
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            converge(Request(dict(want)), check=False)
        assert snapshot.differences(before, snapshot.machine(index=True)) == [], at

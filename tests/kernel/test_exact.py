# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reset: whatever somebody did in a lab's namespaces, ``exact: true`` makes the lab what its file says, no more."""

from __future__ import annotations

import copy
import shutil
import subprocess
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import lab_information, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import Outcome, converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.engine import words
from ansible_collections.netns.lab.tests.random_wants import examples

LAB: dict[str, t.Any] = {
    "name": "class",
    "nodes": {
        "gw": {"kind": "router", "routes": [{"to": "192.0.2.0/24", "via": "10.2.0.2"}]},
        "sw": {"kind": "switch"},
        "pc": {"routes": [{"to": "default", "via": "10.1.0.1"}, {"to": "fd02::/64", "via": "fd01::1"}]},
    },
    "links": [
        [{"node": "gw", "name": "lan", "addresses": ["10.1.0.1/24", "10.1.0.2/24", "fd01::1/64"]}, "sw"],
        [{"node": "pc", "name": "eth0", "addresses": ["10.1.0.11/24", "fd01::11/64"]}, "sw"],
        [{"node": "gw", "name": "far", "addresses": ["10.2.0.1/24", "fd02::1/64"]},
         {"node": "pc", "name": "eth1", "addresses": ["10.2.0.2/24", "fd02::2/64"]}],
    ],
}  # fmt: skip

OUTSIDE = """
ip netns add other
ip -n other link set lo up
ip -n other link add br0 type bridge
ip -n other address add 10.99.0.1/24 dev br0
ip link add away type veth peer name eth0 netns other
ip link set away up
"""
"""What stands on the machine besides, and is none of the lab's business."""

DEEDS = (
    "ip -n pc link add br7 type bridge; ip -n pc link set eth0 master br7",
    "ip -n sw link add br8 type bridge; ip -n sw link set pc-eth0 master br8",
    "ip -n gw link add v0 type veth peer name v1; ip -n gw link set v0 up; ip -n gw address add 10.5.0.1/24 dev v0",
    "ip -n gw link add v2 type veth peer name v3 netns pc",
    "ip -n gw link add v4 type veth peer name v5 netns other; ip -n other link set v5 master br0",
    "ip -n gw link add v6 type veth peer name v7 netns sw; ip -n sw link set v7 master br0 up",
    "ip -n gw link add v8 type veth; ip -n gw link set v8 netns $$",
    "ip -n gw link add vx type vxlan id 7 dstport 4789 remote 10.2.0.2 dev far; ip -n gw link set vx up mtu 1400",
    "ip -n pc link add mac0 link eth1 up type macvlan; ip -n pc address add 10.6.0.1/24 dev mac0",
    "ip -n gw address add 10.1.0.3/24 brd + dev lan",
    "ip -n gw address del 10.1.0.1/24 dev lan; ip -n gw address add 10.1.0.1/24 brd + dev lan",
    "ip -n gw address add 10.7.0.1 peer 10.7.0.2/32 dev far",
    "ip -n gw address add fd02::9/64 dev far; ip -n gw address add fe80::9/64 dev far",
    "ip -n gw address del fd02::1/64 dev far; ip -n gw address add fd02::1/80 dev far",
    "ip -n pc address flush dev eth0",
    "ip -n pc address add 10.255.0.1/32 dev lo; ip -n pc address add fd55::1/128 dev lo",
    "ip -n pc route replace default via 10.2.0.1",
    "ip -n pc route add default via 10.2.0.1 metric 7; ip -n pc route add 10.15.0.0/24 via 10.2.0.1 proto kernel",
    "ip -n pc route add 10.8.0.0/24 via 10.1.0.1; ip -n pc route append 10.8.0.0/24 via 10.2.0.1",
    "ip -n pc route add 10.9.0.0/24 table 7 via 10.1.0.1; ip -n pc route add blackhole 10.10.0.0/16",
    "ip -n pc route add 10.11.0.0/24 tos 0x10 via 10.1.0.1; ip -n pc route add prohibit fd11::/64",
    "ip -n pc route add 10.12.0.0/24 nexthop via 10.1.0.1 nexthop via 10.2.0.1 weight 3",
    "ip -n pc -6 route append fd02::/64 via fd01::2; ip -n pc -6 route add fd12::/64 via fd01::1 metric 9",
    "ip -n pc route add 10.13.0.0/24 via 10.1.0.1 proto bgp",
    "ip -n pc nexthop add id 5 via 10.1.0.1 dev eth0; ip -n pc route add 10.14.0.0/24 nhid 5",
    "ip -n pc route del default",
    "ip -n pc link set eth0 down",
    "ip -n gw link set lan mtu 1200",
    "ip -n gw link set far mtu 1280; ip -n pc link set eth1 mtu 1280 address 02:00:00:00:00:77",
    "ip -n pc link set eth1 down; ip -n pc link set eth1 name eth9",
    "ip -n pc link del eth1",
    "ip -n pc link set eth1 netns other",
    "ip -n gw link set lan netns $$; ip link set lan name lan7 up; ip address add 10.1.0.9/24 brd + dev lan7",
    "ip -n sw link set gw-lan nomaster",
    "ip -n sw link set br0 down",
    "ip -n sw link del br0",
    "ip -n pc link set lo down",
    "ip netns exec gw sysctl -qw net.ipv4.ip_forward=0",
    "ip netns exec pc sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv6.conf.all.forwarding=1",
    "for to in 1 0; do ip netns exec pc sysctl -qw net.ipv6.conf.eth0.disable_ipv6=$to; done",
    "ip netns del pc",
)


def _reset(*, check: bool = False) -> Outcome:
    return converge(topology.load(copy.deepcopy(LAB)).request(exact=True), check=check)


def _do(deeds: t.Iterable[str]) -> None:
    """Whatever of this can be done: one deed may have taken away what another one needs."""
    for deed in deeds:
        subprocess.run(["sh", "-c", deed], check=False, capture_output=True)


def _drift() -> list[str]:
    (seen,) = lab_information.gather("class", None)
    return [one["text"] for one in seen["drift"]]


def _elsewhere(seen: dict[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """What stands outside the lab, less the far ends of cables into it."""
    cables = ("v5", "v8", "eth1", "lan", "lan7")
    return {
        key: [one for one in value if one.get("ifname") not in cables and one.get("dev") not in cables]
        for key, value in seen.items()
        if key[0] in ("@", "other") and key[1] != "sysctls"
    }


def _inside(seen: dict[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """The lab, less what a reset leaves to others: routes of daemons and of the kernel, next-hop objects, sysctls that
    the lab doesn't name."""
    kept = {
        key: value
        for key, value in seen.items()
        if key[0] in LAB["nodes"] and key[1] != "sysctls" and not key[1].endswith("nexthop show")
    }
    return {
        key: [
            {name: inner for name, inner in one.items() if name != "protocol"}  # a route that is changed keeps it
            for one in value
            if one.get("dst") not in ("10.13.0.0/24", "10.15.0.0/24")
        ]
        for key, value in kept.items()
    }


@examples(30)
@given(st.lists(st.sampled_from(DEEDS), min_size=1, max_size=5, unique=True))
def test_whatever_somebody_did_a_reset_undoes_it_and_leaves_the_rest(cold_machine, deeds):
    with cold_machine():
        _do([OUTSIDE])
        _reset()
        new = snapshot.machine(mac=False)
        _do(deeds)
        outside = _elsewhere(snapshot.machine(mac=False))
        drift = _drift()
        foreseen = _reset(check=True)
        assert bool(drift) == bool(foreseen.plan.steps), (drift, words(foreseen))
        outcome = _reset()
        assert words(foreseen) == words(outcome)
        assert words(_reset()) == []
        assert _drift() == []
        stands = snapshot.machine(mac=False)
        assert snapshot.differences(_inside(new), _inside(stands)) == []
        assert snapshot.differences(outside, _elsewhere(stands)) == []


MANY = [
    deed
    for deed in DEEDS
    if not deed.startswith(("ip netns", "ip -n sw link del", "ip -n pc link del", "ip -n pc address flush"))
]


@pytest.fixture
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


@pytest.mark.usefixtures("no_fault")
def test_a_reset_that_fails_leaves_all_as_it_was_and_one_that_cannot_go_back_is_completed_by_the_next():
    _do([OUTSIDE])
    _reset()
    new = snapshot.machine(mac=False)
    _do(MANY)
    before = snapshot.machine()
    steps = _reset(check=True).plan.steps
    assert {"link", "address", "route"} <= {step.key[0] for step in steps if step.verb == "delete"}
    forward = next(at for at, step in enumerate(steps) if step.phase >= POINT_OF_NO_RETURN)
    for at in range(forward):
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            _reset()
        assert snapshot.differences(before, snapshot.machine()) == [], words(_reset(check=True))[at]
    Fault.at = forward + 1
    with pytest.raises(LabError, match="What was wanted is in place, only the removal isn't finished: run it again"):
        _reset()
    _reset()
    assert words(_reset()) == []
    assert snapshot.differences(_inside(new), _inside(snapshot.machine(mac=False))) == []


def test_check_mode_and_the_run_are_two_processes_and_say_the_same(run_module):
    """Each has another order of its sets (PYTHONHASHSEED)."""
    lab = {**copy.deepcopy(LAB), "exact": True}
    assert run_module("topology", **lab)["changed"]
    ends = [(ns, link) for ns in ("gw", "pc") for link in ("lo", "lan", "far", "eth0", "eth1")]
    _do(f"ip -n {ns} address add 10.44.{n}.1/24 brd + dev {link}" for n, (ns, link) in enumerate(ends))
    said = [run_module("topology", **lab, check=True)["steps"] for _time in range(4)]
    assert len(said[0]) == 6
    assert said == [said[0]] * 4
    assert run_module("topology", **lab)["steps"] == said[0]


def test_without_it_additions_are_left_and_told():
    _do([OUTSIDE])
    _reset()
    _do(MANY)
    converge(topology.load(copy.deepcopy(LAB)).request(), check=False)
    drift = _drift()
    assert drift
    assert all(text.partition(" was added")[1] for text in drift)
    assert words(converge(topology.load(copy.deepcopy(LAB)).request(), check=False)) == []
    assert _drift() == drift


def test_derived_state_is_no_addition():
    _reset()
    _do([
        "ip -n pc route add 10.20.0.0/24 via 10.1.0.1 proto zebra",
        "ip -n pc route add 10.21.0.0/24 via 10.1.0.1 proto dhcp",
        "ip -n pc -6 route add fd21::/64 via fd01::1 proto ra",
        "ip -n pc address add 10.1.0.99/24 dev eth0 valid_lft 1000000 preferred_lft 1000000",
    ])  # fmt: skip
    before = snapshot.to_the_hour(snapshot.machine())
    assert words(_reset()) == []
    assert snapshot.differences(before, snapshot.to_the_hour(snapshot.machine())) == []
    assert _drift() == []


def test_rules_and_firewalls_are_left_and_told(run_module):
    lab = {**copy.deepcopy(LAB), "exact": True}
    assert "warnings" not in run_module("topology", **lab)
    subprocess.run(["ip", "-n", "pc", "rule", "add", "from", "10.1.0.0/24", "table", "7"], check=True)
    told = ["1 policy rule"]
    if shutil.which("nft"):
        subprocess.run(["ip", "netns", "exec", "pc", "nft", "add", "table", "inet", "mine"], check=True)
        told.append("the nftables table inet mine")
    for check in (True, False):
        answer = run_module("topology", **lab, check=check)
        assert not answer["changed"]
        (warning,) = answer["warnings"]
        assert f"pc has {' and '.join(told)}, which no run touches" in str(warning)
    (seen,) = lab_information.gather("class", None)
    assert seen["untouched"] == [f"pc has {' and '.join(told)}, which no run touches"]
    assert "from 10.1.0.0/24" in subprocess.check_output(["ip", "-n", "pc", "rule"], text=True)

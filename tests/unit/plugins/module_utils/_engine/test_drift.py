# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what a lab differs from what was asked for, in sentences. What hands did on a kernel is in tests/kernel."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import replace

from ansible_collections.netns.lab.plugins.module_utils._engine import drift, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import plan
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Address, Hop, Link, Namespace, Route
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

LAB: dict[str, t.Any] = {
    "name": "pair",
    "nodes": {"red": {"etc": {"hosts": "x\n"}}, "blue": {}, "sw": {"kind": "switch"}},
    "links": [
        [{"node": "red", "name": "eth0", "addresses": ["10.0.0.1/24", "fd00::1/64"]}, "sw"],
        [{"node": "blue", "name": "eth0", "addresses": ["10.0.0.2/24"]}, "sw"],
    ],
}


def told(change: t.Callable[[State], t.Any]) -> list[tuple[str, str]]:
    """What is told of a lab in which one thing was changed."""
    request = topology.load(copy.deepcopy(LAB)).request()
    have = plan(request, State({})).after.fork()
    change(have)
    return [(one.change, one.text) for one in drift.differences(request, have)]


def test_a_lab_as_it_was_asked_for_has_none():
    assert told(State.standing) == []


def test_a_namespace_that_is_gone_is_told_once_and_not_all_that_was_in_it():
    assert told(lambda have: have.clear("blue")) == [("missing", "namespace blue is missing")]


def test_a_cable_that_is_gone_is_told_once():
    def cut(have: State) -> None:
        for key in [("link", "red", "eth0"), ("link", "sw", "red-eth0"), ("address", "red", "eth0", "10.0.0.1/24")]:
            have.drop(key)

    assert told(cut) == [("missing", "red: link eth0 (to sw:red-eth0) is missing")]


def test_each_field_of_a_link_is_told():
    def change(have: State) -> None:
        key = ("link", "sw", "red-eth0")
        have.put(key, replace(have.get(key), mtu=1400, up=False, master=""))

    assert told(change) == [
        ("changed", "sw: link red-eth0 has the MTU 1400, asked was 1500"),
        ("changed", "sw: link red-eth0 has no bridge, asked was br0"),
        ("changed", "sw: link red-eth0 is down"),
    ]


def test_a_namespace_without_the_mark_is_told():
    text = "namespace red doesn't carry the mark of the lab, so somebody made it anew"
    assert told(lambda have: have.put(("namespace", "red"), Namespace("", None, False)))[0] == ("changed", text)


def test_what_was_added_comes_last():
    def add(have: State) -> None:
        have.put(("link", "red", "v0"), Link("veth", ("other", "v1"), mtu=1500, up=True, master="", index=9))
        have.put(("address", "red", "v0", "10.9.0.1/24"), Address(index=7))  # goes with its link
        have.put(("address", "blue", "eth0", "10.0.0.9/24"), Address(index=7))
        have.put(("route", "blue", 254, "192.0.2.0/24", 0, 0), Route((Hop("10.0.0.1", "eth0"),), "unicast", "boot"))
        have.put(("route", "blue", 254, "192.0.3.0/24", 0, 0), Route((Hop("10.0.0.1", "eth0"),), "unicast", "bgp"))
        have.put(("link", "red", "ens4"), Link("", mtu=1500, up=True, master="", index=10))
        have.drop(("file", "red", "hosts"))

    assert told(add) == [
        ("missing", "red: file hosts is missing"),
        ("added", "red: link v0 was added, with its other end at other:v1"),
        ("added", "blue: address 10.0.0.9/24 on eth0 was added"),
        ("added", "blue: route 192.0.2.0/24 via 10.0.0.1 dev eth0 was added"),
        ("added", "red: the NIC ens4 was put there"),
    ]

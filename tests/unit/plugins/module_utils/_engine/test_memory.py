# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which links a plan disturbs before the point of no return, told from the plan alone."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import disturbed as sysctls
from ansible_collections.netns.lab.plugins.module_utils._engine.memory import _stirred
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import plan
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Key,
    Link,
    Namespace,
    Record,
    Request,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State


def link(kind: str, index: int, **fields: t.Any) -> Link:
    """A link as it is observed."""
    usual: dict[str, t.Any] = {"mtu": 1500, "mac": f"02:00:00:00:00:0{index}", "up": True, "master": ""}
    return Link(kind, altnames=(), index=index, **{**usual, **fields})


STOOD: dict[Key, Record] = {
    ("namespace", "red"): Namespace("", -1, False),
    ("namespace", "blue"): Namespace("", -1, False),
    ("link", "red", "lo"): link("", 1),
    ("link", "blue", "lo"): link("", 1),
    ("link", "red", "br0"): link("bridge", 2),
    ("link", "red", "e0"): link("veth", 3, peer=("red", "f0"), master="br0"),
    ("link", "red", "f0"): link("veth", 4, peer=("red", "e0")),
    ("link", "red", "m0"): link("macvlan", 5, lower=("red", "br0")),
    ("link", "red", "v0"): link("vxlan", 6, lower=("red", "f0"), mtu=1450),
    ("link", "red", "m1"): link("macvlan", 7, lower=("red", "f0")),
}
E0, F0 = ("red", "e0"), ("red", "f0")


def made(want: Want) -> t.Any:
    state = State()
    for key, record in STOOD.items():
        state.put(key, record)
    return plan(Request(want), state.fork())


CASES: dict[str, tuple[Want, set[tuple[str, str]], set[tuple[str, str]]]] = {
    "nothing": ({}, set(), set()),
    "an MTU": ({("link", *E0): Link(mtu=1400)}, set(), set()),
    "too narrow for IPv6, with the bridge and what stands on it": (
        {("link", *E0): Link(mtu=1200)}, {E0, ("red", "br0"), ("red", "m0")}, {E0, ("red", "br0"), ("red", "m0")},
    ),
    "made anew, with its peer and what stands on that": (
        {("link", *E0): Link("bridge")},
        {E0, F0, ("red", "v0"), ("red", "m1")}, {E0, F0, ("red", "v0"), ("red", "m1")},
    ),
    "moved: a vxlan on it goes, a macvlan stays": (
        {("link", *E0): Link("veth", ("blue", "f0")), ("link", "blue", "f0"): Link("veth", E0)},
        {F0, ("red", "v0")}, {F0, ("red", "v0")},
    ),
    "renamed": (
        {("link", *E0): Link("veth", ("red", "g0")), ("link", "red", "g0"): Link("veth", E0)}, set(), {F0},
    ),
    "down": ({("link", *F0): Link(up=False)}, set(), {F0}),
    "out of its bridge": ({("link", *E0): Link(master="")}, set(), {E0, ("red", "br0")}),
    "a new port, whose MAC address the bridge may get": (
        {("link", "red", "x"): Link("veth", ("red", "y"), master="br0"),
         ("link", "red", "y"): Link("veth", ("red", "x"))},
        set(), {("red", "br0")},
    ),
    "another MAC address": ({("link", *F0): Link(mac="02:00:00:00:00:99")}, set(), {F0}),
    "deleted in the end, when nothing is put back any more": ({("link", *E0): None}, set(), set()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_links_that_a_plan_disturbs(case):
    want, disturbed, stirred = CASES[case]
    assert {(ns, name) for ns, name, _family in sysctls.of_links(made(want))} == disturbed
    assert set(_stirred(made(want))) == stirred


def test_too_narrow_for_ipv6_is_of_no_concern_to_ipv4():
    assert {family for _ns, _name, family in sysctls.of_links(made({("link", *E0): Link(mtu=1200)}))} == {"ipv6"}

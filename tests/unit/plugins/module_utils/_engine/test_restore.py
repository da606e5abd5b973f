# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked back after a failed plan: what it touched, and of the machine no more than that."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import restore
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, plan
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Hop,
    Key,
    Link,
    Namespace,
    Record,
    Request,
    Route,
    Sysctl,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

ETH0: Key = ("link", MACHINE, "eth0")
BR0: Key = ("link", MACHINE, "br0")
PORT: Key = ("link", MACHINE, "port")
ETH0_ADDRESS: Key = ("address", MACHINE, "eth0", "10.0.0.1/24")
BR0_ADDRESS: Key = ("address", MACHINE, "br0", "10.1.0.1/24")
RED_ADDRESS: Key = ("address", "red", "a", "10.2.0.1/24")
DEFAULT: Key = ("route", MACHINE, 254, "0.0.0.0/0", 0, 0)
BLACKHOLE: Key = ("route", MACHINE, 254, "10.9.0.0/16", 0, 0)
OVER_BR0: Key = ("route", MACHINE, 254, "10.8.0.0/16", 0, 0)
FORWARD: Key = ("sysctl", MACHINE, "net/ipv4/ip_forward")
PROXY: Key = ("sysctl", MACHINE, "net/ipv4/conf/eth0/proxy_arp")


def link(kind: str, index: int, **fields: t.Any) -> Link:
    """A link as it is observed."""
    usual: dict[str, t.Any] = {"mtu": 1500, "mac": f"02:00:00:00:00:0{index}", "up": True, "master": ""}
    return Link(kind, altnames=(), index=index, **{**usual, **fields})


def over(dev: str, via: str | None = None) -> Route:
    """A route as it is observed."""
    return Route((Hop(via, dev),), "unicast", "static", "", 0, False)


STOOD: dict[Key, Record] = {
    ("link", MACHINE, "lo"): link("", 1),
    ETH0: link("", 2),
    BR0: link("bridge", 3),
    ETH0_ADDRESS: Address(index=1),
    BR0_ADDRESS: Address(index=2),
    DEFAULT: over("eth0", "10.0.0.9"),
    BLACKHOLE: Route((), "blackhole", "static", "", 0, False),
    OVER_BR0: over("br0"),
    FORWARD: Sysctl("0"),
    PROXY: Sysctl("0"),
    ("namespace", "red"): Namespace("", -1, False),
    ("link", "red", "lo"): link("", 1),
    ("link", "red", "a"): link("bridge", 2),
    RED_ADDRESS: Address(index=1),
}
A_PORT: Want = {
    ("link", "red", "eth0"): Link("veth", (MACHINE, "port"), up=True),
    PORT: Link("veth", ("red", "eth0"), master="br0", up=True),
}
"""red's eth0 becomes a port of the machine's br0."""


def state(records: t.Mapping[Key, Record]) -> State:
    found = State()
    for key, record in records.items():
        found.put(key, record)
    return found.fork()


def planned(want: Want, **options: t.Any) -> Plan:
    return plan(Request(dict(want), **options), state(STOOD))


def asked(want: Want, now: t.Mapping[Key, Record | None] | None = None, **options: t.Any) -> Request:
    """What is asked back after this was wanted and failed at the very end, while others made `now` different."""
    made = planned(want, **options)
    stands = made.after.fork()
    for key, record in (now or {}).items():
        if record is None:
            stands.drop(key)
        else:
            stands.put(key, record)
    return restore.request([made], stands, made.after.spaces())


def on_machine(request: Request) -> set[Key]:
    return {key for key in request.want if key[1] == MACHINE}


def test_of_the_machine_a_new_port_goes_and_the_bridge_is_as_it_was_by_itself():
    request = asked(A_PORT)
    assert on_machine(request) == {PORT, BR0}
    assert request.want[PORT] is None
    assert request.want[BR0] == replace(t.cast(Link, STOOD[BR0]), altnames=None)


def test_what_others_did_elsewhere_on_the_machine_is_not_asked_otherwise():
    theirs: dict[Key, Record | None] = {
        ETH0_ADDRESS: None,
        ("address", MACHINE, "eth0", "10.0.0.2/24"): Address(index=7),
        ("address", MACHINE, "br0", "10.1.0.2/24"): Address(index=8),
        DEFAULT: None,
        BLACKHOLE: None,
        OVER_BR0: None,
        ("route", MACHINE, 254, "10.7.0.0/16", 0, 0): over("eth0"),
        ("link", MACHINE, "docker0"): link("bridge", 9),
        ("address", MACHINE, "docker0", "172.17.0.1/16"): Address(index=9),
        FORWARD: Sysctl("1"),
        ETH0: link("", 2, mtu=1400),
    }
    request = asked(A_PORT, theirs)
    assert on_machine(request) == {PORT, BR0}
    assert not any(ns == MACHINE for ns, _name in request.complete)


@pytest.mark.parametrize("key", [ETH0, ETH0_ADDRESS, BR0_ADDRESS, DEFAULT, BLACKHOLE])
def test_what_stands_untouched_is_never_wanted_gone(key):
    assert asked(A_PORT).want.get(key, STOOD[key]) is not None


def test_all_that_lies_on_a_touched_link_is_asked_back():
    new: Key = ("address", MACHINE, "eth0", "10.0.0.5/24")
    request = asked({ETH0: Link(mtu=1400), new: Address()})
    assert on_machine(request) == {ETH0, ETH0_ADDRESS, DEFAULT, PROXY, new}
    assert request.want[new] is None
    assert t.cast(Link, request.want[ETH0]).mtu == 1500
    assert request.want[DEFAULT] == STOOD[DEFAULT]


def test_an_address_that_others_gave_a_touched_link_of_the_machine_stays():
    theirs: Key = ("address", MACHINE, "eth0", "10.0.0.2/24")
    request = asked({ETH0: Link(mtu=1400)}, {theirs: Address(index=7)})
    assert theirs not in plan_of(request, {theirs: Address(index=7)})


@pytest.mark.parametrize(
    ("key", "record"),
    [
        (BLACKHOLE, Route((), "unreachable")),
        (DEFAULT, Route((Hop("10.0.0.8", "eth0"),))),
        (FORWARD, Sysctl("1")),
        (PROXY, Sysctl("1")),
    ],
)
def test_a_route_or_a_sysctl_is_asked_back_alone(key, record):
    request = asked({key: record})
    assert request.want == {key: STOOD[key]}


def test_a_route_that_the_plan_added_goes_and_nothing_else():
    new: Key = ("route", MACHINE, 254, "10.7.0.0/16", 0, 0)
    assert asked({new: Route((Hop(None, "eth0"),))}).want == {new: None}


def test_a_link_of_the_machine_that_goes_takes_along_what_is_asked_back():
    assert on_machine(asked({BR0: None})) == {BR0, BR0_ADDRESS, OVER_BR0}


def test_in_a_namespace_addresses_are_exactly_those_that_stood():
    theirs: Key = ("address", "red", "a", "10.2.0.9/24")
    request = asked({("link", "red", "a"): Link(mtu=1400)}, {theirs: Address(index=7)})
    assert request.want[RED_ADDRESS] == Address()
    assert plan_of(request, {theirs: Address(index=7)}) == {theirs: "delete"}


def plan_of(request: Request, besides: t.Mapping[Key, Record]) -> dict[Key, str]:
    """What going back does to the addresses, where these stand besides what stood before."""
    steps = plan(request, state({**STOOD, **besides})).steps
    return {step.key: step.verb for step in steps if step.key[0] == "address"}


def test_a_link_that_changed_its_name_brings_no_address_of_another_along():
    """Of the machine's links only those that the plan renamed have to have no other addresses."""
    before: dict[Key, Record] = {
        ("namespace", "blue"): Namespace("", -1, False),
        ("link", "blue", "x"): link("veth", 4, peer=(MACHINE, "a")),
        ("link", MACHINE, "a"): link("veth", 4, peer=("blue", "x")),
        ("address", MACHINE, "a", "10.3.0.1/24"): Address(index=3),
    }
    want: Want = {
        ("link", MACHINE, "b"): Link("veth", ("blue", "x")),
        ("link", "blue", "x"): Link("veth", (MACHINE, "b")),
    }
    made = plan(Request(want), state({**STOOD, **before}))
    assert [step.verb for step in made.steps if step.key[0] == "link"][:1] == ["move"]
    request = restore.request([made], made.after, made.after.spaces())
    assert {end for end in request.complete if end[0] == MACHINE} == {(MACHINE, "a")}
    assert ("address", MACHINE, "eth0", "10.0.0.1/24") not in request.want

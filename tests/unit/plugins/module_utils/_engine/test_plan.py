# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every plan, from any lab to any other; kernel tests hold the effects that it foresees to reality."""

from __future__ import annotations

import typing as t
from dataclasses import fields

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, plan, say, touched
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
from ansible_collections.netns.lab.plugins.module_utils._engine.resources import BY_KIND
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Step
from ansible_collections.netns.lab.tests.random_wants import SPACES, examples, wants

FOREIGN: dict[Key, Record] = {
    ("namespace", "other"): Namespace("", -1, False),
    ("link", "other", "lo"): Link("", mtu=65536, mac="00:00:00:00:00:00", up=True, master="", altnames=(), index=1),
    ("link", "other", "a"): Link("veth", ("other", "b"), None, 1500, "02:00:00:00:01:01", True, "", (), (), index=2),
    ("link", "other", "b"): Link("veth", ("other", "a"), None, 1500, "02:00:00:00:01:02", True, "", (), (), index=3),
    ("address", "other", "a", "10.1.0.1/24"): Address(index=1),
    ("address", "other", "a", "fd00:1::1"): Address(64, index=2),
    ("route", "other", 254, "10.20.0.0/24", 0, 0): Route((Hop("10.1.0.9", "a"),), "unicast", "static", "", 0, False),
    ("sysctl", "other", "net/ipv4/ip_forward"): Sysctl("0"),
    ("link", MACHINE, "eth0"): Link("", mtu=1500, mac="02:00:00:00:02:01", up=True, master="", altnames=(), index=2),
    ("address", MACHINE, "eth0", "10.1.0.7/24"): Address(index=1),
    ("route", MACHINE, 254, "0.0.0.0/0", 0, 0): Route((Hop("10.1.0.9", "eth0"),), "unicast", "dhcp", "", 0, False),
}
"""What stands besides, whatever a lab wants; some of it under names that labs use, too."""


def standing(records: t.Mapping[Key, Record]) -> State:
    found = State()
    for key, record in records.items():
        found.put(key, record)
    return found


def planned(want: Want, have: State, **options: t.Any) -> Plan:
    return plan(Request(dict(want), lab="lab", **options), have)


def after(*steps_of: Want) -> State:
    """What stands when one lab has been changed into the next, on a machine on which something else stands."""
    have = standing(FOREIGN)
    for want in steps_of:
        have = planned(want, have).after
    return have


def records(state: State) -> dict[Key, Record]:
    return {key: state.get(key) for key in state}


def lacking(want: Want, state: State) -> list[str]:
    """What was asked for and doesn't stand, field by field."""
    found = []
    for key, wanted in want.items():
        have = state.get(key)
        if wanted is None or have is None:
            if wanted is not have:
                found.append(f"{key}: {have}")
            continue
        for one in fields(wanted):
            asked = getattr(wanted, one.name)
            there = getattr(have, one.name)
            if one.name == "options" and asked is not None:
                asked, there = dict(asked), {name: value for name, value in there or () if name in dict(asked)}
            if one.name == "hops" and asked is not None:
                asked, there = set(asked), set(there)
            if one.name == "lower" and asked is not None and getattr(wanted, "kind", "") == "macvlan":
                continue  # of a macvlan on another one, the kernel tells the lowest
            if one.compare and asked is not None and asked != there:
                found.append(f"{key}: {one.name} is {there}, not {asked}")
    return found


def out_of_order(step: Step, state: State) -> str:
    """What a step lacks that the kernel insists on, given what stands when its turn comes; empty if nothing."""
    kind, ns = step.key[0], step.key[1]
    if step.verb == "create":
        if kind != "namespace" and kind != "file" and ("namespace", ns) not in state:
            return "its namespace doesn't stand"
        if kind in ("namespace", "link", "address", "route") and step.key in state:
            return "it stands already"
        if kind == "address" and ("link", ns, step.key[2]) not in state:
            return "its link doesn't stand"
        if kind == "route":
            for hop in t.cast(Route, step.after).hops or ():
                link = state.get(("link", ns, hop.dev))
                if link is None or not link.up:
                    return f"{hop.dev} isn't there, or down"
        if step.other is not None and step.other in state:
            return "its other end stands already"
    elif step.verb in ("change", "delete", "move"):
        if kind in ("link", "address", "route") and step.key not in state:
            return "it doesn't stand"
        if step.verb == "move" and step.other in state:
            return "its new name is taken"
    if kind == "link" and step.verb in ("create", "change"):
        wanted = t.cast(Link, step.after)
        if wanted.master and "master" in step.fields and ("link", ns, wanted.master) not in state:
            return "its master doesn't stand"
        if step.verb == "create" and wanted.lower is not None and ("link", *wanted.lower) not in state:
            return "the link below doesn't stand"
    return ""


def instead(first: Want, second: Want) -> Want:
    """The second lab, and what only the first had wanted gone."""
    gone: Want = {
        key: None for key in first if key not in second and key[0] in ("namespace", "link", "address", "route")
    }
    spaces = {key[1] for key in gone if key[0] == "namespace"}
    return {**second, **{key: None for key in gone if key[0] == "namespace" or key[1] not in spaces}}


labs = wants(owner="lab")
changes = st.tuples(labs, labs, st.booleans()).map(lambda some: (some[0], instead(*some[:2]) if some[2] else some[1]))
"""A lab, and what comes after it: the rest of the first stays, or goes."""


@examples(60)
@given(changes)
def test_the_effect_of_a_plan_is_what_was_wanted(change):
    first, second = change
    assert lacking(second, after(first, second)) == []


@examples(60)
@given(changes)
def test_from_the_effect_of_a_plan_there_is_nothing_left_to_do(change):
    first, second = change
    left = planned(second, after(first, second))
    assert [say(step) for step in left.steps] == []


@examples(60)
@given(changes)
def test_step_by_step_in_their_order_the_same_comes_out_and_each_finds_what_it_needs(change):
    first, second = change
    made = planned(second, after(first))
    state = made.before.fork()
    for step in made.steps:
        assert out_of_order(step, state) == "", say(step)
        BY_KIND[step.key[0]].effect(step, state)
    assert records(state) == records(made.after)


@examples(60)
@given(changes)
def test_no_step_is_about_what_nobody_asked_for_and_what_is_foreign_stays(change):
    first, second = change
    made = planned(second, after(first))
    stood = after(first)
    known = {*second, *stood}
    for step in made.steps:
        assert step.key[1] in SPACES
        assert step.key in known, say(step)
        if step.other is not None and step.verb == "move":  # its addresses are called by its new name, too
            known |= {(key[0], *step.other[1:], *key[3:]) for key in known if key[1:3] == step.key[1:]}
    assert set(touched(made.steps)) <= set(SPACES)
    assert {key: made.after.get(key) for key in FOREIGN} == FOREIGN


@examples(40)
@given(changes)
def test_a_plan_does_not_touch_what_it_starts_from(change):
    first, second = change
    have = after(first)
    before = records(have)
    made = planned(second, have)
    assert records(have) == before
    assert records(made.before) == before


@examples(40)
@given(labs, st.data())
def test_all_that_was_wanted_can_be_taken_away_again(want, data):
    gone: Want = dict.fromkeys(data.draw(st.permutations([key for key in want if key[0] == "namespace"])))
    state = planned(gone, after(want)).after
    left = {key: record for key, record in records(state).items() if key[0] != "file"}
    assert left == FOREIGN

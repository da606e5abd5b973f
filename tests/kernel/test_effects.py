# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Effects hold: what stands after a single step is what `effect(step, before)` says, for random states and steps."""

from __future__ import annotations

import itertools
import random
import time
import typing as t
from dataclasses import replace

import pytest
from hypothesis import Phase as Stage
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import StepFailed, apply
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.departure import Departure
from ansible_collections.netns.lab.plugins.module_utils._engine.ground import Ground
from ansible_collections.netns.lab.plugins.module_utils._engine.leftovers import with_what_is_left
from ansible_collections.netns.lab.plugins.module_utils._engine.names import IPV6_LEAST_MTU
from ansible_collections.netns.lab.plugins.module_utils._engine.observe import observe
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import load
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, plan, say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Hop,
    Key,
    Link,
    Namespace,
    Request,
    Route,
    Sysctl,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.resources import BY_KIND
from ansible_collections.netns.lab.plugins.module_utils._engine.resources.occupants import endings
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Phase, Step
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker
from ansible_collections.netns.lab.tests.kernel.engine import picture
from ansible_collections.netns.lab.tests.random_wants import MTUS, examples, wants

SETTLE_SECONDS = 5.0
NO_MAC = "00:00:00:00:00:00"
"""What a bridge has that has lost its last port, unless it was given one."""


def done(visit: Visit, request: Request, step: Step, before: State) -> State:
    """What stands after one step, by looking."""
    leaving = [step.key[1]] if step.key[0] == "namespace" and step.verb == "delete" else []
    departure = Departure(visit, leaving, endings([step]))
    apply(Plan([step], before, before), Ground(visit, before, departure))
    departure.wait()
    return observe(visit, request, before.spaces())


def foreseen(step: Step, before: State) -> State:
    """What stands after one step, by its effect."""
    after = before.fork()
    BY_KIND[step.key[0]].effect(step, after)
    return after


def mismatches(step: Step, before: State, after: State, want: Want) -> list[str]:
    """Where an effect and the kernel differ.

    Of a sysctl the effect needn't know the value: that of a new link, or what a new default makes of it. Whether the
    MTU of a bridge is that of its ports or was set once can't be seen, so either will do.
    """
    bridges = [key for key in before if isinstance(link := before.get(key), Link) and link.kind == "bridge"]
    every = itertools.product((None, True, False), repeat=len(bridges))
    return min(
        (between(foreseen(step, floating(before, dict(zip(bridges, some)))), after, want, step) for some in every),
        key=len,
    )


def floating(state: State, floats: dict[Key, bool | None]) -> State:
    """The same, where these bridges follow their ports, or don't."""
    found = state.fork()
    for key, follows in floats.items():
        found.put(key, replace(state.get(key), mtu_floats=follows))
    return found


def between(foreseen_: State, after: State, want: Want, step: Step) -> list[str]:
    """In words, where what was foreseen and what was found differ."""
    one, other = picture(foreseen_, want), picture(after, want)
    found = []
    for key in {**one, **other}:
        unknown = key[0] == "sysctl" and key not in one
        record = other.get(key)
        if isinstance(record, Link):
            other[key] = unasked(record, one.get(key), after, key)
            if key == step.other and step.key not in want and key in one:
                # Nobody asked for the options that it had where it was.
                other[key] = replace(other[key], options=one[key].options)
        if one.get(key) != other.get(key) and not unknown:
            found.append(f"{key}: foreseen {one.get(key)}, found {other.get(key)}")
    return found


def unasked(found: Link, foreseen_: t.Any, after: State, key: Key) -> Link:
    """A link as found, with what no effect has to foresee as it was foreseen: the far ends of a link that nobody wants,
    which nobody asks for; and the MAC address that a bridge takes from its ports, as long as it was given none, which
    can't be seen (net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id)."""
    if not isinstance(foreseen_, Link):
        return found
    if found.peer == ("?", ""):
        found = replace(found, peer=foreseen_.peer)
    if found.lower == ("?", ""):
        found = replace(found, lower=foreseen_.lower)
    if foreseen_.lower == ("?", ""):  # it has come to where somebody wants it
        found = replace(found, lower=foreseen_.lower, options=foreseen_.options)
    macs = [str(link.mac) for _port, link in after.of(key[1], "link") if link.master == key[2]]
    if found.kind == "bridge" and found.mac == min(macs, default=NO_MAC):
        found = replace(found, mac=foreseen_.mac)
    return found


def held(visit: Visit, request: Request, step: Step, have: State, want: Want) -> tuple[State, list[str]]:
    """Do a step: what stands then, and where that isn't as foreseen. What a namespace takes along may take its time."""
    after = done(visit, request, step, have)
    wrong = mismatches(step, have, after, want)
    deadline = time.monotonic() + SETTLE_SECONDS
    while wrong and step.key[0] == "namespace" and step.verb == "delete" and time.monotonic() < deadline:
        time.sleep(0.02)
        after = observe(visit, request, have.spaces())
        wrong = mismatches(step, have, after, want)
    return after, wrong


def walk(request: Request) -> None:
    """Do the plan of a request step by step, and hold each effect against the kernel."""
    entry = load(request.lab) if request.lab else None
    did: list[str] = []

    def go(visit: Visit) -> list[str]:
        asked = with_what_is_left(visit, request, entry)
        have = observe(visit, asked)
        want = {key: record for key, record in asked.want.items() if record is not None}
        for step in plan(asked, have).steps:
            did.append(say(step))
            have, wrong = held(visit, asked, step, have, want)
            if wrong:
                return wrong
        return []

    wrong = in_worker(go)
    assert wrong == [], "\n".join([*did, *wrong])


class Steps:
    """Any single step that is possible in a state, whether a plan would ever need it or not."""

    def __init__(self, number: int) -> None:
        self._pick = random.Random(number)

    def one(self, state: State) -> Step | None:
        draw = self._pick.choice([self._of_link, self._of_link, self._of_link, self._of_address, self._of_route,
                                  self._of_sysctl])  # fmt: skip
        return draw(state)

    def _any(self, state: State, kind: str) -> tuple[Key, t.Any] | None:
        found = [(key, state.get(key)) for key in state if key[0] == kind and key[1] != MACHINE]
        return self._pick.choice(found) if found else None

    def _of_link(self, state: State) -> Step | None:
        chosen = self._any(state, "link")
        if chosen is None or chosen[0][2] == "lo":
            return None
        key, link = chosen
        spaces = [ns for ns in state.spaces() if ns != MACHINE and ("namespace", ns) in state]
        what = self._pick.choice(["up", "mtu", "master", "move", "rename", "delete"])
        if what == "up":
            return Step(Phase.UP, "change", key, link, Link(up=not link.up), ("up",))
        if what == "mtu":
            mtu = self._pick.choice([mtu for mtu in MTUS if mtu != link.mtu])
            return Step(Phase.SETTING, "change", key, link, Link(mtu=mtu), ("mtu",))
        if what == "master":
            peer = state.get(("link", *link.peer)) if link.peer else None
            loops = isinstance(peer, Link) and peer.master  # but with STP, which lets nothing through at first
            bridges = [other[2] for other, its in state.of(key[1], "link")
                       if its.kind == "bridge" and (not loops or ("stp", True) in its.options)]  # fmt: skip
            masters = [name for name in ("", *bridges) if name not in (link.master, key[2])]
            if not masters or link.kind not in ("veth", "vxlan"):
                return None
            return Step(Phase.SETTING, "change", key, link, Link(master=self._pick.choice(masters)), ("master",))
        if what == "delete":
            return Step(Phase.CLEAR, "delete", key, link)
        ns = key[1] if what == "rename" else self._pick.choice(spaces)
        target: Key = ("link", ns, key[2] if what == "move" else "new")
        if target in state or (ns != key[1] and link.kind == "bridge"):
            return None
        return Step(Phase.MOVE, "move", key, link, other=target)

    def _of_address(self, state: State) -> Step | None:
        chosen = self._any(state, self._pick.choice(["address", "link"]))
        if chosen is None:
            return None
        key, record = chosen
        if key[0] == "address":
            return Step(Phase.ADDRESS, "delete", key, record)
        host = self._pick.randint(1, 3)
        new = (
            "address",
            key[1],
            key[2],
            self._pick.choice([f"10.{host}.0.7/24", f"10.{host}.0.8/24", f"fd00:{host}::7"]),
        )
        if new in state or (":" in new[3] and (record.mtu or 0) < IPV6_LEAST_MTU):
            return None
        return Step(Phase.ADDRESS, "create", new, None, Address(prefix=64 if ":" in new[3] else None))

    def _of_route(self, state: State) -> Step | None:
        chosen = self._any(state, "route")
        return None if chosen is None else Step(Phase.ROUTE, "delete", *chosen)

    def _of_sysctl(self, state: State) -> Step | None:
        chosen = self._any(state, "sysctl")
        if chosen is None:
            return None
        key, record = chosen
        value = self._pick.choice([value for value in "012" if value != record.value])
        if key[2].endswith(("forwarding", "promote_secondaries", "disable_ipv6", "accept_redirects", "ip_forward")):
            value = "0" if record.value != "0" else "1"
        return Step(Phase.CONF, "change", key, record, Sysctl(value))


def stroll(want: Want, number: int, count: int) -> int:
    """Do single steps, each whatever stands by then, and hold each effect against the kernel. What the kernel refuses
    has no effect."""
    did: list[str] = []
    more = {
        ("sysctl", ns, f"net/ipv6/conf/{name}/disable_ipv6"): Sysctl("0")
        for kind, ns, name in (key[:3] for key in want if key[0] == "link")
        for name in (name, "all", "default")
    }
    more.update({("sysctl", key[1], f"net/ipv4/conf/{key[2]}/promote_secondaries"): Sysctl("0")
                 for key in want if key[0] == "link"})  # fmt: skip
    request = Request({**want, **more})

    def go(visit: Visit) -> list[str]:
        have = observe(visit, request)
        steps = Steps(number)
        for _number in range(count):
            step = steps.one(have)
            if step is None:
                continue
            did.append(say(step))
            try:
                have, wrong = held(visit, request, step, have, request.want)
            except StepFailed as failure:
                did.append(f"  {failure}")
                after = observe(visit, request)
                one, other = picture(have, request.want), picture(after, request.want)
                wrong = [f"{key}: {one.get(key)} | {other.get(key)}" for key in {**one, **other}
                         if one.get(key) != other.get(key)]  # fmt: skip
            if wrong:
                return wrong
        return []

    wrong = in_worker(go)
    assert wrong == [], "\n".join([*did, *wrong])
    return len(did)


@settings(examples(40), phases=(Stage.explicit, Stage.generate))
@given(wants(owner="lab"), wants(owner="lab"))
def test_of_every_step_from_one_random_lab_to_another(cold_machine, first, second):
    with cold_machine():
        converge(Request(dict(first), lab="lab"), check=False)
        walk(Request(dict(second), lab="lab"))


@settings(examples(40), phases=(Stage.explicit, Stage.generate))
@given(wants(owner="lab"), st.integers(0, 2**32))
def test_of_any_single_step_in_a_random_lab(cold_machine, want, number):
    with cold_machine():
        converge(Request(dict(want), lab="lab"), check=False)
        stroll(want, number, 12)


def test_a_multipath_route_ends_with_the_last_address_of_its_last_link():
    """The first link had lost its addresses before: with them its next hop has died, though the link is up."""
    names = ("e0", "e1")
    want: Want = {("namespace", "red"): Namespace(), ("link", "red", "lo"): Link(up=True)}
    for number, name in enumerate(names):
        far = f"f{number}"
        want["link", "red", name] = Link("veth", ("red", far), up=True)
        want["link", "red", far] = Link("veth", ("red", name), up=True)
        want["address", "red", name, f"10.{number}.0.1/24"] = Address()
    hops = tuple(Hop(f"10.{number}.0.9", name) for number, name in enumerate(names))
    want["route", "red", 254, "10.20.0.0/24", 0, 0] = Route(hops, "unicast")
    converge(Request(dict(want), lab="lab"), check=False)
    gone = {key: record for key, record in want.items() if key[0] not in ("address", "route")}
    walk(Request({**gone, **{key: None for key in want if key[0] == "address"}}, lab="lab"))


@pytest.mark.parametrize("then", [Link(up=False), Link(up=False, mtu=1200), Link(mtu=1200), None], ids=str)
def test_an_ipv6_multipath_route_when_one_of_its_links_goes_down_or_away(then):
    """Whole as long as one of its links is up; without the hops over one that has gone, or has IPv6 no more."""
    want: Want = {("namespace", "red"): Namespace(), ("link", "red", "lo"): Link(up=True)}
    for number in (0, 1):
        name, far = f"e{number}", f"f{number}"
        want["link", "red", name] = Link("veth", ("red", far), up=True)
        want["link", "red", far] = Link("veth", ("red", name), up=True)
        want["address", "red", name, f"fd0{number}::1"] = Address(prefix=64)
    route = ("route", "red", 254, "fd20::/64", 0, 1024)
    want[route] = Route((Hop("fd00::9", "e0", weight=3), Hop("fd01::9", "e1", weight=2)), "unicast")
    converge(Request(dict(want), lab="lab"), check=False)
    del want[route], want["address", "red", "e0", "fd00::1"]
    if then is None:
        want.pop(("link", "red", "f0"))
    want["link", "red", "e0"] = then and replace(then, kind="veth", peer=("red", "f0"))
    walk(Request(want))


@pytest.mark.parametrize(
    ("link_mtu", "then", "route_mtu"), [(1500, 1300, 1400), (1500, 1600, 1500), (1500, 1600, 1400)]
)
def test_an_ipv6_route_with_an_mtu_when_that_of_its_first_link_changes(link_mtu, then, route_mtu):
    """It goes down with the link, and up if it had the link's; the other hops of a multipath route don't show."""
    want: Want = {("namespace", "red"): Namespace(), ("link", "red", "lo"): Link(up=True)}
    for number in (0, 1):
        name, far = f"e{number}", f"f{number}"
        want["link", "red", name] = Link("veth", ("red", far), up=True, mtu=link_mtu)
        want["link", "red", far] = Link("veth", ("red", name), up=True)
        want["address", "red", name, f"fd0{number}::1"] = Address(prefix=64)
    hops = Hop("fd00::9", "e0"), Hop("fd01::9", "e1")
    for number, of in enumerate((hops[:1], hops[1:], hops)):
        want["route", "red", 254, f"fd2{number}::/64", 0, 1024] = Route(of, "unicast", mtu=route_mtu)
    converge(Request(dict(want), lab="lab"), check=False)
    for name in ("e0", "e1"):
        want["link", "red", name] = replace(want["link", "red", name], mtu=then)
        walk(Request(dict(want)))
    converge(Request(dict(want), lab="lab"), check=False)
    assert not converge(Request(dict(want), lab="lab"), check=True).changed

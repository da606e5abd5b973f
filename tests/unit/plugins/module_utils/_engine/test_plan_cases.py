# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single plans: what a plan refuses with which words, and one that has to think twice."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import plan as planning
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, changed_keys, plan, say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Address,
    Container,
    File,
    Key,
    Link,
    Namespace,
    Occupants,
    Program,
    Record,
    Request,
    Sysctl,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

STANDS = ("namespace", "red")
BROKEN = ("namespace", "rust")
UP = Link(up=True)


def _machine() -> State:
    state = State()
    state.put(STANDS, Namespace("", -1, False))
    state.put(("link", "red", "lo"), Link("", mtu=65536, mac="00:00:00:00:00:00", up=False, master="", index=1))
    state.put(BROKEN, Namespace("", -1, True))
    return state


def _refusal(want: dict[Key, Record | None], origin: dict[Key, str] | None = None) -> LabError:
    with pytest.raises(LabError) as caught:
        plan(Request(want, origin=origin or {}), _machine())
    return caught.value


def test_a_namespace_that_neither_stands_nor_is_wanted_is_told_with_what_was_asked_for_in_it():
    key = ("link", "blue", "lo")
    caught = _refusal({key: UP}, {key: "links[0]"})
    assert caught.message == "namespace blue doesn't exist: make it with the module netns.lab.netns"
    assert caught.path == "links[0]"
    assert _refusal({key: UP}, {("namespace", "blue"): "netns", key: "links[0]"}).path == "netns"


def test_a_name_without_a_namespace_is_told_as_that():
    caught = _refusal({("link", "rust", "lo"): UP})
    assert caught.message == (
        "namespace rust is broken (no namespace is mounted on its file): make it with the module netns.lab.netns"
    )


@pytest.mark.parametrize(
    ("key", "record"),
    [
        (("link", "red", "lo"), UP),
        (("link", "blue", "eth0"), None),
        (("file", "blue", "hosts"), File("")),
        (("occupants", "blue"), Occupants("keep", "report")),
        (("container", "blue", "/var/lib/lxc", "c"), Container("stopped")),
        (("process", "blue", "web"), Program("stopped")),
        (("namespace", "green"), Namespace(broken=False)),
    ],
    ids=[
        "in-one-that-stands",
        "shall-be-gone",
        "file",
        "occupants",
        "stopped-container",
        "stopped-program",
        "one-that-is-wanted",
    ],
)
def test_what_needs_no_namespace_does_not_keep_those_after_it_from_being_looked_for(key, record):
    assert "namespace blue doesn't exist" in _refusal({key: record, ("link", "blue", "lo"): UP}).message


@pytest.mark.parametrize("state", ["running", "frozen"])
def test_a_container_that_runs_needs_its_namespace(state):
    assert "blue" in _refusal({("container", "blue", "/var/lib/lxc", "c"): Container(state)}).message


def test_a_program_that_runs_needs_its_namespace():
    assert "blue" in _refusal({("process", "blue", "web"): Program("running")}).message


@pytest.mark.parametrize(
    ("key", "record"), [(("file", "red-dwarf", "hosts"), File("x")), (("occupants", "red-dwarf"), Occupants("keep"))]
)
def test_files_and_occupants_need_no_namespace(key, record):
    plan(Request({key: record}), _machine())


def test_an_address_that_goes_along_with_the_one_before_it_is_set_anew():
    state = _machine()
    state.put(("link", "red", "a"), Link("dummy", mtu=1500, mac="02:00:00:00:00:01", up=True, master="", index=2))
    state.put(("address", "red", "a", "10.3.0.1/24"), Address(index=1))
    state.put(("sysctl", "red", "net/ipv4/conf/all/promote_secondaries"), Sysctl("0"))
    want = {("address", "red", "a", "10.3.0.2/24"): Address(), ("address", "red", "a", "10.3.0.1/24"): None}
    made = plan(Request(want), state)
    assert [say(step) for step in made.steps] == [
        "add address 10.3.0.2/24 to red:a",
        "delete address 10.3.0.1/24 from red:a",
        "add address 10.3.0.2/24 to red:a (went with the first one of its subnet)",
    ]


def test_what_a_deletion_disturbs_is_put_right_in_another_round_of_the_same_plan():
    """The bridge's MTU was that of its smallest port, which goes."""
    state = _machine()
    state.put(("link", "red", "br0"), Link("bridge", mtu=1200, mac="02:00:00:00:00:01", up=True, master="", index=2))
    state.put(("link", "red", "a"), Link("dummy", mtu=1200, mac="02:00:00:00:00:02", up=True, master="br0", index=3))
    state.put(("link", "red", "b"), Link("dummy", mtu=1500, mac="02:00:00:00:00:03", up=True, master="br0", index=4))
    made = plan(Request({("link", "red", "a"): None, ("link", "red", "br0"): Link("bridge", mtu=1200)}), state)
    assert [say(step) for step in made.steps] == ["delete link red:a", "set red:br0 mtu 1200 (was 1500)"]


def test_in_a_namespace_that_goes_only_what_outlives_it_is_seen_to():
    state = _machine()
    state.put(("link", "red", "a"), Link("dummy", mtu=1500, mac="02:00:00:00:00:01", up=True, master="", index=2))
    state.put(("link", "red", "ens4"), Link("", mtu=1500, mac="02:00:00:00:00:02", up=True, master="", index=3))
    state.put(("address", "red", "a", "10.3.0.1/24"), Address(index=1))
    inside = {("link", "red", "a"): None, ("address", "red", "a", "10.3.0.1/24"): None}
    for gone in ({STANDS: None}, {STANDS: None, **inside}):
        made = plan(Request(gone), state)
        assert [say(step) for step in made.steps] == [
            "move link red:ens4 to @ens4 (NICs come home)",
            "delete namespace red",
        ]


def test_of_a_complete_list_that_is_empty_every_address_goes():
    state = _machine()
    state.put(("link", "red", "a"), Link("dummy", mtu=1500, mac="02:00:00:00:00:01", up=True, master="", index=2))
    state.put(("address", "red", "a", "10.3.0.1/24"), Address(index=1))
    made = plan(Request({("link", "red", "a"): UP}, complete={("red", "a")}), state)
    assert [say(step) for step in made.steps] == ["delete address 10.3.0.1/24 from red:a"]


def test_what_a_plan_changes_is_told_by_namespace():
    before = _machine()
    for name in ("a", "b"):
        before.put(("link", "red", name), Link("dummy", mtu=1500))
        before.put(("link", "green", name), Link("dummy"))
        before.put(("link", "same", name), Link("dummy"))
    before.put(("link", "gone", "a"), Link("dummy"))
    after = before.fork()
    after.drop(("link", "same", "b"))
    after.put(("link", "same", "b"), Link("dummy"))
    after.put(("link", "red", "a"), Link("dummy", mtu=1200))
    after.drop(("link", "red", "b"))
    after.put(("link", "red", "c"), Link("dummy"))
    after.clear("gone")
    after.put(("link", "new", "a"), Link("dummy"))
    assert changed_keys(Plan((), before, after)) == {
        "red": [("link", "red", "a"), ("link", "red", "b"), ("link", "red", "c")],
        "gone": [("link", "gone", "a")],
        "new": [("link", "new", "a")],
    }


def test_what_never_settles_is_told_by_its_last_steps(monkeypatch):
    """The limit is lowered until a plan that takes two rounds looks like one that never ends."""
    monkeypatch.setattr(planning, "ROUNDS", 1)
    want = {("link", "red", "lo"): UP, **{("address", "red", "lo", f"10.0.0.{n}/32"): Address() for n in (1, 2, 3)}}
    with pytest.raises(LabError) as caught:
        plan(Request(want), _machine())
    assert caught.value.message == (
        "what is wanted contradicts itself: these steps undo each other: add address 10.0.0.1/32 to red:lo; "
        "add address 10.0.0.2/32 to red:lo; add address 10.0.0.3/32 to red:lo"
    )


def test_an_end_that_belongs_elsewhere_is_moved_there_and_not_deleted_for_what_is_wanted_in_its_place():
    state = _machine()
    state.put(("link", "red", "a"), Link("veth", ("red", "b"), mtu=1500, up=True, master="", index=2))
    state.put(("link", "red", "b"), Link("veth", ("red", "a"), mtu=1500, up=True, master="", index=3))
    want: dict[Key, Record | None] = {
        ("link", "red", "a"): Link("veth", ("red", "c")),
        ("link", "red", "c"): Link("veth", ("red", "a")),
        ("link", "red", "b"): Link("bridge"),
    }
    assert [say(step) for step in plan(Request(want), state).steps] == [
        "rename link red:b to red:c",
        "create bridge red:b",
    ]


@pytest.mark.parametrize("stands", [True, False])
def test_a_kernel_without_ipv6_is_not_asked_for_what_only_the_kind_of_a_node_wants(stands):
    """Booted with ipv6.disable=1."""
    ns = "red" if stands else "new"
    mine, kinds_own = ("sysctl", ns, "net/ipv6/conf/all/forwarding"), ("sysctl", ns, "net/ipv6/conf/default/accept_dad")
    ipv4 = ("sysctl", ns, "net/ipv4/ip_forward")
    have = _machine()
    have.at_birth = {"new": {ipv4: Sysctl("0")}}
    want: dict[Key, Record | None] = {("namespace", ns): Namespace(), kinds_own: Sysctl("0"), ipv4: Sysctl("1")}
    made = plan(Request(dict(want)), have)
    assert [step.key for step in made.steps if step.key[0] == "sysctl"] == [ipv4]
    asked = plan(Request({**want, mine: Sysctl("1")}, origin={mine: "nodes.red.sysctls"}), have)
    assert mine in [step.key for step in asked.steps]

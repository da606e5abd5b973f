# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of lxc_container: what they ask of the engine, and what the module returns."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_container
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Container, Key, Request, Wish
from ansible_collections.netns.lab.plugins.module_utils._lxc import config
from ansible_collections.netns.lab.plugins.module_utils._lxc.place import Place

PATH = "/srv/lxc"
WEB: Key = ("container", MACHINE, PATH, "web")


def asked(**options: t.Any) -> Request:
    """The request of a task with these options, and the defaults of the module."""
    defaults = {"name": "web", "lxc_path": PATH, "state": "present", "rollback": False, "force": False}
    return objects_container.container({**defaults, **options})


def want(**options: t.Any) -> Container:
    (record,) = asked(**options).want.values()
    return t.cast(Container, record)


def wish(**options: t.Any) -> Wish:
    return t.cast(Wish, want(**options).wish)


def problems_of(**options: t.Any) -> tuple[str, ...]:
    with pytest.raises(LabError) as caught:
        asked(**options)
    return caught.value.problems


# -- the request


@pytest.mark.parametrize(
    ("state", "wanted"),
    [("present", None), ("started", "running"), ("stopped", "stopped"), ("frozen", "frozen"), ("restarted", "running")],
)
def test_a_state_and_what_is_wanted(state, wanted):
    assert want(state=state).state == wanted


def test_absent_wants_nothing_and_checks_the_name():
    assert asked(state="absent").want == {WEB: None}
    assert problems_of(state="absent", name="a/b")[0].startswith("name: 'a/b': a container's name has up to 63")


def test_a_container_is_in_its_path_and_in_the_namespace_that_it_shares():
    assert list(asked().want) == [WEB]
    assert list(asked(netns="red", lxc_path="/x//y/").want) == [("container", "red", "/x/y", "web")]
    assert asked(netns="red").origin == {("container", "red", PATH, "web"): "name", ("namespace", "red"): "netns"}


def test_only_a_restart_and_a_restored_snapshot_are_done_once():
    assert asked(state="restarted").once == {WEB: {"restart"}}
    assert asked(state="stopped", snapshot={"name": "a", "state": "restored"}).once == {WEB: {"restore"}}
    both = asked(state="restarted", snapshot={"name": "a", "state": "restored"})
    assert both.once == {WEB: {"restart", "restore"}}
    for options in ({}, {"state": "started"}, {"state": "absent"}, {"snapshot": {"name": "a", "state": "present"}}):
        assert asked(**options).once == {}


def test_runs_take_turns_with_those_about_the_same_container():
    assert asked(netns="red").turn == asked().turn == f"the container web in {PATH}"
    assert asked(name="other").turn != asked().turn != asked(lxc_path="/x").turn


def test_nothing_is_put_back_unless_it_is_said():
    assert not asked().rollback
    assert asked(rollback=True).rollback
    assert not asked().force
    assert asked(force=True).force


def test_a_container_that_goes_has_the_time_of_the_task_for_its_shutdown():
    assert asked(state="absent", timeout=5.0).grace == 5.0
    assert asked(state="absent").grace == 60.0


def test_a_snapshot_is_wanted_by_name():
    assert (wish().snapshot, wish().snapshot_state) == ("", "present")
    found = wish(snapshot={"name": " a b ", "state": "absent"})
    assert (found.snapshot, found.snapshot_state) == ("a b", "absent")


def test_a_copy_is_made_of_a_container_in_the_same_path():
    assert wish(clone_from="other", clone_snapshot=True).source.clone_from == Place(PATH, "other")


def test_no_container_is_marked_for_a_lab():
    assert not [edit for edit in wish(config={"lxc.tty.max": 1}).edits if edit.scope == "owner"]


def test_options_become_a_configuration():
    edits = wish(networks=[{"type": "veth", "link": "br0", "up": True}], autostart=True).edits
    assert config.edited("", edits).splitlines() == [
        "lxc.net.0.type = veth",
        "lxc.net.0.link = br0",
        "lxc.net.0.flags = up",
        "lxc.start.auto = 1",
    ]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": "-n"}, "name: '-n': a container's name has up to 63 letters"),
        ({"netns": "a/b"}, "netns: 'a/b': a namespace name is also a file name: no '/'"),
        (
            {"netns": "red", "networks": []},
            "networks: a container that shares a namespace (`netns`) has the network of that, and no other",
        ),
        (
            {"clone_from": "other", "template": "debian"},
            "clone_from: a container is made from a template or from another one: leave `template` out",
        ),
        ({"clone_from": "a b"}, "clone_from: 'a b': a container's name has up to 63 letters"),
        ({"networks": [{"type": "tun"}]}, "networks[0].type: 'tun': expected veth or macvlan"),
        ({"networks": [{"hwaddr": "02:00"}]}, "networks[0].hwaddr: '02:00': "),
        ({"networks": [{"name": "a" * 16}]}, "networks[0].name: 'aaaaaaaaaaaaaaaa': "),
        ({"networks": [{"mtu": 1}]}, "networks[0].mtu: 1: expected an MTU, a number from "),
        ({"networks": [{"vlan_id": 4095}]}, "networks[0].vlan_id: 4095: expected a whole number from 1 to 4094"),
        (
            {"networks": [{"link": "br0\nlxc.x = y"}]},
            r"networks[0].link: 'br0\nlxc.x = y': a value of LXC's configuration is one line",
        ),
        ({"groups": ["a\n"]}, r"groups[0]: 'a\n': a value of LXC's configuration is one line"),
        ({"autostart_delay": -1}, "autostart_delay: -1: expected a whole number from 0 to 86400"),
        ({"snapshot": {"name": ""}}, "snapshot.name: '': expected the name of a snapshot"),
        ({"snapshot": {"name": "a\nb"}}, r"snapshot.name: 'a\nb': a value of LXC's configuration is one line"),
        ({"config": {"lxc.group": "a"}, "groups": []}, "config['lxc.group']: `groups` writes this key: say it there"),
    ],
)
def test_what_is_refused_and_with_which_words(options, problem):
    (found,) = problems_of(**options)
    assert found.startswith(problem)


def test_all_that_is_wrong_is_said_at_once():
    found = problems_of(name="a b", netns="..", idmap=["x"], timeout=0.0, config={"x": 1})
    assert sorted(text.partition(":")[0] for text in found) == ["config.x", "idmap[0]", "name", "netns", "timeout"]


# -- the result

TEXT = "# netns-lab:office\nlxc.cap.drop = a\nlxc.tty.max = 1\nlxc.cap.drop = b\nlxc.group = x\nlxc.start.auto = 1\n"


def result(record: Container | None) -> dict[str, t.Any]:
    return objects_container.container_result(asked(), {WEB: record}.get)


def test_what_is_returned_of_a_container_that_is_not_there():
    assert result(None) == {"name": "web", "lxc_path": PATH, "state": "absent"}


def test_what_is_returned_of_a_container():
    record = Container("running", TEXT, TEXT, snapshots=(("before", ""), ("after", "")), pid=4711)
    assert result(record) == {
        "name": "web",
        "lxc_path": PATH,
        "state": "running",
        "pid": 4711,
        "netns": None,
        "config": {
            "lxc.cap.drop": ["a", "b"],
            "lxc.tty.max": ["1"],
            "lxc.group": ["x"],
            "lxc.start.auto": ["1"],
        },
        "autostart": True,
        "groups": ["x"],
        "snapshots": ["before", "after"],
        "lab": "office",
        "pending_restart": False,
    }


@pytest.mark.parametrize(
    ("shared", "netns"), [("/run/netns/red", "red"), ("/proc/7/ns/net", None), ("other", None), ("", None)]
)
def test_the_namespace_that_is_shared_has_a_name_or_is_none(shared, netns):
    assert result(Container("stopped", f"lxc.namespace.share.net = {shared}\n"))["netns"] == netns


@pytest.mark.parametrize(
    ("state", "known", "pending"),
    [
        ("running", TEXT, False),
        ("running", f"{TEXT}# a comment\nlxc.start.delay = 1\n", False),
        ("running", "", True),
        ("frozen", f"{TEXT}lxc.cgroup2.pids.max = 1\n", True),
        ("stopped", "", False),
    ],
)
def test_a_restart_is_pending_where_something_runs_that_has_not_seen_its_configuration(state, known, pending):
    assert result(Container(state, TEXT, known))["pending_restart"] is pending


def test_nothing_runs_nothing_has_a_pid():
    assert result(Container("stopped", TEXT))["pid"] is None

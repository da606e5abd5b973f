# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a container: from what stands to what is wanted, and back where a plan fails."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import restore
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, plan, say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Container,
    Key,
    Namespace,
    Record,
    Request,
    Wish,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.resources import BY_KIND
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Phase
from ansible_collections.netns.lab.plugins.module_utils._lxc import config
from ansible_collections.netns.lab.plugins.module_utils._lxc.config import Edit
from ansible_collections.netns.lab.plugins.module_utils._lxc.making import Source
from ansible_collections.netns.lab.plugins.module_utils._lxc.place import Place

PATH = "/var/lib/lxc"
WEB: Key = ("container", MACHINE, PATH, "web")
OTHER: Key = ("container", MACHINE, PATH, "other")

TTY = Edit("key", "lxc.tty.max", (("lxc.tty.max", "4"),))
PIDS = Edit("key", "lxc.cgroup2.pids.max", (("lxc.cgroup2.pids.max", "5"),))
NO_PIDS = Edit("key", "lxc.cgroup2.pids.max")
AUTOSTART = Edit("key", "lxc.start.auto", (("lxc.start.auto", "1"),))
TEXT = "lxc.tty.max = 1\nlxc.cgroup2.pids.max = 9\n"
BUSYBOX = Source()


def want(state: str | None, *edits: Edit, **wish: t.Any) -> Container:
    return Container(state, wish=Wish(edits, **{"source": BUSYBOX, **wish}))


def stopped(text: str = TEXT, *snapshots: str) -> Container:
    return Container("stopped", text, snapshots=tuple((name, f"{text}# {name}\n") for name in snapshots))


def runs(state: str = "running", text: str = TEXT, known: str | None = None, **fields: t.Any) -> Container:
    return Container(state, text, text if known is None else known, pid=7, **fields)


def planned(
    wanted: Container | None,
    have: Container | None,
    once: str | frozenset[str] = frozenset(),
    besides: t.Mapping[Key, Record] | None = None,
) -> Plan:
    state = State()
    for key, record in {**({WEB: have} if have else {}), **(besides or {})}.items():
        state.put(key, record)
    acts = frozenset({once}) if isinstance(once, str) else once
    request = Request({WEB: wanted}, once={WEB: acts} if acts else {}, origin={WEB: "name"})
    return plan(request, state.fork())


def steps(*arguments: t.Any, **options: t.Any) -> list[str]:
    """The plan in words, in which the container needs no name."""
    return [say(step).replace(" container web", "") for step in planned(*arguments, **options).steps]


def refusal(*arguments: t.Any, **options: t.Any) -> str:
    with pytest.raises(LabError) as caught:
        planned(*arguments, **options)
    return str(caught.value)


# -- states


@pytest.mark.parametrize(
    ("state", "have", "expected"),
    [
        ("running", None, ["create from template busybox", "start"]),
        ("stopped", None, ["create from template busybox"]),
        ("frozen", None, ["create from template busybox", "start", "freeze"]),
        (None, None, ["create from template busybox"]),
        ("running", stopped(), ["start"]),
        ("running", runs(), []),
        ("running", runs("frozen"), ["unfreeze"]),
        ("stopped", stopped(), []),
        ("stopped", runs(), ["stop"]),
        ("stopped", runs("frozen"), ["stop"]),
        ("frozen", stopped(), ["start", "freeze"]),
        ("frozen", runs(), ["freeze"]),
        ("frozen", runs("frozen"), []),
        (None, stopped(), []),
        (None, runs(), []),
        (None, runs("frozen"), []),
    ],
)
def test_from_each_state_to_each(state, have, expected):
    assert steps(want(state), have) == expected


def test_absent_is_one_step_which_there_is_no_way_back_from():
    made = planned(None, runs())
    assert [(step.verb, step.phase) for step in made.steps] == [("delete", Phase.STOP)]
    assert steps(None, runs()) == ["stop and delete"]
    assert steps(None, stopped()) == ["delete"]
    assert steps(None, None) == []
    assert steps(None, Container("broken")) == ["delete"]
    assert steps(None, Container("stuck", TEXT)) == ["stop and delete"]


def test_who_goes_has_the_time_for_a_shutdown_that_the_request_says():
    state = State()
    state.put(WEB, runs())
    (step,) = plan(Request({WEB: None}, grace=7.0), state.fork()).steps
    assert t.cast(Container, step.after).wish == Wish(timeout=7.0)


@pytest.mark.parametrize(
    ("state", "expected"), [("running", ["start"]), ("frozen", ["start", "freeze"]), ("stopped", []), (None, [])]
)
def test_a_container_that_lxc_does_not_get_on_with_is_stopped_first(state, expected):
    assert steps(want(state), Container("stuck", TEXT)) == ["stop (LXC doesn't get on with it)", *expected]


def test_a_container_that_was_never_finished_is_made_anew():
    assert steps(want("running"), Container("broken")) == [
        "delete (it was never finished)",
        "create from template busybox",
        "start",
    ]
    first = planned(want("running"), Container("broken")).steps[0]
    assert first.phase is Phase.CLEAR


def test_a_container_that_runs_in_another_namespace_than_its_name_says_is_started_anew():
    why = "stop (the namespace that it runs in isn't the one of that name any more)"
    assert steps(want("running"), runs(joined=False)) == [why, "start"]
    assert steps(want(None), runs("frozen", joined=False)) == [why, "start", "freeze"]
    assert steps(want("stopped"), runs(joined=False)) == ["stop"]


def test_the_template_none_needs_a_root_file_system_to_make_a_container_and_not_later():
    without = Container(None, wish=Wish(source=Source("none")))
    with pytest.raises(LabError, match="with `template: none` say which root file system it is"):
        steps(without, None)
    assert steps(without, stopped()) == []


def test_restarted_with_a_restored_snapshot_stops_restores_and_starts():
    wish = Wish(source=Source(), snapshot="a", snapshot_state="restored")
    have = replace(runs(), snapshots=(("a", TEXT),))
    both = frozenset({"restart", "restore"})
    assert steps(Container("running", wish=wish), have, once=both) == [
        "stop (to be started again)",
        "restore snapshot a of",
        "start",
    ]


def test_a_container_starts_where_its_namespace_is_and_otherwise_says_how_to_make_one():
    red: Key = ("container", "red", PATH, "red")
    state = State()
    with pytest.raises(LabError, match=r"^netns: namespace red doesn't exist: make it with the module"):
        plan(Request({red: want("running")}, origin={("namespace", "red"): "netns"}), state)
    assert plan(Request({red: want("stopped")}), state)
    state.put(("namespace", "red"), Namespace("", -1, False))
    assert plan(Request({red: want("running")}), state.fork())


def test_its_namespace_is_made_before_it_starts_and_goes_after_it():
    red: Key = ("container", "red", PATH, "red")
    made = plan(Request({red: want("running"), ("namespace", "red"): Namespace()}), State())
    assert made.steps[0].key[0] == "namespace"
    assert [step.key for step in made.steps][-2:] == [red, red]
    back = plan(Request({("namespace", "red"): None, red: None}), made.after.fork())
    assert [step.key[0] for step in back.steps if step.verb == "delete"] == ["container", "namespace"]


# -- configuration


def test_a_new_container_has_its_configuration_before_its_first_start():
    made = planned(want("running", TTY, PIDS), None)
    create, start = made.steps
    assert t.cast(Container, create.after).text == "lxc.tty.max = 4\nlxc.cgroup2.pids.max = 5\n"
    assert t.cast(Container, start.after).known == t.cast(Container, create.after).text


def test_a_stopped_container_is_configured_before_it_starts():
    assert steps(want("running", TTY), stopped()) == ["configure", "start"]
    assert steps(want("stopped", TTY), stopped()) == ["configure"]


AGAIN = "stop (it hasn't seen its configuration)"


@pytest.mark.parametrize(
    ("restart", "edit", "expected"),
    [
        ("never", TTY, ["configure"]),
        ("never", PIDS, ["configure", "set limits of the running"]),
        ("never", NO_PIDS, ["configure"]),
        ("never", AUTOSTART, ["configure"]),
        ("if_needed", TTY, ["configure", AGAIN, "start"]),
        ("if_needed", PIDS, ["configure", "set limits of the running"]),
        ("if_needed", NO_PIDS, ["configure", AGAIN, "start"]),
        ("if_needed", AUTOSTART, ["configure"]),
        ("always", TTY, ["configure", AGAIN, "start"]),
        ("always", PIDS, ["configure", AGAIN, "start"]),
        ("always", NO_PIDS, ["configure", AGAIN, "start"]),
        ("always", AUTOSTART, ["configure"]),
    ],
)
def test_what_a_change_means_for_a_container_that_runs(restart, edit, expected):
    assert steps(want("running", edit, restart=restart), runs()) == expected
    frozen = steps(want("frozen", edit, restart=restart), runs("frozen"))
    assert frozen == expected + (["freeze"] if "start" in expected else [])


@pytest.mark.parametrize("restart", ["never", "if_needed", "always"])
def test_a_change_that_was_made_earlier_counts_like_one_that_is_made_now(restart):
    pending = runs(text=config.edited(TEXT, [TTY]), known=TEXT)
    expected = [] if restart == "never" else [AGAIN, "start"]
    assert steps(want("running", TTY, restart=restart), pending) == expected
    assert steps(want(None, restart=restart), pending) == expected


def test_limits_wait_with_the_rest_of_a_change_that_needs_a_restart():
    assert steps(want("running", TTY, PIDS), runs()) == ["configure"]
    assert steps(want("running", TTY, PIDS, restart="if_needed"), runs()) == ["configure", AGAIN, "start"]


def test_after_its_limits_are_set_a_container_knows_its_configuration():
    after = planned(want("running", PIDS, AUTOSTART), runs()).after.get(WEB)
    assert after.known == after.text == config.edited(TEXT, [PIDS, AUTOSTART])


def test_a_container_that_stops_needs_no_other_reason_and_no_limits():
    assert steps(want("stopped", TTY, PIDS, restart="always"), runs()) == ["configure", "stop"]


# -- once


def test_a_restart_is_done_once():
    again = ["stop (to be started again)", "start"]
    assert steps(want("running"), runs(), "restart") == again
    assert steps(want("running"), runs("frozen"), "restart") == again
    assert steps(want("running", TTY, restart="always"), runs(), "restart") == ["configure", *again]
    after = planned(want("running"), runs(), "restart").after.get(WEB)
    assert steps(want("running"), after) == []


@pytest.mark.parametrize("have", [None, stopped(), Container("broken"), Container("stuck", TEXT)])
def test_who_does_not_run_is_only_started(have):
    assert steps(want("running"), have, "restart") == steps(want("running"), have)


# -- snapshots


def snap(state: str | None, name: str, does: str, *edits: Edit) -> Container:
    return want(state, *edits, snapshot=name, snapshot_state=does)


def test_a_snapshot_is_taken_where_there_is_none_of_that_name():
    assert steps(snap("stopped", "a", "present"), stopped()) == ["take snapshot a of"]
    assert steps(snap("stopped", "a", "present"), stopped(TEXT, "b", "a")) == []
    after = planned(snap("stopped", "b", "present"), stopped(TEXT, "a")).after.get(WEB)
    assert [name for name, _text in after.snapshots] == ["a", "b"]


def test_a_snapshot_holds_what_was_configured_just_before():
    after = planned(snap("stopped", "a", "present", TTY), stopped()).after.get(WEB)
    assert after.snapshots == (("a", after.text),)


def test_a_snapshot_is_taken_between_stop_and_start():
    assert steps(snap("stopped", "a", "present"), runs()) == ["stop", "take snapshot a of"]
    assert steps(snap("running", "a", "present"), stopped()) == ["take snapshot a of", "start"]
    assert steps(snap("running", "a", "present"), runs(), "restart") == [
        "stop (to be started again)",
        "take snapshot a of",
        "start",
    ]
    assert steps(snap("running", "a", "present"), None) == [
        "create from template busybox",
        "take snapshot a of",
        "start",
    ]


def test_a_snapshot_is_removed_whether_or_not_the_container_runs():
    for have in (stopped(TEXT, "a", "b"), runs(snapshots=stopped(TEXT, "a", "b").snapshots)):
        made = planned(snap(None, "a", "absent"), have)
        assert [say(step) for step in made.steps] == ["remove snapshot a of container web"]
        assert [name for name, _text in made.after.get(WEB).snapshots] == ["b"]
    assert steps(snap(None, "a", "absent"), stopped()) == []


def test_going_back_to_a_snapshot_is_done_once_and_the_configuration_is_what_is_wanted():
    have = stopped(TEXT, "a")
    made = planned(snap("stopped", "a", "restored", TTY), have, "restore")
    assert [say(step) for step in made.steps] == ["configure container web", "restore snapshot a of container web"]
    after = made.after.get(WEB)
    assert after.text == config.edited(f"{TEXT}# a\n", [TTY])
    assert steps(snap("stopped", "a", "restored", TTY), after) == []
    assert steps(snap("running", "a", "restored"), have, "restore") == ["restore snapshot a of", "start"]


def test_a_snapshot_that_is_not_there_is_not_restored():
    assert refusal(snap("stopped", "a", "restored"), stopped(), "restore") == (
        "name: container web has no snapshot a to be restored (it has none)"
    )
    assert refusal(snap("stopped", "a", "restored"), stopped(TEXT, "b", "c"), "restore") == (
        "name: container web has no snapshot a to be restored (b, c)"
    )


@pytest.mark.parametrize("have", [None, Container("broken")])
def test_a_container_that_is_not_there_has_nothing_to_be_restored(have):
    assert refusal(snap("running", "a", "restored"), have, "restore") == (
        "name: there is no container web whose snapshot a could be restored"
    )


@pytest.mark.parametrize("does", ["present", "restored"])
@pytest.mark.parametrize("have", [runs(), runs("frozen")])
def test_a_container_that_runs_is_not_stopped_for_a_snapshot_unasked(does, have):
    have = replace(have, snapshots=stopped(TEXT, "b").snapshots)
    name, once = ("a", "") if does == "present" else ("b", "restore")
    assert refusal(snap(None, name, does), have, once) == (
        f"name: container web is {have.state}, and LXC takes and restores snapshots only of one that is stopped: "
        "say `state: stopped`"
    )


# -- copies

COPY = want("running", source=Source(clone_from=Place(PATH, "other")))


def test_a_copy_is_made_of_a_container_that_is_stopped():
    assert steps(COPY, None, besides={OTHER: stopped()}) == ["create as a copy of other", "start"]
    snapshot = want("stopped", source=Source(clone_from=Place(PATH, "other"), clone_snapshot=True))
    assert steps(snapshot, None, besides={OTHER: stopped()}) == ["create as a snapshot of other"]


def test_a_container_that_is_not_there_or_runs_is_not_copied():
    assert refusal(COPY, None) == f"name: other: there is no such container in {PATH} to be copied"
    for state in ("running", "frozen", "stuck", "broken"):
        assert refusal(COPY, None, besides={OTHER: Container(state, TEXT)}) == (
            f"name: other is {state}, and LXC copies only a container that is stopped"
        )


def test_what_it_was_copied_from_does_not_matter_once_it_is_there():
    assert steps(COPY, stopped()) == ["start"]
    assert steps(COPY, stopped(), besides={OTHER: runs()}) == ["start"]


def test_who_does_not_say_what_it_is_made_from_is_not_made():
    assert refusal(Container("running", wish=Wish()), None) == f"name: there is no container web in {PATH}"


# -- any plan

TEXTS = st.lists(
    st.sampled_from(
        ["lxc.tty.max = 1", "lxc.cgroup2.pids.max = 9", "lxc.cgroup.devices.allow = a", "# x", "lxc.group = a"]
    ),
    max_size=3,
).map(lambda lines: "".join(f"{line}\n" for line in lines))
NAMES = ("a", "b")
SNAPSHOTS = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).flatmap(
    lambda names: st.tuples(*(st.tuples(st.just(name), TEXTS) for name in names))
)
STANDING = st.one_of(
    st.none(),
    st.just(Container("broken")),
    st.builds(Container, st.sampled_from(["stopped", "stuck"]), TEXTS, snapshots=SNAPSHOTS),
    st.builds(
        Container, st.sampled_from(["running", "frozen"]), TEXTS, TEXTS, st.booleans(), SNAPSHOTS, pid=st.just(7)
    ),
)
WANTED = st.one_of(
    st.none(),
    st.builds(
        Container,
        st.sampled_from(["running", "stopped", "frozen", None]),
        wish=st.builds(
            Wish,
            st.lists(st.sampled_from([TTY, PIDS, AUTOSTART]), max_size=3, unique=True).map(tuple),
            st.just(BUSYBOX),
            st.sampled_from(["never", "if_needed", "always"]),
            st.sampled_from(["", *NAMES]),
            st.sampled_from(["present", "absent", "restored"]),
        ),
    ),
)


def asked(wanted: Container | None, have: Container | None, once: bool) -> Plan | None:
    """The plan; None where it is refused because of a snapshot."""
    wish = wanted.wish if wanted is not None else None
    restores = wish is not None and wish.snapshot and wish.snapshot_state == "restored"
    restarts = wanted is not None and wanted.state == "running"
    try:
        return planned(wanted, have, "restore" if restores else "restart" if once and restarts else "")
    except LabError as error:
        if "snapshot" not in str(error):
            raise
        return None


@given(STANDING, WANTED, st.booleans())
def test_a_plan_ends_at_what_is_wanted_and_nothing_is_left_to_do(have, wanted, once):
    made = asked(wanted, have, once)
    if made is None:
        return
    after = made.after.get(WEB)
    if wanted is None:
        assert after is None
        return
    assert plan(Request({WEB: wanted}), made.after.fork()).steps == []
    as_it_was = have.state if have is not None and have.state in ("running", "frozen") else "stopped"
    assert after.state == (wanted.state or as_it_was)
    assert config.edited(after.text, wanted.wish.edits) == after.text
    assert after.joined
    if wanted.wish.snapshot:
        names = [name for name, _text in after.snapshots]
        assert (wanted.wish.snapshot in names) == (wanted.wish.snapshot_state != "absent")
    if after.state != "stopped":
        needs_restart, live = config.unseen(after.text, after.known)
        assert not (needs_restart and wanted.wish.restart != "never")
        assert needs_restart or not live


@given(STANDING, WANTED, st.booleans())
def test_each_step_begins_where_the_one_before_it_ended(have, wanted, once):
    made = asked(wanted, have, once)
    stands = have
    for step in made.steps if made is not None else ():
        assert step.before == stands
        stands = step.after if step.verb != "delete" else None
    if made is not None:
        assert made.after.get(WEB) == stands


@given(STANDING, WANTED, st.booleans())
def test_going_back_from_any_step_of_a_plan_gives_back_state_and_configuration(have, wanted, once):
    made = asked(wanted, have, once)
    if made is None or wanted is None:
        return
    now = made.before.fork()
    for step in made.steps:
        BY_KIND["container"].effect(step, now)
        back = plan(restore.request([made], now, made.after.spaces()), now.fork()).after.get(WEB)
        if have is None or have.state == "broken":
            assert back is None
        else:
            assert back.text == have.text
            assert have.state in (back.state, "stuck")

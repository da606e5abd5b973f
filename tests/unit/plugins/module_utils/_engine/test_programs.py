# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The step of a program that is kept running: from what stands to what is wanted, and back where a plan fails."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import consent, restore
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, plan, say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Key, Namespace, Program, Request
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN

WEB: Key = ("process", "red", "web")
WANT = Program(
    "running",
    argv=("httpd", "-f"),
    environment=(),
    chdir="/",
    user="",
    log="/var/log/netns-lab/red/web.log",
    kill_timeout=5.0,
)
RUNS = replace(WANT, owner="", joined=True, pid=7)


def standing(record: Program | None) -> State:
    state = State()
    state.put(("namespace", "red"), Namespace(owner="", nsid=-1, broken=False))
    if record is not None:
        state.put(WEB, record)
    return state


def made(want: Program | None, have: Program | None, **options: t.Any) -> Plan:
    return plan(Request({WEB: want}, **options), standing(have))


def steps(want: Program | None, have: Program | None, **options: t.Any) -> list[str]:
    return [say(step) for step in made(want, have, **options).steps]


@pytest.mark.parametrize(
    ("want", "have", "expected"),
    [
        (WANT, None, ["start process web of red"]),
        (WANT, RUNS, []),
        (WANT, replace(RUNS, state="stopped"), ["start process web of red"]),
        (WANT, replace(RUNS, state="ended"), ["start process web of red (it had ended)"]),
        (WANT, replace(RUNS, state="unfinished"), ["restart process web of red (nobody saw its start through)"]),
        (WANT, replace(RUNS, argv=("httpd",)), ["restart process web of red (another command)"]),
        (WANT, replace(RUNS, user="nobody", log="/l"), ["restart process web of red (another user, another log)"]),
        (WANT, replace(RUNS, kill_timeout=1.0), ["set kill_timeout of process web of red to 5"]),
        (
            WANT,
            replace(RUNS, joined=False),
            ["restart process web of red (the namespace that it runs in isn't the one of that name any more)"],
        ),
        (replace(WANT, owner="office"), RUNS, ["hand process web of red over to lab office"]),
        (Program("stopped"), None, []),
        (Program("stopped"), RUNS, ["stop process web of red"]),
        (Program("stopped"), replace(RUNS, state="ended"), []),
        (Program("stopped"), Program("unfinished"), ["stop process web of red"]),
        (None, None, []),
        (None, RUNS, ["stop process web of red"]),
        (None, replace(RUNS, state="ended"), ["forget process web of red"]),
    ],
)
def test_what_is_to_be_done(want, have, expected):
    assert steps(want, have) == expected


def test_a_restart_that_is_asked_for_is_done_once():
    once = {WEB: frozenset({"restart"})}
    assert steps(WANT, RUNS, once=once) == ["restart process web of red"]
    assert steps(WANT, None, once=once) == ["start process web of red"]


def test_what_runs_elsewhere_than_anything_stands_needs_its_namespace():
    with pytest.raises(LabError, match="namespace red doesn't exist"):
        plan(Request({WEB: WANT}), State())
    assert not plan(Request({WEB: Program("stopped")}), State()).steps
    assert not plan(Request({WEB: None}), State()).steps


def test_only_a_removal_is_past_the_point_of_no_return():
    assert made(WANT, RUNS, once={WEB: frozenset({"restart"})}).steps[0].phase < POINT_OF_NO_RETURN
    assert made(Program("stopped"), RUNS).steps[0].phase < POINT_OF_NO_RETURN
    assert made(None, RUNS).steps[0].phase >= POINT_OF_NO_RETURN


PROGRAMS = st.one_of(
    st.none(),
    st.builds(
        replace,
        st.just(RUNS),
        state=st.sampled_from(["running", "stopped", "ended", "unfinished"]),
        argv=st.sampled_from([("httpd", "-f"), ("nginx",)]),
        chdir=st.sampled_from(["/", "/srv"]),
        owner=st.sampled_from(["", "office"]),
        kill_timeout=st.sampled_from([0.0, 5.0]),
        joined=st.booleans(),
    ),
)
WANTS = st.one_of(st.none(), st.just(Program("stopped")), st.just(WANT), st.just(replace(WANT, owner="office")))


@given(WANTS, PROGRAMS)
def test_after_a_plan_nothing_is_left_to_be_planned(want, have):
    first = made(want, have)
    assert len(first.steps) <= 1
    assert not plan(Request({WEB: want}), first.after.fork()).steps


@given(WANTS, PROGRAMS)
def test_what_goes_back_runs_as_it_did(want, have):
    first = made(want, have)
    if not first.steps:
        return
    back = plan(restore.request([first], first.after, first.after.spaces()), first.after.fork())
    stood, stands = have, back.after.get(WEB)
    runs = stood is not None and stood.state == "running"
    if stood is None:
        assert stands is None
    elif runs:
        assert replace(stands, joined=stood.joined, owner=stood.owner) == stood
    else:
        assert stands is None or stands.state in ("stopped", "ended")


# -- whose it is


def check(want: Program | None, have: Program | None, *, recorded: bool = False, **options: t.Any) -> str:
    """What is said against a plan."""
    request = Request({WEB: want}, **options)
    try:
        consent.check(request, {WEB} if recorded else set(), plan(request, standing(have)))
    except LabError as error:
        return str(error)
    return ""


OTHER = replace(WANT, argv=("nginx",))
OFFICES = replace(RUNS, owner="office")


def test_a_task_leaves_alone_what_a_lab_keeps_running():
    assert "belongs to the lab office" in check(OTHER, OFFICES)
    assert "belongs to the lab office" in check(None, OFFICES)
    assert not check(OTHER, OFFICES, force=True)
    assert not check(OTHER, RUNS)


def test_a_lab_takes_over_what_it_is_told_to():
    offices = replace(WANT, owner="office")
    assert not check(offices, None, lab="office")
    assert "no lab started it" in check(offices, RUNS, lab="office")
    assert not check(offices, RUNS, lab="office", adopt=True)
    assert not check(offices, RUNS, lab="office", recorded=True)
    assert "belongs to the lab school" in check(offices, replace(RUNS, owner="school"), lab="office", adopt=True)
    assert not check(None, OFFICES, lab="office")

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps of several containers done beside each other, those of one in their order."""

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Phase, Step
from ansible_collections.netns.lab.plugins.module_utils._engine.together import together

WAIT = 5.0
"""Seconds after which something that should have happened hasn't."""


def step(name: str, verb: str = "change", phase: Phase = Phase.STOP) -> Step:
    return Step(phase, verb, ("container", "@", "/var/lib/lxc", name))


def numbered(*steps: Step) -> list[tuple[int, Step]]:
    return list(enumerate(steps))


def always() -> bool:
    return True


def shutdown(one: Step) -> bool:
    """Steps that wait for somebody else, which a machine can do more of than it has cores."""
    return one.phase is Phase.STOP


class Record:
    """What was done, in order."""

    def __init__(self) -> None:
        self.done: list[Step] = []

    def __call__(self, one: Step) -> None:
        self.done.append(one)


@pytest.mark.parametrize("phase", [Phase.CONTAINER, Phase.STOP])
def test_every_step_is_done_and_those_of_one_container_in_their_order(phase):
    steps = [step(name, verb, phase) for verb in ("create", "change", "end") for name in "abcdefgh"]
    record = Record()
    assert together(numbered(*steps), record, always) is None
    assert len(record.done) == len(steps)
    for name in "abcdefgh":
        assert [one.verb for one in record.done if one.key[3] == name] == ["create", "change", "end"]


def test_containers_do_not_wait_for_each_other():
    meeting = threading.Barrier(8, timeout=WAIT)

    def meet(_step: Step) -> None:
        meeting.wait()

    assert together(numbered(*(step(name) for name in "abcdefgh")), meet, always, shutdown) is None


def test_steps_of_one_container_never_meet():
    busy = threading.Lock()

    def alone(_step: Step) -> None:
        assert busy.acquire(blocking=False)
        busy.release()

    assert together(numbered(*[step("a")] * 20), alone, always) is None


def test_of_several_failures_the_first_in_the_plan_is_told():
    meeting = threading.Barrier(3, timeout=WAIT)

    def fail(one: Step) -> None:
        meeting.wait()
        time.sleep({"a": 0.06, "b": 0.03, "c": 0}[one.key[3]])
        raise ValueError(one.key[3])

    steps = [(7, step("c")), (2, step("a")), (5, step("b"))]
    number, error = together(steps, fail, always, shutdown) or (None, None)
    assert (number, str(error)) == (2, "a")


def test_after_a_failure_nothing_more_is_begun(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # so that the second container comes after the first
    begun: list[str] = []

    def do(one: Step) -> None:
        begun.append(f"{one.verb} {one.key[3]}")
        if one.verb == "change":
            raise ValueError

    steps = [step(name, verb, Phase.CONTAINER) for name in "ab" for verb in ("create", "change", "end")]
    assert together(numbered(*steps), do, always) is not None
    assert begun == ["create a", "change a"]


def test_what_has_begun_is_waited_for():
    begun, record = threading.Event(), Record()

    def do(one: Step) -> None:
        if one.key[3] == "a":
            begun.wait(WAIT)
            raise ValueError
        begun.set()
        time.sleep(0.05)
        record(one)

    assert together(numbered(step("a"), step("b")), do, always) is not None
    assert record.done == [step("b")]


def test_an_interruption_ends_it_between_two_steps():
    record = Record()
    steps = numbered(*(step("a", verb) for verb in ("create", "change", "end")))
    assert together(steps, record, lambda: len(record.done) < 2) is None
    assert [one.verb for one in record.done] == ["create", "change"]


def test_whatever_is_raised_in_a_thread_reaches_the_one_that_waits():
    def leave(_step: Step) -> None:
        raise SystemExit(3)

    number, error = together([(4, step("a"))], leave, always) or (None, None)
    assert number == 4
    assert isinstance(error, SystemExit)

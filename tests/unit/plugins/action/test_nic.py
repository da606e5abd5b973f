# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of the module `nic`: how often it asks, over which connection, and what it makes of answers."""

from __future__ import annotations

import typing as t
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netns.lab.plugins.action import nic
from ansible_collections.netns.lab.plugins.action.nic import ActionModule

LENT = {"changed": True, "nic": {"state": "lent"}, "steps": ["move link @ens3 to red:ens3"]}
LOST = AnsibleConnectionFailure("no route to host")


class Machine:
    """Answers in the order in which they are given, the last one over and over; notes what it was asked, and when the
    connection was reset."""

    def __init__(self, *answers: t.Any) -> None:
        self.answers = list(answers)
        self.asked: list[t.Any] = []

    def reset(self) -> None:
        self.asked.append("reset")

    def execute(self, module_name: str, module_args: dict[str, t.Any], **_rest: t.Any) -> dict[str, t.Any]:
        assert module_name == "netns.lab.nic"
        self.asked.append(module_args)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture
def run(monkeypatch):
    """Runs the action on a machine with options, in check mode or with async if told to."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(nic.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(nic.time, "sleep", lambda seconds: setattr(clock, "now", clock.now + seconds))

    def of(machine: Machine, *, check: bool = False, wrap: int = 0, **options: t.Any) -> dict[str, t.Any]:
        task = SimpleNamespace(args={"name": "ens3", "netns": "red", **options}, check_mode=check, async_val=wrap,
                               diff=False, environment=None)  # fmt: skip
        connection = SimpleNamespace(reset=machine.reset, _shell=SimpleNamespace(tmpdir="/tmp"))
        context = SimpleNamespace(check_mode=check)
        action = ActionModule(task, connection, context, None, None, None)
        monkeypatch.setattr(action, "_execute_module", machine.execute)
        return action.run(None, {})

    return of


def test_without_confirm_the_module_runs_and_that_is_all(run):
    machine = Machine(LENT)
    assert run(machine, addresses=["192.0.2.1/24"])["changed"]
    assert machine.asked == [{"name": "ens3", "netns": "red", "addresses": ["192.0.2.1/24"]}]


def test_a_loan_is_confirmed_over_a_new_connection(run):
    machine = Machine(LENT, {"changed": False, "loan": "confirmed"})
    result = run(machine, confirm=30)
    assert (result["changed"], result["confirmed"]) == (True, True)
    assert machine.asked[1:] == ["reset", {"name": "ens3", "netns": "red", "confirmed": True}]


def test_in_check_mode_there_is_nothing_to_confirm(run):
    machine = Machine(LENT)
    assert "confirmed" not in run(machine, check=True, confirm=30)
    assert len(machine.asked) == 1


def test_a_run_that_fails_is_told_as_it_is(run):
    machine = Machine({"failed": True, "msg": "refused, for ens3 carries the IPv4 default route"})
    result = run(machine, confirm=30)
    assert result["msg"] == "refused, for ens3 carries the IPv4 default route"
    assert len(machine.asked) == 1


def test_async_is_refused_before_anything_is_done(run):
    machine = Machine(LENT)
    assert "can't be together with `async`" in run(machine, wrap=60, confirm=30)["msg"]
    assert machine.asked == []


def test_a_loan_that_was_undone_by_the_time_somebody_answers(run):
    result = run(Machine(LOST, LOST, LOST, {"changed": False, "loan": "none"}), confirm=30)
    assert (result["failed"], result["changed"], result["confirmed"]) == (True, False, False)
    assert "unreachable" not in result
    assert result["msg"] == "the move of ens3 was undone: the machine couldn't be reached within 30 s after it"


def test_a_loan_that_is_just_being_undone_is_waited_for(run):
    machine = Machine(LENT, {"changed": False, "loan": "overdue"}, {"changed": False, "loan": "none"})
    assert "was undone" in run(machine, confirm=30)["msg"]
    assert machine.asked.count("reset") == 2


def test_an_answer_that_got_lost_is_asked_for_again_once_the_loan_stands(run):
    machine = Machine(LOST, {"changed": False, "loan": "confirmed"}, {"changed": False, "nic": {"state": "lent"}})
    result = run(machine, confirm=30)
    assert (result["changed"], result["confirmed"], result["nic"]) == (True, True, {"state": "lent"})
    assert machine.asked[-1] == {"name": "ens3", "netns": "red", "confirm": 0}


def test_nobody_answers_until_the_deadline_has_passed(run):
    machine = Machine(LENT, LOST)
    result = run(machine, confirm=30)
    assert result["failed"]
    assert "couldn't be reached for 3" in result["msg"]
    assert machine.asked.count("reset") > 30


def test_a_second_run_of_a_loan_that_needs_no_confirming(run):
    machine = Machine({**LENT, "changed": False}, {"changed": False, "loan": "none"})
    assert "failed" not in run(machine, confirm=30)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run killed at any instant: the next `present` completes it, the next `absent` leaves nothing."""

from __future__ import annotations

import os
import signal
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Step
from ansible_collections.netns.lab.tests.kernel import snapshot, ten_nodes
from ansible_collections.netns.lab.tests.random_wants import THOROUGH

NOTHING = Request({}, lab="ten")


def killed(request: Request, at: int) -> None:
    """Run in a child, which is killed before this step."""
    child = os.fork()
    if not child:
        Fault.at, Fault.kill = at, True
        converge(request, check=False)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL


def stops(steps: t.Sequence[Step], then: str) -> list[int]:
    """Where to kill: every other place for the one test, the rest for the other; all, where time doesn't count."""
    places = ten_nodes.telling(steps)
    return places if THOROUGH else places[then == "absent" :: 2]


@pytest.mark.parametrize("then", ["present", "absent"])
def test_a_build_killed_at_any_step(then):
    empty = snapshot.machine()
    steps = converge(ten_nodes.lab(), check=True).plan.steps
    converge(ten_nodes.lab(), check=False)
    built = snapshot.machine(mac=False)
    converge(NOTHING, check=False)
    for at in stops(steps, then):
        killed(ten_nodes.lab(), at)
        if then == "present":
            converge(ten_nodes.lab(), check=False)
            assert snapshot.differences(built, snapshot.machine(mac=False)) == [], at
        converge(NOTHING, check=False)
        assert snapshot.differences(empty, snapshot.machine()) == [], at


@pytest.mark.parametrize("then", ["present", "absent"])
def test_a_change_killed_at_any_step(then):
    empty = snapshot.machine()
    converge(ten_nodes.changed(), check=False)
    built = snapshot.machine(mac=False)
    converge(NOTHING, check=False)
    converge(ten_nodes.lab(), check=False)
    steps = converge(ten_nodes.changed(), check=True).plan.steps
    for at in stops(steps, then):
        killed(ten_nodes.changed(), at)
        if then == "present":
            converge(ten_nodes.changed(), check=False)
            assert snapshot.differences(built, snapshot.machine(mac=False)) == [], at
        converge(NOTHING, check=False)
        assert snapshot.differences(empty, snapshot.machine()) == [], at
        converge(ten_nodes.lab(), check=False)

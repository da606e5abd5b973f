# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A loan, or a way home, that fails or is killed at any step."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.loans import home, ip_does, lent, stands, warned
from ansible_collections.netns.lab.tests.kernel.test_engine_kill import killed


@pytest.fixture(autouse=True)
def _no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


@pytest.mark.usefixtures("nic")
def test_a_loan_that_fails_at_any_step_is_undone():
    before = stands()
    request = lent(addresses=["192.0.2.1/24"], keep_config=True)
    for at in range(len(converge(request, check=True).plan.steps)):
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            converge(lent(addresses=["192.0.2.1/24"], keep_config=True), check=False)
        assert snapshot.differences(before, stands()) == [], at


@pytest.mark.usefixtures("nic")
def test_a_way_home_that_fails_at_any_step_is_undone_and_can_be_gone_again():
    before = stands()
    converge(lent(addresses=["192.0.2.1/24"]), check=False)
    away = stands()
    for at in range(len(converge(home(), check=True).plan.steps)):
        Fault.at = at
        with pytest.raises(LabError, match="was put back"):
            converge(home(), check=False)
        assert snapshot.differences(away, stands()) == [], at
    converge(home(), check=False)
    assert snapshot.differences(before, stands()) == []


@pytest.mark.usefixtures("nic")
@pytest.mark.parametrize("then", ["lent", "home", "absent"])
def test_a_loan_killed_at_any_step(then):
    before = stands()
    steps = len(converge(lent(addresses=["192.0.2.1/24"]), check=True).plan.steps)
    for at in range(steps):
        killed(lent(addresses=["192.0.2.1/24"]), at)
        if then == "lent":
            converge(lent(addresses=["192.0.2.1/24"]), check=False)
            assert converge(lent(addresses=["192.0.2.1/24"]), check=True).plan.steps == []
        if then == "absent":
            converge(Request({("namespace", "red"): None}), check=False)
            ip_does("netns add red\n")
        converge(home(), check=False)
        assert snapshot.differences(before, stands()) == [], at


@pytest.mark.usefixtures("nic")
@pytest.mark.parametrize("then", ["home", "lent again", "absent", "anything, after the namespace went"])
def test_a_way_home_killed_at_any_step(then, run_module):
    before = stands()
    converge(lent(), check=False)
    steps = len(converge(home(), check=True).plan.steps)
    for at in range(1, steps, 1 if then == "home" else 4):
        converge(lent(), check=False)
        killed(home(), at)
        if then == "lent again":
            converge(lent(), check=False)
        elif then == "absent":
            converge(Request({("namespace", "red"): None}), check=False)
            ip_does("netns add red\n")
        elif then != "home":
            ip_does("netns del red\n")
            done = run_module("netns", name="another")
            assert "ens4 came home first: the namespace has gone; it was lent to red" in warned(done), at
            ip_does("netns del another\nnetns add red\n")
            assert snapshot.differences(before, stands()) == [], at
            continue
        converge(home(), check=False)
        assert snapshot.differences(before, stands()) == [], at

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random labs and random changes of them, failing before every step that can be put back: nothing shows afterwards."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import Phase as Stage
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request, Want
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.random_wants import examples, wants


@pytest.fixture(autouse=True)
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


def request(want: Want, exact: bool) -> Request:
    return Request(dict(want), lab="lab", exact=exact)


@settings(examples(15), phases=(Stage.explicit, Stage.generate))
@given(wants(owner="lab"), wants(owner="lab"), st.booleans())
def test_a_change_that_fails_at_any_step_leaves_all_as_it_was(cold_machine, first, second, exact):
    with cold_machine():
        converge(request(first, exact), check=False)
        before = snapshot.machine()
        steps = [step for step in converge(request(second, exact), check=True).plan.steps
                 if step.phase < POINT_OF_NO_RETURN]  # fmt: skip
        for at, step in enumerate(steps):
            note(f"{at}: {say(step)}")
        for at in range(len(steps)):
            Fault.at = at
            with pytest.raises(LabError) as caught:
                converge(request(second, exact), check=False)
            Fault.at = None
            assert "was put back" in str(caught.value)
            assert snapshot.differences(before, snapshot.machine()) == [], str(caught.value)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that fails leaves everything as it was: whichever step fails, as ip and the file system show it."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.tests.kernel import snapshot, ten_nodes


@pytest.fixture(autouse=True)
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


def failing(request: Request, at: int) -> str:
    """What the run says that fails before this step."""
    Fault.at = at
    with pytest.raises(LabError) as caught:
        converge(copy.deepcopy(request), check=False)
    return str(caught.value)


def test_a_build_that_fails_at_any_step_leaves_nothing():
    before = snapshot.machine()
    steps = converge(ten_nodes.lab(), check=True).plan.steps
    for at in ten_nodes.telling(steps):
        said = failing(ten_nodes.lab(), at)
        assert f"step {at + 1} of {len(steps)}" in said
        assert "was put back" in said
        assert snapshot.differences(before, snapshot.machine()) == [], said


def test_a_change_that_fails_at_any_step_leaves_all_as_it_was():
    converge(ten_nodes.lab(), check=False)
    before = snapshot.machine()
    steps = converge(ten_nodes.changed(), check=True).plan.steps
    for at in ten_nodes.telling(steps):
        if steps[at].phase >= POINT_OF_NO_RETURN:
            break
        said = failing(ten_nodes.changed(), at)
        assert "was put back" in said
        assert snapshot.differences(before, snapshot.machine()) == [], said

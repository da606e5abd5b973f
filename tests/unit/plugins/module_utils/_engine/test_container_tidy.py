# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done once behind the steps of containers: what they made is brought to the disk, if they made any."""

from __future__ import annotations

import os

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import container_steps
from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Container
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Phase, Step
from ansible_collections.netns.lab.plugins.module_utils._kernel import syscalls


def step(path: str, verb: str, field: str = "") -> Step:
    return Step(
        Phase.CONTAINER, verb, ("container", MACHINE, path, "web"), Container("stopped"), Container("running"),
        (field,) if field else (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "synchronized"),
    [
        ([("create", ""), ("change", "state")], True),
        ([("change", "snapshot-restore"), ("change", "state")], True),
        ([("change", "config"), ("change", "state")], False),
        ([("delete", "")], False),
    ],
)
def test_files_that_were_made_are_brought_to_the_disk_once(tmp_path, monkeypatch, steps, synchronized):
    really, seen = syscalls.syncfs, []

    def spy(descriptor: int) -> None:
        seen.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        really(descriptor)

    monkeypatch.setattr(syscalls, "syncfs", spy)
    container_steps.tidy(step(str(tmp_path), *one) for one in steps)
    assert seen == [str(tmp_path)] * synchronized


def test_a_place_that_nothing_came_of_is_no_trouble(tmp_path):
    container_steps.tidy([step(str(tmp_path / "none"), "create")])

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose containers a plan may touch."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import consent
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import plan
from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Container, Key, Request, Wish
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._lxc.making import Source

WEB: Key = ("container", MACHINE, "/var/lib/lxc", "web")
STARTED = Container("running", wish=Wish(source=Source()))
NOBODYS = Container("stopped", "lxc.tty.max = 1\n")
OFFICES = Container("stopped", "# netns-lab:office\nlxc.tty.max = 1\n")
BROKEN = Container("broken")


def check(standing: Container | None, lab: str | None = None, *, wanted: Container | None = STARTED, **options: bool):
    state = State()
    if standing is not None:
        state.put(WEB, standing)
    recorded = {WEB} if options.pop("recorded", False) else set()
    request = Request({WEB: wanted}, lab=lab, origin={WEB: "here"}, **options)
    consent.check(request, recorded, plan(request, state.fork()))


def refusal(*arguments, **options) -> str:
    with pytest.raises(LabError) as caught:
        check(*arguments, **options)
    return str(caught.value)


def test_a_task_touches_what_is_nobody_s():
    for standing in (None, NOBODYS, BROKEN):
        check(standing)
    check(NOBODYS, wanted=None)


@pytest.mark.parametrize("wanted", [STARTED, None])
def test_a_task_touches_what_a_lab_owns_only_by_force(wanted):
    assert refusal(OFFICES, wanted=wanted) == (
        "here: container web belongs to the lab office: change its file, or say `force: true`"
    )
    check(OFFICES, wanted=wanted, force=True)


def test_a_lab_touches_its_own_and_what_is_not_there_yet():
    check(OFFICES, "office")
    check(None, "office")


def test_a_lab_does_not_touch_what_another_one_owns_not_even_to_adopt_it():
    for options in ({}, {"adopt": True}, {"recorded": True}):
        assert refusal(OFFICES, "home", **options) == (
            "here: container web belongs to the lab office: take other names, or a `prefix`"
        )


@pytest.mark.parametrize("standing", [NOBODYS, BROKEN])
def test_a_lab_takes_over_what_it_has_written_down_or_is_told_to_adopt(standing):
    assert refusal(standing, "office") == (
        "here: container web stands already, and no lab made it: `adopt: true` takes it over"
    )
    check(standing, "office", adopt=True)
    check(standing, "office", recorded=True)


def test_a_plan_without_steps_touches_nothing():
    check(OFFICES, wanted=Container("stopped", wish=Wish()))

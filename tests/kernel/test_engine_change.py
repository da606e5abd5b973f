# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From any lab to any other: what a plan foresees is what stands then, and what would stand on a new machine."""

from __future__ import annotations

from hypothesis import given

from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Namespace, Want
from ansible_collections.netns.lab.tests.kernel.engine import bring_about, difference, look, picture
from ansible_collections.netns.lab.tests.random_wants import examples, wants


@examples(50)
@given(wants(owner="lab"))
def test_a_new_lab_is_as_foreseen(cold_machine, want):
    with cold_machine():
        outcome = bring_about(want, lab="lab")
        assert difference(picture(outcome.plan.after, want), picture(look(want), want)) == []


@examples(100)
@given(wants(owner="lab"), wants(owner="lab"))
def test_a_lab_changed_into_another_is_as_foreseen_and_as_new(cold_machine, first, second):
    with cold_machine():
        bring_about(first, lab="lab")
        outcome = bring_about(second, lab="lab")
        stands = picture(look(second, {key[1] for key in first}), second)
        assert difference(picture(outcome.plan.after, second), stands) == []
    with cold_machine():
        bring_about(second, lab="lab")
        assert difference(stands, picture(look(second), second)) == []


def test_what_is_widened_for_a_link_of_another_namespace_finds_room_below():
    """A bridge, a macvlan as wide on it, and one in another namespace on that: from below, one after the other."""
    want: Want = {
        ("namespace", "n0"): Namespace(),
        ("namespace", "n1"): Namespace(),
        ("link", "n0", "br0"): Link(kind="bridge", mtu=9000, up=True),
        ("link", "n0", "m0"): Link(kind="macvlan", lower=("n0", "br0"), mtu=9000, up=True),
        ("link", "n1", "m1"): Link(kind="macvlan", lower=("n0", "m0"), mtu=9000, up=True),
    }
    outcome = bring_about(want, lab="lab")
    assert difference(picture(outcome.plan.after, want), picture(look(want), want)) == []
    assert not bring_about(want, lab="lab").changed

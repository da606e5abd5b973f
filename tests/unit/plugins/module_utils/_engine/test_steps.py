# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of steps: by pass, then namespace by namespace, those with links below before those that stand on them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Want
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import (
    POINT_OF_NO_RETURN,
    Phase,
    Step,
    in_order,
    ranks,
)


def step(phase: Phase, ns: str, name: str = "", depth: int = 0, where: str = "") -> Step:
    return Step(phase, "change", ("link", ns, name), depth=depth, where=where)


def on(*places: tuple[str, str]) -> Want:
    """Links in the first of each two namespaces that stand on one in the second."""
    return {("link", ns, f"m{number}"): Link(lower=(below, "a")) for number, (ns, below) in enumerate(places)}


def test_a_namespace_comes_after_those_that_its_links_stand_on():
    assert ranks(on(("a", "b"))) == {"a": 1, "b": 0}
    assert ranks(on(("a", "b"), ("b", "c"), ("a", "c"))) == {"a": 2, "b": 1, "c": 0}
    assert ranks(on(("a", "b"), ("c", "d"), ("d", "b"))) == {"a": 1, "b": 0, "c": 2, "d": 1}


def test_what_stands_on_a_link_of_the_same_namespace_or_on_none_does_not_count():
    assert ranks(on(("a", "a"))) == {}
    assert (
        ranks({("link", "a", "b"): Link(lower=("a", "c")), ("link", "b", "a"): Link(), ("link", "c", "x"): None}) == {}
    )


def test_namespaces_that_stand_on_each_other_have_some_order():
    assert set(ranks(on(("a", "b"), ("b", "a")))) == {"a", "b"}


def test_steps_of_one_pass_go_by_rank_then_as_namespaces_were_first_named_then_by_phase_and_depth():
    steps = [
        step(Phase.UP, "second"),
        step(Phase.ADDRESS, "upper"),
        step(Phase.UP, "first"),
        step(Phase.SETTING, "second", "x", depth=2),
        step(Phase.SETTING, "second", "y", depth=1),
        step(Phase.DOWN, "elsewhere", where="first"),
        step(Phase.DOWN, "upper"),
    ]
    got = [(one.place, one.phase, one.depth) for one in in_order(steps, {"upper": 1, "first": 0})]
    assert got == [
        ("second", Phase.SETTING, 1),
        ("second", Phase.SETTING, 2),
        ("second", Phase.UP, 0),
        ("first", Phase.DOWN, 0),
        ("first", Phase.UP, 0),
        ("upper", Phase.DOWN, 0),
        ("upper", Phase.ADDRESS, 0),
    ]


def test_links_made_on_others_come_after_these_in_all_namespaces():
    steps = [step(Phase.LINK, "a", depth=1), step(Phase.LINK, "b", depth=0)]
    assert [one.place for one in in_order(steps, {})] == ["b", "a"]
    assert [one.place for one in in_order(steps, {"b": 3})] == ["b", "a"]


@pytest.mark.parametrize("phase", [Phase.CLEAR, Phase.MOVE, Phase.LINK, Phase.TRIM])
def test_phases_in_which_depth_counts_across_namespaces(phase):
    steps = [step(phase, "a", depth=1), step(phase, "b", depth=0), step(phase, "a", depth=0)]
    assert [(one.place, one.depth) for one in in_order(steps, {})] == [("a", 0), ("b", 0), ("a", 1)]


def test_steps_that_stay_in_a_namespace_share_a_pass():
    steps = [step(Phase.CONF, "a"), step(Phase.NAMESPACE, "b"), step(Phase.NAMESPACE, "a"), step(Phase.CONF, "b")]
    assert [one.place for one in in_order(steps, {})] == ["a", "a", "b", "b"]


some = st.builds(step, st.sampled_from(Phase), st.sampled_from("abc"), st.sampled_from("xy"), st.integers(0, 2))


@given(st.lists(some, max_size=12), st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)))
def test_phases_keep_their_order_within_a_namespace_and_what_cannot_be_put_back_comes_last(steps, by_rank):
    ordered = in_order(steps, by_rank)
    assert sorted(map(id, ordered)) == sorted(map(id, steps))
    for ns in "abc":
        phases = [one.phase for one in ordered if one.place == ns]
        assert phases == sorted(phases)
    late = [one.phase >= POINT_OF_NO_RETURN for one in ordered]
    assert late == sorted(late)

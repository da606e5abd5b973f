# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record classes behave as those of the standard decorator, whose place it takes."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import frozen, records


def made_by(decorator: t.Callable[[type], type]) -> type:
    class Thing:
        name: str
        size: int | None = None
        words: tuple[str, ...] = ()
        seen: int = dataclasses.field(default=0, compare=False)
        raw: bytes = dataclasses.field(default=b"", compare=False, repr=False)
        table: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)

    Thing.__qualname__ = "Thing"
    return decorator(Thing)


OURS, THEIRS = made_by(frozen.dataclass(frozen=True)), made_by(dataclasses.dataclass(frozen=True))

VALUES = st.fixed_dictionaries(
    {"name": st.sampled_from("ab")},
    optional={
        "size": st.none() | st.integers(0, 1),
        "words": st.lists(st.sampled_from("xy"), max_size=2).map(tuple),
        "seen": st.integers(0, 1),
        "raw": st.binary(max_size=1),
    },
)


@given(VALUES, VALUES)
def test_it_compares_hashes_and_shows_like_the_standard_one(first, second):
    ours, theirs = (OURS(**first), OURS(**second)), (THEIRS(**first), THEIRS(**second))
    assert (ours[0] == ours[1]) is (theirs[0] == theirs[1])
    assert len(set(ours)) == len(set(theirs))
    assert repr(ours[0]) == repr(theirs[0])
    assert dataclasses.asdict(ours[0]) == dataclasses.asdict(theirs[0])
    assert dataclasses.replace(ours[0], **second) == ours[1] or not first.keys() <= second.keys()


def test_another_class_with_the_same_values_is_another_thing():
    assert OURS("a") != made_by(frozen.dataclass(frozen=True))("a")
    assert OURS("a") != "a"
    assert records.Rule() == records.Rule() != records.Keepsake()
    assert len({records.Rule(), records.Rule()}) == 1


def test_each_instance_has_its_own_mutable_default():
    assert OURS("a").table is not OURS("a").table


def test_what_can_change_is_for_the_standard_one():
    with pytest.raises(TypeError, match="don't change"):
        frozen.dataclass(frozen=False)

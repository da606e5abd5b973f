# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record classes behave as those of the standard decorator, whose place it takes."""

from __future__ import annotations

import copy
import dataclasses
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import frozen, records


@dataclasses.dataclass(frozen=True)
class Thing:
    """As the standard decorator makes it."""

    name: str
    size: int | None = None
    words: tuple[str, ...] = ()
    seen: int = dataclasses.field(default=0, compare=False)
    raw: bytes = dataclasses.field(default=b"", compare=False, repr=False)
    table: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)


def ours() -> t.Any:
    """The same class, made by our decorator."""
    fields = {field.name: copy.copy(field) for field in dataclasses.fields(Thing)}
    raw = type("Thing", (), {"__annotations__": Thing.__annotations__, "__qualname__": "Thing", **fields})
    return frozen.dataclass(frozen=True)(raw)


OURS = ours()

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
    mine, theirs = (OURS(**first), OURS(**second)), (Thing(**first), Thing(**second))
    assert (mine[0] == mine[1]) is (theirs[0] == theirs[1])
    assert len(set(mine)) == len(set(theirs))
    assert repr(mine[0]) == repr(theirs[0])
    assert dataclasses.asdict(mine[0]) == dataclasses.asdict(theirs[0])
    if first.keys() <= second.keys():
        assert dataclasses.replace(mine[0], **second) == mine[1]


def test_another_class_with_the_same_values_is_another_thing():
    assert OURS("a") != ours()("a")
    assert OURS("a") != "a"
    assert records.Rule() == records.Rule() != records.Keepsake()
    assert len({records.Rule(), records.Rule()}) == 1


def test_each_instance_has_its_own_mutable_default():
    assert OURS("a").table is not OURS("a").table


def test_what_can_change_is_for_the_standard_one():
    with pytest.raises(TypeError, match="don't change"):
        frozen.dataclass(frozen=False)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The map of what stands, against plain dictionaries: whatever is done to it or to a fork, neither sees the other's."""

from __future__ import annotations

import typing as t

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Key,
    Link,
    Namespace,
    Record,
    Sysctl,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

SPACES = ("a", "b", "unseen")
KEYS: list[Key] = [(kind, ns, name) for kind in ("link", "sysctl") for ns in SPACES for name in ("x", "y")]
Act = t.Tuple[str, t.Any, t.Any]

records = st.sampled_from([Link(kind="veth"), Link(kind="vlan", lower=("a", "x")), Link(kind="vlan", lower=("b", "y"))])


def _value(key: Key, link: Link) -> Record:
    return link if key[0] == "link" else Sysctl(value=str(link.lower))


acts = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(KEYS), records),
    st.tuples(st.just("drop"), st.sampled_from(KEYS), st.none()),
    st.tuples(st.just("clear"), st.sampled_from(SPACES), st.none()),
    st.tuples(st.just("fork"), st.none(), st.none()),
    st.tuples(st.just("back"), st.none(), st.none()),
    st.tuples(st.just("standing"), st.none(), st.none()),
)


def _agree(state: State, model: dict[Key, Record]) -> None:
    assert {key: state.get(key) for key in state} == model
    for key in KEYS:
        assert (key in state) == (key in model)
        assert state.get(key) == model.get(key)
    for ns in SPACES:
        assert dict(state.space(ns)) == {key: record for key, record in model.items() if key[1] == ns}
        for kind in ("link", "sysctl"):
            assert dict(state.of(ns, kind)) == {k: r for k, r in model.items() if k[1] == ns and k[0] == kind}


@given(st.lists(acts, max_size=30), st.booleans())
def test_a_state_and_its_forks_hold_what_was_put_into_each(doings: list[Act], filled: bool):
    state, model = State({"a": {KEYS[0]: Link()}} if filled else None), {}
    if filled:
        model[KEYS[0]] = Link()
    originals: list[tuple[State, dict[Key, Record]]] = []
    for act, on, record in doings:
        if act == "put":
            value = _value(on, record)
            state.put(on, value)
            model[on] = value
        elif act == "drop":
            state.drop(on)
            model.pop(on, None)
        elif act == "clear":
            state.clear(on)
            model = {key: kept for key, kept in model.items() if key[1] != on}
        elif act == "fork":
            originals.append((state, dict(model)))
            state = state.fork()
        elif act == "back" and originals:
            state, model = originals.pop()
        elif act == "standing":
            expected = {key for key, kept in model.items() if key[0] == "link" and kept.lower is not None}
            assert set(state.standing()) == expected
            assert len(state.standing()) == len(expected)
        _agree(state, model)
    for original, held in originals:
        _agree(original, held)


def test_clearing_a_fork_leaves_the_original_even_where_the_fork_had_changed_it():
    original = State()
    original.put(KEYS[0], Link(kind="veth"))
    fork = original.fork()
    fork.clear("a")
    fork.put(KEYS[1], Link(kind="vlan", lower=("a", "x")))
    assert list(original) == [KEYS[0]]
    assert list(fork) == [KEYS[1]]


def test_which_links_stand_on_others_is_known_after_every_change():
    upper = Link(kind="vlan", lower=("a", "x"))
    state = State()
    for key in KEYS[:2]:
        state.put(key, upper)
    assert state.standing() == KEYS[:2]
    state.put(KEYS[0], Link(kind="veth"))
    state.put(KEYS[2], upper)
    assert state.standing() == KEYS[1:3]
    fork = state.fork()
    fork.drop(KEYS[1])
    assert fork.standing() == KEYS[2:3]
    fork.clear("b")
    assert fork.standing() == []
    assert state.standing() == KEYS[1:3]


def test_what_will_be_there_at_birth_goes_along_into_a_fork():
    state = State()
    state.at_birth = {"a": {KEYS[0]: Link()}}
    assert state.fork().at_birth == state.at_birth


def test_a_fork_tells_in_which_namespaces_anything_was_changed_since():
    state = State()
    for ns in ("put", "dropped", "cleared", "left"):
        state.put(("link", ns, "x"), Link())
    fork = state.fork()
    assert not fork.touched()
    fork.put(("link", "put", "y"), Link())
    fork.put(("link", "new", "x"), Link())
    fork.drop(("link", "dropped", "x"))
    fork.clear("cleared")
    fork.drop(("link", "left", "y"))
    fork.clear("unseen")
    assert set(fork.touched()) == {"put", "new", "dropped", "cleared"}
    assert not fork.fork().touched()


def test_a_namespace_lives_unless_there_is_none_or_only_the_file_of_its_name():
    state = State()
    state.put(("namespace", "red"), Namespace("", -1, False))
    state.put(("namespace", "rust"), Namespace("", -1, True))
    assert [state.lives(ns) for ns in ("red", "rust", "unseen", MACHINE)] == [True, False, False, True]

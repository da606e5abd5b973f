# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each shape by itself: what it takes, what it makes of it, and every word of what it says about the rest."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError, Problems, written
from ansible_collections.netns.lab.plugins.module_utils._engine.walk import (
    Integer,
    ListOf,
    MapOf,
    Mapping,
    Number,
    OneOf,
    Shape,
    Switch,
    Text,
    near,
    unquoted,
)

BASE_60 = "and digits with colons as a number of base 60"
NO_QUOTES = "but YAML reads digits without quotes as a number"


def read(shape: Shape, value: t.Any) -> tuple[t.Any, list[str]]:
    """What a shape makes of a value, and what it finds wrong."""
    problems = Problems()
    made = shape.read(value, (None, "x"), problems)
    return made, [f"{written(path)}: {message}" for path, message in problems.found]


def refusal(shape: Shape, value: t.Any) -> str:
    """The one thing that is wrong, at ``x`` itself."""
    made, found = read(shape, value)
    assert made is None
    (problem,) = found
    assert problem.startswith("x: ")
    return problem[len("x: ") :]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "true: expected a name, but YAML reads on, off, yes and no as true and false: quote it"),
        (59, f"59: expected a name, {NO_QUOTES}: quote it"),
        (60, f"60: expected a name, {NO_QUOTES}, and digits with a colon as a number of base 60: quote it"),
        (
            60**5 - 1,
            f"777599999: expected a name, {NO_QUOTES}, and digits with a colon as a number of base 60: quote it",
        ),
        (60**5, f"777600000: expected a name, {NO_QUOTES}, {BASE_60} (was it 01:00:00:00:00:00?): quote it"),
        (1.5, f"1.5: expected a name, {NO_QUOTES}: quote it"),
        ("red", None),
        (None, None),
        ([1], None),
    ],
)
def test_what_yaml_makes_of_text_that_was_not_quoted(value, message):
    assert unquoted(value, "a name") == message


# Text


def test_text_is_taken_as_it_is():
    assert read(Text(), "red") == ("red", [])
    assert read(Text(), "") == ("", [])


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        (None, "nothing stands here"),
        ({}, "a mapping stands here"),
        ([], "a list stands here"),
        ((), "a list stands here"),
    ],
)
def test_what_is_no_text_is_told_by_what_it_is(value, stands):
    assert refusal(Text(), value) == f"{stands}: expected text"
    assert refusal(Text(expected="a name"), value) == f"{stands}: expected a name"


def test_text_may_be_made_into_something_better_or_be_refused_in_the_words_of_who_reads_it():
    def shout(text: str) -> str:
        if text == "red":
            raise LabError("'red': anything but that")
        return text.upper()

    assert read(Text(parse=shout), "blue") == ("BLUE", [])
    assert refusal(Text(parse=shout), "red") == "'red': anything but that"


def test_text_may_be_one_of_several_words():
    shape = Text(choices=["host", "router"])
    assert read(shape, "router") == ("router", [])
    assert refusal(shape, "ruter") == "'ruter': expected host or router; did you mean 'router'?"
    assert refusal(shape, "x") == "'x': expected host or router"


# Numbers


def test_a_whole_number_lies_in_its_range_and_digits_do_as_well():
    shape = Integer(least=2, most=5)
    assert [read(shape, value) for value in (2, 5, "5", "02")] == [(2, []), (5, []), (5, []), (2, [])]
    for value, shown in ((1, "1"), (6, "6"), ("6", "6"), ("-2", "'-2'"), (2.0, "2.0"), (True, "true")):
        assert refusal(shape, value) == f"{shown}: expected a whole number from 2 to 5"
    assert refusal(Integer(least=0, most=9, expected="an MTU"), None) == (
        "nothing stands here: expected an MTU from 0 to 9"
    )


def test_a_number_may_have_a_fraction():
    shape = Number(least=0.5, most=5)
    assert [read(shape, value) for value in (0.5, 5, "1.25")] == [(0.5, []), (5, []), (1.25, [])]
    for value, shown in ((0.4, "0.4"), (5.5, "5.5"), ("six", "'six'"), (True, "true"), (float("nan"), "nan")):
        assert refusal(shape, value) == f"{shown}: expected a number from 0.5 to 5"
    assert (
        refusal(Number(least=0, most=9, expected="seconds"), []) == "a list stands here: expected seconds from 0 to 9"
    )


@pytest.mark.parametrize("shape", [Integer(least=0, most=10**30), Number(least=0, most=1e30)])
def test_no_more_than_nineteen_digits_are_read_as_a_number(shape):
    assert read(shape, "1" * 19) == (pytest.approx(int("1" * 19)), [])
    assert refusal(shape, "1" * 20).startswith("'11111111111111111111': expected a")


def test_switches():
    for word, made in (("yes", True), ("On", True), ("TRUE", True), ("no", False), ("off", False), ("false", False)):
        assert read(Switch(), word) == (made, [])
    assert read(Switch(), True) == (True, [])
    assert refusal(Switch(), "maybe") == "'maybe': expected true or false"
    assert refusal(Switch(), 1) == "1: expected true or false"
    assert refusal(Switch(), None) == "nothing stands here: expected true or false"


# Mappings and lists


def _node(**options: t.Any) -> Mapping:
    keys = {"kind": Text("The kind, HOST or BOX.\nMore of it."), "mtu": Integer(least=1, most=9), "up": Switch()}
    return Mapping({**keys, "mac": Text()}, what="a node", **options)


def test_a_mapping_has_the_keys_that_are_known():
    assert read(_node(), {"kind": "host", "mtu": "9"}) == ({"kind": "host", "mtu": 9}, [])
    assert read(_node(), {"kind": None, "mtu": 0}) == (
        {"mtu": None},
        ["x.mtu: 0: expected a whole number from 1 to 9"],
    )
    _made, found = read(_node(), {"mtv": 1})
    assert found == ["x.mtv: this version knows no such key in a node; did you mean 'mtu'? (known: kind, mtu, up, mac)"]
    _made, found = read(_node(), {True: 1})
    assert found == ["x[true]: true: expected a key, but YAML reads on, off, yes and no as true and false: quote it"]


def test_a_key_that_is_missing_is_told_with_the_first_sentence_about_it():
    for given in ({}, {"kind": None}):
        assert read(_node(required=["kind"]), given) == ({}, ["x: the key 'kind' is missing: The kind, HOST or BOX"])
    assert read(Mapping({"a": Text("X.\nY.")}, what="a", required=["a"]), {})[1] == ["x: the key 'a' is missing: X"]


def test_a_mapping_may_be_left_empty_if_that_is_said():
    assert read(_node(may_be_empty=True), None) == ({}, [])
    assert refusal(_node(), None) == "nothing stands here: expected a node, a mapping with keys like kind, mtu, up"
    assert refusal(_node(may_be_empty=True), "x") == "'x': expected a node, a mapping with keys like kind, mtu, up"


def test_a_mapping_of_names_reads_names_and_values():
    shape = MapOf(Text(parse=str.lower), Integer(least=1, most=9), what="a mapping from names to numbers")
    assert read(shape, {"A": 1, "b": "2"}) == ({"a": 1, "b": 2}, [])
    assert read(shape, {"A": 1, "a": 2})[1] == ["x.a: given twice, under two spellings"]
    made, found = read(shape, {5: 1, "b": 0})
    assert made == {"b": None}
    assert [problem.partition(": ")[0] for problem in found] == ["x[5]", "x.b"]
    assert refusal(shape, ["a"]) == "a list stands here: expected a mapping from names to numbers"


def test_a_list_reads_its_items_and_may_be_limited():
    shape = ListOf(Integer(least=1, most=9), what="one or two numbers", least=1, most=2)
    assert read(shape, [1]) == ([1], [])
    assert read(shape, [1, "2"]) == ([1, 2], [])
    assert read(shape, [1, 0]) == ([1, None], ["x[1]: 0: expected a whole number from 1 to 9"])
    assert refusal(shape, []) == "0 items: expected one or two numbers"
    assert refusal(shape, [1, 2, 3]) == "3 items: expected one or two numbers"
    assert refusal(shape, "1") == "'1': expected one or two numbers"
    assert read(ListOf(Text(), what="texts"), []) == ([], [])
    assert read(ListOf(Text(), what="texts"), ["a"] * 99) == (["a"] * 99, [])


# One of several


def test_one_of_several_forms_is_told_by_its_type():
    shape = OneOf(
        text=Text(parse=str.upper),
        number=Integer(least=1, most=9),
        mapping=Mapping({"a": Text()}, what="a mapping"),
        items=ListOf(Text(), what="a list"),
        expected="anything",
    )
    assert [read(shape, value)[0] for value in ("a", 5, {"a": "b"}, ["c"])] == ["A", 5, {"a": "b"}, ["c"]]
    assert read(shape, {"b": 1})[1] == ["x.b: this version knows no such key in a mapping (known: a)"]
    assert refusal(shape, None) == "nothing stands here: expected anything"


def test_nothing_is_one_of_several_if_that_is_said():
    assert read(OneOf(text=Text(), nothing=True, expected="a name"), None) == (None, [])
    assert refusal(OneOf(text=Text(), expected="a name"), None) == "nothing stands here: expected a name"


def test_what_is_none_of_several_is_told_with_what_yaml_may_have_made_of_it():
    text, number = Text(), Integer(least=1, most=9)
    switched = "true: expected it: write 1 for on and 0 for off"
    quote = "true: expected it, but YAML reads on, off, yes and no as true and false: quote it"
    assert refusal(OneOf(text=text, number=number, expected="it"), True) == switched
    assert refusal(OneOf(number=number, expected="it"), True) == switched
    assert refusal(OneOf(text=text, expected="it"), True) == quote
    assert refusal(OneOf(text=text, expected="it"), 5) == f"5: expected it, {NO_QUOTES}: quote it"
    assert refusal(OneOf(items=ListOf(text, what="a list"), expected="it"), 5) == "5: expected it"
    assert refusal(OneOf(items=ListOf(text, what="a list"), expected="it"), True) == "true: expected it"


def test_every_shape_has_a_description_that_may_be_left_out():
    options: dict[str, t.Any] = {"what": "it"}
    limits: dict[str, t.Any] = {"least": 1, "most": 2}
    for kind, given, more in (
        (Text, (), {}),
        (Integer, (), limits),
        (Number, (), limits),
        (Switch, (), {}),
        (Mapping, ({},), options),
        (MapOf, (Text(), Text()), options),
        (ListOf, (Text(),), options),
        (OneOf, (), {"expected": "it"}),
    ):
        assert kind(*given, **more).description == ""
        assert kind(*given, "What it is.", **more).description == "What it is."


def test_a_pattern_is_for_editors_and_judges_nothing():
    shape = Text(pattern="^a$")
    assert shape.pattern == "^a$"
    assert Text().pattern == ""
    assert read(shape, "b") == ("b", [])


def test_the_nearest_known_word_is_suggested_unless_it_is_far_or_the_given_one_endless():
    assert near("lnks", ["links", "nodes"]) == "; did you mean 'links'?"
    assert near("shape", ["links", "nodes"]) == ""
    assert near(5, ["links"]) == ""
    assert near("x" * 99, ["x" * 98]) == f"; did you mean '{'x' * 98}'?"
    assert near("x" * 100, ["x" * 99]) == ""

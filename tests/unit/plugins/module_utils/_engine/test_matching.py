# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which standing link answers to a wanted one: brought back from where somebody moved it, lent by the machine, or in
the way."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.netns.lab.plugins.module_utils._engine.matching import Move, in_the_way, moves, pairs
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Key,
    Link,
    Record,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

A: Key = ("link", "red", "a")
B: Key = ("link", "blue", "b")
MAC = "02:00:00:00:00:0%d"


def veth(peer: Key | None, mac: str | None = None) -> Link:
    return Link("veth", None if peer is None else (peer[1], peer[2]), mac=mac)


def standing(records: dict[Key, Record]) -> State:
    state = State()
    for key, record in records.items():
        state.put(key, record)
    return state


def found(want: Want, records: dict[Key, Record]) -> list[Move]:
    links = [(key, record) for key, record in want.items() if key[0] == "link"]
    return moves(links, want, standing(records))


WANT: Want = {A: veth(B), B: veth(A)}


def test_a_pair_is_told_once_in_the_order_listed():
    c, d = ("link", "red", "c"), ("link", "red", "d")
    links = [(A, veth(B)), (B, veth(A)), (("link", "red", "br0"), Link("bridge")), (c, veth(d)), (d, veth(c))]
    assert list(pairs(links)) == [(A, B), (c, d)]


def test_a_pair_that_stands_as_wanted_does_not_keep_the_next_from_being_looked_for():
    c, d, away = ("link", "red", "c"), ("link", "blue", "d"), ("link", "green", "d")
    records = {A: veth(B), B: veth(A), c: veth(away), away: veth(c)}
    assert found({**WANT, c: veth(d), d: veth(c)}, records) == [Move(away, d)]


def test_an_end_that_somebody_moved_is_brought_back():
    away = ("link", "green", "x")
    assert found(WANT, {A: veth(away), away: veth(A)}) == [Move(away, B)]
    assert found(WANT, {B: veth(away), away: veth(B)}) == [Move(away, A)]


def test_nothing_is_brought_back_from_where_nobody_can_see_or_where_no_veth_is():
    assert found(WANT, {A: veth(None)}) == []
    assert found(WANT, {A: veth(("link", "?", ""))}) == []
    assert found(WANT, {A: veth(("link", "green", "gone"))}) == []
    away = ("link", "green", "x")
    assert found(WANT, {A: Link("vlan", ("green", "x")), away: veth(A)}) == []


def test_an_end_that_is_wanted_where_it_is_stays():
    c, d = ("link", "green", "c"), ("link", "green", "d")
    records = {A: veth(c), c: veth(A)}
    assert found({**WANT, c: veth(A), d: veth(None)}, records) == []
    assert found({**WANT, c: veth(d), d: veth(c)}, records) == [Move(c, B)]


def test_one_standing_pair_becomes_one_of_the_wanted_ones():
    """Each of the two ends stands where an end of another wanted pair shall be."""
    c, d = ("link", "red", "c"), ("link", "blue", "d")
    records = {A: veth(d), d: veth(A)}
    (move,) = found({**WANT, c: veth(d), d: veth(c)}, records)
    assert move == Move(d, B)
    e, f, g, h = (("link", "x", name) for name in "efgh")
    many = {A: veth(e), e: veth(A), g: veth(f), f: veth(g)}
    want = {**WANT, g: veth(h), h: veth(g), c: veth(e), e: veth(c)}
    assert found(want, many) == [Move(e, B), Move(f, h)]


# Both ends of the wanted pair stand, each joined with something else: one of the two pairs is taken.


def _two(own: int, other: int, **more: str) -> dict[Key, Record]:
    """`A` is joined with x and `B` with y, which are elsewhere; numbers make their MAC addresses."""
    x, y = ("link", more.get("x", "green"), "x"), ("link", more.get("y", "green"), "y")
    return {
        A: veth(x, MAC % own), x: veth(A, MAC % 7),
        B: veth(y, MAC % other), y: veth(B, MAC % 8),
    }  # fmt: skip


def test_of_two_pairs_that_one_is_taken_whose_mac_addresses_are_wanted():
    want: Want = {A: veth(B, MAC % 1), B: veth(A, MAC % 2)}
    assert found(want, _two(1, 9)) == [Move(("link", "green", "x"), B)]
    assert found(want, _two(9, 2)) == [Move(("link", "green", "y"), A)]
    both: Want = {A: veth(B, MAC % 1), B: veth(A, MAC % 7)}
    assert found(both, _two(1, 7)) == [Move(("link", "green", "x"), B)]
    back: Want = {A: veth(B, MAC % 8), B: veth(A, MAC % 2)}
    assert found(back, _two(8, 2)) == [Move(("link", "green", "y"), A)]


def test_then_that_one_which_has_not_to_change_its_namespace():
    assert found(WANT, _two(1, 2, y="red")) == [Move(("link", "red", "y"), A)]
    assert found(WANT, _two(1, 2, x="blue")) == [Move(("link", "blue", "x"), B)]


def test_then_that_one_which_has_the_addresses_already():
    def having(*places: tuple[str, str]) -> list[Move]:
        addresses: dict[Key, Record] = {("address", *place, "10.0.0.1/24"): Address() for place in places}
        noise: dict[Key, Record] = {("address", "green", "z", "10.0.0.1/24"): Address()}
        want: Want = {**WANT, ("address", "red", "a", "10.0.0.1/24"): Address()}
        want["address", "blue", "b", "10.0.0.1/24"] = Address()
        return found(want, {**_two(1, 2), **noise, **addresses})

    to_a, to_b = [Move(("link", "green", "y"), A)], [Move(("link", "green", "x"), B)]
    assert having(("red", "a")) == to_b
    assert having(("blue", "b")) == to_a
    assert having(("green", "x")) == to_b
    assert having(("green", "y")) == to_a
    assert having(("red", "a"), ("blue", "b"), ("green", "y")) == to_a


# Links that the machine lends


LENT: Key = ("link", "red", "ens4")
HOME: Key = ("link", MACHINE, "ens4")


def test_a_link_that_is_asked_for_by_name_alone_comes_from_the_machine():
    assert found({LENT: Link()}, {HOME: Link("")}) == [Move(HOME, LENT)]
    assert found({LENT: Link()}, {HOME: Link(""), LENT: Link("")}) == []
    assert found({LENT: Link("dummy")}, {HOME: Link("")}) == []
    assert found({LENT: None}, {HOME: Link("")}) == []
    assert found({LENT: Link()}, {}) == []


def test_no_loopback_and_nothing_that_is_wanted_at_home_is_lent():
    lo = ("link", "red", "lo")
    assert found({lo: Link(up=True)}, {("link", MACHINE, "lo"): Link("")}) == []
    assert found({HOME: Link(up=True), LENT: Link()}, {HOME: Link("")}) == []
    assert found({HOME: None, LENT: Link()}, {HOME: Link("")}) == [Move(HOME, LENT)]


def test_a_link_is_lent_once():
    other = ("link", "blue", "ens4")
    assert found({LENT: Link(), other: Link()}, {HOME: Link("")}) == [Move(HOME, LENT)]
    away = ("link", MACHINE, "ens4")
    want: Want = {**WANT, LENT: Link()}
    assert found(want, {A: veth(away), away: veth(A)}) == [Move(away, B)]


def test_a_link_comes_from_where_it_is_said_to_stand_also_home():
    assert found({HOME: Link(source=("red", "x"))}, {("link", "red", "x"): Link("")}) == [
        Move(("link", "red", "x"), HOME)
    ]
    assert found({HOME: Link()}, {("link", "red", "ens4"): Link("")}) == []


def test_of_two_pairs_that_a_link_could_become_the_one_that_it_was_gets_it():
    """D was renamed to A, and going back both C-D and A-B are asked for, by MAC addresses."""
    c, d = ("link", "red", "c"), ("link", "red", "d")
    state = standing({A: replace(veth(c), mac="02::d"), c: replace(veth(A), mac="02::c")})
    want = {
        A: replace(veth(B), mac="02::a"), B: replace(veth(A), mac="02::b"),
        c: replace(veth(d), mac="02::c"), d: replace(veth(c), mac="02::d"),
    }  # fmt: skip
    assert moves(list(want.items()), want, state) == [Move(A, d)]
    anonymous = {key: replace(link, mac=None) for key, link in want.items()}
    assert moves(list(anonymous.items()), anonymous, state) == [Move(c, B)], "else in the order of the list"


# What is in the way


def test_what_stands_where_a_moved_link_comes_to_is_in_the_way_unless_it_moves_too():
    away = ("link", "green", "x")
    state = standing({A: veth(away), away: veth(A), B: Link("dummy")})
    assert in_the_way(list(WANT.items()), state, [Move(away, B)]) == {B: "in the way of the link wanted here"}
    state = standing({A: veth(away), away: veth(A)})
    assert in_the_way(list(WANT.items()), state, [Move(away, B)]) == {}
    swapped = [Move(A, B), Move(B, A)]
    assert in_the_way(list(WANT.items()), standing({A: Link(""), B: Link("")}), swapped) == {}


def test_a_pair_that_stands_as_wanted_is_not_in_the_way_and_does_not_hide_the_next():
    c, d, away = ("link", "red", "c"), ("link", "blue", "d"), ("link", "green", "x")
    state = standing({A: veth(B), B: veth(A), c: veth(away), away: veth(c)})
    assert in_the_way([*WANT.items(), (c, veth(d)), (d, veth(c))], state, []) == {
        c: "its peer is green:x, wanted blue:d"
    }


def test_an_end_with_another_peer_is_in_the_way_and_says_why():
    state = standing({A: veth(("link", "green", "x")), B: veth(("link", "?", ""))})
    assert in_the_way(list(WANT.items()), state, []) == {
        A: "its peer is green:x, wanted blue:b",
        B: "its peer can't be seen from here, wanted red:a",
    }
    state = standing({A: veth(None), B: veth(("link", "green", "y"))})
    assert in_the_way(list(WANT.items()), state, [Move(B, ("link", "x", "y"))]) == {
        A: "its peer can't be seen from here, wanted blue:b"
    }

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loops of switches are told, with all that is in them, and nothing else is."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import switch_loops, topology

REST = (
    ": without STP what is broadcast there goes round for ever and takes the machine's processors; "
    "give one of the switches `stp: true`, or leave a link out"
)


def told(
    links: t.Sequence[t.Sequence[str]], speaking: t.Container[str] = (), hosts: t.Container[str] = ()
) -> list[str]:
    """The warnings about a lab of these links, all between switches apart from `hosts`."""
    names = sorted({end.partition(":")[0] for pair in links for end in pair if end[0] != "@"})
    nodes = {
        name: {} if name in hosts else {"kind": "switch", **({"stp": True} if name in speaking else {})}
        for name in names
    }
    lab = topology.load({"name": "any", "nodes": nodes, "links": [list(pair) for pair in links]})
    return switch_loops.warnings(lab)


RING = [["a", "b"], ["b", "c"], ["c", "d"], ["d", "a"]]


def test_a_ring():
    assert told(RING) == [f"c, b, a and d stand in a loop (links[0], links[1], links[2], links[3]){REST}"]


def test_only_what_is_in_the_loop_is_told():
    links = [["x", "a"], *RING[:3], ["c", "y"], ["a", "z"], RING[3]]
    assert told(links) == [f"c, b, a and d stand in a loop (links[1], links[2], links[3], links[6]){REST}"]


@pytest.mark.parametrize("speaking", ["a", "b", "c", "d", "ab"])
def test_one_switch_with_stp_ends_it(speaking):
    assert told(RING, speaking) == []


def test_two_cables_between_two():
    assert told([["a:1", "b:1"], ["a:2", "b:2"]]) == [f"b and a stand in a loop (links[0], links[1]){REST}"]


def test_a_cable_from_a_switch_to_itself():
    assert told([["a:1", "a:2"]]) == [f"a is linked to itself (links[0]){REST}"]


def test_a_bridge_of_the_machine_may_hand_on_too():
    assert told([["a:1", "@br9"], ["b:1", "@br9"], ["a:2", "b:2"]]) == [
        f"@br9, b and a stand in a loop (links[0], links[1], links[2]){REST}"
    ]


def test_a_host_hands_nothing_on():
    assert told([["a", "b"], ["b", "h:eth0"], ["h:eth1", "a"]], hosts="h") == []


def test_many_loops_are_counted():
    links = [[f"{one}:{number}", f"{other}:{number}"] for number in range(6) for one, other in ["ab"]]
    assert told(links)[3:] == ["2 more links close loops of switches"]
    assert told(links[:5])[3:] == ["1 more link closes a loop"]
    assert len(told(links[:4])) == 3


_switches = st.sampled_from("abcdef")


@given(st.lists(st.tuples(_switches, _switches), max_size=12), st.sets(_switches))
@example([("a", "a")] * 4, set())
def test_without_the_links_that_are_told_there_is_none(pairs, speaking):
    """As many are told as have to go, until what is left has no loop."""
    links = [(f"{near}:n{number}", f"{far}:f{number}") for number, (near, far) in enumerate(pairs)]
    found = told(links, speaking)
    count = len(found) if len(found) < 4 else 3 + int(found[3].split()[0])
    silent = [pair for pair in pairs if not speaking & set(pair)]
    parts: list[set[str]] = [{name} for name in "abcdef"]
    for near, far in silent:
        one, other = (next(part for part in parts if name in part) for name in (near, far))
        if one is not other:
            parts.remove(other)
            one |= other
    # Of a graph: links less switches, plus the parts that it falls into.
    assert count == len(silent) - 6 + len(parts)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes of lengths that can't be: refused, and nothing of a neighbour taken for their value."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import decode
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError

LINK = struct.pack("=BxHiII", 0, 1, 7, 1, 0)
ADDRESS = struct.pack("=BBBBi", socket.AF_INET, 24, 0, 0, 7)
ROUTE = struct.pack("=BBBBBBBBI", socket.AF_INET, 24, 0, 0, 254, 4, 0, 1, 0)
NSID = bytes(4)
READERS = {
    "links": (decode.links, LINK),
    "addresses": (decode.addresses, ADDRESS),
    "routes": (decode.routes, ROUTE),
    "nsid": (lambda bodies: [decode.nsid(body) for body in bodies], NSID),
}


def attribute(number: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("=HH", 4 + len(value) if length is None else length, number) + value + bytes(-len(value) % 4)


def nest(number: int, *inner: bytes) -> bytes:
    return attribute(number | 0x8000, b"".join(inner))


EMPTY_NUMBERS = [
    *(("links", attribute(number, b"")) for number in (4, 5, 10, 16, 27, 37)),
    ("links", nest(43, attribute(2, b""))),
    *(("addresses", attribute(number, b"")) for number in (6, 8, 9, 11)),
    *(("routes", attribute(number, b"")) for number in (4, 6, 15, 30)),
    ("routes", nest(8, attribute(2, b""))),
    ("nsid", attribute(1, b"")),
]


@pytest.mark.parametrize(
    ("name", "empty"), EMPTY_NUMBERS, ids=[f"{name}-{empty.hex()}" for name, empty in EMPTY_NUMBERS]
)
@pytest.mark.parametrize("neighbour", [b"", attribute(900, b"next")], ids=["last", "followed"])
def test_a_number_without_a_value_is_not_read_from_its_neighbour(name, empty, neighbour):
    read, head = READERS[name]
    if name == "links" and empty[2] == 43:
        assert not decode.links([head + empty + neighbour])[0].xdp
        return
    with pytest.raises(KernelError, match="malformed netlink reply"):
        read([head + empty + neighbour])


def test_an_option_without_a_value_is_not_read_from_its_neighbour():
    with pytest.raises(KernelError, match="malformed netlink reply"):
        decode.number_in(attribute(5, b"") + attribute(6, b"next"), 5)


HOP = struct.pack("=HBBi", 8, 0, 0, 3)


@given(st.integers(1, 7))
def test_a_next_hop_that_is_cut_off_is_not_left_out(kept):
    with pytest.raises(KernelError, match="malformed netlink reply"):
        decode.routes([ROUTE + attribute(9, HOP + HOP[:kept])])


values = st.binary(max_size=8)
plain = st.builds(attribute, st.integers(0, 64), values)
wrong = st.builds(attribute, st.integers(0, 64), values, st.integers(0, 20))
nested = st.builds(
    lambda number, inner: nest(number, *inner), st.sampled_from([8, 9, 18, 43, 52]), st.lists(plain | wrong, max_size=3)
)


@pytest.mark.parametrize("name", READERS)
@given(st.lists(plain | wrong | nested, max_size=6))
def test_any_attributes_are_refused_or_read_but_never_trip(name, attributes):
    read, head = READERS[name]
    try:
        read([head + b"".join(attributes)])
    except KernelError as error:
        assert "malformed netlink reply" in str(error)  # noqa: PT017 (any outcome but another exception is right)


@pytest.mark.parametrize("name", READERS)
@given(st.lists(st.builds(attribute, st.integers(200, 300), values), max_size=4), st.data())
def test_a_body_cut_off_within_an_attribute_is_refused(name, attributes, data):
    read, head = READERS[name]
    body = head + b"".join(attributes)
    ends = [len(head)]
    for one in attributes:
        ends.append(ends[-1] + len(one))
    cut = data.draw(st.integers(0, len(body)))
    padding = max((end for end in ends if end <= cut + 3), default=0) - cut
    if cut in ends or (0 < padding <= 3):
        return  # at the end of an attribute, or within what only fills it up
    with pytest.raises(KernelError, match="malformed netlink reply"):
        read([body[:cut]])

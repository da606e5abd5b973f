# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of a dump as requests: what is changed in them, and that all else stays to the bit."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import decode, kept
from ansible_collections.netns.lab.plugins.module_utils._kernel.netlink import attribute

FOREVER = kept.FOREVER


def address(*, label: bytes = b"ens4", preferred: int = FOREVER, valid: int = FOREVER, flags: int = 0x80) -> bytes:
    local = socket.inet_aton("10.4.0.1")
    return struct.pack("=BBBBI", socket.AF_INET, 24, flags & 0xFF, 0, 7) + b"".join(
        attribute(number, value)
        for number, value in ((1, local), (2, local), (3, label + b"\0"), (8, struct.pack("=I", flags)),
                              (6, struct.pack("=IIII", preferred, valid, 5, 6)), (9, struct.pack("=I", 77)))
    )  # fmt: skip


def test_an_address_comes_back_with_all_it_had_on_the_link_that_has_another_index_now():
    body = address(flags=0x280)
    (row,) = decode.addresses([kept.address(kept.Kept(body, kept.now()), 9, "ens4")[16:]])
    (was,) = decode.addresses([body])
    assert row == was._replace(index=9)


def test_a_label_of_another_name_is_left_to_the_kernel():
    (row,) = decode.addresses([kept.address(kept.Kept(address(label=b"ens4:two"), 0), 9, "wan")[16:]])
    assert row.label == ""


@given(valid=st.integers(1, FOREVER - 1), preferred=st.integers(0, FOREVER), gone=st.integers(0, 10**6))
def test_what_has_passed_of_a_lifetime_has_passed(valid, preferred, gone):
    one = kept.Kept(address(valid=valid, preferred=preferred), kept.now() - gone)
    assert kept.has_expired(one) == (valid <= gone)
    (row,) = decode.addresses([kept.address(one, 9, "ens4")[16:]])
    assert row.valid == max(0, valid - gone)
    assert row.preferred == (FOREVER if preferred == FOREVER else max(0, preferred - gone))


def test_for_ever_is_for_ever():
    assert not kept.has_expired(kept.Kept(address(), -(10.0**9)))


def route(*attributes: tuple[int, bytes], flags: int = 0, family: int = socket.AF_INET) -> bytes:
    head = struct.pack("=BBBBBBBBI", family, 16, 0, 0, 100, 4, 0, 1, flags)
    return head + b"".join(attribute(number, value) for number, value in attributes)


def test_a_route_comes_back_over_the_index_of_today_without_what_nobody_can_ask_for():
    body = route(
        (1, socket.inet_aton("10.40.0.0")), (4, struct.pack("=I", 7)), (30, struct.pack("=I", 5)), flags=0x10 | 4
    )
    made = kept.route(kept.Kept(body, 0), [9], 0x400)
    (row,) = decode.routes([made[16:]])
    assert (row.hops, row.flags, row.nexthop_id, row.table) == (((None, 9, 1),), 4, 0, 100)
    assert struct.unpack_from("=H", made, 6) == (0x401,)


def test_each_hop_gets_its_own_index():
    hops = b"".join(struct.pack("=HBBi", 8, 0x11, weight, index) for weight, index in ((2, 7), (0, 3)))
    made = kept.route(kept.Kept(route((1, socket.inet_aton("10.40.0.0")), (9, hops)), 0), [9, 4], 0x400)
    (row,) = decode.routes([made[16:]])
    assert (row.hops, row.flags) == (((None, 9, 3), (None, 4, 1)), 0)


def test_the_rest_of_an_ipv6_routes_life():
    cache = struct.pack("=IIiIIIII", 0, 0, 9000 * 100, 0, 0, 0, 0, 0)
    body = route((1, bytes(16)), (4, struct.pack("=I", 7)), (12, cache), family=socket.AF_INET6)
    made = kept.route(kept.Kept(body, kept.now() - 1000), [9], 0)
    values = {number: made[16:][start:stop] for number, start, stop in decode.attributes(made[16:], 12)}
    assert 12 not in values
    assert struct.unpack("=I", values[23])[0] == pytest.approx(8000, abs=2)


def rule(*attributes: tuple[int, bytes], source: int = 0) -> bytes:
    head = struct.pack("=BBBBBBBBI", socket.AF_INET, 0, source, 0, 254, 0, 0, 1, 0)
    return head + b"".join(attribute(number, value) for number, value in attributes)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (rule(), "0: from all lookup 254"),
        (rule((6, struct.pack("=I", 50)), (3, b"ens4\0"), (15, struct.pack("=I", 3000))),
         "50: from all iif ens4 lookup 3000"),
        (rule((2, socket.inet_aton("10.4.0.0")), (17, b"ens4\0"), (10, struct.pack("=I", 7)), source=16),
         "0: from 10.4.0.0/16 fwmark 0x7 oif ens4 lookup 254"),
        (rule((6, struct.pack("=I", 1000)), (19, b"\1")), "1000: from all lookup the VRF's table"),
    ],
)  # fmt: skip
def test_rules_in_words(body, words):
    assert kept.rule_words(body) == words


def test_a_rule_names_a_link_coming_in_or_going_out():
    assert kept.names_link(rule((3, b"ens4\0")), "ens4")
    assert kept.names_link(rule((17, b"ens4\0")), "ens4")
    assert not kept.names_link(rule((17, b"ens40\0")), "ens4")
    assert not kept.names_link(rule(), "ens4")

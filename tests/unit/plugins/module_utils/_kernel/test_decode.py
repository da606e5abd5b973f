# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lean decoder reads what pyroute2 reads, and never trips over bytes that make no sense."""

from __future__ import annotations

import socket
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, decode
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.tests.unit.plugins.module_utils._kernel import reference

u8 = st.integers(0, 255)
u32 = st.integers(0, 2**32 - 1)
index = st.integers(1, 2**31 - 1)
ipv4 = st.ip_addresses(v=4).map(str)
# Addresses like ::1.2.3.4 are written with dots by one C library and without by another.
ipv6 = st.ip_addresses(v=6).map(lambda ip: socket.inet_ntop(socket.AF_INET6, ip.packed))
mac = st.binary(min_size=6, max_size=6).map(lambda value: value.hex(":"))
name = st.text(string.ascii_letters + string.digits + "-_.@é", min_size=1, max_size=12)
unknown = st.tuples(st.integers(200, 0x3FFF), st.binary(max_size=9))
"""An attribute that nobody knows yet."""


def of_family(family):
    return ipv4 if family == socket.AF_INET else ipv6


def some(**strategies):
    """Any of these attributes, each at most once, in any order."""
    choices = [st.tuples(st.just(key), values) for key, values in strategies.items()]
    return st.lists(st.one_of(choices), unique_by=lambda attr: attr[0], max_size=len(choices))


def nest(**strategies):
    return some(**strategies).map(lambda attrs: {"attrs": attrs})


@st.composite
def bodies(draw, class_name, fields, attrs):
    """A message body as pyroute2 writes it, with attributes from the future in between."""
    numbers = draw(st.lists(unknown, max_size=2))
    head = reference.body(class_name, fields, [])
    parts = [reference.body(class_name, fields, [attr])[len(head) :] for attr in attrs]
    parts += [codec._attribute(number, value) for number, value in numbers]
    return head + b"".join(draw(st.permutations(parts)))


linkinfo = st.one_of(
    st.sampled_from(["veth", "bridge", "dummy", "wireguard", "quite-new"]).map(
        lambda kind: {"attrs": [("IFLA_INFO_KIND", kind)]}
    ),
    st.tuples(u32, st.integers(0, 4096), st.sampled_from(["bridge", "vrf"])).map(
        lambda values: {
            "attrs": [
                ("IFLA_INFO_KIND", "bridge"),
                ("IFLA_INFO_DATA", {"attrs": [("IFLA_BR_AGEING_TIME", values[0]), ("IFLA_BR_PRIORITY", values[1])]}),
                ("IFLA_INFO_SLAVE_KIND", values[2]),
            ]
        }
    ),
    st.tuples(mac, u32).map(
        lambda values: {
            "attrs": [
                ("IFLA_INFO_KIND", "veth"),
                ("IFLA_INFO_SLAVE_KIND", "bond"),
                (
                    "IFLA_INFO_SLAVE_DATA",
                    {
                        "attrs": [
                            ("IFLA_BOND_SLAVE_STATE", 1),
                            ("IFLA_BOND_SLAVE_PERM_HWADDR", values[0]),
                            ("IFLA_BOND_SLAVE_LINK_FAILURE_COUNT", values[1]),
                        ]
                    },
                ),
            ]
        }
    ),
)
proplist = st.lists(name, max_size=3).map(lambda names: {"attrs": [("IFLA_ALT_IFNAME", text) for text in names]})


@st.composite
def link_bodies(draw):
    fields = {"index": draw(index), "flags": draw(u32), "ifi_type": draw(st.sampled_from([1, 772, 65534]))}
    attrs = draw(
        some(
            IFLA_IFNAME=name, IFLA_MTU=u32, IFLA_ADDRESS=mac, IFLA_BROADCAST=mac, IFLA_QDISC=name, IFLA_LINK=index,
            IFLA_MASTER=index, IFLA_GROUP=u32, IFLA_IFALIAS=st.text("abc :é", min_size=1, max_size=40),
            IFLA_LINK_NETNSID=st.integers(0, 2**31 - 1), IFLA_LINKINFO=linkinfo, IFLA_PROP_LIST=proplist,
            IFLA_OPERSTATE=st.sampled_from(reference.OPERSTATES), IFLA_PARENT_DEV_NAME=name, IFLA_TXQLEN=u32,
            IFLA_PERM_ADDRESS=st.binary(min_size=6, max_size=8),
        )
    )  # fmt: skip
    return draw(bodies("ifinfmsg", fields, attrs))


@st.composite
def address_bodies(draw):
    family = draw(st.sampled_from(reference.FAMILIES))
    address = of_family(family)
    fields = {
        "family": family, "index": draw(index), "prefixlen": draw(st.integers(0, 128)), "flags": draw(u8),
        "scope": draw(u8),
    }  # fmt: skip
    lifetimes = st.tuples(u32, u32).map(
        lambda both: {"ifa_preferred": both[0], "ifa_prefered": both[0], "ifa_valid": both[1], "cstamp": 1, "tstamp": 2}
    )
    attrs = draw(
        some(
            IFA_ADDRESS=address, IFA_LOCAL=address, IFA_BROADCAST=address, IFA_LABEL=name, IFA_FLAGS=u32,
            IFA_CACHEINFO=lifetimes,
        )
    )  # fmt: skip
    return draw(bodies("ifaddrmsg", fields, attrs))


@st.composite
def route_bodies(draw):
    family = draw(st.sampled_from(reference.FAMILIES))
    address = of_family(family)
    fields = {
        "family": family, "dst_len": draw(st.integers(0, 128)), "src_len": draw(st.sampled_from([0, 0, 0, 64])),
        "tos": draw(u8), "table": draw(u8), "proto": draw(u8), "type": draw(st.integers(1, 11)), "scope": draw(u8),
        "flags": draw(st.sampled_from([0, 1, 4, 16])),
    }  # fmt: skip
    via = ipv6.map(lambda text: {"family": socket.AF_INET6, "addr": text})
    one_gateway = st.one_of(
        st.none(), address.map(lambda text: ("RTA_GATEWAY", text)), via.map(lambda value: ("RTA_VIA", value))
    ).map(lambda attr: [attr] if attr else [])
    hop = st.tuples(index, u8, st.sampled_from([0, 1, 4, 16]), one_gateway).map(
        lambda values: {"oif": values[0], "hops": values[1], "flags": values[2], "attrs": values[3]}
    )
    attrs = draw(
        some(
            RTA_DST=address, RTA_SRC=address, RTA_OIF=index, RTA_PRIORITY=u32, RTA_PREFSRC=address, RTA_TABLE=u32,
            RTA_METRICS=nest(RTAX_MTU=u32, RTAX_ADVMSS=u32), RTA_MULTIPATH=st.lists(hop, min_size=1, max_size=4),
        )
    )  # fmt: skip
    return draw(bodies("rtmsg", fields, attrs + draw(one_gateway)))


@given(st.lists(link_bodies(), max_size=3))
def test_links_read_as_pyroute2_reads_them(some_bodies):
    rows = decode.links(some_bodies)
    assert [row._replace(info_data=None) for row in rows] == [reference.link(body) for body in some_bodies]
    for row, body in zip(rows, some_bodies):
        assert codec.decode_options(row.kind, row.info_data) == reference.link_options(body)


@given(st.lists(address_bodies(), max_size=3))
def test_addresses_read_as_pyroute2_reads_them(some_bodies):
    assert decode.addresses(some_bodies) == [reference.address(body) for body in some_bodies]


@given(st.lists(route_bodies(), max_size=3))
def test_routes_read_as_pyroute2_reads_them(some_bodies):
    assert decode.routes(some_bodies, skip_tables=()) == [reference.route(body) for body in some_bodies]


@given(st.lists(route_bodies(), max_size=5), st.sets(u8, max_size=3))
def test_routes_of_tables_to_skip_are_left_out(some_bodies, tables):
    kept = decode.routes(some_bodies, skip_tables=tables)
    by_all = [row for row, body in zip(decode.routes(some_bodies, ()), some_bodies) if body[4] not in tables]
    assert kept == [row for row in by_all if row.table not in tables]


def test_a_cached_route_is_no_route():
    body = reference.body("rtmsg", {"family": 2, "table": 254, "type": 1, "flags": 0x200}, [("RTA_OIF", 3)])
    assert decode.routes([body]) == []


def test_what_belongs_to_other_families_is_left_out():
    assert decode.routes([reference.body("rtmsg", {"family": 128, "table": 253, "type": 5}, [])]) == []
    assert decode.addresses([reference.body("ifaddrmsg", {"family": 28, "index": 1}, [])]) == []


def test_an_address_of_a_link_with_a_longer_hardware_address():
    infiniband = codec._attribute(1, bytes(range(20)))
    (row,) = decode.links([reference.body("ifinfmsg", {"index": 1}, []) + infiniband])
    assert row.mac == bytes(range(20)).hex(":")


def test_a_link_with_an_xdp_program():
    xdp = codec._attribute(43 | 0x8000, codec._attribute(2, b"\1"))
    (row,) = decode.links([reference.body("ifinfmsg", {"index": 1}, []) + xdp])
    assert row.xdp


def test_names_that_are_not_utf8_come_back_as_they_were():
    body = reference.body("ifinfmsg", {"index": 1}, []) + codec._attribute(3, b"a\xffb\0")
    assert decode.links([body])[0].name.encode("utf-8", "surrogateescape") == b"a\xffb"


def test_the_id_of_a_namespace():
    assert decode.nsid(reference.body("nsidmsg", {}, [("NETNSA_NSID", 7)])) == 7
    assert decode.nsid(reference.body("nsidmsg", {}, [("NETNSA_NSID", 2**32 - 1)])) is None
    assert decode.nsid(reference.body("nsidmsg", {}, [])) is None


READERS = [decode.links, decode.addresses, decode.routes, lambda bodies: [decode.nsid(body) for body in bodies]]


def read_or_refuse(reader, body):
    try:
        reader([body])
    except KernelError as error:
        assert "malformed netlink reply" in str(error)  # noqa: PT017 (any outcome but another exception is right)


@pytest.mark.parametrize("reader", READERS)
@given(st.binary(max_size=120))
def test_noise_is_refused_or_read_but_never_trips(reader, body):
    read_or_refuse(reader, body)


@pytest.mark.parametrize("reader", READERS)
@given(st.one_of(link_bodies(), address_bodies(), route_bodies()), st.data())
def test_damaged_messages_are_refused_or_read_but_never_trip(reader, body, data):
    damaged = bytearray(body)
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        damaged[place] = data.draw(u8)
    read_or_refuse(reader, bytes(damaged[: data.draw(st.integers(0, len(body)))]))


@pytest.mark.parametrize("length", [0, 1, 3, 9, 0xFFFF])
@pytest.mark.parametrize(("reader", "head"), [(decode.links, 16), (decode.addresses, 8), (decode.routes, 12)])
def test_a_length_that_cannot_be_is_refused(reader, head, length):
    body = bytearray(reference.body({16: "ifinfmsg", 8: "ifaddrmsg", 12: "rtmsg"}[head], {"family": 2}, []))
    body += length.to_bytes(2, "little") + b"\1\0" + bytes(4)
    with pytest.raises(KernelError, match="malformed netlink reply"):
        reader([bytes(body)])

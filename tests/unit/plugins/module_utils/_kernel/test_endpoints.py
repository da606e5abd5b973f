# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where tunnels lead, and what rules and next-hop objects say: bytes made here, as no test kernel has all of them."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import decode, endpoints, netlink, policy
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.tests.unit.plugins.module_utils._kernel import reference

OLD = socket.inet_aton("10.0.0.9")
NEW = socket.inet_pton(socket.AF_INET6, "fd00::9")


def u32(number, value):
    return netlink.attribute(number, struct.pack("=I", value))


def tunnel(kind, *options):
    info = netlink.attribute(1, kind.encode() + b"\0") + netlink.attribute(2, b"".join(options))
    (row,) = decode.links([reference.body("ifinfmsg", {"index": 5}, []) + netlink.attribute(18, info)])
    return row


@pytest.mark.parametrize(
    ("kind", "number", "value", "expected"),
    [
        ("vxlan", 2, OLD, ["10.0.0.9"]),
        ("vxlan", 16, NEW, ["fd00::9"]),
        ("geneve", 7, NEW, ["fd00::9"]),
        ("gre", 7, OLD, ["10.0.0.9"]),
        ("ip6gretap", 7, NEW, ["fd00::9"]),
        ("sit", 3, OLD, ["10.0.0.9"]),
        ("ip6tnl", 3, NEW, ["fd00::9"]),
        ("vti", 5, OLD, ["10.0.0.9"]),
        ("gre", 7, bytes(4), []),
        ("gre", 6, OLD, []),
        ("bridge", 7, OLD, []),
    ],
)
def test_the_far_end_of_a_tunnel(kind, number, value, expected):
    assert endpoints.far_ends(tunnel(kind, netlink.attribute(number, value))) == expected


@pytest.mark.parametrize(
    ("attrs", "expected"),
    [
        (
            [("IFLA_INFO_KIND", "vxlan"), ("IFLA_INFO_DATA", {"attrs": [("IFLA_VXLAN_GROUP", "10.0.0.9")]})],
            ["10.0.0.9"],
        ),
        ([("IFLA_INFO_KIND", "gre"), ("IFLA_INFO_DATA", {"attrs": [("IFLA_GRE_REMOTE", "10.0.0.9")]})], ["10.0.0.9"]),
        (
            [("IFLA_INFO_KIND", "ip6tnl"), ("IFLA_INFO_DATA", {"attrs": [("IFLA_IP6TNL_REMOTE", "fd00::9")]})],
            ["fd00::9"],
        ),
    ],
)
def test_the_numbers_are_those_of_pyroute2(attrs, expected):
    (row,) = decode.links([reference.body("ifinfmsg", {"index": 5}, [("IFLA_LINKINFO", {"attrs": attrs})])])
    assert endpoints.far_ends(row) == expected


def test_what_a_link_stands_on():
    plain = tunnel("vlan")._replace(link=3)
    assert endpoints.underneath(plain) == 3
    assert endpoints.underneath(plain._replace(link_nsid=1)) == 0
    assert endpoints.underneath(plain._replace(link=5)) == 0, "ip6tnl and sit point at themselves where they have none"
    assert endpoints.underneath(tunnel("vxlan", u32(3, 9))) == 9


def test_the_peers_of_a_wireguard_link():
    def peer(*attributes):
        return netlink.attribute(0x8000, b"".join(attributes))

    inet = struct.pack("=HH4s8x", socket.AF_INET, 51820, OLD)
    inet6 = struct.pack("=HHI16sI", socket.AF_INET6, 51820, 0, NEW, 0)
    key = netlink.attribute(1, bytes(32))
    peers = peer(key, netlink.attribute(4, inet)) + peer(key) + peer(key, netlink.attribute(4, inet6))
    device = bytes(4) + u32(1, 5) + netlink.attribute(0x8008, peers)
    assert endpoints.wireguard_addresses([device, device]) == ["10.0.0.9", "fd00::9"]


def test_the_number_of_a_generic_family():
    body = bytes(4) + netlink.attribute(2, b"wireguard\0") + netlink.attribute(1, struct.pack("=H", 31))
    assert endpoints.family_number(body) == 31
    with pytest.raises(KernelError):
        endpoints.family_number(bytes(4))


def rule(family=socket.AF_INET, table=254, action=1, attributes=b""):
    return struct.pack("=BBBBBBBBI", family, 0, 0, 0, table, 0, 0, action, 0) + attributes


def test_rules_say_which_tables_are_looked_into():
    found = policy.rules([
        rule(table=255), rule(table=0, attributes=u32(15, 51820) + u32(6, 100)), rule(table=77, action=6),
        rule(socket.AF_INET6, table=254), rule(family=129, table=99),
    ])  # fmt: skip
    assert found[1] == policy.Rule(socket.AF_INET, 100, 1, 51820, False)
    assert policy.tables(found) == {254, 255, 51820}


def test_the_rule_for_vrfs_looks_into_the_tables_of_all_of_them():
    found = policy.rules([rule(table=0, attributes=netlink.attribute(19, b"\1")), rule(table=254)])
    assert policy.tables(found, [100, 101]) == {254, 100, 101}
    assert policy.tables(policy.rules([rule(table=254)]), [100]) == {254}


def test_without_rules_the_usual_tables_are():
    assert policy.tables([]) == {253, 254}


def nexthop(identity, *attributes, family=socket.AF_INET):
    return struct.pack("=BBBBI", family, 0, 0, 0, 0) + u32(1, identity) + b"".join(attributes)


def test_next_hop_objects_and_groups_of_them():
    found = policy.nexthops([
        nexthop(7, netlink.attribute(2, struct.pack("=IBBHIBBH", 5, 1, 0, 0, 6, 0, 0, 0))),
        nexthop(5, u32(5, 2), netlink.attribute(6, OLD)),
        nexthop(6, u32(5, 3), family=socket.AF_INET6),
        nexthop(8, netlink.attribute(4, b"")),
        nexthop(9, netlink.attribute(2, struct.pack("=IBBH", 404, 0, 0, 0))),
    ])  # fmt: skip
    assert found == {
        5: (("10.0.0.9", 2, 1),),
        6: ((None, 3, 1),),
        7: (("10.0.0.9", 2, 2), (None, 3, 1)),
        9: (),
    }


@given(st.binary(max_size=80))
def test_no_bytes_trip_the_readers(data):
    row = tunnel("vxlan")._replace(info_data=data)
    for read in (
        lambda: policy.rules([data]), lambda: policy.nexthops([data]), lambda: endpoints.far_ends(row),
        lambda: endpoints.underneath(row), lambda: endpoints.wireguard_addresses([data]),
        lambda: endpoints.family_number(data),
    ):  # fmt: skip
        try:
            read()
        except KernelError:
            pass

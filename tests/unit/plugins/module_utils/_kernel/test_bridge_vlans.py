# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs of bridges: what a dump tells, and what gives it back. tests/kernel/test_vlans.py asks a kernel with them."""

from __future__ import annotations

import socket
import struct

from ansible_collections.netns.lab.plugins.module_utils._kernel import bridge_vlans, decode, link_settings, netlink


def told(index, master, *vlans, own=False):
    """A message of the dump: VLANs as (flags, number) pairs; `own` is that of a NIC's own bridge."""
    spec = netlink.attribute(0, struct.pack("=H", 2)) if own else b""
    spec += b"".join(netlink.attribute(2, struct.pack("=HH", *vlan)) for vlan in vlans)
    head = struct.pack("=BxHiII", socket.AF_BRIDGE, 1, index, 0, 0)
    return head + netlink.attribute(10, struct.pack("=i", master)) + (netlink.attribute(26, spec) if spec else b"")


class Channel:
    def __init__(self, *bodies):
        self._bodies = bodies

    def dump(self, _request):
        return list(self._bodies)


PORT, BRIDGE, BARE, NIC = told(3, 2, (6, 10), (8, 20), (16, 29)), told(2, 2, (6, 1)), told(4, 2), told(5, 2, own=True)


def test_bridges_and_ports_are_told_and_nics_with_a_bridge_of_their_own_are_not():
    found = dict(bridge_vlans.read(Channel(BRIDGE, PORT, BARE, NIC)))
    assert {index: bridge_vlans.words(vlans) for index, vlans in found.items()} == {
        2: "VLANs 1",
        3: "VLANs 10, 20-29",
        4: "no VLANs",
    }


def requests_for(body):
    ((index, vlans),) = bridge_vlans.read(Channel(body))
    found = []
    for message in bridge_vlans.requests(index + 70, vlans):
        (kind,) = struct.unpack_from("=H", message, 4)
        spec = decode.parts(message, 32)[26]
        parts = [(number, spec[start:stop]) for number, start, stop in decode.attributes(spec, 0)]
        found.append((kind, struct.unpack_from("=i", message, 20)[0], parts))
    return found


EVERY = [(2, struct.pack("=HH", 8, 1)), (2, struct.pack("=HH", 16, 4094))]
SELF = (0, struct.pack("=H", 2))


def test_all_go_before_those_come_that_there_were():
    wanted = [(2, struct.pack("=HH", *vlan)) for vlan in ((6, 10), (8, 20), (16, 29))]
    assert requests_for(PORT) == [(17, 73, EVERY), (19, 73, wanted)]
    assert requests_for(BARE) == [(17, 74, EVERY)]
    assert requests_for(BRIDGE) == [(17, 72, [SELF, *EVERY]), (19, 72, [SELF, (2, struct.pack("=HH", 6, 1))])]


def test_the_flags_of_a_vlan_are_asked_for_as_the_kernel_takes_them():
    """It tells them with a mask of all ones, and refuses that; and tells none where none is set."""

    def link(data):
        info = netlink.attribute(1, b"vlan\0") + netlink.attribute(2, data)
        return struct.pack("=BxHiII", 0, 1, 7, 0, 0) + netlink.attribute(18, info)

    for data, flags in ((netlink.attribute(2, struct.pack("=II", 3, 2**32 - 1)), 3), (b"", 0)):
        index, settings = link_settings.told(link(data + netlink.attribute(1, b"\x0a\0")))
        info = decode.parts(decode.parts(settings)[18])
        assert (index, info[1]) == (7, b"vlan")
        assert decode.parts(info[2]) == {2: struct.pack("=II", flags, 0x1F)}

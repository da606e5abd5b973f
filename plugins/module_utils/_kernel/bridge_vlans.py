# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VLANs of bridges and of their ports (bridge-vlan(8)), as the kernel told them, and given back whole.

Called by `keepsakes`. The layouts are those of linux/if_bridge.h.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from . import decode, netlink

_RTM_SETLINK, _RTM_DELLINK = 19, 17
_COMPRESSED = 4
"""RTEXT_FILTER_BRVLAN_COMPRESSED: VLANs that are alike in a row are told by the first and the last."""
_IFLA_MASTER, _IFLA_AF_SPEC = 10, 26
_IFINFO_BYTES = 16
_FLAGS, _VLAN = 0, 2
"""IFLA_BRIDGE_FLAGS and IFLA_BRIDGE_VLAN_INFO."""
_SELF = 2
_RANGE_BEGIN, _RANGE_END = 8, 16
_FIRST, _LAST = 1, 4094


def read(channel: netlink.Socket) -> t.Iterator[tuple[int, bytes]]:
    """Index of each bridge and of each port, and its VLANs: empty where it has none. Raises KernelError."""
    asked = bytes([socket.AF_BRIDGE]) + bytes(_IFINFO_BYTES - 1)
    asked += netlink.attribute(netlink.IFLA_EXT_MASK, struct.pack("=I", _COMPRESSED))
    for body in channel.dump(netlink.request(netlink.RTM_GETLINK, asked)):
        (index,) = struct.unpack_from("=i", body, 4)
        master, spec = 0, (0, 0)
        for number, start, stop in decode.attributes(body, _IFINFO_BYTES):
            if number == _IFLA_MASTER:
                (master,) = struct.unpack_from("=i", body, start)
            elif number == _IFLA_AF_SPEC:
                spec = (start, stop)
        parts = [(number, body[start:stop]) for number, start, stop in decode.attributes(body, *spec)]
        if any(number == _FLAGS for number, _value in parts):
            continue  # a NIC with a bridge of its own
        head = netlink.attribute(_FLAGS, struct.pack("=H", _SELF)) if master == index else b""
        yield index, head + b"".join(netlink.attribute(_VLAN, value) for number, value in parts if number == _VLAN)


def requests(index: int, vlans: bytes) -> list[bytes]:
    """What gives a bridge or a port these VLANs, and no others: a new one has the bridge's default already."""
    head = bytes([socket.AF_BRIDGE]) + struct.pack("=xHiII", 0, index, 0, 0)
    parts = [(number, vlans[start:stop]) for number, start, stop in decode.attributes(vlans, 0)]
    ends = ((_RANGE_BEGIN, _FIRST), (_RANGE_END, _LAST))
    every = [(_VLAN, struct.pack("=HH", flag, number)) for flag, number in ends]
    flags = [part for part in parts if part[0] == _FLAGS]
    found = [_request(_RTM_DELLINK, head, flags + every)]
    if len(parts) > len(flags):
        found.append(_request(_RTM_SETLINK, head, parts))
    return found


def words(vlans: bytes) -> str:
    """For people, as ``bridge -compressvlans vlan`` has it: ``VLANs 1, 10-19``."""
    found = ""
    for number, start, _stop in decode.attributes(vlans, 0):
        if number == _VLAN:
            flags, vid = struct.unpack_from("=HH", vlans, start)
            found += f"-{vid}" if flags & _RANGE_END else f", {vid}"
    return f"VLANs {found[2:]}" if found else "no VLANs"


def _request(kind: int, head: bytes, parts: t.Iterable[tuple[int, bytes]]) -> bytes:
    spec = b"".join(netlink.attribute(number, value) for number, value in parts)
    return netlink.request(kind, head + netlink.attribute(_IFLA_AF_SPEC, spec))

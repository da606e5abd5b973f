# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Static neighbours (ip-neighbour(8), ``nud permanent``), as the kernel told them, in the form that gives them back.

Called by `keepsakes`, and by the engine where nothing else that lies on a link is about to go. The layout is that of
linux/neighbour.h.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from . import decode, netlink
from .errors import KernelError

_RTM_GETNEIGH = 30
NDMSG = struct.Struct("=BxxxiHBB")
NDA_DST, NDA_LLADDR = 1, 2
_NDA_VLAN, _NDA_PORT, _NDA_VNI = 5, 6, 7
_KEPT = frozenset({NDA_DST, NDA_LLADDR, _NDA_VLAN, _NDA_PORT, _NDA_VNI})
NUD_PERMANENT = 0x80


def read(channel: netlink.Socket) -> t.Iterator[tuple[int, bytes]]:
    """Those of a namespace: index of the link, and the rest, which is the same for the same neighbour whatever that."""
    for body in dump(channel):
        family, index, state, _flags, _type = NDMSG.unpack_from(body)
        if family in (socket.AF_INET, socket.AF_INET6) and state & NUD_PERMANENT:  # made by somebody for good
            yield index, NDMSG.pack(family, 0, NUD_PERMANENT, 0, 0) + kept_parts(body)


def dump(channel: netlink.Socket, family: int = socket.AF_UNSPEC) -> list[bytes]:
    """The kernel's messages of all neighbours; none where it has no such family."""
    try:
        return channel.dump(netlink.request(_RTM_GETNEIGH, bytes([family]) + bytes(NDMSG.size - 1)))
    except KernelError:
        return []


def kept_parts(body: bytes) -> bytes:
    """The attributes of a message that are needed to have the same again."""
    parts = decode.parts(body, NDMSG.size)
    return b"".join(netlink.attribute(n, value) for n, value in parts.items() if n in _KEPT)


def lladdr(body: bytes) -> str:
    """The MAC address of a neighbour or of an entry."""
    return ":".join(f"{byte:02x}" for byte in decode.parts(body, NDMSG.size).get(NDA_LLADDR, b""))

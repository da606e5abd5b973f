# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links that the kernel never lets go to another namespace: bridges, VRFs, bonds, the fallback tunnels, radios.

Called by the engine before a link is moved. Since 6.15 rtnetlink says it (IFLA_NETNS_IMMUTABLE); older kernels have it
among the features of a device that ethtool(8) shows (``netns-local``, linux/ethtool.h). Between 6.12, which took it out
there, and 6.15 nobody tells, and the kind has to.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct

from . import decode, netlink
from .errors import KernelError

_IFLA_NETNS_IMMUTABLE = 67
_SIOCETHTOOL = 0x8946
_GSSET_INFO, _GSTRINGS, _GFEATURES = 0x37, 0x1B, 0x3A
_FEATURES = 4
"""ETH_SS_FEATURES: the set of strings that names the features."""
_NAME_BYTES = 32
_FEATURE = b"netns-local"
_KINDS = frozenset({"bridge", "bond", "vrf", "team", "batadv", "hsr"})


def is_immovable(link: netlink.Socket, name: str) -> bool:
    """Whether this link has to stay where it is. The calling thread is in its namespace. False where nobody tells."""
    try:
        body = link.get(netlink.link_get_request(name))
    except KernelError:
        return False
    for number, start, stop in decode.attributes(body, 16):
        if number == _IFLA_NETNS_IMMUTABLE:
            return any(body[start:stop])
    try:
        told = _by_ethtool(name)
    except OSError:
        told = None
    return (name == "lo" or decode.links([body])[0].kind in _KINDS) if told is None else told


def _by_ethtool(name: str) -> bool | None:
    """None where the kernel has no such feature. Raises OSError where the driver or the kernel doesn't tell."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        answer = _ask(channel, name, struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _FEATURES, 0))
        (count,) = struct.unpack_from("=I", answer, 16)
        head = struct.pack("=III", _GSTRINGS, _FEATURES, count)
        strings = _ask(channel, name, head + bytes(count * _NAME_BYTES))[12:]
        names = [strings[place : place + _NAME_BYTES].rstrip(b"\0") for place in range(0, len(strings), _NAME_BYTES)]
        if _FEATURE not in names:
            return None
        number, blocks = names.index(_FEATURE), (count + 31) // 32
        features = _ask(channel, name, struct.pack("=II", _GFEATURES, blocks) + bytes(blocks * 16))
        (active,) = struct.unpack_from("=I", features, 8 + number // 32 * 16 + 8)
        return bool(active >> number % 32 & 1)


def _ask(channel: socket.socket, name: str, question: bytes) -> bytes:
    """One request of ethtool's; the kernel answers in its place."""
    answer = array.array("B", question)
    address, _length = answer.buffer_info()
    fcntl.ioctl(channel, _SIOCETHTOOL, struct.pack("16sP8x", name.encode("utf-8", "surrogateescape"), address))
    return answer.tobytes()

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where tunnels lead: the address of the machine at the far end, to which there must be a route.

Called by `guard`. What most tunnels say of themselves stands among the options of their kind; WireGuard's peers are
asked for over generic netlink (linux/wireguard.h, linux/genetlink.h).
"""

from __future__ import annotations

import socket
import struct
import sys
import typing as t

from . import decode, netlink
from .errors import KernelError

_FAR_END = {
    "vxlan": (2, 16),  # IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6
    "geneve": (2, 7),  # IFLA_GENEVE_REMOTE, IFLA_GENEVE_REMOTE6
    "ipip": (3,),  # IFLA_IPTUN_REMOTE
    "sit": (3,),
    "ip6tnl": (3,),
    "gre": (7,),  # IFLA_GRE_REMOTE
    "gretap": (7,),
    "ip6gre": (7,),
    "ip6gretap": (7,),
    "erspan": (7,),
    "ip6erspan": (7,),
    "vti": (5,),  # IFLA_VTI_REMOTE
    "vti6": (5,),
}
_UNDERNEATH = {"vxlan": 3}  # IFLA_VXLAN_LINK; the others say it in IFLA_LINK

_GENERIC = 16
_GET_FAMILY = 3
_GENERIC_CONTROL = 16


def options(row: decode.LinkRow) -> dict[int, bytes]:
    """Number and payload of a link's options. Raises KernelError for bytes that make no sense."""
    return decode.parts(row.info_data or b"")


def underneath(row: decode.LinkRow) -> int:
    """The index of the link of this namespace that a link stands on, 0 where there is none."""
    if row.kind in _UNDERNEATH:
        found = options(row).get(_UNDERNEATH[row.kind], b"")
        return struct.unpack("=I", found)[0] if len(found) == 4 else 0
    return row.link if row.link_nsid is None and row.link != row.index else 0


def far_ends(row: decode.LinkRow) -> list[str]:
    """The addresses at the other end of a tunnel; none for other links, and for WireGuard (see `wireguard_peers`)."""
    if row.kind not in _FAR_END:
        return []
    found = options(row)
    values = [found[number] for number in _FAR_END[row.kind] if number in found]
    return [text(value) for value in values if len(value) in (4, 16) and any(value)]


def text(packed: bytes) -> str:
    """An address of either family."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def wireguard_peers(index: int) -> list[str]:
    """The addresses of a WireGuard link's peers. The calling thread must be in its namespace. Raises KernelError."""
    with netlink.Socket(_GENERIC) as link:
        family = family_number(link.get(netlink.request(_GENERIC_CONTROL, _command(_GET_FAMILY, 2, b"wireguard\0"))))
        bodies = link.dump(netlink.request(family, _command(0, 1, struct.pack("=I", index))))
    return wireguard_addresses(bodies)


def _command(number: int, attribute: int, value: bytes) -> bytes:
    return struct.pack("=BBxx", number, 1) + netlink.attribute(attribute, value)


def family_number(body: bytes) -> int:
    """The message type in an answer to "get family". Raises KernelError for bytes that make no sense."""
    for number, start, stop in decode.attributes(body, 4, len(body)):
        if number == 1 and stop - start == 2:  # CTRL_ATTR_FAMILY_ID
            (found,) = struct.unpack_from("=H", body, start)
            return int(found)
    raise KernelError(0, "the kernel didn't say how to ask for WireGuard's peers")


def wireguard_addresses(bodies: t.Iterable[bytes]) -> list[str]:
    """The addresses in the answers to "get device": device, its peers, each peer's endpoint."""
    found: dict[str, None] = {}
    for body in bodies:
        for number, start, stop in decode.attributes(body, 4, len(body)):
            if number != 8:  # WGDEVICE_A_PEERS
                continue
            for _unused, peer, peer_stop in decode.attributes(body, start, stop):
                for inner, value, value_stop in decode.attributes(body, peer, peer_stop):
                    if inner == 4:  # WGPEER_A_ENDPOINT, a struct sockaddr
                        found.update(dict.fromkeys(_endpoint(body[value:value_stop])))
    return list(found)


def _endpoint(address: bytes) -> list[str]:
    family = int.from_bytes(address[:2], sys.byteorder)
    if family == socket.AF_INET and len(address) >= 8:
        return [text(address[4:8])]
    if family == socket.AF_INET6 and len(address) >= 24:
        return [text(address[8:24])]
    return []

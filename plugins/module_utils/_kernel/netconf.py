# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sysctls that rtnetlink tells, too: all of a namespace in one question, at a sixth of the cost of their files.

Called by the engine when it looks at a namespace, before it reads what is left from ``/proc/sys``. RTM_GETNETCONF
(linux/netconf.h, Linux 3.8) gives the very numbers that the files show (net/ipv4/devinet.c, inet_netconf_fill_devconf;
net/ipv6/addrconf.c, inet6_netconf_fill_devconf).
"""

from __future__ import annotations

import socket
import struct
import typing as t

from .errors import KernelError
from .netlink import Socket, attribute, request

_RTM_GETNETCONF = 82
_NETCONFA_IFINDEX = 1
_NETCONFA_FORWARDING = 2
_NETCONFA_RP_FILTER = 3
_ALL = -1
_DEFAULT = -2

SYSCTLS: dict[str, tuple[int, int, int]] = {
    "net/ipv4/ip_forward": (socket.AF_INET, _ALL, _NETCONFA_FORWARDING),
    "net/ipv4/conf/all/rp_filter": (socket.AF_INET, _ALL, _NETCONFA_RP_FILTER),
    "net/ipv4/conf/default/rp_filter": (socket.AF_INET, _DEFAULT, _NETCONFA_RP_FILTER),
    "net/ipv4/conf/default/forwarding": (socket.AF_INET, _DEFAULT, _NETCONFA_FORWARDING),
    "net/ipv6/conf/all/forwarding": (socket.AF_INET6, _ALL, _NETCONFA_FORWARDING),
    "net/ipv6/conf/default/forwarding": (socket.AF_INET6, _DEFAULT, _NETCONFA_FORWARDING),
}
"""Family, whose settings, and attribute."""

_HEAD = struct.Struct("=HHi").unpack_from
_FAMILY_BYTES = 4
_ATTRIBUTE_BYTES = 8
"""Every attribute is a number of four bytes."""


def _request(family: int, index: int) -> bytes:
    body = struct.pack("=Bxxx", family) + attribute(_NETCONFA_IFINDEX, struct.pack("=i", index))
    return request(_RTM_GETNETCONF, body)


_REQUESTS = {place: _request(*place) for place in {entry[:2] for entry in SYSCTLS.values()}}


def read(channel: Socket, names: t.Iterable[str]) -> dict[str, str]:
    """The values of those among these sysctls that can be had this way; which ones differs between kernels."""
    wanted: dict[tuple[int, int], dict[int, str]] = {}
    for name in names:
        entry = SYSCTLS.get(name)
        if entry is not None:
            wanted.setdefault(entry[:2], {})[entry[2]] = name
    if not wanted:
        return {}
    found: dict[str, str] = {}
    replies = channel.get_many([_REQUESTS[place] for place in wanted])
    for places, reply in zip(wanted.values(), replies):
        if isinstance(reply, KernelError):
            continue
        for offset in range(_FAMILY_BYTES, len(reply) - _ATTRIBUTE_BYTES + 1, _ATTRIBUTE_BYTES):
            length, number, value = _HEAD(reply, offset)
            if length != _ATTRIBUTE_BYTES:
                break  # of a later kernel: what comes behind it is read from the files
            if number in places:
                found[places[number]] = str(value)
    return found

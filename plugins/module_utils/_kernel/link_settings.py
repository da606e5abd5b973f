# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a link that no record models, as the kernel told them, and given back by nearly the same message.

Called by `keepsakes`. The layouts are those of linux/if_link.h and if_bridge.h.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from . import decode, netlink

_RTM_NEWLINK = 16
_IFINFO_BYTES = 16
_IFLA_TXQLEN, _IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_AF_SPEC, _IFLA_GROUP = 13, 18, 20, 26, 27
_IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_INFO_SLAVE_KIND, _IFLA_INFO_SLAVE_DATA = 1, 2, 4, 5
_IFLA_INET6_ADDR_GEN_MODE = 8
_OF_PORT = frozenset({2, 4, 5, 6, 7, 8, 9, 10, 11, 25, 27, 28, 30, 32, 33})
"""Settings of a bridge's port that somebody may have made (IFLA_BRPORT_*): priority, hairpin, guard, protect, fast
leave, learning, floods, proxy ARP, multicast router and floods, neighbour suppression, isolation. Cost and state follow
the carrier."""
_BR_MULTI_BOOLOPT = 46
_VLAN_FLAGS, _KNOWN_VLAN_FLAGS = 2, 0x1F
_OF_KIND = {
    "bridge": frozenset({8, 9, *range(22, 26), *range(27, 40), 41, 42, 43, 44}),
    "vxlan": frozenset({6, 8, 26, 29}),
    "vlan": frozenset({3, 4}),
    "ipvlan": frozenset({2}),
    "macvlan": frozenset({7}),
}
"""Settings of a link of some kind that somebody may have made, that `kinds` knows nothing of, and that the kernel
changes on one that stands. Of a bridge (IFLA_BR_*): the protocol of VLANs, the groups that it forwards, all about
multicast, the calls of netfilter, the VLAN that ports begin with, and what is counted. Of a VXLAN: TOS, ageing, label,
DF; of a VLAN: flags and priorities; of an ipvlan its flags; of a macvlan the length of its queue."""


def told(body: bytes) -> tuple[int, bytes]:
    """The index of a link, and its settings, from the message of a dump."""
    (index,) = struct.unpack_from("=i", body, 4)
    parts = decode.parts(body, _IFINFO_BYTES)
    kept = b"".join(netlink.attribute(n, parts[n]) for n in (_IFLA_TXQLEN, _IFLA_GROUP, _IFLA_IFALIAS) if n in parts)
    ipv6 = decode.parts(decode.parts(parts.get(_IFLA_AF_SPEC, b"")).get(socket.AF_INET6, b""))
    mode = ipv6.get(_IFLA_INET6_ADDR_GEN_MODE)
    if mode is not None and mode[0]:
        inner = netlink.attribute(_IFLA_INET6_ADDR_GEN_MODE, mode)
        kept += netlink.attribute(_IFLA_AF_SPEC, netlink.attribute(socket.AF_INET6, inner))
    info = decode.parts(parts.get(_IFLA_LINKINFO, b""))
    found = b""
    kind = info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
    if kind in _OF_KIND:
        data = info.get(_IFLA_INFO_DATA, b"")
        more = _IN_THEIR_FORM[kind](data) if kind in _IN_THEIR_FORM else b""
        found += _of_kind(kind, _some(data, _OF_KIND[kind]) + more)
    if info.get(_IFLA_INFO_SLAVE_KIND, b"").rstrip(b"\0") == b"bridge":
        found += netlink.attribute(_IFLA_INFO_SLAVE_KIND, info[_IFLA_INFO_SLAVE_KIND])
        found += netlink.attribute(_IFLA_INFO_SLAVE_DATA, _some(info.get(_IFLA_INFO_SLAVE_DATA, b""), _OF_PORT))
    if found:
        kept += netlink.attribute(_IFLA_LINKINFO, found)
    return index, kept


def request(index: int, settings: bytes) -> bytes:
    """What gives these settings to the link with this index."""
    head = struct.pack("=BxHiII", 0, 0, index, 0, 0)
    # An empty alias takes one away: the link may be another one by now, which brought its own along.
    alias = b"" if _IFLA_IFALIAS in decode.parts(settings) else netlink.attribute(_IFLA_IFALIAS, b"")
    return netlink.request(_RTM_NEWLINK, head + settings + alias)


def _of_kind(kind: str, data: bytes) -> bytes:
    return netlink.attribute(_IFLA_INFO_KIND, kind.encode()) + netlink.attribute(_IFLA_INFO_DATA, data)


def _switched_on(data: bytes) -> bytes:
    """What a bridge does that a new one doesn't, in the form that asks for it: other switches may be unknown to the
    kernel though it tells them. A struct br_boolopt_multi is the values, and which of them are meant."""
    on = decode.parts(data).get(_BR_MULTI_BOOLOPT, b"")[:4]
    return netlink.attribute(_BR_MULTI_BOOLOPT, on + on) if any(on) else b""


def _flags(data: bytes) -> bytes:
    """The flags of a VLAN, in the form that asks for them: the kernel tells them with a mask that it doesn't take, and
    none of them where none is set (net/8021q/vlan_netlink.c, vlan_fill_info; vlan_dev.c, vlan_dev_change_flags)."""
    flags = decode.parts(data).get(_VLAN_FLAGS, bytes(8))[:4]
    return netlink.attribute(_VLAN_FLAGS, flags + struct.pack("=I", _KNOWN_VLAN_FLAGS))


_IN_THEIR_FORM = {"bridge": _switched_on, "vlan": _flags}


def _some(data: bytes, numbers: t.Container[int]) -> bytes:
    """The attributes with these numbers."""
    parts = decode.parts(data)
    return b"".join(netlink.attribute(number, value) for number, value in parts.items() if number in numbers)

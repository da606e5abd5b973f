# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on links that no record models, kept as the kernel told it, and given back by nearly the same message.

Called by the engine where a run that fails has taken a link away: queueing disciplines, static neighbours, entries of a
bridge's table, the VLANs of its ports, and settings of the link itself. The layouts are those of linux/pkt_sched.h and
neighbour.h.
"""

from __future__ import annotations

import socket
import struct
import typing as t

from . import bridge_vlans, decode, link_settings, neighbours, netlink
from .errors import KernelError

_RTM_NEWNEIGH, _RTM_NEWQDISC, _RTM_GETQDISC = 28, 36, 38
_RTM_GETTCLASS, _RTM_GETTFILTER, _RTM_GETNEXTHOP = 42, 46, 106

_TCMSG = struct.Struct("=BxxxiIII")
_TCA_KIND, _TCA_OPTIONS = 1, 2
_NDA_IFINDEX, _NDA_MASTER = 8, 9
_NUD_NOARP = 0x40
_NTF_SELF, _NTF_MASTER, _NTF_EXT_LEARNED, _NTF_STICKY = 0x02, 0x04, 0x10, 0x40
_IFINFO_BYTES = 16
_IFLA_ADDRESS = 1
_NHA_OIF = 5


class Keepsake(t.NamedTuple):
    """Something that lies on a link, or a setting of it."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on one
    """The link's."""
    what: str
    """``link``, ``vlans``, ``qdisc``, ``neighbour`` or ``fdb``."""
    body: bytes
    """The same for the same thing, whatever the index of the link."""


def read(channel: netlink.Socket) -> list[Keepsake]:
    """All of a namespace, in the kernel's order. Raises KernelError."""
    links = channel.dump(netlink.link_dump_request())
    macs = {decode.parts(body, _IFINFO_BYTES).get(_IFLA_ADDRESS) for body in links}
    found = [Keepsake(index, "link", settings) for index, settings in map(link_settings.told, links)]
    # Before the bridge's table, which takes no entry of a VLAN that the port isn't in.
    found += [Keepsake(index, "vlans", vlans) for index, vlans in bridge_vlans.read(channel)]
    found += [one for body in _dump(channel, _RTM_GETQDISC, _TCMSG.size) if (one := _qdisc(body)) is not None]
    found += [Keepsake(index, "neighbour", neighbour) for index, neighbour in neighbours.read(channel)]
    bridged = neighbours.dump(channel, socket.AF_BRIDGE)
    return found + [one for body in bridged if (one := _entry(body, macs)) is not None]


def requests(keepsake: Keepsake) -> list[bytes]:
    """What gives it back to the link with this index, in this order."""
    index, what, body = keepsake
    if what == "link":
        return [link_settings.request(index, body)]
    if what == "vlans":
        return bridge_vlans.requests(index, body)
    kind = _RTM_NEWQDISC if what == "qdisc" else _RTM_NEWNEIGH
    at_index = bytearray(body)
    struct.pack_into("=i", at_index, 4, index)
    return [netlink.request(kind, bytes(at_index), netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE)]


def unkept(channel: netlink.Socket, indexes: t.Container[int]) -> dict[int, list[str]]:
    """In words, what lies on some links beyond that, by index. Raises KernelError."""
    found: dict[int, list[str]] = {}
    for body in _dump(channel, _RTM_GETQDISC, _TCMSG.size):
        _family, index, handle, _parent, _info = _TCMSG.unpack_from(body)
        if index not in indexes or not handle:
            continue
        for kind, words in ((_RTM_GETTCLASS, "classes"), (_RTM_GETTFILTER, "filters")):
            asked = _TCMSG.pack(0, index, 0, handle if kind == _RTM_GETTFILTER else 0, 0)
            if _dumped(channel, netlink.request(kind, asked)):
                found.setdefault(index, []).append(f"the {words} of a queueing discipline (tc)")
    for body in _dump(channel, _RTM_GETNEXTHOP, 8):
        parts = decode.parts(body, 8)
        if _NHA_OIF in parts and (index := struct.unpack("=I", parts[_NHA_OIF])[0]) in indexes:
            (number,) = struct.unpack("=I", parts.get(1, bytes(4)))
            found.setdefault(index, []).append(
                f"the next-hop object {number} (ip nexthop), and routes as far as they use it"
            )
    return {index: list(dict.fromkeys(words)) for index, words in found.items()}


def words(what: str, body: bytes) -> str:
    """One of them, for people."""
    if what == "qdisc":
        kind = decode.parts(body, _TCMSG.size).get(_TCA_KIND, b"").rstrip(b"\0").decode("ascii", "replace")
        return f"queueing discipline {kind}"
    if what == "link":
        return "settings"
    if what == "vlans":
        return bridge_vlans.words(body)
    mac = neighbours.lladdr(body)
    if what == "fdb":
        return f"entry {mac}"
    host = decode.parts(body, neighbours.NDMSG.size).get(neighbours.NDA_DST, b"")
    return f"neighbour {socket.inet_ntop(socket.AF_INET if len(host) == 4 else socket.AF_INET6, host)} {mac}"


def _qdisc(body: bytes) -> Keepsake | None:
    """One that somebody made: the kernel's own have no handle."""
    _family, index, handle, parent, _info = _TCMSG.unpack_from(body)
    if not handle:
        return None
    parts = decode.parts(body, _TCMSG.size)
    kept = b"".join(netlink.attribute(number, parts[number]) for number in (_TCA_KIND, _TCA_OPTIONS) if number in parts)
    return Keepsake(index, "qdisc", _TCMSG.pack(0, 0, handle, parent, 0) + kept)


def _entry(body: bytes, macs: t.Container[bytes | None]) -> Keepsake | None:
    """One of a bridge or a tunnel that was neither learned nor made by the kernel for a link's own address."""
    family, index, state, flags, _type = neighbours.NDMSG.unpack_from(body)
    parts = decode.parts(body, neighbours.NDMSG.size)
    mac = parts.get(neighbours.NDA_LLADDR, b"")
    if family != socket.AF_BRIDGE or not state & (neighbours.NUD_PERMANENT | _NUD_NOARP) or not mac or mac in macs:
        return None
    if mac[0] & 1 or flags & _NTF_EXT_LEARNED or _NDA_IFINDEX in parts:
        return None
    kept = flags & (_NTF_SELF | _NTF_STICKY)
    if _NDA_MASTER in parts:
        own = struct.unpack("=I", parts[_NDA_MASTER])[0] == index
        kept |= _NTF_SELF if own else _NTF_MASTER
    return Keepsake(index, "fdb", neighbours.NDMSG.pack(family, 0, state, kept, 0) + neighbours.kept_parts(body))


def _dump(channel: netlink.Socket, kind: int, head: int) -> list[bytes]:
    return _dumped(channel, netlink.request(kind, bytes(head)))


def _dumped(channel: netlink.Socket, request: bytes) -> list[bytes]:
    """None where the kernel has no such thing."""
    try:
        return channel.dump(request)
    except KernelError:
        return []

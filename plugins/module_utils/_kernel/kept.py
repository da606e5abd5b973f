# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, routes and rules kept as the kernel told them, and brought back by the very same message.

Called by the engine where a link is lent. No record holds all that an address or a route can have (lifetimes, flags,
label, metrics, encapsulation), but the message of a dump does, and is nearly the request that makes the object anew:
what ``ip address save`` and ``ip route save`` rely on. Only what is different by then has to be changed in it. The
layouts are those of linux/if_addr.h, rtnetlink.h and fib_rules.h.
"""

from __future__ import annotations

import socket
import struct
import time
import typing as t

from . import decode, netlink

RTM_NEWADDR = 20
RTM_NEWROUTE = 24
RTM_NEWRULE = 32
RTM_DELRULE = 33

_RULE_BYTES = 12
"""Of struct fib_rule_hdr."""

FOREVER = 0xFFFFFFFF
"""Of a lifetime."""

_IFA_LABEL, _IFA_CACHEINFO, _IFA_FLAGS, _IFA_RT_PRIORITY = 3, 6, 8, 9
_RTA_OIF, _RTA_MULTIPATH, _RTA_CACHEINFO, _RTA_EXPIRES, _RTA_NH_ID = 4, 9, 12, 23, 30
_RTA_GATEWAY, _RTA_VIA = 5, 18
_HOPS = frozenset({_RTA_OIF, _RTA_GATEWAY, _RTA_VIA, _RTA_MULTIPATH})
_FRA_PRIORITY, _FRA_TABLE, _FRA_IIFNAME, _FRA_OIFNAME, _FRA_FWMARK, _FRA_L3MDEV = 6, 15, 3, 17, 10, 19
_DETACHED = 0x8 | 0x10
"""FIB_RULE_IIF_DETACHED and FIB_RULE_OIF_DETACHED: the link that the rule names isn't there at the moment."""
_TRANSIENT = 0x1 | 0x10 | 0x8 | 0x20 | 0x40
"""RTNH_F_DEAD, LINKDOWN, OFFLOAD, UNRESOLVED and TRAP: what becomes of a next hop, which nobody can ask for."""
_HERTZ = 100
"""USER_HZ, in which RTA_CACHEINFO counts."""


class Kept(t.NamedTuple):
    """A message of a dump, without its netlink header, and when it was read (`now`)."""

    body: bytes
    since: float


def now() -> float:
    """Seconds since the boot, those in suspension included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def has_expired(kept: Kept) -> bool:
    """Whether the lifetime of an address has passed since it was read."""
    (row,) = decode.addresses([kept.body])
    return row.valid != FOREVER and row.valid <= now() - kept.since


def address(kept: Kept, index: int, link: str) -> bytes:
    """The request that gives an address back to a link. What has passed of its lifetimes since then has passed."""
    head = bytearray(kept.body[:8])
    struct.pack_into("=I", head, 4, index)
    parts = [bytes(head)]
    for number, start, stop in decode.attributes(kept.body, 8):
        value = kept.body[start:stop]
        if number == _IFA_CACHEINFO:
            preferred, valid, *rest = struct.unpack_from("=IIII", value)
            left = [_left(seconds, kept.since) for seconds in (preferred, valid)]
            value = struct.pack("=IIII", *left, *rest)
        elif number == _IFA_LABEL and not value.rstrip(b"\0").startswith(link.encode("utf-8", "surrogateescape")):
            continue  # the link had another name: let the kernel take this one
        parts.append(netlink.attribute(number, value))
    # Replacing: the kernel may have made the same one, a link-local address, when the link came up.
    return netlink.request(RTM_NEWADDR, b"".join(parts), netlink.NLM_F_CREATE | netlink.NLM_F_REPLACE)


def with_its_route(body: bytes, metric: int) -> bytes:
    """The message of an address with which the kernel makes the route to its subnet, with this metric: for one that had
    it by other hands."""
    head = body[:8]
    parts = [netlink.attribute(_IFA_RT_PRIORITY, struct.pack("=I", metric))] if metric else []
    for number, start, stop in decode.attributes(body, 8):
        value = body[start:stop]
        if number == _IFA_FLAGS:
            value = struct.pack("=I", struct.unpack("=I", value)[0] & ~decode.IFA_F_NOPREFIXROUTE)
        if number != _IFA_RT_PRIORITY:
            parts.append(netlink.attribute(number, value))
    return head + b"".join(parts)


def _left(seconds: int, since: float) -> int:
    return seconds if seconds == FOREVER else max(0, seconds - int(now() - since))


def route(kept: Kept, indexes: t.Sequence[int], flags: int, *, by_object: bool = False) -> bytes:
    """The request that makes a route anew, over links that have these indexes now, in the order of its next hops.

    `by_object` says that the next-hop object that it used still stands. Otherwise that isn't asked for: it went with
    its link, and the message says where it led.
    """
    left_out = _HOPS if by_object else {_RTA_NH_ID}  # the kernel takes one or the other
    head = bytearray(kept.body[:12])
    (route_flags,) = struct.unpack_from("=I", head, 8)
    struct.pack_into("=I", head, 8, route_flags & ~_TRANSIENT & 0xFF)
    parts = [bytes(head)]
    for number, start, stop in decode.attributes(kept.body, 12):
        value = kept.body[start:stop]
        if number in left_out:
            continue
        if number == _RTA_OIF and indexes:
            value = struct.pack("=I", indexes[0])
        elif number == _RTA_MULTIPATH:
            value = _hops(value, indexes)
        elif number == _RTA_CACHEINFO:
            (expires,) = struct.unpack_from("=i", value, 8)
            if expires <= 0:
                continue
            number, value = _RTA_EXPIRES, struct.pack("=I", max(1, expires // _HERTZ - int(now() - kept.since)))
        parts.append(netlink.attribute(number, value))
    return netlink.request(RTM_NEWROUTE, b"".join(parts), flags)


def _hops(value: bytes, indexes: t.Sequence[int]) -> bytes:
    """An array of struct rtnexthop with other indexes."""
    made, offset, place = bytearray(value), 0, 0
    while offset + 8 <= len(made):
        (length,) = struct.unpack_from("=H", made, offset)
        made[offset + 2] &= ~_TRANSIENT & 0xFF
        struct.pack_into("=i", made, offset + 4, indexes[place])
        place += 1
        offset += (length + 3) & ~3
    return bytes(made)


def rules(link: netlink.Socket) -> list[bytes]:
    """All policy rules, each in the form that `rule` takes: the same rule is always the same bytes."""
    from . import policy

    found = []
    for body in policy.rule_bodies(link):
        head = bytearray(body[:12])
        (flags,) = struct.unpack_from("=I", head, 8)
        struct.pack_into("=I", head, 8, flags & ~_DETACHED)
        found.append(bytes(head) + body[12:])
    return found


def names_link(body: bytes, name: str) -> bool:
    """Whether a rule is about packets that come in or go out by a link of this name."""
    return name in (_text(body, _FRA_IIFNAME), _text(body, _FRA_OIFNAME))


def rule_table(body: bytes) -> int:
    """The table that a rule looks into."""
    value = decode.parts(body, _RULE_BYTES).get(_FRA_TABLE)
    return int(struct.unpack_from("=I", value)[0]) if value else body[4]


def rule(body: bytes, *, delete: bool = False) -> bytes:
    """The request that makes or removes a rule."""
    if delete:
        return netlink.request(RTM_DELRULE, body)
    return netlink.request(RTM_NEWRULE, body, netlink.NLM_F_CREATE | netlink.NLM_F_EXCL)


def rule_words(body: bytes) -> str:
    """A rule as ``ip rule`` prints it, as far as that goes."""
    values = decode.parts(body, _RULE_BYTES)
    (priority,) = struct.unpack_from("=I", values.get(_FRA_PRIORITY, bytes(4)))
    words = [f"{priority}:"]
    for name, number, length in (("from", 2, body[2]), ("to", 1, body[1])):  # FRA_SRC, FRA_DST
        if number in values:
            words += [name, f"{socket.inet_ntop(body[0], values[number])}/{length}"]
        elif name == "from":
            words += [name, "all"]
    if _FRA_FWMARK in values:
        words += ["fwmark", hex(struct.unpack_from("=I", values[_FRA_FWMARK])[0])]
    for name, number in (("iif", _FRA_IIFNAME), ("oif", _FRA_OIFNAME)):
        if number in values:
            words += [name, _text(body, number)]
    if any(values.get(_FRA_L3MDEV, b"")):
        return " ".join([*words, "lookup the VRF's table"])
    return " ".join([*words, f"lookup {rule_table(body)}"])


def _text(body: bytes, number: int) -> str:
    return decode.parts(body, _RULE_BYTES).get(number, b"").rstrip(b"\0").decode("utf-8", "surrogateescape")

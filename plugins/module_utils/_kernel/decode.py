# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hot dumps in plain tuples: links, addresses, routes.

Called by everything that looks at namespaces. pyroute2 can read the same bytes, but takes ten times as long, and
looking is nearly all that a run does that changes nothing. Tests hold both equal. Only what somebody needs is read;
the rest of a message is stepped over. The layouts are those of linux/rtnetlink.h, if_link.h and if_addr.h.

Every function takes the bodies that `netlink.Socket.dump` returned and raises KernelError for bytes that make no sense.
"""

from __future__ import annotations

import socket
import struct
import sys
import typing as t

from .errors import KernelError

IFF_UP = 0x1
IFA_F_PERMANENT = 0x80
IFA_F_NOPREFIXROUTE = 0x200
"""The kernel makes no route to the subnet of this address."""
RTNH_F_DEAD = 0x1
RTNH_F_ONLINK = 0x4
RTNH_F_LINKDOWN = 0x10
RTM_F_CLONED = 0x200
RT_TABLE_LOCAL = 255

_LINK = struct.Struct("=BxHiII").unpack_from
_ADDRESS = struct.Struct("=BBBBi").unpack_from
_ROUTE = struct.Struct("=BBBBBBBBI").unpack_from
_HEAD = struct.Struct("=HH").unpack_from
_U16 = struct.Struct("=H").unpack_from
_U32 = struct.Struct("=I").unpack_from
_S32 = struct.Struct("=i").unpack_from
_LIFETIMES = struct.Struct("=II").unpack_from
_HOP = struct.Struct("=HBBi").unpack_from
_TYPE = 0x3FFF
"""Without the flags "nested" and "network byte order"."""

_ANYWHERE = {socket.AF_INET: "0.0.0.0/0", socket.AF_INET6: "::/0"}
_SIZE = {socket.AF_INET: 4, socket.AF_INET6: 16}
_UNSET = {socket.AF_INET: bytes(4), socket.AF_INET6: bytes(16)}


class LinkRow(t.NamedTuple):
    """One link. Texts are empty and numbers 0 where the kernel says nothing, unless noted."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a row
    name: str
    flags: int
    mtu: int
    mac: str
    """The link-layer address, lower case with colons; of a tunnel, its local end in the same form."""
    master: int
    link: int
    """The lower link; of a veth, its peer."""
    link_nsid: int | None
    """The namespace of `link`, as this one knows it; None where it is this one."""
    kind: str
    info_data: bytes | None
    """The options of the kind, undecoded: see `codec.decode_options`."""
    slave_kind: str
    """The kind of the master, for kinds that keep settings per port."""
    alias: str
    group: int
    altnames: tuple[str, ...]
    """In the kernel's order."""
    operstate: int
    """RFC 2863: 0 unknown, 2 down, 3 lower layer down, 6 up."""
    perm_mac: str
    parent_dev: str
    """The bus device of a NIC, such as ``0000:00:03.0``."""
    xdp: bool
    """A program is attached."""
    qdisc: str
    type: int
    """ARPHRD number: 1 Ethernet, 772 loopback."""
    own_mac: str = ""
    """Of a port of a bond, whose MAC address it has: the one that it had before, and gets back when it leaves."""
    queues: tuple[int, int] = (0, 0)
    """How many it has, to send and to receive."""

    @property
    def is_up(self) -> bool:
        """Whether it is set up, whatever the state of its carrier."""
        return bool(self.flags & IFF_UP)


class AddressRow(t.NamedTuple):
    """One address."""

    family: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls on a row
    local: str
    peer: str | None
    """The other end of a point-to-point address; None where it is `local`."""
    prefixlen: int
    flags: int
    scope: int
    label: str
    """IPv4 only."""
    broadcast: str | None
    protocol: int
    """Who made it (IFAPROT_*), 0 unspecified; Linux 5.18."""
    valid: int
    """Seconds; 4294967295 is for ever."""
    preferred: int
    metric: int
    """Of the prefix route; 0 means the kernel's default."""


Hop = t.Tuple[t.Optional[str], int, int]
"""Gateway or None (its family may differ from the route's), index of the link or 0, weight from 1."""


class RouteRow(t.NamedTuple):
    """One route."""

    family: int
    dst: str
    table: int
    tos: int
    metric: int
    protocol: int
    type: int
    scope: int
    prefsrc: str | None
    flags: int
    """Those of the route and of all its next hops (RTNH_F_*)."""
    nexthop_id: int
    """The next-hop object that it uses, or 0. The kernel resolves it into `hops` as well."""
    mtu: int
    """0 where the route has none of its own."""
    hops: tuple[Hop, ...]
    """Empty for blackhole and its like in IPv4; in IPv6 those lie on the loopback."""
    source: str | None
    """The source prefix that an IPv6 route is limited to."""


def malformed(error: Exception | None = None) -> KernelError:
    """What to raise for bytes that make no sense."""
    return KernelError(0, "malformed netlink reply", f"read a table from the kernel ({error})" if error else "")


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "surrogateescape")


def attributes(data: bytes, offset: int, end: int | None = None) -> t.Iterator[tuple[int, int, int]]:
    """Number, start and end of each attribute: for the rare nested ones; the hot loops have this inline."""
    if end is None:
        end = len(data)
    while offset + 4 <= end:
        length, number = _HEAD(data, offset)
        stop = offset + length
        if length < 4 or stop > end:
            raise malformed()
        yield number & _TYPE, offset + 4, stop
        offset = (stop + 3) & ~3
    if offset < end:
        raise malformed()


def parts(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes from an offset on, by number; of one that is repeated, the last."""
    return {number: data[start:stop] for number, start, stop in attributes(data, offset)}


def _number(data: bytes, start: int, stop: int) -> int:
    """The number of four bytes that an attribute holds."""
    if stop - start < 4:
        raise malformed()
    found: int = _U32(data, start)[0]
    return found


def links(bodies: t.Iterable[bytes]) -> list[LinkRow]:
    """The links of a dump (or of single replies to ``netlink.link_get_request``)."""
    rows = []
    try:
        for body in bodies:
            rows.append(_link(body))
    except (struct.error, ValueError, IndexError) as error:
        raise malformed(error) from error
    return rows


def _link(body: bytes) -> LinkRow:
    _unused, arphrd, index, flags, _unused = _LINK(body)
    name = mac = kind = slave_kind = alias = perm_mac = parent_dev = qdisc = ""
    mtu = master = link = group = operstate = senders = receivers = 0
    link_nsid: int | None = None
    info_data: bytes | None = None
    altnames: tuple[str, ...] = ()
    xdp = False
    own_mac = ""
    offset, end = 16, len(body)
    while offset + 4 <= end:
        length, number = _HEAD(body, offset)
        stop = offset + length
        if length < 4 or stop > end:
            raise malformed()
        number &= _TYPE
        offset += 4
        least = _LINK_ATTRIBUTES.get(number)
        if least is None:
            pass
        elif length < least:
            raise malformed()
        elif number == 3:  # IFLA_IFNAME
            name = _text(body[offset:stop])
        elif number == 4:  # IFLA_MTU
            mtu = _U32(body, offset)[0]
        elif number == 1:  # IFLA_ADDRESS
            mac = body[offset:stop].hex(":")
        elif number == 6:  # IFLA_QDISC
            qdisc = _text(body[offset:stop])
        elif number == 16:  # IFLA_OPERSTATE
            operstate = body[offset]
        elif number == 27:  # IFLA_GROUP
            group = _U32(body, offset)[0]
        elif number == 10:  # IFLA_MASTER
            master = _U32(body, offset)[0]
        elif number == 5:  # IFLA_LINK
            link = _U32(body, offset)[0]
        elif number == 37:  # IFLA_LINK_NETNSID
            link_nsid = _S32(body, offset)[0]
        elif number == 18:  # IFLA_LINKINFO
            for inner, start, inner_stop in attributes(body, offset, stop):
                if inner == 1:  # IFLA_INFO_KIND
                    kind = _text(body[start:inner_stop])
                elif inner == 2:  # IFLA_INFO_DATA
                    info_data = body[start:inner_stop]
                elif inner == 4:  # IFLA_INFO_SLAVE_KIND
                    slave_kind = _text(body[start:inner_stop])
                elif inner == 5 and slave_kind == "bond":  # IFLA_INFO_SLAVE_DATA, which follows on its kind
                    own_mac = _own_mac(body, start, inner_stop)
        elif number == 31:  # IFLA_NUM_TX_QUEUES
            senders = _U32(body, offset)[0]
        elif number == 32:  # IFLA_NUM_RX_QUEUES
            receivers = _U32(body, offset)[0]
        elif number == 20:  # IFLA_IFALIAS
            alias = _text(body[offset:stop])
        elif number == 52:  # IFLA_PROP_LIST
            altnames = tuple(
                _text(body[start:inner_stop])
                for inner, start, inner_stop in attributes(body, offset, stop)
                if inner == 53  # IFLA_ALT_IFNAME
            )
        elif number == 43:  # IFLA_XDP
            for inner, start, inner_stop in attributes(body, offset, stop):
                if inner == 2:  # IFLA_XDP_ATTACHED
                    xdp = any(body[start:inner_stop])
        elif number == 54:  # IFLA_PERM_ADDRESS
            perm_mac = body[offset:stop].hex(":")
        else:  # IFLA_PARENT_DEV_NAME
            parent_dev = _text(body[offset:stop])
        offset = (stop + 3) & ~3
    if offset < end:
        raise malformed()
    return LinkRow(
        index, name, flags, mtu, mac, master, link, link_nsid, kind, info_data, slave_kind, alias, group, altnames,
        operstate, perm_mac, parent_dev, xdp, qdisc, arphrd, own_mac,
        (senders, receivers),
    )  # fmt: skip


def _own_mac(body: bytes, offset: int, end: int) -> str:
    for number, start, stop in attributes(body, offset, end):
        if number == 4:  # IFLA_BOND_SLAVE_PERM_HWADDR
            return body[start:stop].hex(":")
    return ""


_LINK_ATTRIBUTES = {
    1: 4, 3: 4, 4: 8, 5: 8, 6: 4, 10: 8, 16: 5, 18: 4, 20: 4, 27: 8, 31: 8, 32: 8, 37: 8, 43: 4, 52: 4, 54: 4, 56: 4,
}  # fmt: skip
"""What is read of a link: number -> least length, head included. A shorter one would be read into its neighbour."""
_ADDRESS_ATTRIBUTES = {6: 12, 8: 8, 9: 8, 11: 5}
_ROUTE_ATTRIBUTES = {4: 8, 6: 8, 15: 8, 30: 8}
"""The same of addresses and routes, for the numbers among them: texts and addresses are cut out."""


def addresses(bodies: t.Iterable[bytes]) -> list[AddressRow]:
    """The IPv4 and IPv6 addresses of a dump, in the kernel's order (per link the first of a subnet is primary)."""
    rows = []
    ntop = socket.inet_ntop
    try:
        for body in bodies:
            family, prefixlen, flags, scope, index = _ADDRESS(body)
            if family not in _SIZE:
                continue
            local = address = broadcast = None
            label = ""
            protocol = metric = 0
            valid = preferred = 0xFFFFFFFF
            offset, end = 8, len(body)
            while offset + 4 <= end:
                length, number = _HEAD(body, offset)
                stop = offset + length
                if length < _ADDRESS_ATTRIBUTES.get(number, 4) or stop > end:
                    raise malformed()
                offset += 4
                if number == 2:  # IFA_LOCAL
                    local = body[offset:stop]
                elif number == 1:  # IFA_ADDRESS
                    address = body[offset:stop]
                elif number == 8:  # IFA_FLAGS
                    flags = _U32(body, offset)[0]
                elif number == 6:  # IFA_CACHEINFO
                    preferred, valid = _LIFETIMES(body, offset)
                elif number == 3:  # IFA_LABEL
                    label = _text(body[offset:stop])
                elif number == 4:  # IFA_BROADCAST
                    broadcast = ntop(family, body[offset:stop])
                elif number == 11:  # IFA_PROTO
                    protocol = body[offset]
                elif number == 9:  # IFA_RT_PRIORITY
                    metric = _U32(body, offset)[0]
                offset = (stop + 3) & ~3
            if offset < end:
                raise malformed()
            if local is None:
                local = address if address is not None else _UNSET[family]
            peer = None if address is None or address == local else ntop(family, address)
            rows.append(
                AddressRow(
                    family, index, ntop(family, local), peer, prefixlen, flags, scope, label, broadcast, protocol,
                    valid, preferred, metric,
                )
            )  # fmt: skip
    except (struct.error, ValueError, IndexError) as error:
        raise malformed(error) from error
    return rows


def routes(bodies: t.Iterable[bytes], skip_tables: t.Collection[int] = (RT_TABLE_LOCAL,)) -> list[RouteRow]:
    """The IPv4 and IPv6 routes of a dump, in the kernel's order, except those of the tables to skip.

    Left out are cached exceptions (RTM_F_CLONED: learned path MTUs and redirects), which an IPv4 dump also holds and
    which nobody configured, and the multicast forwarding entries that a dump of all families brings along.
    """
    rows = []
    try:
        for body in bodies:
            # rtm_table is 252 (compat) for numbers above 255, so the small ones can be left out unread.
            if body[4] in skip_tables:
                continue
            row = _route(body)
            if row is not None and row.table not in skip_tables:
                rows.append(row)
    except (struct.error, ValueError, IndexError) as error:
        raise malformed(error) from error
    return rows


def nsid(body: bytes) -> int | None:
    """The id in a reply to ``netlink.nsid_get_request``; None where this namespace has given none."""
    if len(body) < 4:
        raise malformed()
    for number, start, stop in attributes(body, 4):
        if number == 1:  # NETNSA_NSID
            found = _number(body, start, stop)
            return found if found < 1 << 31 else None
    return None


def number_in(data: bytes | None, attribute: int) -> int:
    """A number of four bytes in a nest that is otherwise left undecoded; 0 where it isn't there."""
    for number, start, stop in attributes(data or b"", 0):
        if number == attribute:
            return _number(data or b"", start, stop)
    return 0


def numbers(data: bytes | None, names: t.Mapping[int, str]) -> dict[str, int]:
    """The numbers, of whatever length, that a nest holds under these numbers of attributes, by name."""
    data = data or b""
    return {
        names[number]: int.from_bytes(data[start:stop], sys.byteorder)
        for number, start, stop in attributes(data, 0)
        if number in names
    }


def _route(body: bytes) -> RouteRow | None:
    family, dst_len, src_len, tos, table, protocol, scope, kind, flags = _ROUTE(body)
    if family not in _SIZE or flags & RTM_F_CLONED:
        return None
    ntop = socket.inet_ntop
    dst = gateway = prefsrc = source = None
    metric = oif = nexthop_id = mtu = 0
    hops: tuple[Hop, ...] = ()
    offset, end = 12, len(body)
    while offset + 4 <= end:
        length, number = _HEAD(body, offset)
        stop = offset + length
        number &= _TYPE
        if length < _ROUTE_ATTRIBUTES.get(number, 4) or stop > end:
            raise malformed()
        offset += 4
        if number == 15:  # RTA_TABLE
            table = _U32(body, offset)[0]
        elif number == 1:  # RTA_DST
            dst = ntop(family, body[offset:stop])
        elif number == 4:  # RTA_OIF
            oif = _U32(body, offset)[0]
        elif number == 5:  # RTA_GATEWAY
            gateway = ntop(family, body[offset:stop])
        elif number == 6:  # RTA_PRIORITY
            metric = _U32(body, offset)[0]
        elif number == 7:  # RTA_PREFSRC
            prefsrc = ntop(family, body[offset:stop])
        elif number == 18:  # RTA_VIA
            gateway = _via(body[offset:stop])
        elif number == 9:  # RTA_MULTIPATH
            hops, hop_flags = _multipath(family, body, offset, stop)
            flags |= hop_flags
        elif number == 8:  # RTA_METRICS
            for inner, start, inner_stop in attributes(body, offset, stop):
                if inner == 2:  # RTAX_MTU
                    mtu = _number(body, start, inner_stop)
        elif number == 30:  # RTA_NH_ID
            nexthop_id = _U32(body, offset)[0]
        elif number == 2:  # RTA_SRC
            source = ntop(family, body[offset:stop])
        offset = (stop + 3) & ~3
    if offset < end:
        raise malformed()
    if not hops and (oif or gateway):
        hops = ((gateway, oif, 1),)
    return RouteRow(
        family,
        _ANYWHERE[family] if dst is None and not dst_len else f"{dst or ntop(family, _UNSET[family])}/{dst_len}",
        table, tos, metric, protocol, kind, scope, prefsrc, flags, nexthop_id, mtu, hops,
        f"{source or ntop(family, _UNSET[family])}/{src_len}" if src_len else None,
    )  # fmt: skip


def _via(value: bytes) -> str:
    """struct rtvia: the family of the gateway, then its address."""
    return socket.inet_ntop(_U16(value)[0], value[2:])


def _multipath(family: int, body: bytes, offset: int, end: int) -> tuple[tuple[Hop, ...], int]:
    """The hops of struct rtnexthop after struct rtnexthop, and all their flags."""
    hops = []
    all_flags = 0
    while offset + 8 <= end:
        length, flags, weight, index = _HOP(body, offset)
        stop = offset + length
        if length < 8 or stop > end:
            raise malformed()
        gateway = None
        for number, start, inner_stop in attributes(body, offset + 8, stop):
            if number == 5:  # RTA_GATEWAY
                gateway = socket.inet_ntop(family, body[start:inner_stop])
            elif number == 18:  # RTA_VIA
                gateway = _via(body[start:inner_stop])
        hops.append((gateway, index, weight + 1))
        all_flags |= flags
        offset = (stop + 3) & ~3
    if offset < end:
        raise malformed()
    return tuple(hops), all_flags

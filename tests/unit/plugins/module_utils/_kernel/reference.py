# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pyroute2's own reading and writing, brought into the form of `decode` and `codec`, for tests that compare both."""

from __future__ import annotations

import socket
import struct
import typing as t

from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, decode

OPERSTATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")
FAMILIES = (socket.AF_INET, socket.AF_INET6)


def written(class_name: str, fields: dict[str, t.Any], attrs: list[tuple[t.Any, ...]], kind: int = 0, flags: int = 0):
    """A whole message as pyroute2's objects write it."""
    message = codec.message_class(class_name)()
    for name, value in fields.items():
        message[name] = value
    message["attrs"] = list(attrs)
    message["header"]["type"] = kind
    message["header"]["flags"] = flags
    message.encode()
    return bytes(message.data)


def body(class_name: str, fields: dict[str, t.Any], attrs: list[tuple[t.Any, ...]]) -> bytes:
    """The same without the netlink header, as `netlink.Socket.dump` returns it."""
    return written(class_name, fields, attrs)[16:]


def hardware_address(value: str | None, data: bytes, number: int) -> str:
    """Of other than six bytes pyroute2 makes an IP address, and 0.7.2 reads six all the same: so what they are."""
    offset = 16
    while offset < len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if kind == number and length != 4 + 6:
            return data[offset + 4 : offset + length].hex(":")
        offset += (length + 3) & ~3
    return value or ""


def link(data: bytes) -> decode.LinkRow:
    message = codec.decode("ifinfmsg", data)
    info = message.get_attr("IFLA_LINKINFO")
    altnames = message.get_attr("IFLA_PROP_LIST")
    xdp = message.get_attr("IFLA_XDP")
    kind = (info.get_attr("IFLA_INFO_KIND") if info else None) or ""
    operstate = message.get_attr("IFLA_OPERSTATE")
    return decode.LinkRow(
        index=message["index"],
        name=message.get_attr("IFLA_IFNAME") or "",
        flags=message["flags"],
        mtu=message.get_attr("IFLA_MTU") or 0,
        mac=hardware_address(message.get_attr("IFLA_ADDRESS"), data, 1),
        master=message.get_attr("IFLA_MASTER") or 0,
        link=message.get_attr("IFLA_LINK") or 0,
        link_nsid=message.get_attr("IFLA_LINK_NETNSID"),
        kind=kind,
        info_data=None,
        slave_kind=(info.get_attr("IFLA_INFO_SLAVE_KIND") if info else None) or "",
        alias=message.get_attr("IFLA_IFALIAS") or "",
        group=message.get_attr("IFLA_GROUP") or 0,
        altnames=tuple(altnames.get_attrs("IFLA_ALT_IFNAME")) if altnames else (),
        operstate=OPERSTATES.index(operstate) if operstate else 0,
        perm_mac=hardware_address(message.get_attr("IFLA_PERM_ADDRESS"), data, 54),
        parent_dev=message.get_attr("IFLA_PARENT_DEV_NAME") or "",
        xdp=bool(xdp and xdp.get_attr("IFLA_XDP_ATTACHED")),
        qdisc=message.get_attr("IFLA_QDISC") or "",
        type=message["ifi_type"],
        own_mac=_own_mac(info),
        queues=(message.get_attr("IFLA_NUM_TX_QUEUES") or 0, message.get_attr("IFLA_NUM_RX_QUEUES") or 0),
    )


def _own_mac(info: t.Any) -> str:
    if info is None or info.get_attr("IFLA_INFO_SLAVE_KIND") != "bond":
        return ""
    data = info.get_attr("IFLA_INFO_SLAVE_DATA")
    return (data.get_attr("IFLA_BOND_SLAVE_PERM_HWADDR") if data is not None else None) or ""


def link_options(data: bytes) -> t.Any:
    """The options of the kind, read from the whole message."""
    found = codec.decode_link(data).get("IFLA_LINKINFO", {}).get("IFLA_INFO_DATA")
    return found if isinstance(found, dict) else {}


def address(data: bytes) -> decode.AddressRow:
    message = codec.decode("ifaddrmsg", data)
    # 0.7.2 knows neither IFA_RT_PRIORITY nor IFA_PROTO.
    raw = attributes(data, 8)
    local = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
    other = message.get_attr("IFA_ADDRESS")
    cache = message.get_attr("IFA_CACHEINFO")
    flags = message.get_attr("IFA_FLAGS")
    return decode.AddressRow(
        family=message["family"],
        index=message["index"],
        local=local or {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}[message["family"]],
        peer=other if other and other != local else None,
        prefixlen=message["prefixlen"],
        flags=message["flags"] if flags is None else flags,
        scope=message["scope"],
        label=message.get_attr("IFA_LABEL") or "",
        broadcast=message.get_attr("IFA_BROADCAST"),
        protocol=raw[11][0] if 11 in raw else 0,
        valid=cache["ifa_valid"] if cache else 0xFFFFFFFF,
        preferred=cache["ifa_preferred" if "ifa_preferred" in cache else "ifa_prefered"] if cache else 0xFFFFFFFF,
        metric=struct.unpack("=I", raw[9])[0] if 9 in raw else 0,
    )


def attributes(data: bytes, offset: int) -> dict[int, bytes]:
    """Number -> payload of a well-formed message, the last of each."""
    found = {}
    while offset + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, offset)
        found[number & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def _gateway(holder: t.Any) -> str | None:
    via = holder.get_attr("RTA_VIA")
    return via["addr"] if via else holder.get_attr("RTA_GATEWAY")


def route(data: bytes) -> decode.RouteRow:
    message = codec.decode("rtmsg", data)
    family = message["family"]
    anywhere = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}[family]
    metrics = message.get_attr("RTA_METRICS")
    multipath = message.get_attr("RTA_MULTIPATH")
    flags = message["flags"]
    oif = message.get_attr("RTA_OIF") or 0
    gateway = _gateway(message)
    table = message.get_attr("RTA_TABLE")
    if multipath:
        hops = tuple((_gateway(hop), hop["oif"], hop["hops"] + 1) for hop in multipath)
        for hop in multipath:
            flags |= hop["flags"]
    else:
        hops = ((gateway, oif, 1),) if oif or gateway else ()
    return decode.RouteRow(
        family=family,
        dst=f"{message.get_attr('RTA_DST') or anywhere}/{message['dst_len']}",
        table=message["table"] if table is None else table,
        tos=message["tos"],
        metric=message.get_attr("RTA_PRIORITY") or 0,
        protocol=message["proto"],
        type=message["type"],
        scope=message["scope"],
        prefsrc=message.get_attr("RTA_PREFSRC"),
        flags=flags,
        nexthop_id=struct.unpack("=I", attributes(data, 12).get(30, bytes(4)))[0],
        mtu=(metrics.get_attr("RTAX_MTU") if metrics else None) or 0,
        hops=hops,
        source=f"{message.get_attr('RTA_SRC') or anywhere}/{message['src_len']}" if message["src_len"] else None,
    )

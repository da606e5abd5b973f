# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of link and their options, as tables. Adding a kind of link is adding a row of `KINDS`.

Names are those of ip-link(8); the attributes are those of linux/if_link.h as pyroute2 spells them.
"""

from __future__ import annotations

import socket
import typing as t
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Option:
    """How one option of a kind is written to the kernel and read back."""

    attribute: str
    write: t.Callable[[t.Any], t.Any] = int
    read: t.Callable[[t.Any], t.Any] = int
    live: bool = True
    """Whether the kernel changes it on a link that stands. Otherwise a change makes the link anew."""


@dataclass(frozen=True)
class LinkKind:
    """What there is to know of a kind of link."""

    options: t.Mapping[str, Option] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Options without which the kernel can't make one."""
    lower: str = "never"
    """Whether it stands on another link: ``never``, ``always``, ``maybe``."""
    pair: bool = False
    feature: str = ""
    """What a kernel lacks that doesn't know the kind."""
    least_mtu: int = 68
    greatest_mtu: int = 65535
    arp: bool = True
    """Whether it has a MAC address that can be set."""


def _names(numbers: t.Mapping[str, int]) -> tuple[t.Callable[[t.Any], t.Any], t.Callable[[t.Any], t.Any]]:
    """Writer and reader of an option whose values have names."""
    back = {number: name for name, number in numbers.items()}

    def read(value: t.Any) -> t.Any:
        return value if isinstance(value, str) else back.get(int(value), str(value))

    return (lambda name: numbers[name]), read


def _flag(value: t.Any) -> bool:
    return bool(int(value))


def _hundredths(seconds: t.Any) -> int:
    """The bridge counts in hundredths of a second (USER_HZ)."""
    return round(float(seconds) * 100)


def _seconds(hundredths: t.Any) -> t.Any:
    whole, rest = divmod(int(hundredths), 100)
    return whole if not rest else int(hundredths) / 100


MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}
IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}
MODES = {"macvlan": MACVLAN_MODES, "ipvlan": IPVLAN_MODES}
VLAN_PROTOCOLS = {"802.1q": 0x8100, "802.1ad": 0x88A8}

_macvlan_mode = _names(MACVLAN_MODES)
_ipvlan_mode = _names(IPVLAN_MODES)
_vlan_protocol = _names(VLAN_PROTOCOLS)

KINDS: dict[str, LinkKind] = {
    "veth": LinkKind(pair=True, feature="CONFIG_VETH, module veth"),
    "bridge": LinkKind(
        {
            "ageing_time": Option("IFLA_BR_AGEING_TIME", _hundredths, _seconds),
            "forward_delay": Option("IFLA_BR_FORWARD_DELAY", _hundredths, _seconds),
            "hello_time": Option("IFLA_BR_HELLO_TIME", _hundredths, _seconds),
            "max_age": Option("IFLA_BR_MAX_AGE", _hundredths, _seconds),
            "priority": Option("IFLA_BR_PRIORITY"),
            "stp": Option("IFLA_BR_STP_STATE", int, _flag),
            "vlan_filtering": Option("IFLA_BR_VLAN_FILTERING", int, _flag),
        },
        feature="CONFIG_BRIDGE, module bridge",
    ),
    "dummy": LinkKind(feature="CONFIG_DUMMY, module dummy"),
    "ifb": LinkKind(feature="CONFIG_IFB, module ifb"),
    "vlan": LinkKind(
        {
            "id": Option("IFLA_VLAN_ID", live=False),
            "protocol": Option("IFLA_VLAN_PROTOCOL", *_vlan_protocol, live=False),
        },
        needs=("id",),
        lower="always",
        feature="CONFIG_VLAN_8021Q, module 8021q",
    ),
    "vxlan": LinkKind(
        {
            "dstport": Option("IFLA_VXLAN_PORT", live=False),
            "id": Option("IFLA_VXLAN_ID", live=False),
            "learning": Option("IFLA_VXLAN_LEARNING", int, _flag),
            "local": Option("IFLA_VXLAN_LOCAL", str, str),
            "remote": Option("IFLA_VXLAN_GROUP", str, str),
            "ttl": Option("IFLA_VXLAN_TTL"),
        },
        needs=("id",),
        lower="maybe",
        feature="CONFIG_VXLAN, module vxlan",
    ),
    "macvlan": LinkKind(
        {"mode": Option("IFLA_MACVLAN_MODE", *_macvlan_mode)}, lower="always", feature="CONFIG_MACVLAN, module macvlan"
    ),
    "ipvlan": LinkKind(
        {"mode": Option("IFLA_IPVLAN_MODE", *_ipvlan_mode)},
        lower="always",
        feature="CONFIG_IPVLAN, module ipvlan",
        arp=False,
    ),
    "vrf": LinkKind(
        {"table": Option("IFLA_VRF_TABLE", live=False)}, needs=("table",), feature="CONFIG_NET_VRF, module vrf"
    ),
}

IPV6_SUFFIX = "6"
"""VXLAN has attributes of its own for IPv6 ends: IFLA_VXLAN_LOCAL6, IFLA_VXLAN_GROUP6."""


def written(kind: str, options: t.Iterable[tuple[str, t.Any]]) -> list[tuple[str, t.Any]]:
    """The attributes of IFLA_INFO_DATA for these options."""
    table = KINDS[kind].options
    attributes = []
    for name, value in options:
        option = table[name]
        attribute = option.attribute
        if isinstance(value, str) and ":" in value and attribute in ("IFLA_VXLAN_LOCAL", "IFLA_VXLAN_GROUP"):
            attribute += IPV6_SUFFIX
        attributes.append((attribute, option.write(value)))
    return attributes


def read_back(kind: str, attributes: t.Mapping[str, t.Any]) -> tuple[tuple[str, t.Any], ...]:
    """The options that these attributes of IFLA_INFO_DATA (name to value) mean, sorted by name."""
    found = {}
    for name, option in KINDS[kind].options.items():
        value = attributes.get(option.attribute)
        if value is None:
            value = attributes.get(option.attribute + IPV6_SUFFIX)
        if value is not None:
            found[name] = option.read(value)
    return tuple(sorted(found.items()))


def presentation(address: bytes) -> str:
    """The text of an address that the codec left as bytes."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)

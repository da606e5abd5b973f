# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of link and their options, as tables. Adding a kind of link is adding a row of `KINDS`.

Names are those of ip-link(8); the attributes are those of linux/if_link.h as pyroute2 spells them.
"""

from __future__ import annotations

import typing as t
from dataclasses import field

from .._kernel import decode
from .frozen import dataclass
from .records import Key, Link


@dataclass(frozen=True)
class Option:
    """How one option of a kind is written to the kernel and read back."""

    attribute: str
    write: t.Callable[[t.Any], t.Any] = int
    read: t.Callable[[t.Any], t.Any] = int
    live: bool = True
    """Whether the kernel changes it on a link that stands. Otherwise a change makes the link anew."""
    default: t.Any = None
    """What a new link has anyway. It isn't asked for: a kernel that lacks the feature refuses even that."""
    part: t.Callable[[t.Any], t.Any] = lambda _value: None
    """What of a live option's value can't be changed; a change of that makes the link anew too."""
    rest: str = ""
    """How much at rest a link has to be for a change: ``down``, or ``bare``, which is down and without ports."""
    turn: int = 1
    """Options with a lower number are changed first, because others follow from them."""
    names_port: bool = False
    """Its value is the name of one of the link's ports, to the kernel its index; so it can't be set before that is
    one."""
    unset: t.Any = None
    """What it means that the kernel says nothing of it."""
    hidden: t.Callable[[t.Mapping[str, t.Any]], bool] = lambda _attributes: False
    """Whether the kernel shows something else in its place for now; told from the attributes of IFLA_INFO_DATA."""

    def can_change(self, old: t.Any, new: t.Any) -> bool:
        """Whether the kernel takes the new value on a link that stands with the old one."""
        return self.live and bool(self.part(old) == self.part(new))


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
    lower_option: tuple[str, int] | None = None
    """The attribute of IFLA_INFO_DATA that names the lower link, and its number; None: IFLA_LINK does."""
    overhead: int = 0
    """By how many bytes its MTU has to be less than that of the link it stands on, where that is given."""
    mtu_of_ports: bool = False
    """Whether its MTU is the least of its ports' until somebody sets it; one given when it is made doesn't count."""
    mtu_follows: str = ""
    """What a new MTU of the lower link does to its own: nothing, ``cap`` it, or ``copy``."""
    state_follows: bool = False
    """Whether it goes up and down together with its lower link."""
    takes_lower: bool = False
    """Whether it claims what the lower link receives, so that this can't be a port as well (its rx_handler)."""
    flat: bool = False
    """Whether one on top of another of its kind stands on that one's lower link."""
    numbers: t.Mapping[int, str] = field(default_factory=dict)
    """The attributes of IFLA_INFO_DATA behind its options, by number, where each of them is read as a number."""
    unique: bool = False
    """Whether another one with the same options can't be made beside it, so that one that goes has to go first."""


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


def _is_ipv6(address: t.Any) -> bool:
    """Tunnels can't change the family of their ends (drivers/net/vxlan/vxlan_core.c, vxlan_nl2conf)."""
    return ":" in str(address)


def _is_passthru(mode: t.Any) -> bool:
    """drivers/net/macvlan.c, macvlan_changelink: neither to nor from it."""
    return bool(mode == "passthru")


def _follows(attributes: t.Mapping[str, t.Any]) -> bool:
    """A bridge that isn't the root of its spanning tree shows the root's times (net/bridge/br_stp.c,
    br_record_config_timeout_values)."""
    return bool(attributes.get("IFLA_BR_ROOT_ID") != attributes.get("IFLA_BR_BRIDGE_ID"))


def _rearranges(attributes: t.Mapping[str, t.Any]) -> bool:
    """While its spanning tree changes, a bridge forgets sooner, and shows that (br_stp.c, __br_set_topology_change)."""
    return bool(attributes.get("IFLA_BR_TOPOLOGY_CHANGE"))


MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}
IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}
BOND_MODES = {
    "balance-rr": 0,
    "active-backup": 1,
    "balance-xor": 2,
    "broadcast": 3,
    "802.3ad": 4,
    "balance-tlb": 5,
    "balance-alb": 6,
}
BOND = "bond"
MODES = {"macvlan": MACVLAN_MODES, "ipvlan": IPVLAN_MODES, BOND: BOND_MODES}
XMIT_HASH_POLICIES = {"layer2": 0, "layer3+4": 1, "layer2+3": 2, "encap2+3": 3, "encap3+4": 4, "vlan+srcmac": 5}
LACP_RATES = {"slow": 0, "fast": 1}
AD_SELECTS = {"stable": 0, "bandwidth": 1, "count": 2}
VLAN_PROTOCOLS = {"802.1q": 0x8100, "802.1ad": 0x88A8}

_macvlan_mode = _names(MACVLAN_MODES)
_ipvlan_mode = _names(IPVLAN_MODES)
_vlan_protocol = _names(VLAN_PROTOCOLS)

KINDS: dict[str, LinkKind] = {
    "veth": LinkKind(pair=True, feature="CONFIG_VETH, module veth"),
    "bridge": LinkKind(
        {
            "ageing_time": Option("IFLA_BR_AGEING_TIME", _hundredths, _seconds, hidden=_rearranges),
            "forward_delay": Option("IFLA_BR_FORWARD_DELAY", _hundredths, _seconds, hidden=_follows),
            "hello_time": Option("IFLA_BR_HELLO_TIME", _hundredths, _seconds, hidden=_follows),
            "max_age": Option("IFLA_BR_MAX_AGE", _hundredths, _seconds, hidden=_follows),
            "priority": Option("IFLA_BR_PRIORITY"),
            "stp": Option("IFLA_BR_STP_STATE", int, _flag),
            "vlan_filtering": Option("IFLA_BR_VLAN_FILTERING", int, _flag, default=False),
        },
        feature="CONFIG_BRIDGE, module bridge",
        mtu_of_ports=True,
        numbers={
            1: "IFLA_BR_FORWARD_DELAY",
            2: "IFLA_BR_HELLO_TIME",
            3: "IFLA_BR_MAX_AGE",
            4: "IFLA_BR_AGEING_TIME",
            5: "IFLA_BR_STP_STATE",
            6: "IFLA_BR_PRIORITY",
            7: "IFLA_BR_VLAN_FILTERING",
            10: "IFLA_BR_ROOT_ID",
            11: "IFLA_BR_BRIDGE_ID",
            14: "IFLA_BR_TOPOLOGY_CHANGE",
        },
    ),
    BOND: LinkKind(
        {
            "ad_select": Option("IFLA_BOND_AD_SELECT", *_names(AD_SELECTS), rest="down"),
            "arp_interval": Option("IFLA_BOND_ARP_INTERVAL", default=0),
            "arp_ip_target": Option("IFLA_BOND_ARP_IP_TARGET", list, tuple, default=(), unset=()),
            "downdelay": Option("IFLA_BOND_DOWNDELAY", default=0, turn=2),
            "lacp_rate": Option("IFLA_BOND_AD_LACP_RATE", *_names(LACP_RATES), default="slow", rest="down"),
            "miimon": Option("IFLA_BOND_MIIMON"),
            "min_links": Option("IFLA_BOND_MIN_LINKS"),
            "mode": Option("IFLA_BOND_MODE", *_names(BOND_MODES), rest="bare", turn=0),
            "primary": Option("IFLA_BOND_PRIMARY", names_port=True, unset=""),
            "updelay": Option("IFLA_BOND_UPDELAY", default=0, turn=2),
            "xmit_hash_policy": Option("IFLA_BOND_XMIT_HASH_POLICY", *_names(XMIT_HASH_POLICIES)),
        },
        feature="CONFIG_BONDING, module bonding",
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
        mtu_follows="cap",
        state_follows=True,
        unique=True,
    ),
    "vxlan": LinkKind(
        {
            "dstport": Option("IFLA_VXLAN_PORT", live=False),
            "id": Option("IFLA_VXLAN_ID", live=False),
            "learning": Option("IFLA_VXLAN_LEARNING", int, _flag),
            "local": Option("IFLA_VXLAN_LOCAL", str, str, part=_is_ipv6),
            "remote": Option("IFLA_VXLAN_GROUP", str, str, part=_is_ipv6),
            "ttl": Option("IFLA_VXLAN_TTL"),
        },
        needs=("id",),
        lower="maybe",
        feature="CONFIG_VXLAN, module vxlan",
        lower_option=("IFLA_VXLAN_LINK", 3),  # the kernel ignores IFLA_LINK
        overhead=50,
        unique=True,
    ),
    "macvlan": LinkKind(
        {"mode": Option("IFLA_MACVLAN_MODE", *_macvlan_mode, part=_is_passthru)},
        lower="always",
        feature="CONFIG_MACVLAN, module macvlan",
        mtu_follows="cap",
        takes_lower=True,
        flat=True,
    ),
    "ipvlan": LinkKind(
        {"mode": Option("IFLA_IPVLAN_MODE", *_ipvlan_mode)},
        lower="always",
        feature="CONFIG_IPVLAN, module ipvlan",
        arp=False,
        mtu_follows="copy",
        takes_lower=True,
        flat=True,
    ),
    "vrf": LinkKind(
        {"table": Option("IFLA_VRF_TABLE", live=False)},
        needs=("table",),
        feature="CONFIG_NET_VRF, module vrf",
        unique=True,
    ),
}

FALLBACK_TUNNELS = {
    "tunl0": "ipip",
    "gre0": "gre",
    "gretap0": "gretap",
    "erspan0": "erspan",
    "sit0": "sit",
    "ip6tnl0": "ip6tnl",
    "ip6gre0": "ip6gre",
    "ip_vti0": "vti",
    "ip6_vti0": "vti6",
}
"""What the kernel itself puts into each namespace once the module of such tunnels is loaded, and its kind. It accepts a
request to delete one, and leaves it there (net/ipv4/ip_tunnel.c, ip_tunnel_dellink, and its like)."""

_IPV6_OVERHEAD = 20
"""By which the outer header of a tunnel over IPv6 is longer than one over IPv4."""


def real_lower(find: t.Callable[[Key], t.Any], kind: str | None, lower: tuple[str, str]) -> tuple[str, str]:
    """The link that one of this kind really stands on: on top of another macvlan, that one's lower link.

    `find` gives the record of a key (drivers/net/macvlan.c, macvlan_dev_real_dev; ipvlan_main.c, ipvlan_link_new).
    """
    seen = {lower}
    while kind in KINDS and KINDS[str(kind)].flat:
        link = find(("link", *lower))
        if not isinstance(link, Link) or link.kind != kind or link.lower is None or link.lower in seen:
            break
        lower = link.lower
        seen.add(lower)
    return lower


def most_mtu(kind: str, options: t.Iterable[tuple[str, t.Any]] | None, lower: int) -> int:
    """The greatest MTU on top of a lower link with this one; what a new link gets where none is asked for."""
    row = KINDS[kind]
    ends = [value for name, value in options or () if name in ("local", "remote")]
    longer = _IPV6_OVERHEAD if row.overhead and any(_is_ipv6(end) for end in ends) else 0
    return max(lower - row.overhead - longer, row.least_mtu)


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


def to_ask(kind: str, options: t.Iterable[tuple[str, t.Any]]) -> list[tuple[str, t.Any]]:
    """The options that a new link of this kind has to be asked for; it has no ports yet."""
    table = KINDS[kind].options
    return [(name, value) for name, value in options if value != table[name].default and not table[name].names_port]


def attributes(kind: str, info_data: bytes | None) -> t.Mapping[str, t.Any]:
    """IFLA_INFO_DATA by name. Plain numbers are read without pyroute2, whose import takes longer than a look at a
    lab."""
    if KINDS[kind].numbers:
        return decode.numbers(info_data, KINDS[kind].numbers)
    from .._kernel import codec

    return codec.decode_options(kind, info_data)


def read_back(
    kind: str,
    attributes: t.Mapping[str, t.Any],
    names: t.Mapping[int, str],
    asked: t.Iterable[tuple[str, t.Any]] = (),
) -> tuple[tuple[str, t.Any], ...]:
    """The options that these attributes of IFLA_INFO_DATA (name to value) mean, sorted by name.

    `names` are those of the links in the same namespace, by index. What the kernel hides for now stands as it is
    `asked`, for all that anybody can tell, and isn't there if it isn't asked.
    """
    found: dict[str, t.Any] = {}
    for name, option in KINDS[kind].options.items():
        if option.hidden(attributes):
            found.update((other, value) for other, value in asked if other == name)
            continue
        value = attributes.get(option.attribute)
        if value is None:
            value = attributes.get(option.attribute + IPV6_SUFFIX)
        if value is None:
            value = option.unset
        else:
            value = names.get(int(value), "") if option.names_port else option.read(value)
        if value is not None:
            found[name] = value
    return tuple(sorted(found.items()))


def lower_index(row: decode.LinkRow) -> int:
    """The index of the link that this one stands on; 0: none, or nobody knows the kind."""
    kind = KINDS.get(row.kind)
    if kind is None or kind.lower == "never":
        return 0
    return row.link if kind.lower_option is None else decode.number_in(row.info_data, kind.lower_option[1])

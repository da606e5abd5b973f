# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What decides over packets in a namespace besides its routes: policy rules that somebody added, tables of nftables.

Called where it is told, not where it is changed. See ip-rule(8) and linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import os
import socket

from . import decode, netlink, policy
from .errors import KernelError
from .visit import Visit

_USUAL = {(0, 255), (32766, 254), (32767, 253)}
"""Priority and table of the rules that the kernel makes itself (net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c)."""
_NETLINK_NETFILTER = 12
_GET_TABLE = 10 << 8 | 1
"""NFNL_SUBSYS_NFTABLES, NFT_MSG_GETTABLE."""
_TABLE_NAME = 1
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}


def seen(visit: Visit) -> list[str]:
    """What there is in the namespace that the visit is in, each in a few words. Raises KernelError."""
    found = []
    added = [
        rule
        for rule in policy.read_rules(visit.socket())
        if (rule.priority, rule.table) not in _USUAL and not rule.is_vrf
    ]
    if added:
        found.append(f"{len(added)} policy rule{'s' if len(added) > 1 else ''}")
    return found + [f"the nftables table {table}" for table in _nftables()]


def _nftables() -> list[str]:
    """The tables of nftables, by family and name. Asking for them would load the module, so where it isn't loaded there
    are none."""
    if not os.path.exists("/sys/module/nf_tables") and os.path.exists("/proc/modules"):
        return []
    try:
        with netlink.Socket(_NETLINK_NETFILTER) as link:
            bodies = link.dump(netlink.request(_GET_TABLE, bytes((socket.AF_UNSPEC, 0, 0, 0))))
    except KernelError:
        return []  # a kernel without it
    found = []
    for body in bodies:
        name = next(
            (body[start:stop] for number, start, stop in decode.attributes(body, 4) if number == _TABLE_NAME), b""
        )
        found.append(f"{_FAMILIES.get(body[0], body[0])} {name.rstrip(bytes(1)).decode('utf-8', 'replace')}")
    return found

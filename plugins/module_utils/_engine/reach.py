# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the kernel will take a lent link's route again: addresses may have expired, and with them what it needs.

Called by `lending`. Pure. What the kernel asks for: net/ipv4/fib_semantics.c, fib_check_nh; net/ipv6/route.c,
ip6_validate_gw.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .._kernel import decode
from .records import Address, Route, Want

_KERNEL = 2
"""RTPROT_KERNEL."""
_MAIN = 254

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def of_subnet(address: decode.AddressRow, routes: t.Iterable[decode.RouteRow]) -> decode.RouteRow | None:
    """The route to the subnet of an address for which the kernel was told to make none, and that looks as if it had:
    NetworkManager and systemd-networkd make it, with a metric of their own. None where there is no such route.

    It counts as the kernel's, so nobody keeps it for its own sake.
    """
    if not address.flags & decode.IFA_F_NOPREFIXROUTE:
        return None
    subnet = str(_subnet(address))
    sources = (address.local, None) if ":" in address.local else (address.local,)
    for route in routes:
        is_its = route.dst == subnet and route.prefsrc in sources
        alone = [hop for hop in route.hops if hop[0] is None and hop[1] == address.index]
        if is_its and route.protocol == _KERNEL and route.table == _MAIN and len(alone) == len(route.hops) == 1:
            return route
    return None


class Reach:
    """What can be reached over a link, called `link`, by the addresses and routes that it is given back."""

    def __init__(self, link: str, had: t.Container[str], want: Want, routes: t.Iterable[Route]) -> None:
        """`had` are the addresses that it had, and `routes` those; `want` holds the addresses that it shall have."""
        self._link = link
        self._had = had
        rows = [
            decode.addresses([record.kept.body])[0]
            for record in want.values()
            if isinstance(record, Address) and record.kept is not None
        ]
        self._locals = {row.local for row in rows}
        self._networks: list[Network] = [_subnet(row) for row in rows if not row.flags & decode.IFA_F_NOPREFIXROUTE]
        for route in routes:
            if route.kept is not None and all(hop.via is None for hop in route.hops or ()) and not self._source(route):
                (row,) = decode.routes([route.kept.body])
                self._networks.append(ipaddress.ip_network(row.dst))

    def lacks(self, route: Route) -> str:
        """Why the kernel wouldn't take it, in words; empty where it will."""
        if expired := self._source(route):
            return expired
        for hop in route.hops or ():
            if hop.dev != self._link or hop.via is None or route.onlink:
                continue
            gateway = ipaddress.ip_address(hop.via)
            if not gateway.is_link_local and not any(gateway in network for network in self._networks):
                return f"nothing leads to its gateway {hop.via} any more"
        return ""

    def _source(self, route: Route) -> str:
        if route.source and route.source in self._had and route.source not in self._locals:
            return f"its source address {route.source} has expired"
        return ""


def _subnet(row: decode.AddressRow) -> Network:
    return ipaddress.ip_network(f"{row.peer or row.local}/{row.prefixlen}", strict=False)

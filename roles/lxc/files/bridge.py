# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows from a bridge's address, as JSON: network, netmask and range of DHCP. Run on the machine by the role.

Arguments: the bridge's name, its address with prefix length, and the range ("first,last") or nothing. What is wrong is
said on standard error.
"""

import ipaddress
import json
import re
import sys


def main(name: str, address: str, dhcp_range: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}", name):
        sys.exit(f"lxc_bridge_name: {name!r} can't be a link's name: that is 1 to 15 letters, digits, '.', '_' and '-'")
    try:
        own = ipaddress.IPv4Interface(address)
    except ValueError:
        sys.exit(f"lxc_bridge_address: {address!r} is no IPv4 address with prefix length, such as 10.0.3.1/24")
    network = own.network
    if network.prefixlen > 29 or own.ip in (network.network_address, network.broadcast_address):
        sys.exit(f"lxc_bridge_address: {address} leaves no addresses for containers, or is none for a host")
    first, last = network.network_address + 1, network.broadcast_address - 1
    if own.ip == first:
        first += 1
    elif own.ip == last:
        last -= 1
    if dhcp_range:
        try:
            first, last = (ipaddress.IPv4Address(word.strip()) for word in dhcp_range.split(","))
        except ValueError:
            sys.exit(f"lxc_bridge_dhcp_range: {dhcp_range!r} is not two IPv4 addresses with a comma between")
        if first not in network or last not in network or first > last:
            sys.exit(f"lxc_bridge_dhcp_range: {dhcp_range} is no range in {network}, the first address first")
    answer = {
        "address": str(own.ip),
        "netmask": str(network.netmask),
        "network": str(network),
        "range": f"{first},{last}",
        "count": int(last) - int(first) + 1,
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 addresses that aren't in use yet. Called where the kernel refuses one as the source address of a route.

A new address is tentative until no neighbour has claimed it, which takes a second or two (RFC 4862 section 5.4). Also
without that check it is so until the kernel has noticed, in a thread of its own, that the link has a carrier
(net/ipv6/addrconf.c, addrconf_dad_begin and addrconf_notify; net/core/link_watch.c): a matter of milliseconds.
"""

from __future__ import annotations

import socket
import time

from . import decode, netlink

IFA_F_DADFAILED = 0x08
IFA_F_TENTATIVE = 0x40

PATIENCE = 5.0
"""Seconds. One question to the neighbours takes up to two: a random second before it, and one for the answers."""
_POLL = 0.003


def settles(channel: netlink.Socket, address: str, patience: float = PATIENCE) -> bool:
    """Wait until an address of the socket's namespace isn't tentative; whether it came to that.

    False at once where there is no such address, or a neighbour has it. Raises KernelError.
    """
    deadline = time.monotonic() + patience
    while True:
        rows = decode.addresses(channel.dump(netlink.address_dump_request(socket.AF_INET6)))
        flags = [row.flags for row in rows if row.local == address]
        if any(not some & IFA_F_TENTATIVE for some in flags):
            return True  # at the first look, too: it may have been when the kernel refused
        if not flags or any(some & IFA_F_DADFAILED for some in flags) or time.monotonic() > deadline:
            return False
        time.sleep(_POLL)

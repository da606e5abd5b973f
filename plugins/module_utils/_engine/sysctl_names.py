# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sysctls a namespace may be given, and their one spelling."""

from __future__ import annotations

import re

from .errors import LabError, show

PER_NAMESPACE = (
    "net/ipv4/",
    "net/ipv6/",
    "net/bridge/bridge-nf-",
    "net/core/rmem_default",
    "net/core/rmem_max",
    "net/core/somaxconn",
    "net/core/txrehash",
    "net/core/wmem_default",
    "net/core/wmem_max",
    "net/core/xfrm_",
    "net/mpls/",
    "net/mptcp/",
    "net/netfilter/nf_conntrack_",
    "net/sctp/",
    "net/unix/max_dgram_qlen",
    "net/vrf/",
)
"""What a namespace has of its own. Where a kernel doesn't (``net/core`` before 6.9), it hides the name inside."""

FORWARDING = {
    "net/ipv4/ip_forward": "ipv4",
    "net/ipv4/conf/all/forwarding": "ipv4",
    "net/ipv6/conf/all/forwarding": "ipv6",
}
"""The switches of a family, by name."""

_MACHINE_WIDE = re.compile(
    r"net/netfilter/nf_conntrack_(?:max|buckets|expect_max|count)"  # global before 5.13, then read-only inside
    r"|net/ipv4/tcp_allowed_congestion_control"  # the same
    r"|net/ipv[46]/neigh/default/gc_.*"  # the garbage collector's, one for the machine
)
_ACTIONS = ("net/ipv4/route/flush", "net/ipv6/route/flush")
_SAME = {"net/ipv4/conf/all/forwarding": "net/ipv4/ip_forward"}
"""Two names of one variable; with both in a lab the later write would undo the earlier."""


def sysctl_name(text: str) -> str:
    """The name with slashes, as under /proc/sys. As in sysctl(8), the first separator tells which of the two it is, so
    ``net/ipv4/conf/eth0.5/forwarding`` names the link ``eth0.5``. Raises `LabError` for what isn't per namespace."""
    first = re.search(r"[./]", text)
    name = text.replace(".", "\0").replace("/", ".").replace("\0", "/") if first and first.group() == "." else text
    parts = name.split("/")
    if not text.isprintable() or " " in text or len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise LabError(f"{show(text)}: expected the name of a sysctl, like net.ipv4.ip_forward")
    if parts[0] != "net" or _MACHINE_WIDE.fullmatch(name):
        raise LabError(
            f"{show(text)}: this would change the whole machine, not only the namespace (ansible.posix.sysctl does)"
        )
    if name in _ACTIONS:
        raise LabError(f"{show(text)}: this is an action, not a setting")
    if not name.startswith(PER_NAMESPACE):
        known = ", ".join(sorted({"net." + prefix.split("/")[1] for prefix in PER_NAMESPACE}))
        raise LabError(
            f"{show(text)}: not known to belong to the namespace alone (some such settings change the whole machine); "
            f"allowed are certain names of {known}"
        )
    return _SAME.get(name, name)


def sysctl_value(value: str | int) -> str:
    """The value as the kernel shows it, white space folded."""
    return " ".join(str(value).split())


def link_of(name: str) -> str | None:
    """The link that a sysctl (with slashes) is about, or None."""
    found = re.fullmatch(r"net/(?:ipv4|ipv6|mpls)/(?:conf|neigh)/([^/]+)/.+", name)
    return found.group(1) if found and found.group(1) not in ("all", "default") else None

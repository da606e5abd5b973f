# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does to sysctls when a link or another sysctl changes. Pure: only a `State` is changed.

Called by `effects`, and by the resource of sysctls. Sources: net/ipv4/devinet.c, net/ipv6/addrconf.c.
"""

from __future__ import annotations

from dataclasses import replace

from .records import Key, Sysctl
from .state import State
from .sysctl_names import link_of


def of_link(state: State, ns: str, link: str, family: str = "") -> list[tuple[Key, Sysctl]]:
    """The sysctls of one link, of both families or of one."""
    return [
        (key, record)
        for key, record in state.of(ns, "sysctl")
        if link_of(key[2]) == link and (not family or key[2].startswith(f"net/{family}/"))
    ]


def promotes(state: State, ns: str, link: str) -> bool:
    """Whether a secondary address outlives its primary one: the greater value of all and the link counts.

    Where neither is known it is as the kernel has it from the start.
    """
    names = (f"net/ipv4/conf/{name}/promote_secondaries" for name in ("all", link))
    records = (state.get(("sysctl", ns, name)) for name in names)
    return any(isinstance(record, Sysctl) and record.value == "1" for record in records)


def forwarding_set(state: State, ns: str, family: str, value: str) -> None:
    """The switch of a family sets ``forwarding`` of all, of default and of every link.

    That of IPv4 also sets ``accept_redirects`` of all to the opposite (inet_forward_change). Writing what stands
    already does nothing.
    """
    head = f"net/{family}/conf/"
    for key, record in state.of(ns, "sysctl"):
        name = key[2]
        if name.startswith(head) and name.endswith("/forwarding"):
            state.put(key, replace(record, value=value))
        elif family == "ipv4" and name == f"{head}all/accept_redirects":
            state.put(key, replace(record, value=str(int(value == "0"))))
        elif family == "ipv4" and name == "net/ipv4/ip_forward":
            state.put(key, replace(record, value=value))


def default_set(state: State, ns: str, name: str, old: str | None) -> None:
    """IPv4 hands a new default on to every link that was never set itself (devinet_copy_dflt_conf).

    Which ones these are can't be seen: of those that have the old value nobody knows what they have now.
    """
    head, middle, tail = name.partition("/conf/default/")
    if head != "net/ipv4" or not middle:
        return
    for key, record in state.of(ns, "sysctl"):
        link = link_of(key[2])
        if link is not None and key[2] == f"{head}/conf/{link}/{tail}" and (old is None or record.value == old):
            state.drop(key)


def renamed(state: State, ns: str, old: str, new: str) -> None:
    """A link keeps its sysctls under its new name."""
    for key, record in of_link(state, ns, old):
        state.drop(key)
        parts = key[2].split("/")
        state.put(("sysctl", ns, "/".join([*parts[:3], new, *parts[4:]])), record)


def gone(state: State, ns: str, link: str, family: str = "") -> None:
    """The sysctls of a link end with it, or with one family on it."""
    for key, _record in of_link(state, ns, link, family):
        state.drop(key)

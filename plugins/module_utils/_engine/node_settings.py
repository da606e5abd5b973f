# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for a node once defaults, groups and its kind are taken together, and the records that follow from it."""

from __future__ import annotations

import typing as t

from .errors import Problems, below, show
from .records import Sysctl
from .sysctl_names import sysctl_value

KIND_SYSCTLS: dict[str, dict[str, str]] = {
    kind: {
        "net/ipv4/ip_forward": forwarding,
        "net/ipv6/conf/all/forwarding": forwarding,
        "net/ipv4/conf/all/rp_filter": "0",
        "net/ipv4/conf/default/rp_filter": "0",
        "net/ipv4/conf/all/promote_secondaries": "1",
        "net/ipv6/conf/default/accept_dad": "0",
    }
    for kind, forwarding in (("host", "0"), ("router", "1"), ("switch", "0"), ("container", "0"))
}
"""A new namespace inherits IPv4's settings from the machine (net/ipv4/devinet.c, ``devinet_init_net``), so a lab would
differ from one machine to the next. Forwarding comes first because it sets others. Without duplicate address detection
an IPv6 address works at once; new links take this from ``default``. Each line costs a write per node."""

_RECORDS: dict[tuple[str, str], tuple[str, Sysctl]] = {}
"""Sysctl records by name and value: most nodes have the same."""


def sysctls(kind: str, wanted: t.Mapping[str, str | int] | None) -> list[tuple[str, Sysctl]]:
    """The sysctls of a node, in the order in which they are written."""
    values = KIND_SYSCTLS[kind]
    if wanted:
        values = {**values, **{name: sysctl_value(value) for name, value in wanted.items()}}
    found = []
    for item in values.items():
        record = _RECORDS.get(item)
        if record is None:
            record = _RECORDS[item] = (item[0], Sysctl(item[1]))
        found.append(record)
    return found


def merge(far: dict[str, t.Any], near_: dict[str, t.Any]) -> dict[str, t.Any]:
    """Settings in which `near_` wins: mappings are merged, all else is replaced."""
    if not far:
        return near_
    result = dict(far)
    for key, value in near_.items():
        old = far.get(key)
        result[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


class Layers:
    """Defaults and groups of a lab, and what a node gets from them."""

    def __init__(self, defaults: dict[str, t.Any] | None, groups: dict[str, t.Any] | None, problems: Problems) -> None:
        self._defaults = defaults or {}
        self._groups = groups or {}
        self._problems = problems
        self._merged: dict[tuple[str, ...], dict[str, t.Any]] = {(): self._defaults}

    def settings(self, name: str, node: dict[str, t.Any]) -> dict[str, t.Any]:
        """All settings of a node. Unknown groups are put into the problems."""
        named = node.get("groups")
        if not named:
            return merge(self._defaults, node)
        groups = tuple(group for group in named if group is not None)
        below = self._merged.get(groups)
        if below is None:
            below = self._defaults
            for group in groups:
                below = merge(below, self._groups.get(group) or {})
            self._merged[groups] = below
        for index, group in enumerate(named):
            if group is not None and group not in self._groups:
                from .walk import near

                known = f"there are {', '.join(self._groups)}" if self._groups else "the lab has no groups"
                self._problems.add(
                    ((((None, "nodes"), name), "groups"), index),
                    f"{show(group)}: no such group{near(group, self._groups)} ({known})",
                )
        return merge(below, node)


def source(given: t.Mapping[str, t.Any], name: str, key: str) -> str:
    """The path of the place in a lab file that a setting of a node comes from. For lists, which aren't merged."""
    node = given["nodes"][name] or {}
    if key in node:
        return below(below("nodes", name), key)
    for group in reversed(node.get("groups") or ()):
        if key in ((given.get("groups") or {}).get(group) or {}):
            return below(below("groups", group), key)
    return f"defaults.node.{key}"

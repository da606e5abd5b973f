# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Control groups as LXC uses them: which version has which controller, the keys of limits, and what LXC leaves behind.

See cgroups(7). On a machine with both versions each controller is in one of them only.
"""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from .._kernel import groups
from .._kernel.groups import hierarchies, of_first

_PERIOD = 100000
"""Microseconds over which the share of a processor is counted: the kernel's default (cpu.max)."""


class Limit(t.NamedTuple):
    """The keys of one limit: for version 2, and for version 1, which writes -1 where version 2 has ``max``."""

    controller: str
    unified: str
    legacy: str


LIMITS = {
    "memory": Limit("memory", "lxc.cgroup2.memory.max", "lxc.cgroup.memory.limit_in_bytes"),
    "cpus": Limit("cpu", "lxc.cgroup2.cpu.max", "lxc.cgroup.cpu.cfs_quota_us"),
    "pids": Limit("pids", "lxc.cgroup2.pids.max", "lxc.cgroup.pids.max"),
    "cpuset": Limit("cpuset", "lxc.cgroup2.cpuset.cpus", "lxc.cgroup.cpuset.cpus"),
}
KEYS = tuple(key for limit in LIMITS.values() for key in (limit.unified, limit.legacy)) + (
    "lxc.cgroup.cpu.cfs_period_us",
)
"""All keys that `lines` can give."""


def legacy_controllers() -> set[str]:
    """The controllers that are in a hierarchy of version 1; empty on a machine that has only version 2."""
    found: set[str] = set()
    for _place, kind, options in hierarchies():
        if kind == "cgroup":
            found.update(options)
    return found


def lines(limits: t.Mapping[str, t.Any], legacy: t.Container[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """By key, what shall stand under it: the given limits, in the version of their controller, and no others."""
    found: dict[str, tuple[tuple[str, str], ...]] = dict.fromkeys(KEYS, ())
    for name, limit in LIMITS.items():
        value = limits.get(name)
        if value is None:
            continue
        old = limit.controller in legacy
        key = limit.legacy if old else limit.unified
        if name == "cpus":
            quota = round(float(value) * _PERIOD)
            found[key] = ((key, str(quota) if old else f"{quota} {_PERIOD}"),)
            if old:
                found["lxc.cgroup.cpu.cfs_period_us"] = (("lxc.cgroup.cpu.cfs_period_us", str(_PERIOD)),)
        else:
            found[key] = ((key, "-1" if old and value == "max" else str(value)),)
    return found


def _bases() -> list[str]:
    """The directories below which LXC makes its groups: in each hierarchy that of process 1."""
    own = of_first()
    found: dict[str, None] = {}
    for place, kind, options in hierarchies():
        names = options if kind == "cgroup" else [""]
        for path in {own[name] for name in names if name in own} | {"/"}:
            found[os.path.normpath(place + path)] = None
    return list(found)


def tidy(names: t.Iterable[str]) -> None:
    """Take away empty groups that LXC left of these containers, and its ``lxc.pivot`` where no container is left.

    LXC leaves the group of a monitor whose start failed, for the monitor itself is still in it then, and ``lxc.pivot``,
    into which monitors step aside, always. Where a group of the name stands it takes the next number, as in
    ``lxc.payload.web-1``. The kernel refuses to remove a group in which something runs.
    """
    either = "|".join(re.escape(name) for name in names)
    own = re.compile(rf"lxc\.(payload|monitor)\.({either})(-[0-9]+)?")
    for base in _bases():
        with contextlib.suppress(OSError):
            for entry in os.listdir(base):
                if own.fullmatch(entry):
                    _remove(os.path.join(base, entry))
            left = [entry for entry in os.listdir(base) if entry.startswith(("lxc.monitor.", "lxc.payload."))]
            if not left:
                _remove(os.path.join(base, "lxc.pivot"))


def _remove(path: str) -> None:
    """A group and the groups in it, unless something runs in one: then they are another container's, as those of
    ``web-1`` are to ``web``."""
    if not os.path.isdir(path) or groups.members(path):
        return
    for folder, _folders, _files in os.walk(path, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)

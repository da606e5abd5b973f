# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `netns`."""

from __future__ import annotations

import typing as t

from .._engine import objects_netns
from .converged import converge, leave
from .readable import readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> None:
    """Called by the module."""
    with readable(module):
        outcome = converge(module, objects_netns.netns(module.params))
        extra: dict[str, t.Any] = {}
        if module.params["state"] == "absent":
            name = module.params["name"]
            extra["processes"] = _processes(outcome.ended.get(name, ()), "ended")
            extra["processes"] += _processes(outcome.held.get(name, ()), "left")
        leave(module, outcome, netns=objects_netns.netns_result(module.params, outcome.after), **extra)


def _processes(some: t.Iterable[t.Any], outcome: str) -> list[dict[str, t.Any]]:
    return [{"pid": p.pid or None, "command": p.command, "why": p.why, "outcome": outcome} for p in some]

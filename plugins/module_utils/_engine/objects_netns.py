# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module `netns` asks for: options to `Request`, and the state back to its result. Pure.

Apart from `objects`, because it is the module that is called most often, and needs the least.
"""

from __future__ import annotations

import typing as t

from . import names
from .asking import Asking, Options
from .records import File, Link, Namespace, Occupants, Request, Sysctl
from .state import State
from .sysctl_names import sysctl_name, sysctl_value


def netns(options: Options) -> Request:
    """Options of the module `netns`."""
    asking = Asking(options)
    ns = options["name"]
    asking.checked("name", names.namespace_name, ns)
    files = {name: asking.checked(f"etc.{name}", names.file_name, str(name)) for name in options.get("etc") or {}}
    if options["state"] == "absent":
        asking.ask(("namespace", ns), None, "name")
        policy = Occupants(options["processes"], options["holders"], options["kill_timeout"])
        asking.ask(("occupants", ns), policy, "processes")
        for name in files:
            asking.ask(("file", ns, name), None, f"etc.{name}")
        if options["kill_timeout"] < 0:
            asking.problems.add("kill_timeout", f"{options['kill_timeout']}: expected seconds, 0 or more")
        return asking.request()
    nsid = options.get("nsid")
    if nsid is not None and not 0 <= nsid < 2**31:
        asking.problems.add("nsid", f"{nsid}: expected a number from 0 to {2**31 - 1}")
    asking.ask(("namespace", ns), Namespace(nsid=nsid), "name")
    if options["loopback"] is not None:
        asking.ask(("link", ns, "lo"), Link(up=options["loopback"]), "loopback")
    for name, value in (options.get("sysctls") or {}).items():
        path = asking.checked(f"sysctls[{name!r}]", sysctl_name, str(name))
        if path is not None:
            asking.ask(("sysctl", ns, path), Sysctl(sysctl_value(_number(value))), f"sysctls[{name!r}]")
    for name, content in (options.get("etc") or {}).items():
        asking.ask(("file", ns, name), File(str(content)), f"etc.{name}")
    request = asking.request()
    request.glance = True
    return request


def netns_result(options: Options, state: State) -> dict[str, t.Any]:
    """What the module `netns` returns under its own key."""
    ns = options["name"]
    record = state.get(("namespace", ns))
    if record is None:
        return {"name": ns, "state": "absent"}
    lo = state.get(("link", ns, "lo"))
    return {
        "name": ns,
        "state": "present",
        "lab": t.cast(Namespace, record).owner or "",
        "loopback": bool(isinstance(lo, Link) and lo.up),
        "links": sorted(key[2] for key, _link in state.of(ns, "link")),
    }


def _number(value: t.Any) -> t.Any:
    """YAML's ``true`` and ``false`` are 1 and 0 to the kernel."""
    return int(value) if isinstance(value, bool) else value

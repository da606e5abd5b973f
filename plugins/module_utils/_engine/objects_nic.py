# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module `nic` asks for: options to `Request`, and the state back to its result. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import names, objects
from .asking import Asking, Options
from .records import MACHINE, Key, Link, Request
from .state import State

LONGEST = 3600.0
"""Seconds that a loan may wait for its confirmation."""


def nic(options: Options) -> Request:
    """Options of the module `nic`."""
    asking = Asking(options)
    name, ns, problems = options["name"], asking.netns(options), asking.problems
    asking.checked("name", names.link_name, name)
    if name == "lo":
        problems.add("name", "lo: every namespace has a loopback of its own, which stays where it is")
    confirm = options.get("confirm") or 0.0
    if not 0 <= confirm <= LONGEST:
        problems.add("confirm", f"{confirm:g}: expected seconds, at most {LONGEST:g}")
    if options["state"] == "home":
        for option in ("addresses", "keep_config", "confirm"):
            if options.get(option):
                problems.add(option, f"{options[option]}: belongs to a link that is lent, not to `state: home`")
        source = (ns, name) if ns != MACHINE else None
        asking.ask(("link", MACHINE, name), Link(source=source), "name")
        request = asking.request()
        return replace(request, returning={name}, look={ns} if source else set())
    if ns == MACHINE:
        problems.add("netns", "name the namespace that gets it")
    key: Key = ("link", ns, name)
    asking.ask(key, Link(up=options["up"], source=(MACHINE, name)), "name")
    objects.want_addresses(asking, key, options.get("addresses"), "", None)
    keeping = {(ns, name)} if options.get("keep_config") else set()
    request = asking.request()
    if keeping:
        request.complete.clear()  # those that it takes along stay beside those that are listed
    return replace(request, keeping=keeping, confirm=confirm)


def nic_result(options: Options, state: State) -> dict[str, t.Any]:
    """What the module `nic` returns under its own key."""
    lent = options["state"] == "lent"
    found = objects.link_as_it_stands(options.get("netns") if lent else None, options["name"], state)
    if found["state"] == "present":
        found["state"] = options["state"]
    return found

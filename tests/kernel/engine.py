# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the engine on the kernel share: asking it for something, and comparing what stands."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.netns.lab.plugins.module_utils._engine.converge import Outcome, converge
from ansible_collections.netns.lab.plugins.module_utils._engine.effects_ip import subnet
from ansible_collections.netns.lab.plugins.module_utils._engine.observe import observe
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import load
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Key,
    Link,
    Namespace,
    Request,
    Route,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker


def is_incomplete(lab: str) -> bool:
    """Whether a run has written down what it is about to make and hasn't come to its end."""
    entry = load(lab)
    return entry is not None and not entry.complete


def bring_about(want: Want, **options: t.Any) -> Outcome:
    """Check mode, the run, and the run again: the first has to foresee the second, the third has to do nothing."""
    foreseen = converge(Request(dict(want), **options), check=True)
    outcome = converge(Request(dict(want), **options), check=False)
    assert words(foreseen) == words(outcome)
    again = converge(Request(dict(want), **options), check=False)
    assert words(again) == []
    return outcome


def words(outcome: Outcome) -> list[str]:
    """The steps of a run."""
    return [say(step) for step in outcome.plan.steps]


def look(want: Want, also: t.Iterable[str] = ()) -> State:
    """What stands in all namespaces that are wanted, their wanted options and sysctls included."""
    return in_worker(lambda visit: observe(visit, Request(dict(want)), also))


def picture(state: State, want: Want) -> dict[Key, t.Any]:
    """What stands, as far as a want decides it: no index, a MAC address only where it is pinned, and of addresses also
    their order, that of the first ones of their subnets and that within each subnet."""
    found: dict[Key, t.Any] = {}
    for key in state:
        if key[1] == MACHINE or (key[0] == "sysctl" and key not in want):
            continue
        record, wanted = state.get(key), want.get(key)
        if isinstance(record, Link):
            pinned = isinstance(wanted, Link) and wanted.mac is not None
            asked = [name for name, _value in wanted.options or ()] if isinstance(wanted, Link) else []
            options = {name: value for name, value in record.options or () if name in asked}
            record = replace(
                record, mac=record.mac if pinned else None, options=tuple(sorted(options.items())), altnames=()
            )
        elif isinstance(record, Namespace):
            record = replace(record, nsid=None)
        elif isinstance(record, Route):
            record = replace(
                record, protocol=record.protocol or "static", hops=tuple(sorted(map(str, record.hops or ())))
            )
        found[key] = record
    for ns in state.spaces():
        for key, _record in sorted(state.of(ns, "address"), key=lambda pair: pair[1].index):
            if ":" not in key[3] and ns != MACHINE:
                within = found.setdefault(("order", ns, key[2], subnet(key[3])), [])
                if not within:
                    found.setdefault(("first", ns, key[2]), []).append(key[3])
                within.append(key[3])
    return found


def difference(one: dict[Key, t.Any], other: dict[Key, t.Any]) -> list[str]:
    """In words, where two pictures differ."""
    return [f"{key}: {one.get(key)} | {other.get(key)}" for key in {**one, **other} if one.get(key) != other.get(key)]


__all__ = ["Address", "bring_about", "difference", "look", "picture", "words"]

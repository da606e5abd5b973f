# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes in a namespace that goes: ended first, because without its name nobody finds them."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._kernel.procfs import Process
from ..errors import LabError
from ..ground import Ground, named
from ..records import Key, Occupants
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question


class OccupantsKind(Kind):
    """See the module's docstring. Observation is one scan of /proc for all namespaces: see `observe`."""

    kind = "occupants"
    netlink = False

    def __init__(self) -> None:
        self.proposals = ((Phase.CLEAR, self._refuse), (Phase.END, self._end))

    def _refuse(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = t.cast(t.Optional[Occupants], question.state.get(key))
            if want is not None and have is not None and want.processes == "fail" and have.inside:
                raise LabError(
                    f"{len(have.inside)} processes run in namespace {key[1]}: {named(have.inside)}. "
                    "End them, or say `processes: kill`",
                    question.request.origin.get(key, "processes"),
                )
        yield from ()

    def _end(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = t.cast(t.Optional[Occupants], question.state.get(key))
            if want is None or have is None:
                continue
            if to_end(want, have) or have.inside or have.holding:
                yield Step(Phase.END, "end", key, have, want)

    def effect(self, step: Step, state: State) -> None:
        want, have = t.cast(Occupants, step.after), t.cast(Occupants, state.get(step.key))
        holding = () if want.holders == "kill" else have.holding
        inside = () if want.processes == "kill" else have.inside
        if inside or holding:
            state.put(step.key, replace(have, inside=inside, holding=holding))
        else:
            state.drop(step.key)

    def perform(self, step: Step, ground: Ground) -> None:
        want, have = t.cast(Occupants, step.after), t.cast(Occupants, step.before)
        victims = to_end(want, have)
        if victims:
            ground.end(step.key[1], victims, want)
        if len(victims) < len(have.inside) + len(have.holding):
            ground.keep(step.key[1])

    def say(self, step: Step) -> str:
        have = t.cast(Occupants, step.before)
        victims = to_end(t.cast(Occupants, step.after), have)
        if not victims:
            return f"leave {named(have.inside + have.holding)} in {step.key[1]}, which keeps it alive without a name"
        return f"end {len(victims)} process{'es' if len(victims) > 1 else ''} of {step.key[1]}: {named(victims)}"

    def show(self, key: Key, record: Occupants) -> tuple[tuple[str, ...], t.Any]:
        return ("processes",), [f"{process.pid} {process.command}" for process in (*record.inside, *record.holding)]


def to_end(want: Occupants, have: Occupants) -> tuple[Process, ...]:
    """The processes that a removal ends."""
    return (have.inside if want.processes == "kill" else ()) + (have.holding if want.holders == "kill" else ())

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes in a namespace that goes: ended first, because without its name nobody finds them."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..errors import LabError
from ..records import Key, Occupants
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question

if t.TYPE_CHECKING:
    from ..._kernel.procfs import Process
    from ..ground import Ground

_SHOWN = 5


def named(some: t.Sequence[Process]) -> str:
    """Processes in words, the first few of them."""
    shown = ", ".join(f"{process.pid} ({process.command})" if process.pid else process.why for process in some[:_SHOWN])
    rest = len(some) - _SHOWN
    return shown + (f" and {rest} more" if rest > 0 else "")


class Ending(t.NamedTuple):
    """What is to become of the processes of one namespace."""

    victims: t.Sequence[Process]
    policy: Occupants
    spares_some: bool
    """Somebody may go on holding it, so its end isn't waited for."""


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
                several = len(have.inside) > 1
                raise LabError(
                    f"{len(have.inside)} process{'es run' if several else ' runs'} in namespace {key[1]}: "
                    f"{named(have.inside)}. End {'them' if several else 'it'}, or say `processes: kill`",
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
        ground.departure.end(step.key[1])

    def say(self, step: Step) -> str:
        have = t.cast(Occupants, step.before)
        victims = to_end(t.cast(Occupants, step.after), have)
        if not victims:
            return f"leave {named(have.inside + have.holding)} in {step.key[1]}, which keeps it alive without a name"
        return f"end {len(victims)} process{'es' if len(victims) > 1 else ''} of {step.key[1]}: {named(victims)}"

    def show(self, key: Key, record: Occupants) -> tuple[tuple[str, ...], t.Any]:
        return ("occupants",), [f"{process.pid} {process.command}" for process in (*record.inside, *record.holding)]


def foreseen(steps: t.Iterable[Step]) -> tuple[dict[str, list[Process]], dict[str, list[Process]]]:
    """By namespace, the processes that a plan ends, and those that it leaves in a namespace without a name."""
    ended: dict[str, list[Process]] = {}
    held: dict[str, list[Process]] = {}
    for step in steps:
        if step.phase is Phase.END and isinstance(step.before, Occupants):
            victims = to_end(t.cast(Occupants, step.after), step.before)
            ended[step.key[1]] = list(victims)
            held[step.key[1]] = [some for some in (*step.before.inside, *step.before.holding) if some not in victims]
    return ended, held


def to_end(want: Occupants, have: Occupants) -> tuple[Process, ...]:
    """The processes that a removal ends."""
    return (have.inside if want.processes == "kill" else ()) + (have.holding if want.holders == "kill" else ())


def endings(steps: t.Iterable[Step]) -> dict[str, Ending]:
    """By namespace, what the steps of a plan do to its processes."""
    found = {}
    for step in steps:
        if step.phase is Phase.END:
            want, have = t.cast(Occupants, step.after), t.cast(Occupants, step.before)
            victims = to_end(want, have)
            found[step.key[1]] = Ending(victims, want, len(victims) < len(have.inside) + len(have.holding))
    return found

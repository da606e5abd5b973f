# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that are kept running in a namespace. Every module loads this file, so it holds little; the rest is in
`programs` and `program_steps`, loaded for those that have to do with one.
"""

from __future__ import annotations

import typing as t

from ..records import Key, Program
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question

if t.TYPE_CHECKING:
    from ..ground import Ground


class ProcessKind(Kind):
    """See the module's docstring. Observed by `inhabitants`, from the machine's own namespace."""

    kind = "process"
    netlink = False
    side_by_side = True

    def __init__(self) -> None:
        self.proposals = ((Phase.PROCESS, self._bring), (Phase.STOP, self._remove))

    def _bring(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            if want is not None:
                from .. import programs

                yield from programs.bring(question, key, want)

    def _remove(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is None and have is not None:
                yield Step(Phase.STOP, "delete", key, have)

    def effect(self, step: Step, state: State) -> None:
        if step.verb == "delete":
            state.drop(step.key)
        else:
            state.put(step.key, t.cast(Program, step.after))

    def perform(self, step: Step, ground: Ground) -> None:
        from .. import program_steps

        program_steps.perform(step, lambda: ground.visit.is_interrupted)

    def waits(self, step: Step) -> bool:
        return True

    def say(self, step: Step) -> str:
        from .. import programs

        return programs.say(step)

    def show(self, key: Key, record: Program) -> tuple[tuple[str, ...], t.Any]:
        from .. import programs

        return ("processes", key[2]), programs.shown(record)

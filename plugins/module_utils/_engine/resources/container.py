# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LXC containers. Every module loads this file, so it holds little; the rest is in `containers`, loaded for those that
have to do with one.
"""

from __future__ import annotations

import typing as t

from ..records import Container, Key, Wish
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question

if t.TYPE_CHECKING:
    from ..ground import Ground


class ContainerKind(Kind):
    """See the module's docstring. Observation needs the machine's own network namespace: see `observe`.

    Steps of several containers are done side by side, those of one in their order (`apply`).
    """

    kind = "container"
    netlink = False
    side_by_side = True

    def __init__(self) -> None:
        self.proposals = ((Phase.CLEAR, self._clear), (Phase.CONTAINER, self._bring), (Phase.STOP, self._remove))

    def _clear(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is not None and have is not None and have.state == "broken":
                yield Step(Phase.CLEAR, "delete", key, have, why="it was never finished")

    def _bring(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            if want is not None:
                from .. import containers

                yield from containers.bring(question, key, want)

    def _remove(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is None and have is not None:
                leave = Container(wish=Wish(timeout=question.request.grace))
                yield Step(Phase.STOP, "delete", key, have, leave)

    def effect(self, step: Step, state: State) -> None:
        if step.verb == "delete":
            state.drop(step.key)
        else:
            state.put(step.key, t.cast(Container, step.after))

    def perform(self, step: Step, ground: Ground) -> None:
        from .. import container_steps

        container_steps.perform(step)

    def waits(self, step: Step) -> bool:
        """Shutdowns are waiting."""
        stops = isinstance(step.after, Container) and step.after.state == "stopped" and step.fields == ("state",)
        return step.phase is Phase.STOP or stops

    def afterwards(self, steps: t.Sequence[Step]) -> None:
        """Clear up behind steps that were done side by side."""
        from .. import container_steps

        container_steps.tidy(steps)

    def say(self, step: Step) -> str:
        from .. import containers

        return containers.say(step)

    def show(self, key: Key, record: Container) -> tuple[tuple[str, ...], t.Any]:
        from .. import containers

        return ("containers", key[3]), containers.shown(record)

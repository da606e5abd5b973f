# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing a plan: step by step in its order, netlink requests in batches that never span an index not yet confirmed."""

from __future__ import annotations

import errno
import os
import typing as t

from .._kernel.errors import KernelError
from .errors import LabError
from .ground import Ground
from .plan import Plan, say
from .records import MACHINE
from .resources import BY_KIND
from .resources.address import LOOPBACK
from .steps import POINT_OF_NO_RETURN, Phase, Step

_GONE_ALREADY = frozenset({errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL})
"""What the kernel says to a delete of something that isn't there: as good as done."""
_MAY_STAND = frozenset({"address", "route"})
"""Kinds of which a step may bring back what an earlier one was foreseen to take along, and which still stands: not all
that the kernel goes by can be seen (of a bridge, whether its MTU was ever set). The second look sees to the rest."""
_MAX_MESSAGES = 120
_MAX_OPEN_FILES = 64


class StepFailed(LabError):
    """A step that the kernel refused; what went before it has been done."""

    def __init__(self, number: int, steps: t.Sequence[Step], reason: str) -> None:
        self.step = step = steps[number]
        self.is_first = number == 0
        super().__init__(f"step {number + 1} of {len(steps)}, {say(step)}: {reason}")
        self.can_go_back = all(step.phase < POINT_OF_NO_RETURN for step in steps[: number + 1])
        """Whether everything before it can be put back."""


class Fault:
    """Where a test wants the run to fail, once. In production code `at` is always None."""

    at: int | None = None
    """Before the step of this number (from 0), counted through all rounds of the run."""
    kill: bool = False
    """End the process there as `kill -9` would, rather than fail."""

    @classmethod
    def strikes(cls) -> bool:
        """To be asked before each step."""
        if cls.at is None:
            return False
        cls.at -= 1
        if cls.at >= 0:
            return False
        cls.at = None
        return True


def apply(plan: Plan, ground: Ground) -> None:
    """Do every step. Raises StepFailed at the first one that fails, with everything before it done."""
    new = sum(step.phase is Phase.NAMESPACE and step.verb == "create" for step in plan.steps)
    with ground.visit.many_new(new):
        _Run(plan, ground).go()


class _Run:
    """The batch that is being gathered, and the place where it will be sent."""

    def __init__(self, plan: Plan, ground: Ground) -> None:
        self._steps = plan.steps
        self._stood = plan.before
        self._ground = ground
        self._batch: list[tuple[int, bytes]] = []
        self._place = ""
        self._pass = (-1, -1)
        self._beside: list[int] = []
        """Steps that are done side by side, as many as follow each other."""

    def go(self) -> None:
        for number, step in enumerate(self._steps):
            if self._beside and self._steps[self._beside[0]].phase is not step.phase:
                self._together()
            if Fault.strikes():
                self._flush()
                self._together()
                if Fault.kill:
                    os.kill(os.getpid(), 9)
                raise StepFailed(number, self._steps, "failed on purpose, for a test")
            resource = BY_KIND[step.key[0]]
            if resource.side_by_side:
                self._flush()
                self._beside.append(number)
                continue
            if not resource.netlink:
                self._flush()
                self._try(number, resource.perform, step, self._ground)
                continue
            if step.place != self._place or step.pass_ != self._pass:
                self._flush()
                self._place, self._pass = step.place, step.pass_
            messages: list[bytes] = self._try(number, resource.messages, step, self._ground)
            self._batch += [(number, message) for message in messages]
            if len(self._batch) > _MAX_MESSAGES or self._ground.open_files > _MAX_OPEN_FILES:
                self._flush()
        self._flush()
        self._together()

    def _together(self) -> None:
        if not self._beside:
            return
        from .together import together

        numbers, self._beside = self._beside, []
        steps = [(number, self._steps[number]) for number in numbers]
        visit = self._ground.visit
        visit.enter(MACHINE)
        try:
            failure = together(
                steps,
                lambda step: BY_KIND[step.key[0]].perform(step, self._ground),
                lambda: not visit.is_interrupted,
                lambda step: BY_KIND[step.key[0]].waits(step),
            )
        finally:
            for kind in dict.fromkeys(step.key[0] for _number, step in steps):
                BY_KIND[kind].afterwards([step for _number, step in steps if step.key[0] == kind])
        if failure is not None:
            number, error = failure

            def again() -> t.NoReturn:
                raise error

            self._try(number, again)
        visit.check()

    def _try(self, number: int, action: t.Callable[..., t.Any], *arguments: t.Any) -> t.Any:
        try:
            return action(*arguments)
        except KernelError as error:
            raise self._failure(number, error) from error
        except OSError as error:
            raise StepFailed(number, self._steps, error.strerror or str(error)) from error

    def _flush(self) -> None:
        if not self._batch:
            self._ground.close()
            return
        batch, self._batch = self._batch, []
        try:
            self._try(batch[0][0], self._ground.visit.enter, self._place)
            outcomes = self._try(batch[0][0], self._ground.visit.socket().transact, [message for _n, message in batch])
        finally:
            self._ground.close()
        for (number, message), outcome in zip(batch, outcomes):
            if outcome is not None:
                self._try(number, self._refused, number, message, outcome)

    def _refused(self, number: int, message: bytes, refusal: KernelError) -> None:
        step, channel = self._steps[number], self._ground.visit.socket()
        if BY_KIND[step.key[0]].comes_yet(step, refusal, channel):
            (again,) = channel.transact([message])
            if again is None:
                return
            refusal = again
        if not self._is_as_good_as_done(step, refusal):
            raise self._failure(number, refusal)

    def _is_as_good_as_done(self, step: Step, refusal: KernelError) -> bool:
        if step.verb == "delete":
            return refusal.errno in _GONE_ALREADY
        if step.verb != "create" or refusal.errno != errno.EEXIST:
            return False
        by_itself = step.key[0] == "address" and step.key[3] in LOOPBACK  # came with the loopback
        return by_itself or (step.key[0] in _MAY_STAND and step.key in self._stood)

    def _failure(self, number: int, error: KernelError) -> StepFailed:
        return StepFailed(number, self._steps, error.reason or str(error))

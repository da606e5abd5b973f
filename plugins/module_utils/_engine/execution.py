# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a plan about: do it, look again until nothing is left to do, and go back where a step fails.

Called by `converge`, and imported only when there is a plan: a run that changes nothing does without half the engine.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import replace

from .._kernel.errors import KernelError
from .._kernel.visit import Visit
from .apply import StepFailed, apply
from .departure import Departure
from .errors import LabError
from .ground import Ground
from .ledger import Ledger
from .memory import remembered
from .observe import observe, observe_again
from .plan import Plan, plan, reached, say
from .records import Key, Link, Request
from .state import State
from .steps import Phase

if t.TYPE_CHECKING:
    from .resources.occupants import Ending

ROUNDS = 3
"""How often a plan is done: once, and at most twice more for what the kernel turned out to do besides."""
_SETTLE_SECONDS = 10.0
_SETTLE_POLL = 0.005


class Execution:
    """One plan being done, in the worker thread."""

    def __init__(self, visit: Visit, request: Request, made: Plan) -> None:
        self.departure = Departure(visit, _leaving(made), _endings(made))
        self._visit = visit
        self._request = request
        self._made = made
        self._new: set[str] = set()
        """The namespaces that this run has made."""
        self._begun: list[Plan] = []
        """The plans that were done or begun, each with all that can be known of what stood before it."""

    @property
    def warnings(self) -> list[str]:
        """What the plan couldn't bring about, though nothing went wrong."""
        if not self.departure.held:
            return []
        from .resources.occupants import named

        return [
            f"namespace {ns} has lost its name, but lives on: "
            + (f"held by {named(some)}" if some else "held by something that can't be seen from here")
            for ns, some in self.departure.held.items()
        ]

    def carry_out(self, ledger: Ledger) -> State:
        """Do the plan, then look again until it is empty; what stands then.

        Raises LabError where a step fails, after everything was put back; or where what is wanted doesn't come about.
        """
        made = left = self._made
        ground = Ground(self._visit, made.before, self.departure)
        self._new = ground.new
        for _round in range(ROUNDS):
            self._begun.append(self._with_memory(left, ledger))
            try:
                apply(left, ground)
            except StepFailed as failure:
                self.departure.finish()
                self._after_failure(failure, ledger)
            self.departure.wait()
            self._request = replace(self._request, once={})
            places = None if left is not made else _neighbourhood(made)
            asked = self._request if places is None else _within(self._request, places)
            try:
                have = self._settled(asked, places)
            except KernelError as error:
                raise LabError(f"{error}. The steps were done, but not looked at again: run it once more") from error
            left = plan(asked, have)
            if left and places is not None:
                left = plan(self._request, have)
            if not left:
                return have
            ground.renew(have)
        raise LabError(f"after {ROUNDS} rounds these steps still remain: {_said(left)}")

    def _with_memory(self, left: Plan, ledger: Ledger) -> Plan:
        """A plan that is about to be done, with all that can be known of what stands before it."""
        if not self._request.rollback:
            return left
        before = remembered(self._visit, left)
        if left is self._made:
            ledger.remember(before)
        return replace(left, before=before)

    def _settled(self, asked: Request, places: set[str] | None) -> State:
        """Look again, and wait for what the kernel removes in its own time: links of namespaces that went.

        The first time, where the plan was foreseen to reach is enough; if it turned out otherwise, everywhere.
        """
        made = self._made
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            if places is None:
                have = observe(self._visit, asked, made.before.spaces())
            else:
                have = observe_again(self._visit, asked, made.before, places)
            late = [key for key in _going(made) if key in have]
            if not late or time.monotonic() > deadline:
                return have
            time.sleep(_SETTLE_POLL)

    def _after_failure(self, failure: StepFailed, ledger: Ledger) -> t.NoReturn:
        request = self._request
        if not failure.can_go_back:
            wanted = any(record is not None for record in request.want.values())
            raise LabError(
                f"{failure}. "
                + ("What was wanted is in place, only the" if wanted else "The")
                + " removal isn't finished: run it again",
                request.origin.get(failure.step.key),
            ) from failure
        if not request.rollback and failure.is_first:
            raise LabError(str(failure), request.origin.get(failure.step.key)) from failure
        if not request.rollback:
            raise LabError(
                f"{failure}. What was done so far is left standing (rollback: false)",
                request.origin.get(failure.step.key),
            ) from failure
        try:
            lost = self._go_back(ledger)
        except (LabError, KernelError) as second:
            raise LabError(
                f"{failure}. Putting things back failed too: {second}", request.origin.get(failure.step.key)
            ) from failure
        besides = f", but the kernel didn't take this again: {'; '.join(lost)}" if lost else ""
        raise LabError(
            f"{failure}. Everything that this run had changed was put back{besides}",
            request.origin.get(failure.step.key),
        ) from failure

    def _go_back(self, ledger: Ledger) -> list[str]:
        """Plan from what stands now to what stood before, and do that. In words, what of the things that aren't
        modelled didn't come back: they are the last ones, and no reason to leave the rest."""
        from . import restore

        lost: dict[Key, str] = {}
        spaces = self._begun[-1].after.spaces()
        back = restore.request(self._begun, observe(self._visit, self._request, spaces), self._new)
        undo = self._made
        for _round in range(ROUNDS + 1):
            # Looked at with the eyes of what is wanted back: only then are the options of kinds read that it names.
            now = observe(self._visit, back, spaces)
            undo = plan(back, now)
            if not undo or _round == ROUNDS:
                break
            try:
                apply(undo, Ground(self._visit, now))
            except StepFailed as failure:
                if failure.step.key[0] != "keepsake":
                    raise
                lost[failure.step.key] = say(failure.step)
                del back.want[failure.step.key]
        lost.update({step.key: say(step) for step in undo.steps if step.key[0] == "keepsake"})
        if any(step.key not in lost for step in undo.steps):
            raise LabError(f"these steps still remain: {_said(undo)}")
        ledger.revert()
        return list(lost.values())


def _said(left: Plan) -> str:
    return "; ".join(say(step) for step in left.steps[:5])


def _neighbourhood(made: Plan) -> set[str]:
    """Where a plan was foreseen to change something, and where the other ends of the links are that are there."""
    found = set(reached(made))
    for ns in list(found):
        for state in (made.before, made.after):
            for record in state.space(ns).values():
                if isinstance(record, Link):
                    found.update(end[0] for end in (record.peer, record.lower) if end is not None)
    return found


def _within(request: Request, places: t.Container[str]) -> Request:
    """What is asked for in these places: elsewhere nothing was to be done, and nothing has changed."""
    return replace(request, want={key: record for key, record in request.want.items() if key[1] in places})


def _endings(made: Plan) -> dict[str, Ending]:
    """By namespace, what the plan does to its processes."""
    if all(step.phase is not Phase.END for step in made.steps):
        return {}
    from .resources.occupants import endings

    return endings(made.steps)


def _leaving(made: Plan) -> set[str]:
    """The namespaces that a plan removes for good."""
    return {step.key[1] for step in made.steps if step.phase is Phase.REMOVE}


def _going(made: Plan) -> list[Key]:
    """Links elsewhere that go along with a removed namespace."""
    gone = _leaving(made)
    if not gone:
        return []
    return [
        key
        for ns in made.before.spaces()
        if ns not in gone
        for key, _record in made.before.of(ns, "link")
        if key not in made.after
    ]

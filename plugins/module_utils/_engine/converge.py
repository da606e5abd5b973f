# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way from a request to its result: look, plan, do, look again. Called by every module's door.

Check mode ends after the plan: the only place where it matters. What comes before touches nothing.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from .._kernel import codec, namespaces
from .._kernel.errors import KernelError, MissingLibrary
from .._kernel.visit import Visit, in_worker
from . import consent, features, leftovers, locks, ownership, restore, safety
from .apply import StepFailed, apply
from .departure import Departure, named
from .errors import LabError
from .ground import Ground
from .ledger import Ledger
from .observe import observe, observe_again
from .plan import Plan, plan, say
from .records import Key, Link, Request
from .resources import occupants
from .resources.occupants import endings
from .state import State
from .steps import Phase

ROUNDS = 3
"""How often a plan is done: once, and at most twice more for what the kernel turned out to do besides."""
_SETTLE_SECONDS = 10.0
_SETTLE_POLL = 0.005


@dataclass
class Outcome:
    """What a run did, or would do."""

    plan: Plan
    changed: bool
    after: State
    """What stands now; in check mode what would stand."""
    warnings: list[str] = field(default_factory=list)
    ended: dict[str, list[t.Any]] = field(default_factory=dict)
    """By namespace, the processes that were ended, or would be."""
    held: dict[str, list[t.Any]] = field(default_factory=dict)
    """By removed namespace, the processes that still hold it open, or would."""


def converge(request: Request, *, check: bool, lock_timeout: float = 60.0) -> Outcome:
    """Bring about what is wanted, or say what that would take.

    Raises LabError for what the user can mend, KernelError for what the kernel refuses to tell, MissingLibrary (before
    anything is touched) where changes are needed and pyroute2 isn't there.
    """
    if check:
        return in_worker(lambda visit: _Run(visit, request).foresee())
    what = f"the lab {request.lab}" if request.lab else "the machine's namespaces"
    with locks.locked(request.lab or ownership.OBJECTS, lock_timeout, what), locks.among_runs():
        return in_worker(lambda visit: _Run(visit, request).do())


class _Run:
    """One run, in the worker thread."""

    def __init__(self, visit: Visit, request: Request) -> None:
        self._visit = visit
        self._request = request
        self._ledger = Ledger(request)
        self._warnings: list[str] = []

    # -- looking and planning

    def _foreseen(self) -> Plan:
        self._request = request = leftovers.with_what_is_left(self._visit, self._request, self._ledger.entry)
        have = observe(self._visit, request)
        if request.exact:
            self._request = request = leftovers.exactly(request, have)
        made = plan(request, have)
        consent.check(request, self._ledger.recorded, made)
        if not request.force:
            self._warnings += safety.check(self._visit, made)
        features.check(self._visit, made)
        self._warnings += features.warnings(made)
        trouble = namespaces.mount_trouble() if made else None
        if trouble:
            self._warnings.append(trouble)
        if made and not codec.available():
            raise MissingLibrary(say(made.steps[0]))
        return made

    def foresee(self) -> Outcome:
        made = self._foreseen()
        return Outcome(made, bool(made), made.after, self._warnings, *occupants.foreseen(made.steps))

    # -- doing

    def do(self) -> Outcome:
        made = self._foreseen()
        if not made:
            self._ledger.complete(self._request)
            return Outcome(made, False, made.after, self._warnings)
        self._ledger.intend(self._request)
        departure = Departure(self._visit, _leaving(made), endings(made.steps))
        ground = Ground(self._visit, made.before, departure)
        after = self._carry_out(made, ground)
        self._ledger.complete(self._request)
        self._warnings += [
            f"namespace {ns} has lost its name, but lives on: "
            + (f"held by {named(some)}" if some else "held by something that can't be seen from here")
            for ns, some in departure.held.items()
        ]
        return Outcome(made, True, after, self._warnings, departure.ended, departure.held)

    def _carry_out(self, made: Plan, ground: Ground) -> State:
        """Do the plan, then look again until it is empty."""
        left = made
        for _round in range(ROUNDS):
            try:
                apply(left, ground)
            except StepFailed as failure:
                ground.departure.finish()
                self._after_failure(failure, made)
            ground.departure.wait()
            have = self._settled(made, everywhere=left is not made)
            left = plan(self._request, have)
            if not left:
                return have
            ground.renew(have)
        remaining = "; ".join(say(step) for step in left.steps[:5])
        raise LabError(f"after {ROUNDS} rounds these steps still remain: {remaining}")

    def _settled(self, made: Plan, *, everywhere: bool) -> State:
        """Look again, and wait for what the kernel removes in its own time: links of namespaces that went.

        The first time, where the plan was foreseen to reach is enough; if it turned out otherwise, everywhere.
        """
        deadline = time.monotonic() + _SETTLE_SECONDS
        places = _neighbourhood(made)
        while True:
            if everywhere:
                have = observe(self._visit, self._request, made.before.spaces())
            else:
                have = observe_again(self._visit, self._request, made.before, places)
            late = [key for key in _going(made) if key in have]
            if not late or time.monotonic() > deadline:
                return have
            time.sleep(_SETTLE_POLL)

    def _after_failure(self, failure: StepFailed, made: Plan) -> t.NoReturn:
        request = self._request
        if not failure.can_go_back:
            raise LabError(
                f"{failure}. What was wanted is in place, only the removal isn't finished: run it again",
                request.origin.get(failure.step.key),
            ) from failure
        if not request.rollback:
            raise LabError(
                f"{failure}. What was done so far is left standing (rollback: false)",
                request.origin.get(failure.step.key),
            ) from failure
        try:
            self._go_back(made)
        except (LabError, KernelError) as second:
            raise LabError(
                f"{failure}. Putting things back failed too: {second}", request.origin.get(failure.step.key)
            ) from failure
        raise LabError(
            f"{failure}. Everything that this run had changed was put back", request.origin.get(failure.step.key)
        ) from failure

    def _go_back(self, made: Plan) -> None:
        """Plan from what stands now to what stood before, and do that."""
        spaces = made.after.spaces()
        back = restore.request(made, observe(self._visit, self._request, spaces))
        for _round in range(ROUNDS):
            # Looked at with the eyes of what is wanted back: only then are the options of kinds read that it names.
            now = observe(self._visit, back, spaces)
            undo = plan(back, now)
            if not undo:
                break
            apply(undo, Ground(self._visit, now))
        self._ledger.revert()


def _neighbourhood(made: Plan) -> set[str]:
    """Where a plan was foreseen to change something, and where the other ends of the links are that are there."""
    found = set(restore.reached(made))
    for ns in list(found):
        for key in (*made.before.space(ns), *made.after.space(ns)):
            for state in (made.before, made.after):
                link = state.get(key)
                if isinstance(link, Link):
                    found.update(end[0] for end in (link.peer, link.lower) if end is not None)
    return found


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

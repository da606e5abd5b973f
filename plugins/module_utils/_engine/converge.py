# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one way from a request to its result: look, plan, do, look again. Called by every module's door.

Check mode ends after the plan: the only place where it matters. What comes before touches nothing.

What only a change needs is imported where it is needed. Ansible's module archive holds no compiled code, so every
import costs some milliseconds, and most runs change nothing.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._kernel.errors import KernelError
from .._kernel.visit import Visit, in_worker
from . import leases, locks, ownership
from .errors import LabError
from .ledger import Ledger
from .observe import observe
from .plan import Plan, plan, stands
from .records import Request
from .state import State


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
    name, what = _turn(request)
    with locks.locked(name, lock_timeout, what), locks.among_runs():
        notes = _end_loans(request, lock_timeout) if leases.standing() else []
        if leases.concern(request):
            from . import loans

            with loans.turn(lock_timeout):
                outcome = _do(request)
        else:
            outcome = _do(request)
        outcome.warnings = notes + outcome.warnings
        return outcome


def _end_loans(request: Request, lock_timeout: float) -> list[str]:
    """End the loans that should have ended by now, whoever made them; in words, what was done."""
    from . import loans

    notes: list[str] = []
    if not loans.overdue():
        return notes
    with loans.turn(lock_timeout):
        for lease in loans.overdue():
            if lease.home in request.returning:
                continue
            try:
                done = _do(Request({}, returning={lease.home}, force=True))
            except (LabError, KernelError) as error:
                notes.append(f"{lease.home}, which is lent to {lease.netns}, can't come home: {error}")
                continue
            if done.changed:
                because = "the namespace has gone;" if lease.deadline is None else "nobody confirmed in time that"
                notes.append(f"{lease.home} came home first: {because} it was lent to {lease.netns}")
            notes += done.warnings
    return notes


def _do(request: Request) -> Outcome:
    return in_worker(lambda visit: _Run(visit, request).do())


def _turn(request: Request) -> tuple[str, str]:
    """The name of the lock that a run needs, and what that keeps others from, in words."""
    if request.turn:
        return locks.file_name(request.turn), request.turn
    if request.lab:
        return request.lab, f"the lab {request.lab}"
    return ownership.OBJECTS, "the machine's namespaces"


class _Run:
    """One run, in the worker thread."""

    def __init__(self, visit: Visit, request: Request) -> None:
        self._visit = visit
        self._request = request
        self._loans = None
        if leases.concern(request):
            from .loans import Loans

            self._loans = Loans(visit)
        self._ledger = Ledger(request, self._loans)
        self._warnings: list[str] = []

    # -- looking and planning

    def _foreseen(self) -> Plan:
        request = self._request
        if request.lab is not None or self._ledger.entry is not None or None in request.want.values():
            from . import leftovers

            self._request = request = leftovers.with_what_is_left(self._visit, request, self._ledger.entry)
        if self._loans is not None:
            self._request = request = self._loans.widened(request)
            self._warnings += self._loans.notes
        if request.glance:
            have = observe(self._visit, request, standing=("link",))
            if stands(request, have) or not plan(request, have):
                return Plan((), have, have)
        have = observe(self._visit, request)
        if request.exact:
            from . import leftovers

            lent = self._loans.places if self._loans is not None else ()
            self._request = request = leftovers.exactly(request, have, lent)
            self._warnings += leftovers.untouched(self._visit, request)
        made = plan(request, have)
        if made:
            from .vetting import vet

            self._warnings += vet(self._visit, request, self._ledger.recorded, made)
        return made

    def foresee(self) -> Outcome:
        from .resources import occupants

        made = self._foreseen()
        return Outcome(made, bool(made), made.after, self._warnings, *occupants.foreseen(made.steps))

    # -- doing

    def do(self) -> Outcome:
        made = self._foreseen()
        if not made:
            self._ledger.complete(self._request)
            return Outcome(made, False, made.after, self._warnings)
        from .execution import Execution

        new = self._ledger.intend(self._request, made)
        if self._request.confirm and new:
            from . import watchdog

            try:
                watchdog.arm(self._visit, new)
            except (LabError, OSError):
                self._ledger.revert()
                raise
        execution = Execution(self._visit, self._request, made)
        after = execution.carry_out(self._ledger)
        self._ledger.complete(self._request)
        gone = execution.departure
        return Outcome(made, True, after, self._warnings + execution.warnings, gone.ended, gone.held)

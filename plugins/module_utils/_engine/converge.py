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

from .._kernel.visit import Visit, in_worker
from . import locks, ownership
from .ledger import Ledger
from .observe import observe
from .plan import Plan, plan
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
        self._ledger = Ledger(request)
        self._warnings: list[str] = []

    # -- looking and planning

    def _foreseen(self) -> Plan:
        request = self._request
        if request.lab is not None or self._ledger.entry is not None:
            from . import leftovers

            self._request = request = leftovers.with_what_is_left(self._visit, request, self._ledger.entry)
        if request.glance and not plan(request, have := observe(self._visit, request, standing=("link",))):
            return Plan((), have, have)
        have = observe(self._visit, request)
        if request.exact:
            from . import leftovers

            self._request = request = leftovers.exactly(request, have)
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

        self._ledger.intend(self._request)
        execution = Execution(self._visit, self._request, made)
        after = execution.carry_out(self._ledger)
        self._ledger.complete(self._request)
        gone = execution.departure
        return Outcome(made, True, after, self._warnings + execution.warnings, gone.ended, gone.held)

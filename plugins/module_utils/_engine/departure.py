# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How namespaces go: what runs inside is ended, the names are taken away, and the kernel says when they are gone.

All namespaces of a plan go together: one scan of the processes, one grace period, one wait.
"""

from __future__ import annotations

import contextlib
import typing as t

from .._kernel import namespaces
from .._kernel.errors import KernelError
from .._kernel.visit import Visit
from .errors import LabError
from .records import MACHINE

if t.TYPE_CHECKING:
    from .._kernel import processes
    from .._kernel.farewell import Farewell
    from .._kernel.procfs import Process
    from .._kernel.removal import Removal
    from .resources.occupants import Ending

_UNTIL_EMPTY_SECONDS = 10.0
"""How long processes that fork faster than they are found are chased."""
_FAREWELL_SECONDS = 10.0
"""How long a removed namespace may take to go. The kernel's own part is 20 to 60 milliseconds; with many, some
microseconds for each link."""


class Departure:
    """The namespaces that one plan removes. `leaving` are all their names, `endings` who is to be ended in which."""

    def __init__(self, visit: Visit, leaving: t.Iterable[str], endings: t.Mapping[str, Ending]) -> None:
        self.ended: dict[str, list[Process]] = {}
        """By namespace, the processes that were ended."""
        self.held: dict[str, list[Process]] = {}
        """By removed namespace, who still holds it; an empty list where that can't be seen from here."""
        self._visit = visit
        self._leaving = list(leaving)
        self._endings = endings
        self._kept = {ns for ns, ending in endings.items() if ending.spares_some}
        self._all_ended = False
        self._stuck: dict[str, list[Process]] = {}
        self._identities: dict[tuple[int, int], str] = {}
        self._farewell: Farewell | None = None
        self._removal: Removal | None = None

    def end(self, ns: str) -> None:
        """End the processes of a namespace. The first call ends those of all, so that they share one grace period.

        Raises LabError where one of this namespace can't be ended.
        """
        if not self._all_ended:
            self._all_ended = True
            self._end_all()
        stuck = self._stuck.get(ns)
        if stuck:
            from .resources.occupants import named

            raise LabError(f"{named(stuck)} can't be ended: {stuck[0].why}")

    def _end_all(self) -> None:
        from .._kernel import processes

        self._visit.enter(MACHINE)
        home = {victim.pid: ns for ns, ending in self._endings.items() for victim in ending.victims}
        victims = [victim for ending in self._endings.values() for victim in ending.victims]
        grace = max((ending.policy.grace for ending in self._endings.values()), default=0.0)
        first = processes.end(victims, grace)
        self._note(first, home)
        emptied = {namespaces.identity(ns): ns for ns, e in self._endings.items() if e.policy.processes == "kill"}
        if emptied:
            later = processes.until_empty(emptied, grace, grace + _UNTIL_EMPTY_SECONDS)
            known = {process.pid for process in (*first.ended, *first.survivors)}
            self._note(processes.Ending(*([p for p in some if p.pid not in known] for some in later)), home)

    def _note(self, ending: processes.Ending, home: t.Mapping[int, str]) -> None:
        """Who was ended where. One that was born late has no place of its own: it goes with the first namespace."""
        fallback = next(iter(self._endings), "")
        for process in ending.ended:
            self.ended.setdefault(home.get(process.pid, fallback), []).append(process)
        for process in ending.survivors:
            if process.pid:
                self._stuck.setdefault(home.get(process.pid, fallback), []).append(process)

    def remove(self, ns: str) -> None:
        """Take a name away; the namespace goes with the last of its holders."""
        if self._farewell is None or self._removal is None:
            from .._kernel.farewell import Farewell
            from .._kernel.removal import Removal

            self._farewell = Farewell(self._visit)
            self._farewell.expect(name for name in self._leaving if name not in self._kept)
            self._removal = Removal(len(self._leaving))
        self._visit.enter(MACHINE)
        with contextlib.suppress(KernelError):  # a dead file has no identity
            self._identities[namespaces.identity(ns)] = ns
        self._removal.remove(ns)

    def finish(self) -> None:
        """Let go of the names that were taken away; also to be called after a failure."""
        if self._removal is not None:
            removal, self._removal = self._removal, None
            removal.finish()

    def wait(self) -> None:
        """Wait until the removed namespaces are gone, and find out who holds those that aren't."""
        self.finish()
        if self._farewell is None:
            return
        farewell, self._farewell = self._farewell, None
        with farewell:
            late = set(farewell.wait(_FAREWELL_SECONDS)) | self._kept
        left = {identity: ns for identity, ns in self._identities.items() if ns in late}
        if not left:
            return
        from .._kernel import processes
        from .._kernel.holders import holders

        for found in (processes.inside(left), holders(left)):
            for ns, some in found.items():
                known = {process.pid for process in self.held.get(ns, ())}
                self.held.setdefault(ns, []).extend(p for p in some if p.pid not in known or not p.pid)
        for ns in left.values():
            self.held.setdefault(ns, [])

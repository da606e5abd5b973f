# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step needs while it is done: where the worker is, indexes by name, descriptors, who was ended.

Made by `apply`, used by the resources' `messages` and `perform`.
"""

from __future__ import annotations

import contextlib
import typing as t

from .._kernel import decode, namespaces, netlink, processes
from .._kernel.errors import KernelError
from .._kernel.farewell import Farewell
from .._kernel.holders import holders
from .._kernel.procfs import Process
from .._kernel.sysctls import Sysctls
from .._kernel.visit import Visit
from .errors import LabError
from .records import MACHINE, Link, Occupants
from .state import State

_LOOPBACK = 1
_UNTIL_EMPTY_SECONDS = 10.0
"""How long processes that fork faster than they are found are chased."""
_FAREWELL_SECONDS = 10.0
"""How long a removed namespace may take to go. The kernel's own part is 20 to 60 milliseconds; with many, some
microseconds for each link."""


def named(processes: t.Sequence[Process]) -> str:
    """Processes in words, the first few of them."""
    shown = ", ".join(f"{process.pid} ({process.command})" for process in processes[:5])
    rest = len(processes) - 5
    return shown + (f" and {rest} more" if rest > 0 else "")


class Ground:
    """See the module's docstring. One for each run; used by the worker thread only."""

    def __init__(self, visit: Visit, have: State, leaving: t.Iterable[str] = ()) -> None:
        self.visit = visit
        self.sysctls = Sysctls(visit)
        self.ended: dict[str, list[Process]] = {}
        """By namespace, the processes that were ended."""
        self.held: dict[str, list[Process]] = {}
        """By removed namespace, who still holds it; an empty list where that can't be seen from here."""
        self.kept: set[str] = set()
        self._leaving = list(leaving)
        self._identities: dict[tuple[int, int], str] = {}
        self._farewell: Farewell | None = None
        self._have = have.fork()
        self._indexes: dict[tuple[str, str], int] = {}
        self._next: dict[str, int] = {}
        self._first_free = 0
        self._open = contextlib.ExitStack()
        self.open_files = 0
        """Descriptors that wait to be closed."""

    def renew(self, have: State) -> None:
        """Another round begins, and this is what stands by now."""
        self._have = have.fork()
        self._indexes.clear()
        self._next.clear()

    # -- indexes

    def index(self, ns: str, name: str) -> int:
        """The index of a link. Raises KernelError (ENODEV) where there is none."""
        found = self._indexes.get((ns, name))
        if found is None:
            record = self._have.get(("link", ns, name)) if ns not in self._next else None
            found = record.index if isinstance(record, Link) and record.index else self._look_up(ns, name)
            self._indexes[ns, name] = found
        return found

    def learn(self, ns: str, name: str, index: int) -> None:
        """A link has this index from now on."""
        self._indexes[ns, name] = index

    def forget(self, ns: str, name: str) -> None:
        """A link is gone, or no longer has this name: another one may get it."""
        self._indexes.pop((ns, name), None)
        self._have.drop(("link", ns, name))

    def _look_up(self, ns: str, name: str) -> int:
        self.visit.enter(ns)
        return decode.links([self.visit.socket().get(netlink.link_get_request(name))])[0].index

    def choose_index(self, ns: str, name: str) -> int:
        """An index for a new link, so that nobody has to ask for it later; 0 leaves the choice to the kernel.

        Only in namespaces that this run made: nobody else makes links there, so the number is free.
        """
        index = self._next.get(ns, 0)
        if index:
            self._next[ns] = index + 1
            self._indexes[ns, name] = index
        return index

    def made(self, ns: str) -> None:
        """A namespace was just made, and the worker is in it.

        Where tunnel modules are loaded each new namespace starts with their fallback devices (tunl0, sit0), the same
        in each (net.core.fb_tunnels_only_for_init_net), so the first one tells for all.
        """
        if not self._first_free:
            rows = decode.links(self.visit.socket().dump(netlink.link_dump_request()))
            self._first_free = max((row.index for row in rows), default=_LOOPBACK) + 1
        self._next[ns] = self._first_free
        self._indexes[ns, "lo"] = _LOOPBACK

    # -- descriptors

    def descriptor(self, ns: str) -> int:
        """An open file of a namespace, for an attribute. Stays open until `close`, which follows each batch."""
        self.open_files += 1
        return self._open.enter_context(self.visit.descriptor(ns))

    def close(self) -> None:
        """Close the descriptors that the last batch needed."""
        if self.open_files:
            self._open.close()
            self.open_files = 0

    # -- namespaces and processes

    def remove(self, ns: str) -> None:
        """Take a namespace's name away; the namespace goes with the last of its holders."""
        if self._farewell is None:
            self._farewell = Farewell(self.visit)
            self._farewell.expect(name for name in self._leaving if name not in self.kept)
        self.visit.enter(MACHINE)
        with contextlib.suppress(KernelError):  # a dead file has no identity
            self._identities[namespaces.identity(ns)] = ns
        namespaces.remove_name(ns)
        for known in [pair for pair in self._indexes if pair[0] == ns]:
            del self._indexes[known]
        self._next.pop(ns, None)

    def end(self, ns: str, victims: t.Sequence[Process], policy: Occupants) -> None:
        """End processes of a namespace, and what they start meanwhile."""
        identity = {namespaces.identity(ns): ns}
        first = processes.end(victims, policy.grace)
        self.ended.setdefault(ns, []).extend(first.ended)
        if policy.processes == "kill":
            later = processes.until_empty(identity, policy.grace, policy.grace + _UNTIL_EMPTY_SECONDS)
            self.ended[ns].extend(later.ended)
        stuck = [process for process in first.survivors if process.pid]
        if stuck:
            raise LabError(f"{named(stuck)} can't be ended: {stuck[0].why}")

    def keep(self, ns: str) -> None:
        """Somebody is known to hold this namespace, and may: its end isn't waited for."""
        self.kept.add(ns)

    def wait(self) -> None:
        """Wait until the removed namespaces are gone, and find out who holds those that aren't."""
        if self._farewell is None:
            return
        with self._farewell as farewell:
            late = set(farewell.wait(_FAREWELL_SECONDS)) | self.kept
        self._farewell = None
        if late:
            left = {identity: ns for identity, ns in self._identities.items() if ns in late}
            for found in (processes.inside(left), holders(left)):
                for ns, some in found.items():
                    known = {process.pid for process in self.held.get(ns, ())}
                    self.held.setdefault(ns, []).extend(p for p in some if p.pid not in known or not p.pid)
            for ns in late - set(self.held):
                self.held[ns] = []

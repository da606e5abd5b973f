# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step needs while it is done: where the worker is, indexes by name, descriptors.

Made by `apply`, used by the resources' `messages` and `perform`.
"""

from __future__ import annotations

import contextlib

from .._kernel import decode, netlink
from .._kernel.sysctls import Sysctls
from .._kernel.visit import Visit
from .departure import Departure
from .records import Key, Link
from .state import State

_LOOPBACK = 1


class Ground:
    """See the module's docstring. One for each run; used by the worker thread only."""

    def __init__(self, visit: Visit, have: State, departure: Departure | None = None) -> None:
        self.visit = visit
        self.sysctls = Sysctls(visit)
        self.departure = departure or Departure(visit, (), {})
        self._have = have.fork()
        self._indexes: dict[str, dict[str, int]] = {}
        self._next: dict[str, int] = {}
        self._first_free = 0
        self._passing = 1 << 30
        self._open = contextlib.ExitStack()
        self.open_files = 0
        """Descriptors that wait to be closed."""
        self.new: set[str] = set()
        """The namespaces that this run has made."""

    def renew(self, have: State) -> None:
        """Another round begins, and this is what stands by now."""
        self._have = have.fork()
        self._indexes.clear()
        self._next.clear()

    # -- indexes

    def index(self, ns: str, name: str) -> int:
        """The index of a link. Raises KernelError (ENODEV) where there is none."""
        known = self._indexes.setdefault(ns, {})
        found = known.get(name)
        if found is None:
            record = self._have.get(("link", ns, name)) if ns not in self._next else None
            found = record.index if isinstance(record, Link) and record.index else self._look_up(ns, name)
            known[name] = found
        return found

    def learn(self, ns: str, name: str, index: int) -> None:
        """A link has this index from now on."""
        self._indexes.setdefault(ns, {})[name] = index

    def forget(self, ns: str, name: str) -> None:
        """A link no longer has this name: another one may get it."""
        self._indexes.get(ns, {}).pop(name, None)
        self._have.drop(("link", ns, name))

    def gone(self, key: Key) -> None:
        """A link goes, and with it its peer and what stands on it."""
        link = self._have.get(key)
        self.forget(key[1], key[2])
        if isinstance(link, Link):
            from .effects import uppers

            peers = [] if link.peer is None else [("link", *link.peer)]
            for other in [*peers, *uppers(self._have, key)]:
                self.gone(other)

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
            self._indexes[ns][name] = index
        else:
            self._have.put(("link", ns, name), Link())
        return index

    def arrives(self, ns: str, name: str) -> None:
        """A link comes from elsewhere, and brings its index along where that is free: now the kernel chooses."""
        self._next.pop(ns, None)
        self._have.put(("link", ns, name), Link())

    def taken(self, ns: str, name: str) -> bool:
        """Whether a link has this name by now."""
        return ("link", ns, name) in self._have or name in self._indexes.get(ns, ())

    def passing_index(self) -> int:
        """An index for a link on its way through a namespace: higher than the kernel counts."""
        self._passing += 1
        return self._passing

    def made(self, ns: str) -> None:
        """A namespace was just made, and the worker is in it.

        Where tunnel modules are loaded each new namespace starts with their fallback devices (tunl0, sit0), the same
        in each (net.core.fb_tunnels_only_for_init_net), so the first one tells for all.
        """
        self.new.add(ns)
        if not self._first_free:
            rows = decode.links(self.visit.socket().dump(netlink.link_dump_request()))
            self._first_free = max((row.index for row in rows), default=_LOOPBACK) + 1
        self._next[ns] = self._first_free
        self._indexes[ns] = {"lo": _LOOPBACK}

    def remove(self, ns: str) -> None:
        """Take a namespace's name away."""
        self.departure.remove(ns)
        self._indexes.pop(ns, None)
        self._next.pop(ns, None)

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

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one run writes into the registry: before its first step what it is about to make, after its last what stands.

Labs have an entry each. The modules about single objects share one, which only holds files: links and namespaces are
gone after a reboot, but a file under /etc/netns stays, and goes with its namespace only if somebody remembers whose it
was.
"""

from __future__ import annotations

import functools

from . import ownership
from .records import Key, Request


@functools.cache
def _every_nodes() -> frozenset[str]:
    """Sysctls that no node of a lab is ever without, so nobody will have to put them back."""
    from .node_settings import KIND_SYSCTLS

    return frozenset(name for names in KIND_SYSCTLS.values() for name in names)


class Ledger:
    """The entry of a request's owner, as it was found, and what to make of it."""

    def __init__(self, request: Request) -> None:
        self._lab = request.lab
        self._name = request.lab or ownership.OBJECTS
        concerned = request.lab is not None or any(_outlasts(key, record) for key, record in request.want.items())
        self.entry = ownership.load(self._name) if concerned else None
        self._on_disk = self.entry
        self._concerned = concerned

    @property
    def recorded(self) -> set[Key]:
        """What the owner is known to have made."""
        return set(self.entry.keys) if self.entry is not None else set()

    def intend(self, request: Request) -> None:
        """Before the first step: everything that may stand from now on, until the run is through."""
        if self._concerned:
            known = self.entry.keys if self.entry is not None else []
            self._save(list(dict.fromkeys([*self._owned(request), *known])), complete=False)

    def complete(self, request: Request) -> None:
        """After the last step, or where none was needed: what stands. Writes only if the entry says otherwise."""
        if not self._concerned:
            return
        owned = self._owned(request)
        if self._lab is None and self.entry is not None:
            owned += [key for key in self.entry.keys if key not in request.want]
        self._save(owned, complete=True)

    def revert(self) -> None:
        """After everything was put back: what the entry said before."""
        if self._concerned:
            self._save(self.entry.keys if self.entry is not None else [], complete=True)

    def _owned(self, request: Request) -> list[Key]:
        return [
            key
            for key, record in request.want.items()
            if record is not None and self._is_recorded(key) and key not in request.passing
        ]

    def _is_recorded(self, key: Key) -> bool:
        if self._lab is None:
            return bool(key[0] == "file")
        return key[0] != "occupants" and not (key[0] == "sysctl" and key[2] in _every_nodes())

    def _save(self, keys: list[Key], *, complete: bool) -> None:
        if not keys:
            ownership.forget(self._name)
            self._on_disk = None
        elif not complete or not self._says(keys):
            self._on_disk = ownership.Entry(self._name, keys, complete)
            ownership.save(self._on_disk)

    def _says(self, keys: list[Key]) -> bool:
        """Whether the entry on disk is this already. Nobody else writes it while the owner's lock is held."""
        entry = self._on_disk
        return entry is not None and entry.complete and entry.is_from_this_boot and entry.keys == keys


def _outlasts(key: Key, record: object) -> bool:
    """Whether a request is about something that a reboot leaves, or that takes such things along."""
    return key[0] == "file" or (key[0] == "namespace" and record is None)

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
import typing as t

from . import ownership
from .records import OUTLASTING, Key, Request
from .state import State

if t.TYPE_CHECKING:
    from .leases import Lease
    from .loans import Loans
    from .plan import Plan


@functools.cache
def _every_nodes() -> frozenset[str]:
    """Sysctls that no node of a lab is ever without, so nobody will have to put them back."""
    from .node_settings import KIND_SYSCTLS

    return frozenset(name for names in KIND_SYSCTLS.values() for name in names)


class Ledger:
    """The entry of a request's owner, as it was found, and what to make of it; and the leases of lent links."""

    def __init__(self, request: Request, loans: Loans | None = None) -> None:
        self._loans = loans
        self._lab = request.lab
        self._asked = request.asked
        self._source = request.source
        self._name = request.lab or ownership.OBJECTS
        concerned = request.lab is not None or any(_outlasts(key, record) for key, record in request.want.items())
        self.entry = ownership.load(self._name) if concerned else None
        self._on_disk = self.entry
        self._concerned = concerned
        self._counted: tuple[Request, list[Key]] | None = None

    @property
    def recorded(self) -> set[Key]:
        """What the owner is known to have made, and may still stand."""
        return set(self._known())

    def _known(self) -> list[Key]:
        if self.entry is None:
            return []
        keys = self.entry.keys
        return keys if self.entry.is_from_this_boot else [key for key in keys if key[0] in OUTLASTING]

    def intend(self, request: Request, made: Plan) -> list[Lease]:
        """Before the first step: everything that may stand from now on, until the run is through. The new leases."""
        if self._concerned:
            owned = self._owned(request)
            known = self._known() if self.entry is not None and self.entry.keys != owned else []
            new = set(owned) if known else ()
            self._save(owned, [key for key in known if key not in new], complete=False)
        return self._loans.intend(made, request) if self._loans is not None else []

    def remember(self, before: State) -> None:
        """Add to what stood before the plan what only the leases know of it."""
        if self._loans is not None:
            self._loans.remember(before)

    def complete(self, request: Request) -> None:
        """After the last step, or where none was needed: what stands. Writes only if the entry says otherwise."""
        if self._loans is not None:
            self._loans.complete()
        if not self._concerned:
            return
        owned = self._owned(request)
        if self._lab is None and self.entry is not None:
            owned = owned + [key for key in self.entry.keys if key not in request.want]
        self._save(owned, complete=True)

    def revert(self) -> None:
        """After everything was put back: what the entry said before."""
        if self._loans is not None:
            self._loans.revert()
        if self._concerned:
            before = self.entry
            if before is not None:
                self._asked, self._source = before.asked, before.source
            if before is None:
                self._save([], complete=True)
            else:
                self._save(before.keys, complete=before.complete, written=before.written, boot=before.boot)

    def _owned(self, request: Request) -> list[Key]:
        if self._counted is None or self._counted[0] is not request:
            owned = [
                key
                for key, record in request.want.items()
                if record is not None
                and self._is_recorded(key)
                and key not in request.passing
                and key not in request.borrowed
            ]
            self._counted = (request, owned)
        return self._counted[1]

    def _is_recorded(self, key: Key) -> bool:
        if self._lab is None:
            return bool(key[0] == "file")
        return key[0] != "occupants" and not (key[0] == "sysctl" and key[2] in _every_nodes())

    def _save(
        self, keys: list[Key], besides: t.Sequence[Key] = (), *, complete: bool, written: int = 0, boot: str = ""
    ) -> None:
        if not keys and not besides:
            ownership.forget(self._name)
            self._on_disk = None
        elif not complete or not self._says(keys):
            entry = ownership.Entry(
                self._name, keys, complete, boot or ownership.boot_id(), self._asked, self._source, written, besides
            )
            if self._on_disk is not None:
                entry.take_body(self._on_disk)
            self._on_disk = entry
            ownership.save(entry)
        else:
            ownership.drop_draft(self._name)

    def _says(self, keys: list[Key]) -> bool:
        """Whether the entry on disk is this already. Nobody else writes it while the owner's lock is held."""
        entry = self._on_disk
        if entry is None or not entry.complete or not entry.is_from_this_boot:
            return False
        return entry.keys == keys and entry.asked == self._asked and entry.source == self._source


def _outlasts(key: Key, record: object) -> bool:
    """Whether a request is about something that a reboot leaves, or that takes such things along."""
    return key[0] == "file" or (key[0] == "namespace" and record is None)

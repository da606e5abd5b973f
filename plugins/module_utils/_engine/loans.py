# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links of the machine that one run lends or gives back: what its request means by that, and what it writes down.

Called by `converge`, and only for runs that may be about such links. Lending is a move of a link that the machine has
into a namespace, whichever module asks for it; coming home is a request like any other, made from the lease.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._kernel import kept, namespaces
from .._kernel.visit import Visit
from . import leases, lending, locks
from .errors import LabError
from .leases import Lease
from .plan import Plan
from .records import MACHINE, Address, Key, Link, Request, Route, Sysctl, Want
from .resources.base import at, inside
from .state import State

_USUAL_MTU = 1500
"""What a link of a lab gets that asks for none: a NIC keeps its own then."""
_STAY = frozenset({*lending.JOINABLE, "team", "openvswitch"})
"""Kinds that have ports. A lab's end ``@NAME`` becomes one of those; anything else is lent itself."""


def turn(timeout: float) -> t.ContextManager[None]:
    """Hold the lock of whoever lends or gives back. Raises LabError when `timeout` seconds don't suffice."""
    return locks.locked(leases.TURN, timeout, "the links that are lent")


class Loans:
    """The loans of one run."""

    def __init__(self, visit: Visit) -> None:
        self.notes: list[str] = []
        """What can't be given back, for warnings."""
        self._visit = visit
        self._standing = {lease.place: lease for lease in leases.standing()}
        self._found: dict[tuple[str, str], Lease] = {}
        """By the place where the link is now: somebody may have given it another name, or moved it."""
        self._over: list[Lease] = []
        """Leases that are no longer needed once the plan is done."""
        self._new: list[Lease] = []

    @property
    def places(self) -> t.Container[tuple[str, str]]:
        """Where links are lent to: (namespace, name)."""
        return self._standing.keys()

    # -- what is wanted

    def widened(self, request: Request) -> Request:
        """The request, with all that lent links need that it sends or takes home. Raises LabError, KernelError."""
        want: Want = dict(request.want)
        borrowed: set[Key] = set()
        look = set(request.look)
        self._lend_ends(want, borrowed)
        self._find_sources(want, request, look)
        for lease in list(self._standing.values()):
            if self._ends(lease, request, want):
                self._take_home(lease, want, borrowed, look)
        for name in request.returning:
            self._without_lease(name, want, borrowed, request)
        for ns, name in request.keeping:
            self._keep(want, ns, name)
        return replace(request, want=want, look=look, borrowed=borrowed)

    def _lend_ends(self, want: Want, borrowed: set[Key]) -> None:
        """Ends of a lab that name a link of the machine which has no ports: it is lent in the place of a veth."""
        homes = {lease.home: lease for lease in self._standing.values()}
        for key, record in list(want.items()):
            if key[0] != "link" or key[1] != MACHINE or not isinstance(record, Link) or not record.master:
                continue
            if record.kind != "veth" or record.peer is None:
                continue
            row = lending.row_of(self._visit, MACHINE, record.master)
            if (row is None and record.master not in homes) or (row is not None and row.kind in _STAY):
                continue
            near: Key = ("link", *record.peer)
            end = t.cast(Link, want[near])
            del want[key]
            source = (MACHINE, record.master)
            want[near] = Link(mtu=None if end.mtu == _USUAL_MTU else end.mtu, mac=end.mac, up=end.up, source=source)
            borrowed.add(("link", *source))

    def _find_sources(self, want: Want, request: Request, look: set[str]) -> None:
        """Where a link is that shall be lent: on the machine, or where it is lent to already."""
        homes = {lease.home: lease for lease in self._standing.values()}
        for key, record in list(want.items()):
            if not isinstance(record, Link) or record.source is None or record.source[0] != MACHINE:
                continue
            lease = homes.get(record.source[1])
            if lending.row_of(self._visit, MACHINE, record.source[1]) is not None:
                look.add(MACHINE)
                self.notes += [
                    f"{vlan} stands on {record.source[1]}: it goes down with it, and loses its routes and IPv6 "
                    "addresses, which nobody gives back"
                    for vlan in lending.vlans_on(self._visit, record.source[1])
                ]
                continue
            place = lending.find(self._visit, lease) if lease is not None else None
            if place is not None and lease is not None:
                self._found[place] = lease
                want[key] = replace(record, source=place)
                look.add(place[0])
            elif lending.row_of(self._visit, key[1], key[2]) is None:
                raise LabError(f"there is no link {record.source[1]} on the machine", request.origin.get(key))

    @staticmethod
    def _ends(lease: Lease, request: Request, want: Want) -> bool:
        """Whether a loan ends with this request."""
        there: Key = ("link", *lease.place)
        if there in want and want[there] is None:
            return True
        gone: Key = ("namespace", lease.netns)
        return lease.home in request.returning or (gone in want and want[gone] is None)

    def _take_home(self, lease: Lease, want: Want, borrowed: set[Key], look: set[str]) -> None:
        want.pop(("link", *lease.place), None)
        source = lending.find(self._visit, lease)
        if source is None:
            self._miss(lease)
            want.pop(("link", MACHINE, lease.home), None)
            return
        self._over.append(lease)
        self._check_room(lease, source)
        found = lending.home(self._visit, lease, source)
        self.notes += found.notes
        want.update(found.want)
        borrowed.update(found.want)
        look.add(source[0])

    def _miss(self, lease: Lease) -> None:
        """Hardware may be on its way: the kernel takes a namespace apart in its own time, and later where a process
        holds it. Other links have gone with their namespace."""
        where = f"{lease.home}, which was lent to {lease.netns}, isn't anywhere"
        if lease.kind:
            self._over.append(lease)
            self.notes.append(f"{where} any more")
        else:
            self.notes.append(f"{where} that can be seen from here; it is given back once it turns up")

    def _check_room(self, lease: Lease, source: tuple[str, str]) -> None:
        if source != (MACHINE, lease.home) and lending.row_of(self._visit, MACHINE, lease.home) is not None:
            raise LabError(
                f"{at(*source)} can't come home: another link on the machine is called {lease.home} by now; "
                "give that one another name, or remove it"
            )

    def _without_lease(self, name: str, want: Want, borrowed: set[Key], request: Request) -> None:
        """A link that shall come home though nobody knows what it had: moved by hand, or the registry was lost."""
        key: Key = ("link", MACHINE, name)
        record = want.get(key)
        if key in borrowed or not isinstance(record, Link) or any(lease.home == name for lease in self._over):
            return
        if lending.row_of(self._visit, MACHINE, name) is not None:
            return
        if record.source is None or lending.row_of(self._visit, *record.source) is None:
            where = (
                f"{inside(record.source[0])} or on the machine" if record.source else "on the machine, nor is it lent"
            )
            hint = "" if record.source else ": name the `netns` that it is in"
            raise LabError(f"there is no link {name} {where}{hint}", request.origin.get(key))
        self.notes.append(
            f"nothing is known of what {name} had before it went to {record.source[0]}: it comes as it is"
        )
        borrowed.add(key)

    def _keep(self, want: Want, ns: str, name: str) -> None:
        """A lent link takes its addresses and routes along."""
        record = want.get(("link", ns, name))
        home = record.source[1] if isinstance(record, Link) and record.source is not None else name
        lease = self._known(home) or lending.look(self._visit, home)
        if lease is not None:
            found = lending.along(lease, ns, name)
            self.notes += found.notes
            for key, kept_record in found.want.items():
                want.setdefault(key, kept_record)

    def _known(self, home: str) -> Lease | None:
        return next((lease for lease in self._standing.values() if lease.home == home), None)

    # -- what is written down

    def intend(self, made: Plan, request: Request) -> list[Lease]:
        """Before the first step: what each link has that the plan lends. Raises LabError. The new leases."""
        deadline = kept.now() + request.confirm if request.confirm else None
        for step in made.steps:
            target = step.other
            if step.verb != "move" or target is None or target[1] in (MACHINE, step.key[1]):
                continue
            wanted = request.want.get(target)
            if not isinstance(wanted, Link) or wanted.kind is not None:
                continue  # the far end of a pair, which isn't lent but where it belongs
            lease = self._lease_of(step.key)
            if lease is not None:
                lease = replace(lease, netns=target[1], name=target[2], deadline=deadline)
                self._new.append(lease)
                leases.save(lease)
        return self._new

    def _lease_of(self, source: Key) -> Lease | None:
        """What the link at `source` has; of one that is lent already, or was half home when a run was killed, what it
        had before that."""
        place = (source[1], source[2])
        lease = self._found.get(place) or self._standing.get(place)
        if source[1] != MACHINE:
            self._over += [lease] if lease is not None else []
            return lease
        fresh, known = lending.look(self._visit, source[2]), self._known(source[2])
        if fresh is not None and known is not None:
            self._over.append(known)
            return known if set(known.addresses) - set(fresh.addresses) or known.master != fresh.master else fresh
        return fresh

    def remember(self, before: State) -> None:
        """Add to what stood before the plan all that the lent links had, for the way back should a step fail."""
        for lease in self._new:
            if ("link", MACHINE, lease.home) not in before:
                continue
            for key, record in lending.home(self._visit, lease, (MACHINE, lease.home)).want.items():
                if isinstance(record, Address) and key in before:
                    record = replace(record, index=before.get(key).index)
                if isinstance(record, (Address, Route, Sysctl)):
                    before.put(key, record)

    def complete(self) -> None:
        """After the last step: the leases of links that are home, or lent elsewhere, aren't needed any more."""
        new = {lease.place for lease in self._new}
        for lease in self._over:
            if lease.place not in new:
                leases.forget(lease)
        leases.sweep()

    def revert(self) -> None:
        """After everything was put back: what stood in the registry before."""
        for lease in self._new:
            stood = self._standing.get(lease.place)
            if stood is None:
                leases.forget(lease)
            else:
                leases.save(stood)


def overdue() -> list[Lease]:
    """Loans that nobody confirmed in time, and those to namespaces that went without giving them back."""
    return [
        lease
        for lease in leases.standing()
        if (lease.deadline is not None and lease.deadline <= kept.now())
        or namespaces.condition(lease.netns) == namespaces.ABSENT
    ]


def confirm(name: str, netns: str, timeout: float) -> str:
    """Let a loan stand that waited for it: ``confirmed``. ``overdue`` where it is too late for that, and ``none`` where
    there is no such loan, any more or yet.

    Raises LabError where another run takes longer than `timeout` seconds.
    """
    with turn(timeout):
        lease = next((lease for lease in leases.standing() if (lease.home, lease.netns) == (name, netns)), None)
        if lease is None:
            return "none"
        if lease.deadline is None:
            return "confirmed"
        if lease.deadline <= kept.now():
            return "overdue"
        leases.save(replace(lease, deadline=None))
        return "confirmed"

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at the machine: one visit to each namespace, then the far ends of links, then the processes.

Nothing is changed by looking, except that the kernel hands out ids for neighbouring namespaces when links are dumped.
"""

from __future__ import annotations

import bisect
import os
import typing as t

from .._kernel import decode, namespaces, netlink
from .._kernel.errors import KernelError
from .._kernel.visit import Visit
from .records import MACHINE, Key, Link, Namespace, Request, Sysctl, changed
from .resources import BY_KIND, KINDS, STANDING
from .resources.namespace import owner_of
from .state import State
from .sysctl_names import link_of
from .view import Far, View

if t.TYPE_CHECKING:
    from .._kernel.sysctls import Sysctls

    _Found = t.Tuple[
        dict[str, dict[Key, t.Any]], dict[str, dict[int, str]], dict[str, dict[str, Far]], dict[tuple[str, int], str]
    ]
    """What looking at some namespaces comes to: `_spaces`, `_names`, `_fars` and `_near` of a `_Look`."""

_INHABITING = frozenset({"container", "process", "occupants"})
"""Kinds that are looked for from the machine's own namespace."""
_FEW = 32
_MANY = 64
"""Namespaces from which on two processes look at them."""
_BATCH = 64
"""Descriptors held open at once while ids are asked for."""
_NO_FARS: dict[str, Far] = {}


def observe(
    visit: Visit, request: Request, also: t.Iterable[str] = (), standing: t.Collection[str] = STANDING
) -> State:
    """Everything of the kinds `standing` that stands in the namespaces that the request names, and in those of `also`;
    of other kinds, what is wanted.

    Far ends of the wanted veths that stand in other namespaces than wanted are looked for in all of them. Raises
    KernelError.
    """
    return _Look(visit, request, standing).all(also)


def observe_again(visit: Visit, request: Request, before: State, places: t.Container[str]) -> State:
    """The same once more, but only in these places; all else is as it was `before`.

    A place where a link was made or went has the place of its other end beside it. Raises KernelError.
    """
    look = _Look(visit, request)
    for ns in before.spaces():
        if ns not in places:
            look.keep(ns, before.space(ns))
    return look.all(before.spaces())


class _Look:
    """One observation in progress."""

    def __init__(self, visit: Visit, request: Request, standing: t.Collection[str] = STANDING) -> None:
        self._visit = visit
        self._request = request
        self._standing = standing
        self._sysctls: Sysctls | None = None
        self._spaces: dict[str, dict[Key, t.Any]] = {}
        self._kept: set[str] = set()
        self._names: dict[str, dict[int, str]] = {}
        self._fars: dict[str, dict[str, Far]] = {}
        """By namespace and name of the link."""
        self._near: dict[tuple[str, int], str] = {}
        self._wanted: dict[str, dict[str, list[Key]]] = {}
        for key in request.want:
            self._wanted.setdefault(key[1], {}).setdefault(key[0], []).append(key)
        self._gone = {key[1] for key, record in request.want.items() if key[0] == "namespace" and record is None}
        self._staying = self._neighbours_of_many() if len(self._gone) > _FEW else []
        """Where many namespaces go, a few others: of each that goes it is asked at once which of them is beside it."""

    def _files(self) -> Sysctls:
        if self._sysctls is None:
            from .._kernel.sysctls import Sysctls

            self._sysctls = Sysctls(self._visit)
        return self._sysctls

    def keep(self, ns: str, space: t.Mapping[Key, t.Any]) -> None:
        """Take for granted what stands in a namespace."""
        self._spaces[ns] = dict(space)
        self._kept.add(ns)

    def all(self, also: t.Iterable[str]) -> State:
        scope = dict.fromkeys([*self._wanted, *self._request.look, *also])
        if self._gone or self._may_come_from_the_machine():
            scope[MACHINE] = None
        self._look_at(scope)
        self._find_far_ends()
        self._visit.enter(MACHINE)  # inside one, the worker itself would be found there
        if self._request.exact or any(not _INHABITING.isdisjoint(kinds) for kinds in self._wanted.values()):
            from .inhabitants import look

            look(self._spaces, self._wanted, self._request, self._kept)
        state = State(self._spaces)
        state.at_birth = self._sysctls_at_birth()
        return state

    def _may_come_from_the_machine(self) -> bool:
        return any(
            isinstance(record, Link) and record.kind is None and key[2] != "lo"
            for key, record in self._request.want.items()
        )

    def _look_at(self, scope: t.Iterable[str]) -> None:
        new = [ns for ns in scope if ns not in self._spaces]
        conditions = namespaces.conditions(ns for ns in new if ns != MACHINE)
        self._spaces.update((ns, {}) for ns in new)
        if len(new) < _MANY or len(os.sched_getaffinity(0)) < 2:
            self._look_at_each(new, conditions)
            return
        middle = len(new) // 2

        def look(visit: Visit) -> _Found:
            self._visit, self._sysctls = visit, None
            return self._found_in(new[middle:], conditions)

        from . import ahead

        self._visit.enter(MACHINE)
        with self._visit.beside(look, ahead.loads()) as found:
            self._look_at_each(new[:middle], conditions)
        self._take(found[0])

    def _found_in(self, new: t.Sequence[str], conditions: t.Mapping[str, str]) -> _Found:
        self._look_at_each(new, conditions)
        return (
            {ns: self._spaces[ns] for ns in new},
            {ns: self._names[ns] for ns in new if ns in self._names},
            {ns: self._fars[ns] for ns in new if ns in self._fars},
            self._near,
        )

    def _take(self, found: _Found) -> None:
        """Add what another process found."""
        spaces, names, fars, near = found
        known = {key: key for key in self._request.want}  # the same tuples and strings once more would be memory
        for ns, space in spaces.items():
            self._spaces[ns] = {known.get(key, key): record for key, record in space.items()}
        self._names.update(names)
        self._fars.update(fars)
        self._near.update(near)

    def _look_at_each(self, new: t.Sequence[str], conditions: t.Mapping[str, str]) -> None:
        for ns in new:
            condition = conditions.get(ns, namespaces.OK)
            if condition == namespaces.BROKEN:
                self._spaces[ns]["namespace", ns] = Namespace("", -1, True)
            if condition != namespaces.OK:
                self._files_of(ns)
                continue
            try:
                self._visit.enter(ns)
            except KernelError:
                if namespaces.condition(ns) == namespaces.ABSENT:  # somebody removed it a moment ago
                    continue
                raise
            wanted = self._wanted.get(ns, {})
            view = View(ns, self._visit.socket(), self._files, self._request.want, wanted, self._standing)
            if ns != MACHINE:
                alias = next((row.alias for row in view.links if row.name == "lo"), "")
                view.put(("namespace", ns), Namespace(owner_of(alias), self._nsid(ns), False))
            for kind in KINDS:
                if kind in view.standing or view.wanted(kind):
                    BY_KIND[kind].observe(view)
            self._spaces[ns] = view.found
            self._names[ns] = view.names
            if view.fars:
                self._fars[ns] = view.fars
                self._ask_for_neighbours(ns, view.fars)

    def _files_of(self, ns: str) -> None:
        """Files under /etc/netns outlive their namespace."""
        view = View(ns, None, self._files, self._request.want, self._wanted.get(ns, {}))
        if view.wanted("file"):
            BY_KIND["file"].observe(view)
        self._spaces[ns].update(view.found)

    def _nsid(self, ns: str) -> int | None:
        want = self._request.want.get(("namespace", ns))
        if not isinstance(want, Namespace) or want.nsid is None:
            return None
        with self._visit.descriptor(ns) as descriptor:
            reply = self._visit.home_socket().get(netlink.nsid_get_request(descriptor))
        nsid = decode.nsid(reply)
        return -1 if nsid is None else nsid

    def _sysctls_at_birth(self) -> dict[str, dict[Key, Sysctl]]:
        """What the wanted namespaces that don't stand will have of the sysctls that are asked for there."""
        wants = self._request.want
        asked = {
            ns: [key for key in kinds["sysctl"] if link_of(key[2]) is None]
            for ns, kinds in self._wanted.items()
            if "sysctl" in kinds and wants.get(("namespace", ns)) is not None and self._is_to_be_made(ns)
        }
        names = dict.fromkeys(key[2] for keys in asked.values() for key in keys)
        if not names:
            return {}
        from .._kernel.sysctls import of_new_namespace

        try:
            values = of_new_namespace(self._visit, names)
        except KernelError:  # then nobody knows, and all of them are set; or nothing can be made, which is said then
            return {}
        records = {name: Sysctl(value) for name, value in values.items()}
        return {ns: {key: records[key[2]] for key in keys if key[2] in records} for ns, keys in asked.items()}

    def _is_to_be_made(self, ns: str) -> bool:
        standing = self._spaces[ns].get(("namespace", ns))
        return standing is None or standing.broken

    # -- far ends

    def _ask_for_neighbours(self, ns: str, fars: t.Mapping[str, Far]) -> None:
        """Ask, while we are there, for the ids of the namespaces in which the far ends are wanted."""
        candidates: dict[str, None] = {}
        for far in fars.values():
            want = self._request.want.get(far.key)
            hint = (want.peer or want.lower) if isinstance(want, Link) else None
            if hint is None:
                continue
            if self._is_told_by(hint, far):
                self._near[ns, far.nsid] = hint[0]
            else:
                candidates[hint[0]] = None
        if ns in self._gone:
            candidates.update(dict.fromkeys(self._staying))
        self._learn_ids(ns, list(candidates))

    def _is_told_by(self, other: tuple[str, str], far: Far) -> bool:
        """Whether a veth that was seen before is known to be joined with the one that this is the far side of: then
        that is its other end, without asking."""
        back = self._fars.get(other[0], _NO_FARS).get(other[1])
        return (
            back is not None
            and self._near.get((other[0], back.nsid)) == far.key[1]
            and self._spaces[far.key[1]][far.key].index == back.number
            and self._spaces[other[0]][back.key].index == far.number
            and self._spaces[other[0]][back.key].kind == "veth"
        )

    def _those_that_stay(self) -> list[str]:
        return [MACHINE, *(name for name in namespaces.names() if name not in self._gone)]

    def _neighbours_of_many(self) -> list[str]:
        staying = self._those_that_stay()
        return staying if len(staying) <= _BATCH else []

    def _learn_ids(self, ns: str, candidates: t.Sequence[str]) -> None:
        """Which id the namespace that the worker is in has for each of these."""
        for start in range(0, len(candidates), _BATCH):
            self._learn_few(ns, candidates[start : start + _BATCH])

    def _search(self, ns: str, candidates: t.Sequence[str]) -> None:
        """Learn which of these the neighbours of the namespace are that the worker is in; stop when all are known.

        Neighbours mostly have names that are near each other, so the search begins at the namespace's own.
        """
        first = max(0, bisect.bisect(candidates, ns) - _BATCH // 2)
        ordered = [*candidates[first:], *candidates[:first]]
        for start in range(0, len(ordered), _BATCH):
            if all((ns, far.nsid) in self._near for far in self._fars[ns].values()):
                return
            self._learn_few(ns, ordered[start : start + _BATCH])

    def _learn_few(self, ns: str, candidates: t.Sequence[str]) -> None:
        known: dict[str, int] = {}
        try:
            for name in candidates:
                try:
                    known[name] = self._visit.open(name)
                except KernelError:
                    continue  # broken, or just removed
            requests = [netlink.nsid_get_request(descriptor) for descriptor in known.values()]
            replies = self._visit.socket().get_many(requests)
        finally:
            for descriptor in known.values():
                os.close(descriptor)
        for name, reply in zip(known, replies):
            if not isinstance(reply, KernelError):
                nsid = decode.nsid(reply)
                if nsid is not None and nsid >= 0:
                    self._near[ns, nsid] = name

    def _find_far_ends(self) -> None:
        unknown = [
            ns for ns, fars in self._fars.items() if any((ns, far.nsid) not in self._near for far in fars.values())
        ]
        searched = [ns for ns in unknown if self._matters(ns)]
        if searched:
            # Of namespaces that go, only links that reach out of what goes matter; among few, for a full picture, all.
            staying = self._those_that_stay()
            everywhere = [*staying, *self._gone]
            for ns in searched:
                if ns in self._gone and self._staying:
                    continue  # asked already
                self._visit.enter(ns)
                many = ns in self._gone and len(self._gone) > _FEW
                self._search(ns, staying if many else everywhere)
            found = dict.fromkeys(self._near.get((ns, far.nsid)) for ns in searched for far in self._fars[ns].values())
            self._look_at([ns for ns in found if ns is not None])
            # What was only looked at for its far ends has neighbours of its own, which nobody asked for.
        for ns, fars in self._fars.items():
            for far in fars.values():
                there = self._near.get((ns, far.nsid))
                name = self._names_in(there).get(far.number) if there is not None else None
                if there is not None and name is not None:
                    self._join(far.key, (there, name))

    def _matters(self, ns: str) -> bool:
        """Whether somebody needs to know where the far ends of a namespace's links are."""
        if ns in self._gone:
            return True
        fars = self._fars[ns].values()
        return any(far.key in self._request.want and (ns, far.nsid) not in self._near for far in fars)

    def _join(self, key: Key, far: tuple[str, str]) -> None:
        """Name the far end of a link, if it is one: a veth's peer must point back. Then it is known of both ends."""
        link = self._spaces[key[1]][key]
        if link.peer == far:
            return  # proven from the other end
        if link.peer is None:
            self._spaces[key[1]][key] = changed(link, lower=far)
            return
        back = self._spaces[far[0]].get(("link", *far))
        if isinstance(back, Link) and back.kind == "veth" and self._points_back(back, far, key, link.index):
            self._spaces[key[1]][key] = changed(link, peer=far)
            self._spaces[far[0]]["link", far[0], far[1]] = changed(back, peer=(key[1], key[2]))

    def _names_in(self, ns: str) -> dict[int, str]:
        """The names of the links of a namespace, by index."""
        if ns in self._kept and ns not in self._names:
            links = ((key, record) for key, record in self._spaces[ns].items() if isinstance(record, Link))
            self._names[ns] = {link.index: key[2] for key, link in links}
        return self._names.get(ns, {})

    def _points_back(self, back: Link, far: tuple[str, str], key: Key, index: int) -> bool:
        if far[0] in self._kept:
            return back.peer == (key[1], key[2])
        other = self._fars.get(far[0], _NO_FARS).get(far[1])
        if other is None:
            return False
        return other.number == index and self._near.get((far[0], other.nsid), key[1]) == key[1]

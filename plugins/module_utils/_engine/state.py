# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The map of what stands, or would stand: records by key, kept by namespace.

Observation fills one; the planner forks it and changes the fork step by step.
"""

from __future__ import annotations

import typing as t

from .records import MACHINE, Key, Link, Namespace, Record

_EMPTY: dict[Key, Record] = {}


class State:
    """Records by key. A fork shares every namespace's map until one side changes it."""

    def __init__(self, spaces: dict[str, dict[Key, Record]] | None = None) -> None:
        self._spaces: dict[str, dict[Key, Record]] = {} if spaces is None else spaces
        self._mine: set[str] = set()
        """Namespaces whose map nobody shares."""
        self._standing: dict[Key, None] | None = None
        self.at_birth: t.Mapping[str, t.Mapping[Key, Record]] = {}
        """By namespace that doesn't stand, what will be there as soon as it does: the sysctls that are asked for."""

    def fork(self) -> State:
        """A copy whose changes the original doesn't see."""
        self._mine = set()
        copy = State(dict(self._spaces))
        copy.at_birth = self.at_birth
        copy._standing = dict(self._standing) if self._standing is not None else None
        return copy

    def standing(self) -> list[Key]:
        """The links that stand on another one (vlan, macvlan), in all namespaces. Few, and asked for often."""
        if self._standing is None:
            self._standing = {
                key: None
                for space in self._spaces.values()
                for key, record in space.items()
                if isinstance(record, Link) and record.lower is not None
            }
        return list(self._standing)

    def get(self, key: Key) -> t.Any:
        """The record under a key, or None."""
        return self._spaces.get(key[1], _EMPTY).get(key)

    def __contains__(self, key: Key) -> bool:
        return key in self._spaces.get(key[1], _EMPTY)

    def __iter__(self) -> t.Iterator[Key]:
        for space in self._spaces.values():
            yield from space

    def space(self, ns: str) -> t.Mapping[Key, Record]:
        """All that stands in one namespace. Don't keep it across a change."""
        return self._spaces.get(ns, _EMPTY)

    def lives(self, ns: str) -> bool:
        """Whether there is a namespace behind a name: it isn't only a dead file that a crash has left."""
        record = self.get(("namespace", ns))
        return ns == MACHINE or (isinstance(record, Namespace) and not record.broken)

    def spaces(self) -> t.Iterable[str]:
        """The namespaces that were looked at or filled."""
        return self._spaces

    def touched(self) -> t.Collection[str]:
        """Of a fork: the namespaces in which anything was changed since."""
        return self._mine

    def _own(self, ns: str) -> dict[Key, Record]:
        if ns not in self._mine:
            self._spaces[ns] = dict(self._spaces.get(ns, _EMPTY))
            self._mine.add(ns)
        return self._spaces[ns]

    def put(self, key: Key, record: Record) -> None:
        """Set what stands under a key."""
        self._own(key[1])[key] = record
        if self._standing is not None and key[0] == "link":
            if isinstance(record, Link) and record.lower is not None:
                self._standing[key] = None
            else:
                self._standing.pop(key, None)

    def drop(self, key: Key) -> None:
        """Forget a key; nothing happens if it isn't there."""
        if key in self._spaces.get(key[1], _EMPTY):
            del self._own(key[1])[key]
            if self._standing is not None:
                self._standing.pop(key, None)

    def clear(self, ns: str) -> None:
        """Forget everything in a namespace."""
        if self._spaces.get(ns):
            self._spaces[ns] = {}
            self._mine.add(ns)
            if self._standing:
                self._standing = {key: None for key in self._standing if key[1] != ns}

    def of(self, ns: str, kind: str) -> list[tuple[Key, t.Any]]:
        """The keys and records of one kind in one namespace, in their order, as a list that changes can't disturb."""
        return [(key, record) for key, record in self._spaces.get(ns, _EMPTY).items() if key[0] == kind]

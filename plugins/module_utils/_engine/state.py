# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The map of what stands, or would stand: records by key, kept by namespace.

Observation fills one; the planner forks it and changes the fork step by step.
"""

from __future__ import annotations

import typing as t

from .records import Key, Record

_EMPTY: dict[Key, Record] = {}


class State:
    """Records by key. A fork shares every namespace's map until one side changes it."""

    def __init__(self, spaces: dict[str, dict[Key, Record]] | None = None) -> None:
        self._spaces: dict[str, dict[Key, Record]] = {} if spaces is None else spaces
        self._mine: set[str] | None = None if spaces is None else set()

    def fork(self) -> State:
        """A copy whose changes the original doesn't see."""
        self._mine = set()
        return State(dict(self._spaces))

    def get(self, key: Key) -> Record | None:
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

    def spaces(self) -> t.Iterable[str]:
        """The namespaces that were looked at or filled."""
        return self._spaces

    def _own(self, ns: str) -> dict[Key, Record]:
        space = self._spaces.get(ns)
        if space is None:
            space = self._spaces[ns] = {}
            if self._mine is not None:
                self._mine.add(ns)
        elif self._mine is not None and ns not in self._mine:
            space = self._spaces[ns] = dict(space)
            self._mine.add(ns)
        return space

    def put(self, key: Key, record: Record) -> None:
        """Set what stands under a key."""
        self._own(key[1])[key] = record

    def drop(self, key: Key) -> None:
        """Forget a key; nothing happens if it isn't there."""
        if key in self._spaces.get(key[1], _EMPTY):
            del self._own(key[1])[key]

    def clear(self, ns: str) -> None:
        """Forget everything in a namespace."""
        if self._spaces.get(ns):
            self._spaces[ns] = {}
            if self._mine is not None:
                self._mine.add(ns)

    def of(self, ns: str, kind: str) -> list[tuple[Key, t.Any]]:
        """The keys and records of one kind in one namespace, in their order, as a list that changes can't disturb."""
        return [(key, record) for key, record in self._spaces.get(ns, _EMPTY).items() if key[0] == kind]

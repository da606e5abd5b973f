# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what is drawn at random free of loops of switches.

The kernel's own multicast goes round in such a loop for ever and multiplies, in the interrupts of the whole machine:
what runs beside it hardly gets on until the namespaces are gone.
"""

from __future__ import annotations

import typing as t


class Segments:
    """Which switches are joined, by whatever way (disjoint sets)."""

    def __init__(self) -> None:
        self._above: dict[t.Hashable, t.Hashable] = {}

    def join(self, one: t.Hashable, other: t.Hashable) -> bool:
        """Joins two switches, unless they are: then a cable between them would close a loop."""
        roots = self._root(one), self._root(other)
        if roots[0] == roots[1]:
            return False
        self._above[roots[0]] = roots[1]
        return True

    def _root(self, one: t.Hashable) -> t.Hashable:
        while one in self._above:
            one = self._above[one]
        return one

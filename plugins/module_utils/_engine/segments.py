# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hears each other, by whatever way: disjoint sets, with path halving. Pure."""

from __future__ import annotations

import typing as t


class Segments:
    """Which places are joined. Each is one of its own at first."""

    def __init__(self) -> None:
        self._above: dict[t.Hashable, t.Hashable] = {}

    def join(self, one: t.Hashable, other: t.Hashable) -> bool:
        """Join two places; False if they are: what joins them once more closes a loop."""
        roots = self.of(one), self.of(other)
        self._above[roots[0]] = roots[1]
        return roots[0] != roots[1]

    def of(self, place: t.Hashable) -> t.Hashable:
        """What stands for all that a place is joined to."""
        above = self._above
        while above.setdefault(place, place) != place:
            above[place] = place = above[above[place]]
        return place

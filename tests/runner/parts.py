# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a test run: which there are, who runs each, and how long each takes."""

from __future__ import annotations

import typing as t

USUAL = frozenset({"usual", "ci", "all"})
CI = frozenset({"ci", "all"})
ALL = frozenset({"all"})
BY_NAME: frozenset[str] = frozenset()


class PartOf(t.NamedTuple):
    """What is known of a part before it runs."""

    function: str
    """MODULE.FUNCTION of this package, called with the part to count in, a directory, and options."""
    seconds: int
    """About how long it takes beside another one on two cores: those that take longest begin first."""
    sets: frozenset[str]
    """In what it runs: `./lab test` runs the set `usual`."""
    alone: bool = False
    """Whether it runs by itself, after all others."""


PARTS = {
    "lint": PartOf("lint.run_part", 80, USUAL),
    "unit": PartOf("suites.unit", 55, USUAL),
    "kernel": PartOf("suites.kernel", 340, USUAL),
    "integration": PartOf("ansible_test.integration", 250, USUAL),
    "containers": PartOf("ansible_test.containers", 150, CI),
    "units": PartOf("ansible_test.units", 120, CI),
    "sanity": PartOf("ansible_test.sanity", 60, USUAL),
    "docs": PartOf("docs.run_part", 50, USUAL),
    "collection": PartOf("collection.run_part", 60, USUAL),
    "bare": PartOf("bare.run_part", 290, CI),
    "checkout": PartOf("checkout.run_part", 50, USUAL),
    "molecule": PartOf("molecule.run_part", 420, CI),
    "lab_vm": PartOf("vm_scenario.run_part", 900, ALL, alone=True),
    "coverage": PartOf("coverage.run_part", 900, ALL, alone=True),
    "versions": PartOf("versions.run_part", 2700, ALL, alone=True),
    "mutation": PartOf("mutation.run_part", 1500, BY_NAME, alone=True),
}
"""In the order in which they are told."""

SETS = ("usual", "ci", "all")


def choose(names: t.Sequence[str]) -> list[str]:
    """The parts that these names, of parts or of sets, stand for. Raises ValueError, with a sentence."""
    unknown = [name for name in names if name not in PARTS and name not in SETS]
    if unknown:
        raise ValueError(
            f"there is no part {', '.join(unknown)}; the parts are: {', '.join(PARTS)}; ci and all stand for several"
        )
    wanted = {name for name in names if name in PARTS}
    for chosen in {name for name in names if name in SETS} or ({"usual"} if not names else set()):
        wanted |= {name for name, part in PARTS.items() if chosen in part.sets}
    return [name for name in PARTS if name in wanted]

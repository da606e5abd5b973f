# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts unit and kernel: pytest, counted from the report that it writes.

The kernel tests wait for the kernel as long as they work, and each has a machine of its own, so their files run in
twice as many shares as there are cores.
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from .place import CHECKOUT, THOROUGH, run_together, shares
from .report import Part

LIMIT = 1500
"""Seconds, after which a share is given up; in a thorough run ten times that."""


SECONDS = {
    "parallel": 130, "lab_containers": 100, "effects": 95, "process": 90, "process_kill": 90, "lxc_config": 60,
    "nic": 55, "lxc_container": 55, "lxc_making": 55, "engine_kill": 40, "live_change": 40, "lab_processes": 40,
    "topology_info": 35, "engine_rollback_random": 30, "engine_rollback_machine": 30, "exact": 30,
    "engine_change": 25, "engine_kill_calls": 25,
}  # fmt: skip
"""About how long the slowest files of the kernel tests take, so that all shares end at about the same time."""
USUAL_SECONDS = 12
"""The others."""


def unit(part: Part, scratch: Path, options: list[str]) -> None:
    pytest(part, scratch, [["tests/unit"]], options)


def kernel(part: Part, scratch: Path, options: list[str]) -> None:
    files = sorted(CHECKOUT.glob("tests/kernel/test_*.py"))
    times = {
        str(path.relative_to(CHECKOUT)): SECONDS.get(path.stem.removeprefix("test_"), USUAL_SECONDS) for path in files
    }
    count = 1 if options else min(8, 2 * (os.cpu_count() or 1))
    pytest(part, scratch, shares(times, count), options)


def pytest(part: Part, scratch: Path, all_paths: list[list[str]], options: list[str]) -> None:
    """Each share of paths in a process of its own, all at once. Paths among the options stand for all the others."""
    named = [option for option in options if option.startswith("tests/")]
    if named:
        all_paths, options = [named], [option for option in options if option not in named]
    thorough = THOROUGH in os.environ
    if thorough:
        options = ["--hypothesis-profile=all", *options]
    reports = [scratch / f"{part.name}-{number}.xml" for number in range(len(all_paths))]
    commands = [
        (
            [sys.executable, "-m", "pytest", "-q", *paths, f"--junitxml={report}",
             "--basetemp", str(report.with_suffix("")), *options],
            CHECKOUT, {},
        )
        for paths, report in zip(all_paths, reports)
    ]  # fmt: skip
    for report, (code, _output) in zip(reports, run_together(commands, LIMIT * (10 if thorough else 1))):
        _count(part, report, code)


def count(part: Part, report: Path) -> None:
    """Adds what a report in JUnit's format says."""
    for case in ET.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if problem is not None:
            part.failed.append(f"{name}: {(problem.get('message') or 'no message').splitlines()[0][:200]}")
        elif skipped is not None:
            part.skipped.append(f"{name}: {skipped.get('message')}")
        else:
            part.passed += 1


def _count(part: Part, report: Path, code: int) -> None:
    if not report.exists():
        part.fail(part.name, f"pytest ended with exit code {code} before it could write its report")
        return
    before = len(part.failed)
    count(part, report)
    # Exit code 5 is "nothing collected", which the report counts as nothing run.
    if code not in (0, 5) and len(part.failed) == before:
        part.fail(part.name, f"pytest ended with exit code {code}")

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts unit and kernel: pytest, counted from the report that it writes."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from .place import run
from .report import Part


def unit(part: Part, scratch: Path, options: list[str]) -> None:
    pytest(part, scratch, "tests/unit", options)


def kernel(part: Part, scratch: Path, options: list[str]) -> None:
    pytest(part, scratch, "tests/kernel", options)


def pytest(part: Part, scratch: Path, directory: str, options: list[str]) -> None:
    report = scratch / f"{part.name}.xml"
    command = [sys.executable, "-m", "pytest", "-q", directory, f"--junitxml={report}"]
    code, _output = run(*command, "--basetemp", scratch / part.name, *options)
    if not report.exists():
        part.fail(directory, f"pytest ended with exit code {code} before it could write its report")
        return
    before = len(part.failed)
    for case in ET.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        skipped = case.find("skipped")
        if problem is not None:
            part.failed.append(f"{name}: {(problem.get('message') or '').splitlines()[0][:200]}")
        elif skipped is not None:
            part.skipped.append(f"{name}: {skipped.get('message')}")
        else:
            part.passed += 1
    # Exit code 5 is "nothing collected", which the report counts as nothing run.
    if code not in (0, 5) and len(part.failed) == before:
        part.fail(directory, f"pytest ended with exit code {code}")

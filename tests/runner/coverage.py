# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part coverage: which lines of the engine and the ground the suites unit, kernel and integration run, taken together.

Modules run as processes of their own. Those of the kernel tests are measured because coverage starts itself in every
Python of .venv that finds COVERAGE_PROCESS_START; those of the integration tests by `ansible-test --coverage`.
"""

from __future__ import annotations

import json
import os
import time
import typing as t
from pathlib import Path

from . import ansible_test, suites
from .place import CACHE, CHECKOUT, THOROUGH, run
from .report import Part

LEAST = 95.0
"""Percent of lines."""

RESULT = CACHE / "coverage" / "all"
"""Stays, so that `coverage html --data-file` can show it."""

LEAVE = {"connection_lxc", "connection_netns"}
"""Some of their modules run under the Python of a container, or the system's, which know nothing of coverage."""

MEASURED = ("_engine", "_kernel")

SETTINGS = """\
[run]
branch = true
parallel = true
concurrency = thread
source_pkgs = ansible_collections.netns.lab.plugins.module_utils
data_file = {data}
disable_warnings = module-not-imported, no-data-collected, module-not-measured

[report]
# What only mypy reads.
exclude_also =
    if t.TYPE_CHECKING:

# The names that a file has: through the link in .collections, in a copy, in the archive that Ansible sends.
[paths]
plugins =
    {checkout}/plugins
    */ansible_collections/netns/lab/plugins
"""


def run_part(part: Part, scratch: Path, _options: list[str]) -> None:
    place = scratch / "coverage"
    place.mkdir()
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    (place / "settings").write_text(SETTINGS.format(data=place / "data", checkout=CHECKOUT))
    _measure(part, place)
    data = [*place.glob("data.*"), *place.glob("*/ansible_collections/netns/lab/tests/output/coverage/*=coverage.*")]
    if _coverage(place, "combine", "--quiet", *data):
        part.fail("combine", f"{len(data)} files can't be put together")
        return
    for name in MEASURED:
        # The archives that Ansible sends hold an empty __init__.py for each package, where we have none.
        only = [f"--include=*/module_utils/{name}/*", "--omit=*/*.zip/*"]
        _coverage(place, "report", *only, "--show-missing", "--skip-covered", "--sort=miss")
        _coverage(place, "json", *only, "--quiet", "-o", place / f"{name}.json")
        totals = json.loads((place / f"{name}.json").read_text())["totals"]
        lines = 100 * totals["covered_lines"] / totals["num_statements"]
        branches = 100 * totals["covered_branches"] / totals["num_branches"]
        words = f"{name}: {lines:.1f}% of {totals['num_statements']} lines, {branches:.1f}% of the branches"
        if lines < LEAST:
            part.fail(words, f"less than {LEAST:.0f}% of the lines")
        else:
            part.ok(words)


def _measure(part: Part, place: Path) -> None:
    """Runs the suites. What fails in them, fails here; what passes or is skipped was counted by their own parts."""
    os.environ.pop(THOROUGH, None)  # more random cases hardly run more lines, and measured they take their time twice
    os.environ["COVERAGE_PROCESS_START"] = str(place / "settings")
    try:
        for name, suite in (("unit", suites.unit), ("kernel", suites.kernel)):
            _take_over(part, name, lambda inner, suite=suite: suite(inner, place, []))
    finally:
        del os.environ["COVERAGE_PROCESS_START"]
    targets = [name for name in ansible_test.targets() if name not in LEAVE]
    _take_over(part, "integration", lambda inner: ansible_test.run_targets(inner, place, targets, "--coverage"))


def _take_over(part: Part, name: str, suite: t.Callable[[Part], None]) -> None:
    inner = Part(name)
    suite(inner)
    print(f"{name}, measured: {inner.passed} passed in {time.monotonic() - inner.started:.0f} s", flush=True)
    part.failed += [f"{name}: {what}" for what in inner.failed]
    if not inner.passed:
        part.fail(name, "nothing was measured")


def _coverage(place: Path, verb: str, *words: str | Path) -> int:
    code, _output = run("coverage", verb, f"--rcfile={place}/settings", f"--data-file={RESULT}", *words)
    return code

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the tests part by part, as `./lab test [PART...]` calls it.

What follows `--` goes to pytest: `./lab test kernel -- -k veth -x`. The last line is `N passed, N failed, N skipped`.
A part that runs nothing has failed; what was skipped is listed with its reason; what is left behind on the machine
(namespaces, links, mounts, files, processes, control groups) is a failure.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runner import ansible_test, bare, checkout, collection, leaks, lint, needs, suites
from runner.report import Report, heading

PARTS = {
    "lint": lint.run_part,
    "unit": suites.unit,
    "kernel": suites.kernel,
    "integration": ansible_test.integration,
    "sanity": ansible_test.sanity,
    "collection": collection.run_part,
    "bare": bare.run_part,
    "checkout": checkout.run_part,
}


def main(arguments: list[str]) -> int:
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, pytest_options = arguments[:cut], arguments[cut + 1 :]
    unknown = [name for name in names if name not in PARTS and name != "all"]
    if unknown:
        print(f"there is no part {', '.join(unknown)}; the parts are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    chosen = list(PARTS) if not names or "all" in names else [name for name in PARTS if name in names]

    started = time.monotonic()
    report = Report()
    needs.install(chosen)
    before = leaks.look()
    with tempfile.TemporaryDirectory(prefix="netns-lab-test-") as scratch:
        for number, name in enumerate(chosen, 1):
            heading(f"{name} ({number} of {len(chosen)})")
            part = report.begin(name)
            try:
                PARTS[name](part, Path(scratch), pytest_options)
            except Exception as error:  # a broken part must not hide the result of the others
                part.fail("the part itself", f"{type(error).__name__}: {error}")
            report.end(part)
    leftover = report.begin("leftovers")
    leaks.compare(leftover, before)
    report.end(leftover)
    return report.finish(time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

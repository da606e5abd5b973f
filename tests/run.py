# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the tests part by part, as `./lab test [PART...]` calls it.

What follows `--` goes to the part: `./lab test kernel -- tests/kernel/test_engine_veth.py -x`. The last line is
`N passed, N failed, N skipped`. A part that runs nothing has failed; what was skipped is listed with its reason; what
is left behind on the machine (namespaces, links, mounts, files, processes, control groups) is a failure.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runner import lanes, leaks, needs
from runner.parts import PARTS, choose
from runner.place import COMPILED, THOROUGH
from runner.report import Report


def main(arguments: list[str]) -> int:
    if arguments[:1] == [lanes.ALONE]:  # one part, in a process of its own
        return lanes.run_alone(*arguments[1:4], options=arguments[4:])
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, options = arguments[:cut], arguments[cut + 1 :]
    try:
        chosen = choose(names)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2

    if "all" in names:
        os.environ[THOROUGH] = "yes"
    started = time.monotonic()
    report = Report()
    needs.install(chosen)
    before = leaks.look()
    with tempfile.TemporaryDirectory(prefix="netns-lab-test-") as scratch:
        try:
            report.parts += lanes.run({name: PARTS[name] for name in chosen}, Path(scratch), options)
        except KeyboardInterrupt:
            leaks.clear_up(before)
            raise
    shutil.rmtree(f"{COMPILED}{scratch}", ignore_errors=True)  # of copies of the tree, which are gone
    leftover = report.begin("leftovers")
    leaks.compare(leftover, before)
    report.end(leftover)
    return report.finish(time.monotonic() - started)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("given up; the parts that ran were ended", file=sys.stderr)
        sys.exit(130)

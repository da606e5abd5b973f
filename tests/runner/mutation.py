# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part mutation: the pure half of the engine with one thing changed at a time, to see whether a test notices.

Done by mutmut, in an environment of its own and on a copy of the source. It takes a quarter of an hour, so it is asked
for by name and belongs to no other run: `./lab test mutation`, or `./lab test mutation -- plan.py steps.py` for some
files. What no test notices has to stand in tests/mutation.md with the reason; what doesn't is a failure, and so is a
reason there for what some test notices, or what isn't in the source any more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from .place import CACHE, CHECKOUT, copy, environment, run
from .report import Part

TOOL = "mutmut>=3.8,<4"
ENGINE = "plugins/module_utils/_engine"
FILES = (
    "plan.py", "steps.py", "state.py", "topology.py", "lab_links.py", "derived_names.py", "walk.py", "schema.py",
    "matching.py", "segments.py", "switch_loops.py",
)  # fmt: skip
# Not effects*.py, pure as they are: whether an effect is right only the kernel can say, so their proof is in
# tests/kernel (test_effects.py), and that mutmut can't run: its tests need namespaces of their own, and root.
TESTS = "tests/unit/plugins/module_utils/_engine"
REASONS = CHECKOUT / "tests" / "mutation.md"
LIMIT = 4 * 3600
"""Seconds, after which it is ended; what was tried until then counts."""
CHILDREN = 2
_TOLD_EVERY = 30.0
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ENTRY = re.compile(r"^- `(.+?)`: `(.*?)` → `(.*?)`:", re.MULTILINE)

Mutant = tuple[str, str, str]
"""Module and function, the line as it is, and as it was changed. A mutant's number changes with every edit."""


def run_part(part: Part, scratch: Path, options: list[str]) -> None:
    unknown = [name for name in options if not (CHECKOUT / ENGINE / name).is_file()]
    if unknown:
        part.fail("mutation", f"there is no {ENGINE}/{', '.join(unknown)}")
        return
    program = _installed(part)
    if program is None:
        return
    root = copy(scratch, "mutation").parents[2]
    files = options or FILES
    (root / "setup.cfg").write_text(_configuration(files))
    _mutate(part, program, root)
    explained = set(_ENTRY.findall(REASONS.read_text()))
    results = _results(program, root)
    survivors = [name for name, result in results.items() if result in ("survived", "no tests")]
    untried = sum(result == "not checked" for result in results.values())
    part.ok("mutants that a test noticed", len(results) - len(survivors) - untried)
    if untried:
        part.skip("mutants that were not tried in time", str(untried))
    met = {_mutant(program, root, name) for name in survivors}
    for mutant in sorted(met):
        if mutant in explained:
            part.ok(f"explained in {REASONS.name}: {_told(mutant)}")
        else:
            part.fail(_told(mutant), "no test notices")
    if untried:
        return
    for mutant in sorted(explained - met):
        if f"{mutant[0].split('.')[0]}.py" in files:
            part.fail(_told(mutant), f"stands in {REASONS.name}, but no such mutant survives: take it out")


def _told(mutant: Mutant) -> str:
    return f"`{mutant[0]}`: `{mutant[1]}` → `{mutant[2]}`"


def _installed(part: Part) -> Path | None:
    """mutmut's program, installed unless it is already."""
    place = CACHE / "mutation"
    python = place / "bin" / "python"
    if not python.exists():
        run(sys.executable, "-m", "venv", place)
    wanted = [TOOL, "-r", CHECKOUT / "requirements.txt", "hypothesis>=6.100", "pytest>=8.3"]
    code, _output = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)
    if code:
        part.fail("mutmut", f"pip ended with exit code {code}")
        return None
    return place / "bin" / "mutmut"


def _configuration(files: tuple[str, ...] | list[str]) -> str:
    """mutmut names a mutant by its path, which has to be its module's name: so the tree begins above the collection."""
    base = "ansible_collections/netns/lab"
    some = "".join(f"\n    {base}/{ENGINE}/{name}" for name in files)
    return (
        f"[mutmut]\nsource_paths =\n    {base}/{ENGINE}\nonly_mutate ={some}\nalso_copy =\n    ansible_collections\n"
        f"pytest_add_cli_args_test_selection =\n    {base}/{TESTS}\nuse_git_change_detection = false\n"
    )


def _mutate(part: Part, program: Path, root: Path) -> None:
    """Runs mutmut; its progress is one line that it writes again and again, of which we show some."""
    log = root / "mutmut.log"
    started = told = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            ["nice", str(program), "run", "--max-children", str(CHILDREN)], cwd=root, env=environment(),
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        while process.poll() is None:
            time.sleep(1)
            if time.monotonic() > told + _TOLD_EVERY:
                told = time.monotonic()
                print(f"{told - started:6.0f} s {_last(log)}", flush=True)
            if time.monotonic() > started + LIMIT:
                os.killpg(process.pid, 15)
    print(_last(log), flush=True)
    if process.returncode > 0:
        part.fail("mutmut", f"exit code {process.returncode}: {log.read_text()[-1500:]}")


def _last(log: Path) -> str:
    lines = re.split(r"[\r\n]", _ESCAPES.sub("", log.read_text(errors="replace")))
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _results(program: Path, root: Path) -> dict[str, str]:
    output = subprocess.run(
        [program, "results", "--all", "true"], cwd=root, env=environment(), capture_output=True, text=True, check=True
    ).stdout
    return dict(line.strip().rsplit(": ", 1) for line in output.splitlines() if ": " in line)


def _mutant(program: Path, root: Path, name: str) -> Mutant:
    """What was changed, from the difference that mutmut shows."""
    shown = subprocess.run(
        [program, "show", name], cwd=root, env=environment(), capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in shown.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    removed = " ".join(line[1:].strip() for line in lines if line[0] == "-")
    added = " ".join(line[1:].strip() for line in lines if line[0] == "+")
    function = name.split("._engine.")[1].split("__mutmut_")[0].replace(".x_", ".", 1).replace("ǁ", ".")
    return function.replace(".x.", ".", 1), removed, added

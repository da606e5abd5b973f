# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part molecule: the scenarios of extensions/molecule whose instances are LXC containers, each step of each counted.

`molecule test --all` ends with the first failure and doesn't name the scenarios that it didn't come to, and what a run
has left of its state decides what the next one does. So each scenario is a process of its own, reset and destroyed
before and after, whatever became of it.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import fcntl
import os
import re
import shutil
import time
import typing as t
from pathlib import Path

from . import needs
from .place import CACHE, CHECKOUT, COLLECTIONS, run, run_together
from .report import Part

SCENARIOS = CHECKOUT / "extensions" / "molecule"
STEPS = ("create", "prepare", "side_effect", "converge", "idempotence", "verify", "destroy")
LIMIT = 900
"""Seconds, after which a scenario is given up. The longest takes a quarter of that on two idle cores."""
AT_ONCE = 2


def run_part(part: Part, scratch: Path, options: list[str]) -> None:
    """Options are the scenarios to run; without any, all are."""
    there = sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml") if path.parent.name != "lab_vm")
    unknown = sorted(set(options) - set(there))
    if unknown:
        part.fail("molecule", f"there is no scenario {', '.join(unknown)}; there are {', '.join(there)}")
        return
    if os.geteuid() != 0:
        part.skip("molecule", "its instances are made by root only")
        return
    missing = sorted({tool.name for tool in needs.lacking()} & (needs.FOR_CONTAINERS | needs.FOR_INSTANCES))
    if missing:
        part.skip("molecule", f"there is no {', '.join(missing)} here")
        return
    with _instances_of_one_run():
        if not _originals(part, scratch):
            return
        names = options or there
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for name, seconds, code, output in pool.map(lambda name: _test(name, scratch), names):
                _judge(part, name, code, output)
                print(f"{name}: {seconds:.0f} s ({time.monotonic() - started:.0f} s so far)", flush=True)


@contextlib.contextmanager
def _instances_of_one_run() -> t.Iterator[None]:
    """Two runs would make instances of the same names."""
    place = CACHE / "molecule"
    place.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "molecule.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            _forget_locks()


def _forget_locks() -> None:
    """LXC keeps a lock file for each container that it has looked at, also for the originals, which stay."""
    locks = Path(f"/run/lxc/lock{CACHE / 'molecule'}")
    shutil.rmtree(locks, ignore_errors=True)
    with contextlib.suppress(OSError):  # those that hold others' stay
        for folder in locks.parents:
            folder.rmdir()


def _originals(part: Part, scratch: Path) -> bool:
    """The root file systems that all instances are copies of."""
    command = ["ansible-playbook", "-i", SCENARIOS / "inventory", SCENARIOS / "shared" / "originals.yml"]
    code, _output = run(*command, env=_environment("originals", scratch))
    if code:
        part.fail("root file systems of the instances", f"exit code {code}")
    else:
        part.ok("root file systems of the instances")
    return not code


def _environment(name: str, scratch: Path) -> dict[str, str]:
    return {
        "MOLECULE_EPHEMERAL_DIRECTORY": str(scratch / name),
        "MOLECULE_SCENARIO_NAME": name,
        "MOLECULE_SCENARIO_DIRECTORY": str(SCENARIOS / name),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(scratch / f"{name}-home"),
        "NO_COLOR": "1",
        "PY_COLORS": "0",
    }


def _test(name: str, scratch: Path) -> tuple[str, float, int, str]:
    """One scenario from its beginning to its end: its name, seconds, exit code and output."""
    started = time.monotonic()
    env = _environment(name, scratch)
    del env["MOLECULE_SCENARIO_NAME"], env["MOLECULE_SCENARIO_DIRECTORY"]
    where = SCENARIOS.parent

    def molecule(*words: str) -> tuple[int, str]:
        command = ["molecule", "--base-config", str(SCENARIOS / "config.yml"), *words, "--scenario-name", name]
        return run_together([(command, where, env)], LIMIT)[0]

    molecule("reset")
    code, output = molecule("test", "--destroy", "always")
    if code:
        molecule("destroy")
    return name, time.monotonic() - started, code, output


def _judge(part: Part, name: str, code: int, output: str) -> None:
    for step in STEPS:
        if re.search(rf"\b{name} > {step}\b.*(Completed|Successful)|\b{step}: .*(Completed|Successful)", output):
            part.ok(f"{name}, {step}")
        else:
            part.fail(f"{name}, {step}", "didn't come to its end, see above")
    if code and not any(line.startswith(f"{name},") for line in part.failed):
        part.fail(name, f"exit code {code}")

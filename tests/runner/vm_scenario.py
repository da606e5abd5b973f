# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part lab_vm: Molecule's scenario of that name, each of its assertions counted."""

from __future__ import annotations

import os
import re
from pathlib import Path

from . import vm_image, vm_machine
from .place import CHECKOUT, run
from .report import Part

LIMIT = 2400
"""Seconds, after which the scenario is given up. It takes a third of that on two idle cores."""

ASSERTION = re.compile(r"^assertion +\d+ +\d+ s  (\w+) +(.*)$", re.MULTILINE)
"""As callback/counted.py prints them."""

STORIES = CHECKOUT / "extensions" / "molecule" / "lab_vm" / "stories"
"""A file for each story; one whose name begins with `_` is a piece of others, and can't be told by itself."""

STEPS = ("destroy", "create", "prepare", "check", "side_effect", "converge", "idempotence", "verify", "destroy")


def run_part(part: Part, scratch: Path, options: list[str]) -> None:
    """Options are the stories of `verify` to tell; without any, all are."""
    there = sorted(path.stem for path in STORIES.glob("[!_]*.yml"))
    unknown = sorted(set(options) - set(there))
    if unknown:
        part.fail("lab_vm", f"there is no story {', '.join(unknown)}; there are {', '.join(there)}")
        return
    try:
        vm_image.source()
    except RuntimeError as error:
        part.skip("lab_vm", str(error))
        return
    try:
        vm_image.build()  # which may take minutes, once, and shows how far it is
        _tell(part, scratch, options)
    except RuntimeError as error:
        part.fail("lab_vm", str(error))
    finally:
        if vm_machine.stop():
            part.fail("destroy", "the VM was still there")


def _tell(part: Part, scratch: Path, options: list[str]) -> None:
    env = {
        "NETNS_LAB_VM_OWNER": str(os.getpid()),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(scratch / "molecule"),
        "ANSIBLE_HOME": str(scratch / "ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(scratch / "cp"),
        "ANSIBLE_TIMEOUT": "120",  # an emulated machine on a busy one takes its time until sudo answers
        "NO_COLOR": "1",
        "PY_COLORS": "0",
    }
    if options:
        env["VM_STORIES"] = " ".join(options)
    command = ["molecule", "test", "--scenario-name", "lab_vm", "--destroy", "always"]
    code, output = run(*command, cwd=CHECKOUT / "extensions", env=env, limit=LIMIT)
    for word, name in ASSERTION.findall(output):
        if word == "ok":
            part.passed += 1
        elif word == "skipped":
            part.skip("lab_vm", name)
        else:
            part.failed.append(name)
    for step in STEPS[:-1]:
        if not re.search(rf"\b{step}: .*(Completed|Executed)", output):
            part.fail(f"molecule {step}", "did not come to its end")
    if code and not part.failed:
        part.fail("molecule test", f"exit code {code}")
    elif not code:
        part.ok("a second run of the roles changed nothing")
        part.ok("molecule test, all steps")

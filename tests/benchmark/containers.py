# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twenty busybox containers: as nodes of a lab across a switch, and by LXC's own commands, without any network.

The machine's /var/lib is empty here, so LXC's containers are those of the benchmark.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import typing as t
from pathlib import Path

from . import measure, payload
from .measure import Failed, Times

COUNT = 20
_PATH = "/var/lib/lxc"

SCRIPT = f"""
set -e
mkdir -p {_PATH}
for number in $(seq 1 {COUNT}); do
    lxc-create -n plain$number -f /dev/null -t busybox >/dev/null && lxc-start -n plain$number
done
"""


def lab() -> dict[str, t.Any]:
    """The containers as the options of the module `topology`."""
    nodes: dict[str, t.Any] = {f"bench{number}": {"kind": "container"} for number in range(COUNT)}
    links = [
        [{"node": name, "name": "eth0", "addresses": [f"10.7.0.{number + 1}/24"]}, "lan"]
        for number, name in enumerate(nodes)
    ]
    return {"name": "boxes", "nodes": {**nodes, "lan": {"kind": "switch"}}, "links": links}


def measured(scratch: Path, runs: int) -> dict[str, Times]:
    """Seconds of the script, of the lab's build, of a second run and of its removal. Raises Failed."""
    if not shutil.which("lxc-create"):
        raise Failed("LXC isn't installed here: the role netns.lab.lxc does that")
    options = {"present": lab(), "absent": {"name": "boxes", "state": "absent"}}
    try:
        files = payload.Ansible(scratch).payloads("netns.lab.topology", options)
        found = {name: Times() for name in ("script", "build", "again", "remove")}
        for _unused in range(runs):
            _clear()
            found["script"].add(measure.run(["sh", "-c", SCRIPT]))
            _clear()
            for name, of, changed in (
                ("build", "present", True),
                ("again", "present", False),
                ("remove", "absent", True),
            ):
                done, result = payload.start(files[of])
                if result["changed"] is not changed:
                    raise Failed(f"{name}: changed is {result['changed']}: {result['steps'][:5]}")
                found[name].add(done)
    finally:
        _clear()
    return found


def _clear() -> None:
    """No container is left, however it was made."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(_PATH):
            subprocess.run(["lxc-stop", "-n", name, "-k"], capture_output=True, check=False, timeout=60)
            subprocess.run(["lxc-destroy", "-n", name], capture_output=True, check=False, timeout=60)
    measure.settle()

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a test run may not leave behind on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from .place import MARK
from .report import Part

STATE = ("/run/netns", "/run/netns-lab", "/var/lib/netns-lab", "/var/log/netns-lab", "/etc/netns", "/run/lxc")
CONTAINERS = "/var/lib/lxc"
CGROUPS = "/sys/fs/cgroup"


def _links() -> set[str]:
    return {name for name in os.listdir("/sys/class/net") if Path("/sys/class/net", name).is_symlink()}


def _mounts() -> set[str]:
    """Mount points, without /run/netns itself: it becomes a shared mount once and stays one, as iproute2 leaves it."""
    points = {line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()}
    return points - {"/run/netns"}


def _files() -> set[str]:
    found = {str(path) for place in STATE if Path(place).is_dir() for path in Path(place).rglob("*")}
    return found | {str(path) for path in Path(CONTAINERS).glob("*")}


def _processes() -> set[str]:
    """What this run has started, known by its mark, except this process and what it waits for."""
    found = set()
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if MARK.encode() in (directory / "environ").read_bytes().split(b"\0"):
                command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if command:  # a zombie has none
                    found.add(f"{directory.name} {command}")
        except OSError:
            continue  # gone meanwhile, or not ours to read
    return found


def _groups() -> set[str]:
    """The control groups of programs that are kept running, and those of containers in which nothing runs, in any
    hierarchy.

    A container that runs is told by the process that watches over it, which has this run's mark; programs don't have
    it, for they get an environment of their own.
    """
    found = set()
    for folder, _folders, _files in os.walk(CGROUPS):
        if Path(folder).parent.parent.name == "netns-lab":
            found.add(folder)
        if Path(folder).name.startswith("lxc."):
            lists = [*Path(folder).rglob("cgroup.procs")]
            if not any(_content(path) for path in lists):
                found.add(folder)
    return found


def _content(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def look() -> dict[str, set[str]]:
    return {
        "link": _links(),
        "mount": _mounts(),
        "file": _files(),
        "process": _processes(),
        "control group": _groups(),
    }


def compare(part: Part, before: dict[str, set[str]]) -> None:
    """Fails the part for each thing that is there now and wasn't before. The kernel gets 5 s to finish removals."""
    limit = time.monotonic() + 5
    while True:
        left = {kind: sorted(things - before[kind]) for kind, things in look().items()}
        if not any(left.values()) or time.monotonic() > limit:
            break
        time.sleep(0.2)
    for kind, things in left.items():
        if not things:
            part.ok(f"no {kind} left")
        for thing in things:
            part.fail(f"{kind} left", thing)
    _end(left["process"])


def clear_up(before: dict[str, set[str]]) -> None:
    """After a run that was given up: end what still runs of it, and name what else it has left."""
    _end(sorted(_processes() - before["process"]))
    time.sleep(1)
    for kind, things in look().items():
        for thing in sorted(things - before[kind]):
            print(f"left behind: {kind} {thing}", file=sys.stderr)


def _end(found: list[str]) -> None:
    for process in found:
        subprocess.run(["kill", "-9", process.split()[0]], check=False)

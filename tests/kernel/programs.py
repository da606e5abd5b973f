# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of programs that are kept running share: programs with bad habits, and looking for what is left."""

from __future__ import annotations

import os
import signal
import time
import typing as t
from pathlib import Path

DEAF = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.2; done"]
"""Takes no notice of TERM."""
DAEMON = [
    "sh",
    "-c",
    "setsid sh -c 'setsid sleep 611 </dev/null >/dev/null 2>&1 & exit 0' & exec env -i /bin/sleep 612",
]
"""Leaves a grandchild in a session of its own behind, and drops its own environment."""
BACKGROUND = ["sh", "-c", "env -i setsid /bin/sleep 613 </dev/null >/dev/null 2>&1 & sleep 0.05"]
"""Goes into the background, as daemons do, and says nothing of itself in its environment."""
FORKS = ["sh", "-c", "f() { sleep 0.01; ( f & ) ; }; f & f & f & f & exec sleep 614"]
"""Four chains of processes, each of which starts the next and ends, quicker than any look."""


def run_in(ns: str) -> dict[int, str]:
    """All processes in a named namespace, with their command lines."""
    wanted = os.stat(f"/run/netns/{ns}").st_ino
    return {pid: words for pid, inode, words in everybody() if inode == wanted}


def everybody() -> t.Iterator[tuple[int, int, str]]:
    """All processes that aren't zombies: number, network namespace, command line."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                inode = os.stat(f"/proc/{entry}/ns/net").st_ino
                state = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                yield int(entry), inode, words


def alive(pid: int) -> bool:
    return any(one == pid for one, _inode, _words in everybody())


def groups() -> list[str]:
    """The control groups of this test's programs, in whatever hierarchy."""
    device = os.stat("/run").st_dev
    place = f"netns-lab/{os.major(device)}-{os.minor(device)}"
    roots = ["/sys/fs/cgroup", *(f"/sys/fs/cgroup/{name}" for name in os.listdir("/sys/fs/cgroup"))]
    return [str(group) for root in roots for group in Path(root, place).glob("*") if group.is_dir()]


def end_all() -> None:
    """End the programs that a test left running: they would keep its namespaces alive."""
    for group in groups():
        kill = Path(group, "cgroup.kill")
        if kill.exists():
            kill.write_text("1")
        for pid in () if kill.exists() else Path(group, "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        soon(lambda path=group: _removed(path))
        place = Path(group).parent
        if not any(path.is_dir() for path in place.iterdir()):
            place.rmdir()


def _removed(group: str) -> bool:
    try:
        os.rmdir(group)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def traces() -> list[str]:
    """What is left of programs on the machine: records, logs, control groups."""
    files = [
        str(path) for place in ("/run/netns-lab/processes", "/var/log/netns-lab") for path in Path(place).rglob("*")
    ]
    return [
        *files,
        *groups(),
        *(place for place in ("/run/netns-lab/processes", "/var/log/netns-lab") if os.path.exists(place)),
    ]


def soon(condition: t.Callable[[], t.Any], seconds: float = 5.0) -> bool:
    """Whether something comes about within a few seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True

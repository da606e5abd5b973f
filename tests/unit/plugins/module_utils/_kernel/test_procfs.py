# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading /proc: whatever a process is called, and whether or not it is still there."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import holders, procfs


@pytest.fixture
def gone() -> int:
    """The number of a process that has just ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


@pytest.mark.parametrize("name", ["a) R 1 (b", "(((", "x y\tz", "ä"])
def test_a_name_can_hold_anything(name: str, tmp_path: Path) -> None:
    program = tmp_path / name
    shutil.copy(t.cast(str, shutil.which("sleep")), program)
    process = subprocess.Popen([program, "60"])
    # Popen returns in the middle of execve(2), before the kernel has put the command line in its place.
    deadline = time.monotonic() + 5
    while not procfs.read(f"/proc/{process.pid}/cmdline") and time.monotonic() < deadline:
        time.sleep(0.001)
    try:
        status = procfs.status(process.pid)
        assert status is not None
        assert (status.name, status.parent, status.is_kernel) == (name, os.getpid(), False)
        described = procfs.describe(process.pid, "runs inside")
        assert described is not None
        assert described.command == f"{program} 60"
        assert described.start == status.start
    finally:
        process.kill()
        process.wait()


def test_who_is_gone_is_nothing(gone: int) -> None:
    assert procfs.status(gone) is None
    assert procfs.describe(gone, "") is None
    assert procfs.threads(gone) == []
    assert procfs.namespace_link(gone) is None
    assert procfs.leader(gone) is None
    assert procfs.read(f"/proc/{gone}/stat") is None


def test_a_zombie_is_in_no_namespace() -> None:
    process = subprocess.Popen(["true"])
    try:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        status = procfs.status(process.pid)
        assert status is not None
        assert status.state == "Z"
        assert procfs.namespace_link(process.pid) is None
        described = procfs.describe(process.pid, "")
        assert described is not None
        assert described.command == "[true]"
    finally:
        process.wait()


def test_the_start_tells_one_process_from_the_next() -> None:
    first = procfs.status(os.getpid())
    assert first is not None
    assert first == procfs.status(os.getpid())
    assert 0 < first.start < float(Path("/proc/uptime").read_text().split()[0]) * os.sysconf("SC_CLK_TCK") + 1


def test_a_thread_belongs_to_its_process() -> None:
    seen: list[int] = []
    done = threading.Event()
    started = threading.Event()

    def run() -> None:
        seen.append(threading.get_native_id())
        started.set()
        done.wait(10)

    worker = threading.Thread(target=run)
    worker.start()
    started.wait(10)
    try:
        assert procfs.leader(seen[0]) == os.getpid()
        assert {os.getpid(), seen[0]} <= set(procfs.threads(os.getpid()))
        assert seen[0] not in procfs.pids()
    finally:
        done.set()
        worker.join()


def test_ancestors_begin_with_the_parent_and_end_at_the_top() -> None:
    chain = procfs.ancestors()
    assert chain[0] == os.getppid()
    top = procfs.status(chain[-1])
    assert top is None or top.parent == 0


def test_the_last_pid_grows_with_each_process() -> None:
    before = procfs.last_pid()
    with subprocess.Popen(["true"]) as process:
        pass
    assert procfs.last_pid() >= process.pid or procfs.last_pid() < before, "the numbers may begin again"


def test_the_machines_own_namespace_is_never_looked_for() -> None:
    own = os.stat("/proc/self/ns/net")
    assert procfs.links({(own.st_dev, own.st_ino): "host", (own.st_dev, 1): "red"}) == {"net:[1]": "red"}


@pytest.mark.parametrize(
    ("written", "plain"),
    [("/run/netns/red", "/run/netns/red"), (r"/a\040b\134c\011d", "/a b\\c\td"), (r"/a\04", r"/a\04")],
)
def test_paths_of_mountinfo_are_read_back(written: str, plain: str) -> None:
    assert holders._plain(written) == plain

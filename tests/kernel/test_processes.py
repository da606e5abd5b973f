# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding and ending what runs in namespaces."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, processes, procfs, syscalls
from ansible_collections.netns.lab.plugins.module_utils._kernel.processes import Process

Start = t.Callable[..., "subprocess.Popen[str]"]

IGNORES_TERM = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""

THREAD_INSIDE = """
import ctypes, os, threading, time
def stay():
    assert ctypes.CDLL(None).setns(os.open("/run/netns/red", os.O_RDONLY), 0) == 0
    print("ready", threading.get_native_id(), flush=True)
    time.sleep(60)
threading.Thread(target=stay).start()
"""

STORM = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
os.setsid() if os.fork() == 0 else os._exit(0)
while True:
    if os.fork():
        os._exit(0)
"""


@pytest.fixture(autouse=True)
def red_and_blue(ip: t.Callable[..., t.Any]) -> None:
    for name in ("red", "blue"):
        ip("netns", "add", name)


@pytest.fixture
def start() -> t.Iterator[Start]:
    """Starts a program, in a namespace if one is named, and waits until it says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def run(*command: str, netns: str | None = None, python: str | None = None) -> subprocess.Popen[str]:
        if python is not None:
            command = (sys.executable, "-c", python)
        wrapped = [*(["ip", "netns", "exec", netns] if netns else []), *command]
        process = subprocess.Popen(wrapped, stdout=subprocess.PIPE, text=True)
        started.append(process)
        if python is not None:
            assert process.stdout is not None
            process.stdout.readline()
        else:
            wait_until(lambda: procfs.status(process.pid).name == command[0])  # type: ignore[union-attr]
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def wait_until(condition: t.Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def identities(*names: str) -> dict[tuple[int, int], str]:
    return {namespaces.identity(name): name for name in names}


def inside(*names: str) -> dict[str, list[Process]]:
    return processes.inside(identities(*names))


def pids(found: t.Iterable[Process]) -> set[int]:
    return {process.pid for process in found}


def test_an_empty_namespace_has_none() -> None:
    assert inside("red", "blue") == {}


def test_what_runs_in_each_is_found_in_one_scan(start: Start) -> None:
    one, two = start("sleep", "61", netns="red"), start("sleep", "62", netns="red")
    other = start("sleep", "63", netns="blue")
    start("sleep", "64")
    found = inside("red", "blue")
    assert pids(found["red"]) == {one.pid, two.pid}
    assert pids(found["blue"]) == {other.pid}
    process = found["blue"][0]
    assert process.command == "sleep 63"
    assert process.why == "runs inside"
    assert process.start == int(Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19])
    assert set(inside("red")) == {"red"}


def test_a_single_thread_inside_is_found(start: Start) -> None:
    process = start(python=THREAD_INSIDE)
    found = inside("red", "blue")
    assert pids(found["red"]) == {process.pid}
    assert found["red"][0].why.startswith("thread ")
    assert found["red"][0].why.endswith(" runs inside")
    # `ip netns pids` doesn't see it.
    listed = subprocess.run(["ip", "netns", "pids", "red"], capture_output=True, text=True, check=True)
    assert str(process.pid) not in listed.stdout.split()


def test_kernel_threads_are_left_out() -> None:
    kernel = [pid for pid in procfs.pids() if (status := procfs.status(pid)) and status.is_kernel]
    for pid in kernel:
        assert procfs.describe(pid, "runs inside") is None


def test_all_that_runs_on_the_machine_is_never_taken_for_what_runs_in_a_namespace(ip: t.Callable[..., t.Any]) -> None:
    ip("netns", "attach", "host", str(os.getpid()))
    assert namespaces.is_machine("host")
    assert not namespaces.is_machine("red")
    assert not namespaces.is_machine("never")
    assert inside("host", "red") == {}
    assert processes.until_empty(identities("host"), 0, 5) == ([], [])
    assert processes.holders(identities("host")) == {}


def test_a_zombie_is_not_inside(start: Start) -> None:
    process = start("sleep", "60", netns="red")
    process.kill()
    wait_until(lambda: procfs.status(process.pid).state == "Z")  # type: ignore[union-attr]
    assert inside("red") == {}


def test_a_command_line_that_is_no_text_or_too_long_is_still_shown(start: Start) -> None:
    process = start("sleep", *["1000000"] * 50, netns="red")
    (found,) = inside("red")["red"]
    assert found.pid == process.pid
    assert len(found.command) == 200
    assert found.command.endswith("...")


def test_ending_is_gentle_first(start: Start) -> None:
    process = start("sleep", "60", netns="red")
    begun = time.monotonic()
    ending = processes.end(inside("red")["red"], grace=10)
    assert time.monotonic() - begun < 2, "it doesn't wait longer than it must"
    assert pids(ending.ended) == {process.pid}
    assert ending.survivors == []
    assert process.wait() == -signal.SIGTERM
    assert inside("red") == {}


def test_who_ignores_term_is_killed_after_the_grace(start: Start) -> None:
    process = start(python=IGNORES_TERM, netns="red")
    begun = time.monotonic()
    ending = processes.end(inside("red")["red"], grace=0.3)
    assert 0.3 <= time.monotonic() - begun < 2
    assert pids(ending.ended) == {process.pid}
    assert process.wait() == -signal.SIGKILL


def test_a_stopped_process_gets_its_chance(start: Start) -> None:
    process = start("sleep", "60", netns="red")
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: procfs.status(process.pid).state == "T")  # type: ignore[union-attr]
    assert pids(processes.end(inside("red")["red"], grace=5).ended) == {process.pid}
    assert process.wait() == -signal.SIGTERM


def test_the_grace_is_for_all_together(start: Start) -> None:
    for _unused in range(3):
        start(python=IGNORES_TERM, netns="red")
    begun = time.monotonic()
    assert len(processes.end(inside("red")["red"], grace=2).ended) == 3
    assert time.monotonic() - begun < 4, "no two of them one after the other"


def test_a_process_whose_pid_went_to_another_is_not_touched(start: Start) -> None:
    bystander = start("sleep", "60")
    remembered = Process(bystander.pid, 12345, "sleep 60", "runs inside")
    ending = processes.end([remembered], grace=0.2)
    assert ending.ended == [remembered], "the one that was meant has gone"
    assert bystander.poll() is None


def test_this_program_its_ancestors_and_process_1_are_spared() -> None:
    victims = [process for pid in (os.getpid(), os.getppid(), 1) if (process := procfs.describe(pid, "runs inside"))]
    victims.append(Process(0, 0, "", "holds it open: mount /x"))
    ending = processes.end(victims, grace=0.1)
    assert ending.ended == []
    assert [survivor.why for survivor in ending.survivors] == [
        "runs inside, and it is this program",
        "runs inside, and this program runs under it",
        "runs inside, and process 1 is never ended",
        "holds it open: mount /x, and is no process that could be ended",
    ]


def test_many_processes_fit_in_a_tight_limit_of_open_files(start: Start) -> None:
    start("sh", "-c", "for i in $(seq 200); do sleep 60 & done; wait", netns="red")
    wait_until(lambda: len(inside("red").get("red", [])) == 201, 20)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 150, hard))
    try:
        ending = processes.end(inside("red")["red"], grace=5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(ending.ended) == 201
    assert inside("red") == {}


def test_without_pidfds_it_works_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(errno.ENOSYS, "before Linux 5.3")

    monkeypatch.setattr(syscalls, "pidfd_open", refuse)
    gentle, stubborn = start("sleep", "60", netns="red"), start(python=IGNORES_TERM, netns="red")
    ending = processes.end(inside("red")["red"], grace=0.3)
    assert pids(ending.ended) == {gentle.pid, stubborn.pid}
    assert (gentle.wait(), stubborn.wait()) == (-signal.SIGTERM, -signal.SIGKILL)


def test_a_process_that_forks_all_the_time_is_caught(start: Start) -> None:
    for _unused in range(2):
        start(python=STORM, netns="red")
    start("sleep", "60", netns="blue")
    begun = time.monotonic()
    ending = processes.until_empty(identities("red"), grace=0.2, limit=20)
    assert time.monotonic() - begun < 10
    assert ending.survivors == []
    for _unused in range(20):
        assert inside("red") == {}
        time.sleep(0.01)
    assert len(inside("blue")["blue"]) == 1, "the neighbour lives"


def test_nothing_to_end_is_quick() -> None:
    begun = time.monotonic()
    assert processes.until_empty(identities("red", "blue"), grace=10, limit=10) == ([], [])
    assert time.monotonic() - begun < 1


def test_several_namespaces_are_emptied_together(start: Start) -> None:
    running = [start("sleep", "60", netns=name) for name in ("red", "blue")]
    stubborn = start(python=IGNORES_TERM, netns="blue")
    ending = processes.until_empty(identities("red", "blue"), grace=0.3, limit=10)
    assert pids(ending.ended) == {process.pid for process in (*running, stubborn)}
    assert [process.wait() for process in running] == [-signal.SIGTERM] * 2


def test_processes_that_come_and_go_elsewhere_do_not_keep_it_busy_for_ever(start: Start) -> None:
    start("sh", "-c", "while :; do /bin/true; done")
    begun = time.monotonic()
    assert processes.until_empty(identities("red"), grace=1, limit=5).ended == []
    assert time.monotonic() - begun < 3

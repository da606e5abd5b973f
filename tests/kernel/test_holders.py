# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What keeps a namespace alive without running in it, and the kernel's word that it is gone."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, processes, syscalls
from ansible_collections.netns.lab.plugins.module_utils._kernel.farewell import Farewell
from ansible_collections.netns.lab.plugins.module_utils._kernel.holders import holders
from ansible_collections.netns.lab.plugins.module_utils._kernel.procfs import Process
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker

Start = t.Callable[..., "subprocess.Popen[str]"]

# Goes into the namespace, opens something there, comes back, and keeps only that.
VISITOR = """
import ctypes, fcntl, os, socket, struct, sys, time
libc = ctypes.CDLL(None)
home = os.open("/proc/self/ns/net", os.O_RDONLY)
red = os.open("/run/netns/red", os.O_RDONLY)
assert libc.setns(red, 0) == 0
os.close(red)
%s
assert libc.setns(home, 0) == 0
os.close(home)
print("ready", flush=True)
time.sleep(60)
"""

KEEPS = {
    "a TCP socket that listens": ("kept = socket.create_server(('127.0.0.1', 0))", "socket"),
    "a UDP socket without an address": ("kept = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", "socket"),
    "a netlink socket": ("kept = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)", "socket"),
    "a packet socket": ("kept = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "socket"),
    "a Unix socket": ("kept = socket.socket(socket.AF_UNIX)", "socket"),
    "a file of the namespace": ("kept = os.open('/proc/self/ns/net', os.O_RDONLY)", "descriptor"),
    "its name, opened": ("kept = os.open('/run/netns/red', os.O_RDONLY)", "descriptor"),
    "a path to the namespace": ("kept = os.open('/run/netns/red', os.O_PATH)", "descriptor"),
    "a tun device": (
        "kept = os.open('/dev/net/tun', os.O_RDWR); fcntl.ioctl(kept, 0x400454CA, struct.pack('16sH22x', b'', 0x1001))",
        "tun device",
    ),
    "a tun file before it is a device": ("kept = os.open('/dev/net/tun', os.O_RDWR)", "tun device"),
}


@pytest.fixture(autouse=True)
def red_and_blue(ip: t.Callable[..., t.Any]) -> None:
    for name in ("red", "blue"):
        ip("netns", "add", name)
        ip("link", "set", "lo", "up", netns=name)


@pytest.fixture
def start() -> t.Iterator[Start]:
    """Starts a Python program, in a new mount namespace if asked, and waits until it says that it is ready."""
    started: list[subprocess.Popen[str]] = []

    def run(program: str, *before: str) -> subprocess.Popen[str]:
        process = subprocess.Popen([*before, sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def identities(*names: str) -> dict[tuple[int, int], str]:
    return {namespaces.identity(name): name for name in names}


def remove(*names: str, limit: float = 5) -> list[str]:
    """Remove names and return those of the namespaces that live on after `limit` seconds."""

    def work(place: Visit) -> list[str]:
        with Farewell(place) as farewell:
            farewell.expect(names)
            namespaces.remove_names(names)
            return farewell.wait(limit)

    return in_worker(work)


def test_nothing_holds_a_fresh_namespace() -> None:
    assert holders(identities("red", "blue")) == {}


@pytest.mark.parametrize("what", KEEPS)
def test_who_keeps_it_is_found_before_and_after_its_name_is_gone(what: str, start: Start) -> None:
    opening, kind = KEEPS[what]
    process = start(VISITOR % opening)
    asked = identities("red", "blue")
    before = holders(asked)
    assert set(before) == {"red"}
    ((pid, _start, command, why),) = before["red"]
    assert pid == process.pid
    assert command.startswith(sys.executable)
    assert why.startswith(f"holds it open: {kind} ")
    assert processes.inside(asked) == {}
    assert remove("red", "blue", limit=0.3) == ["red"]
    # Blue is gone, so its number may be another namespace's by now; red's is its own as long as it is held.
    assert holders({identity: name for identity, name in asked.items() if name == "red"}) == before
    ending = processes.end(before["red"], grace=2)
    assert [ended.pid for ended in ending.ended] == [process.pid]


def test_many_files_are_told_in_one_entry(start: Start) -> None:
    process = start(VISITOR % "kept = [socket.socket() for _ in range(10)]")
    (found,) = holders(identities("red"))["red"]
    assert found.pid == process.pid
    assert found.why.count("socket") == 3
    assert found.why.endswith(" and 7 more")


def test_who_runs_inside_does_not_count_as_only_holding_it(start: Start) -> None:
    program = "import socket, time\nkept = socket.socket()\nprint('ready', flush=True)\ntime.sleep(60)"
    start(program, "ip", "netns", "exec", "red")
    assert set(processes.inside(identities("red"))) == {"red"}
    assert holders(identities("red")) == {}


def test_without_cookies_sockets_are_found_too(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    process = start(VISITOR % "kept = [socket.socket() for _ in range(2)]")

    def refuse(_descriptor: int) -> int:
        raise OSError(92, "before Linux 5.14")

    monkeypatch.setattr(syscalls, "socket_cookie", refuse)
    assert [found.pid for found in holders(identities("red", "blue"))["red"]] == [process.pid]


def test_looking_leaves_the_sockets_of_others_alone(start: Start) -> None:
    program = """
import socket, time
server = socket.create_server(('127.0.0.1', 12345))
print('ready', flush=True)
while True:
    connection, _ = server.accept()
    connection.sendall(b'hello')
    connection.close()
"""
    start(program)
    before = len(os.listdir("/proc/self/fd"))
    for _unused in range(3):
        assert holders(identities("red")) == {}
    with socket.create_connection(("127.0.0.1", 12345), timeout=5) as connection:
        assert connection.recv(10) == b"hello"
        assert connection.recv(10) == b"", "closed by the other side, not kept open by us"
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_mount_at_another_path_is_found(tmp_path: Path) -> None:
    place = tmp_path / "with space"
    place.touch()
    subprocess.run(["mount", "--bind", "/run/netns/red", str(place)], check=True)
    asked = identities("red")
    assert holders(asked) == {"red": [Process(0, 0, "", f"holds it open: mount {place}")]}
    assert remove("red", limit=0.3) == ["red"]
    assert set(holders(asked)) == {"red"}
    subprocess.run(["umount", str(place)], check=True)


def test_a_mount_in_another_mount_namespace_is_found(start: Start, tmp_path: Path) -> None:
    place = tmp_path / "hidden"
    place.touch()
    program = f"""
import subprocess, time
subprocess.run(["mount", "--bind", "/run/netns/red", "{place}"], check=True)
print("ready", flush=True)
time.sleep(60)
"""
    process = start(program, "unshare", "--mount")
    asked = identities("red", "blue")
    ((pid, _start, command, why),) = holders(asked)["red"]
    assert pid == 0, "ending one process needn't unmount it"
    assert command.startswith(sys.executable)
    assert why == f"holds it open: mount {place} in the mount namespace of process {process.pid}"
    assert remove("red", "blue", limit=0.3) == ["red"]


def test_a_second_name_is_a_mount_at_another_path() -> None:
    Path("/run/netns/also").touch()
    subprocess.run(["mount", "--bind", "/run/netns/red", "/run/netns/also"], check=True)
    asked = {namespaces.identity("red"): "red"}
    assert holders(asked) == {"red": [Process(0, 0, "", "holds it open: mount /run/netns/also")]}
    assert remove("red", limit=0.2) == ["red"]
    assert holders(asked) == {"red": [Process(0, 0, "", "holds it open: mount /run/netns/also")]}
    assert remove("also") == []


def test_the_machine_itself_is_not_waited_for(ip: t.Callable[..., t.Any]) -> None:
    ip("netns", "attach", "host", str(os.getpid()))
    assert remove("host", "red") == []


def test_copies_of_the_mount_in_other_mount_namespaces_are_no_problem(start: Start) -> None:
    start("import time\nprint('ready', flush=True)\ntime.sleep(60)", "unshare", "--mount", "--propagation", "private")
    assert holders(identities("red", "blue")) == {}
    assert remove("red", "blue") == []


def test_the_kernel_says_when_namespaces_are_gone(ip: t.Callable[..., t.Any]) -> None:
    ip("link", "add", "ve0", "type", "veth", "peer", "name", "ve1", "netns", "blue", netns="red")
    begun = time.monotonic()
    assert remove("red", "blue") == []
    assert time.monotonic() - begun < 3


def test_an_nsid_that_was_given_before_is_used(ip: t.Callable[..., t.Any]) -> None:
    ip("netns", "set", "red", "77")
    assert remove("red", "blue") == []


def test_absent_and_broken_names_are_not_waited_for() -> None:
    Path("/run/netns/broken").touch()
    begun = time.monotonic()
    assert remove("broken", "never", "red") == []
    assert time.monotonic() - begun < 3


def test_waiting_goes_on_after_the_holder_was_ended(start: Start) -> None:
    process = start(VISITOR % "kept = socket.socket()")

    def work(place: Visit) -> None:
        with Farewell(place) as farewell:
            farewell.expect(["red"])
            namespaces.remove_name("red")
            assert farewell.wait(0.2) == ["red"]
            process.kill()
            assert farewell.wait(5) == []
            assert farewell.wait(5) == []

    in_worker(work)


def test_the_worker_is_no_holder_itself() -> None:
    def work(place: Visit) -> None:
        place.enter("red")
        place.socket()
        with Farewell(place) as farewell:
            assert place.current == "@"
            farewell.expect(["red"])
            namespaces.remove_name("red")
            assert farewell.wait(5) == []

    in_worker(work)


def test_a_namespace_that_stays_is_not_announced() -> None:
    def work(place: Visit) -> None:
        with Farewell(place) as farewell:
            farewell.expect(["red", "blue"])
            namespaces.remove_name("blue")
            assert farewell.wait(0.5) == ["red"]

    in_worker(work)
    assert namespaces.condition("red") == "ok"


def test_lost_announcements_are_asked_for() -> None:
    names = [f"n{number}" for number in range(60)]

    def work(place: Visit) -> None:
        for name in names:
            namespaces.create(place, name)
        with Farewell(place) as farewell:
            # Room for a few announcements only, and nobody reads them while they come.
            farewell._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            farewell.expect(names)
            namespaces.remove_names(names)
            time.sleep(0.5)
            begun = time.monotonic()
            assert farewell.wait(5) == []
            assert time.monotonic() - begun < 1

    in_worker(work)


def test_three_hundred_end_within_a_tight_limit_of_open_files() -> None:
    names = [f"n{number}" for number in range(300)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def work(place: Visit) -> list[str]:
        for name in names:
            namespaces.create(place, name, loopback=True)
        with Farewell(place) as farewell:
            farewell.expect(names)
            namespaces.remove_names(names)
            return farewell.wait(20)

    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 80, hard))
    try:
        assert in_worker(work) == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

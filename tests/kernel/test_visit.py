# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going from one namespace to the next, in a thread of its own."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import netlink, visit
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker


def here() -> int:
    """Inode of the network namespace that the calling thread is in."""
    return os.stat("/proc/thread-self/ns/net").st_ino


def inode(name: str) -> int:
    return os.stat(f"/run/netns/{name}").st_ino


def link_names(place: Visit) -> set[str]:
    bodies = place.socket().dump(netlink.link_dump_request())
    return {name for name in ("lo", "only-red", "only-home") for body in bodies if f"{name}\0".encode() in body}


@pytest.fixture
def red_and_blue(ip: t.Callable[..., t.Any]) -> None:
    for name in ("red", "blue"):
        ip("netns", "add", name)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_the_result_and_the_exception_come_back() -> None:
    assert in_worker(lambda _place: 42) == 42
    failure = ValueError("mine")

    def fail(_place: Visit) -> None:
        raise failure

    with pytest.raises(ValueError, match="mine") as caught:
        in_worker(fail)
    assert caught.value is failure


@pytest.mark.usefixtures("red_and_blue")
def test_only_the_worker_moves() -> None:
    main = here()

    def go(place: Visit) -> None:
        assert here() == main
        assert place.current == "@"
        for name in ("red", "blue", "red"):
            place.enter(name)
            assert (place.current, here()) == (name, inode(name))
            assert os.stat("/proc/self/ns/net").st_ino == main
        place.enter("@")
        assert (place.current, here()) == ("@", main)
        place.enter("blue")  # and ends there

    in_worker(go)
    assert here() == main


@pytest.mark.usefixtures("red_and_blue")
def test_what_the_main_thread_forks_is_at_home_while_the_worker_is_away() -> None:
    inside, done = threading.Event(), threading.Event()

    def stay(place: Visit) -> None:
        place.enter("red")
        inside.set()
        done.wait(10)

    runner = threading.Thread(target=in_worker, args=(stay,))
    runner.start()
    assert inside.wait(10)
    child = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True)
    done.set()
    runner.join()
    assert child.stdout.strip() == f"net:[{here()}]"


@pytest.mark.usefixtures("red_and_blue")
def test_entering_the_same_one_again_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def go(place: Visit) -> None:
        place.enter("red")
        first, stay = place.socket(), place.stay
        monkeypatch.setattr(visit.syscalls, "setns", lambda *_: pytest.fail("a system call was made"))
        place.enter("red")
        assert place.socket() is first
        assert place.stay == stay
        monkeypatch.undo()

    in_worker(go)


@pytest.mark.usefixtures("red_and_blue")
def test_the_socket_belongs_to_the_namespace_of_the_stay(ip: t.Callable[..., t.Any]) -> None:
    ip("link", "add", "only-home", "type", "bridge")
    ip("link", "add", "only-red", "type", "bridge", netns="red")

    def go(place: Visit) -> None:
        assert link_names(place) == {"lo", "only-home"}
        home = place.home_socket()
        place.enter("red")
        old = place.socket()
        assert link_names(place) == {"lo", "only-red"}
        place.enter("blue")
        assert link_names(place) == {"lo"}
        assert old.fileno() == -1, "the socket of the last stay is closed"
        assert place.home_socket() is home

    in_worker(go)


@pytest.mark.usefixtures("red_and_blue")
def test_the_home_socket_is_of_the_machine_wherever_it_is_opened(ip: t.Callable[..., t.Any]) -> None:
    ip("link", "add", "only-home", "type", "bridge")

    def go(place: Visit) -> None:
        place.enter("red")
        bodies = place.home_socket().dump(netlink.link_dump_request())
        assert any(b"only-home\0" in body for body in bodies)
        assert here() == inode("red")

    in_worker(go)


@pytest.mark.usefixtures("red_and_blue")
def test_descriptors_are_of_the_namespace_asked_for_and_closed_again() -> None:
    def go(place: Visit) -> None:
        main = here()
        before = open_files()
        place.enter("red")
        for name, expected in (("blue", inode("blue")), ("red", inode("red")), ("@", main), ("", inode("red"))):
            with place.descriptor(name) as descriptor:
                assert os.fstat(descriptor).st_ino == expected
                assert not os.get_inheritable(descriptor)
        assert open_files() == before
        with place.descriptor("@"):
            pass
        place.enter("@")  # home is still open
        with pytest.raises(KernelError, match="open the namespace green: there is no such"), place.descriptor("green"):
            pass

    in_worker(go)


def test_a_missing_and_a_broken_namespace_are_told_apart() -> None:
    Path("/run/netns").mkdir()
    Path("/run/netns/broken").touch()

    def go(place: Visit) -> None:
        with pytest.raises(KernelError, match="could not enter the namespace green: there is no such") as missing:
            place.enter("green")
        assert missing.value.errno == errno.ENOENT
        with pytest.raises(KernelError, match="broken is a plain file on which no namespace is mounted") as broken:
            place.enter("broken")
        assert broken.value.errno == errno.EINVAL
        assert place.current == "@"
        place.socket()

    in_worker(go)


@pytest.mark.usefixtures("red_and_blue")
def test_nothing_stays_open() -> None:
    before = open_files()

    def go(place: Visit) -> None:
        for name in ("red", "blue", "@", "red"):
            place.enter(name)
            place.socket()
        place.home_socket()

    in_worker(go)
    assert open_files() == before


@pytest.mark.usefixtures("red_and_blue")
def test_many_visits_fit_in_a_tight_limit_of_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def go(place: Visit) -> None:
        for _unused in range(300):
            for name in ("red", "blue"):
                place.enter(name)
                place.socket()
                with place.descriptor("@"), place.descriptor("red"):
                    pass

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        in_worker(go)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("red_and_blue")
def test_an_interruption_stops_the_worker_at_its_next_move() -> None:
    left: list[str] = []

    def for_ever(place: Visit) -> None:
        try:
            while True:
                place.enter("red")
                place.enter("blue")
                time.sleep(0.001)
        except Exception:
            pytest.fail("an interruption must not look like a failure")
        finally:
            left.append(place.current)

    # A shell has its background jobs ignore it, and so would this process, for ever.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            in_worker(for_ever)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(left) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "netns-lab"]


def test_namespaces_made_ahead_are_new_ones_of_which_nothing_is_left(red_and_blue: None) -> None:
    files = open_files()

    def work(place: Visit) -> list[tuple[int, set[str]]]:
        found = []
        with place.many_new(visit._MANY):
            for _unused in range(visit._MANY + 2):  # the last two were not announced
                place.enter("red")
                place.enter_new()
                found.append((here(), link_names(place)))
            place.enter("@")
        return found

    found = in_worker(work)
    assert all(links == {"lo"} for _inode, links in found)
    assert inode("red") not in {number for number, _links in found}
    assert open_files() == files
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("netns-lab")] == []


def test_namespaces_made_ahead_that_nobody_takes_are_let_go() -> None:
    files = open_files()

    def work(place: Visit) -> None:
        with place.many_new(1000):
            place.enter_new()

    in_worker(work)
    assert open_files() == files


def test_a_namespace_that_cannot_be_made_ahead_is_told_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = visit.syscalls.unshare, []

    def third_time_fails() -> None:
        made.append(1)
        if len(made) == 3:
            raise OSError(errno.ENOSPC, "no space")
        real()

    monkeypatch.setattr(visit.syscalls, "unshare", third_time_fails)

    def work(place: Visit) -> None:
        with place.many_new(100):
            place.enter_new()
            place.enter_new()
            with pytest.raises(KernelError, match="max_net_namespaces") as caught:
                place.enter_new()
            assert caught.value.errno == errno.ENOSPC
            place.enter_new()

    in_worker(work)

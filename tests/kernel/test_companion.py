# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second process that visits namespaces while this one does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.observe import observe
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Namespace, Request
from ansible_collections.netns.lab.plugins.module_utils._kernel import companion
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker
from ansible_collections.netns.lab.tests.kernel.engine import bring_about

MANY = 70


def _fail() -> t.NoReturn:
    raise ValueError("mine")


def beside(function: t.Callable[[Visit], t.Any], meanwhile: t.Callable[[], t.Any] = lambda: None) -> t.Any:
    def work(place: Visit) -> t.Any:
        with place.beside(function) as results:
            meanwhile()
        return results[0]

    return in_worker(work)


@pytest.fixture(autouse=True)
def nothing_is_left() -> t.Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@pytest.fixture
def ring() -> dict[t.Any, t.Any]:
    """A ring of as many namespaces as two processes share, and one of the machine's links in the last of them."""
    want: dict[t.Any, t.Any] = {}
    for number in range(MANY):
        ns, after = f"n{number}", f"n{(number + 1) % MANY}"
        want["namespace", ns] = Namespace(owner="lab", broken=False)
        want["link", ns, "right"] = Link(kind="veth", peer=(after, "left"), up=True)
        want["link", after, "left"] = Link(kind="veth", peer=(ns, "right"), up=True)
    want["link", f"n{MANY - 1}", "out"] = Link(kind="veth", peer=("@", "in"), up=True)
    want["link", "@", "in"] = Link(kind="veth", peer=(f"n{MANY - 1}", "out"), up=True)
    bring_about(want, lab="lab")
    return want


def test_it_is_another_process_that_starts_at_home_and_goes_where_it_likes(ip):
    ip("netns", "add", "red")

    def look(place: Visit) -> tuple[int, int, int]:
        home = os.stat("/proc/thread-self/ns/net").st_ino
        place.enter("red")
        return os.getpid(), home, os.stat("/proc/thread-self/ns/net").st_ino

    pid, home, inside = beside(look)
    assert pid != os.getpid()
    assert home == os.stat("/proc/self/ns/net").st_ino
    assert inside == os.stat("/run/netns/red").st_ino


def test_what_it_raises_is_raised_here_with_its_own_traceback():
    def fail(place: Visit) -> None:
        try:
            place.enter("nowhere")
        except KernelError as error:
            error.doing = "go there"
            raise

    with pytest.raises(KernelError, match="could not go there: there is no such namespace") as caught:
        beside(fail)
    assert caught.value.errno == errno.ENOENT
    assert "in fail" in str(caught.value.__cause__)


def in_a_companion_only(what: t.Callable[[], t.Any]) -> t.Callable[[Visit], int]:
    """What a companion does, and whoever does its work in its place doesn't; who did it at last."""
    here = os.getpid()

    def work(_place: Visit) -> int:
        if os.getpid() != here:
            what()
        return os.getpid()

    return work


class _NotPickled:
    def __reduce__(self) -> t.NoReturn:
        raise TypeError("not this one")


def raise_what_cannot_be_sent() -> None:
    raise ValueError(_NotPickled())


@pytest.mark.parametrize(
    "way", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(3)], ids=["killed", "gone"]
)
def test_of_one_that_is_lost_the_work_is_done_here(way):
    """As the kernel does when memory is short."""
    assert beside(in_a_companion_only(way)) == os.getpid()


def test_what_it_raises_and_cannot_send_is_raised_here():
    with pytest.raises(ValueError, match="NotPickled"):
        beside(lambda _place: raise_what_cannot_be_sent())


def test_it_comes_back_where_nobody_hears_of_children_that_end():
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert beside(lambda _place: 42) == 42
        assert beside(in_a_companion_only(lambda: os.kill(os.getpid(), signal.SIGKILL))) == os.getpid()
        with pytest.raises(ValueError, match="mine"):
            beside(lambda _place: 42, lambda: (time.sleep(0.3), _fail()))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_it_ends_when_the_block_fails():
    begun = time.monotonic()
    with pytest.raises(ValueError, match="mine"):
        beside(lambda _place: time.sleep(60), _fail)
    assert time.monotonic() - begun < 30


def test_who_waits_for_it_does_one_thing_after_the_other_meanwhile():
    done: list[int] = []

    def calls() -> t.Iterator[t.Callable[[], None]]:
        for number in range(1000):
            yield lambda number=number: (done.append(number), time.sleep(0.01))

    def work(place: Visit) -> int:
        with place.beside(lambda _place: (time.sleep(0.3), 42)[1], calls()) as results:
            pass
        return results[0]

    assert in_worker(work) == 42
    assert 0 < len(done) < 1000, "some, and none after it has ended"
    assert done == list(range(len(done)))


def test_what_is_done_meanwhile_may_fail():
    def work(place: Visit) -> None:
        with place.beside(lambda _place: time.sleep(60), [_fail]):
            pass

    begun = time.monotonic()
    with pytest.raises(ValueError, match="mine"):
        in_worker(work)
    assert time.monotonic() - begun < 30


def test_where_there_can_be_none_it_is_done_here(monkeypatch):
    def refuse() -> t.NoReturn:
        raise BlockingIOError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(companion.os, "fork", refuse)
    assert beside(lambda place: (os.getpid(), place.current)) == (os.getpid(), "@")


def test_where_python_lacks_the_means_it_is_done_here(monkeypatch):
    monkeypatch.delattr(companion.os, "memfd_create")
    assert beside(lambda place: (os.getpid(), place.current)) == (os.getpid(), "@")


def test_it_ends_with_a_maker_that_is_killed():
    program = """
import os, time
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

def work(place):
    with place.beside(lambda _place: (print(os.getpid(), flush=True), time.sleep(60))):
        time.sleep(60)

in_worker(work)
"""
    maker = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=_root())
    assert maker.stdout is not None
    pid = int(maker.stdout.readline())
    maker.kill()
    maker.wait()
    maker.stdout.close()
    give_up = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def _root() -> str:
    """The directory that holds the package ansible_collections."""
    name = "ansible_collections"
    return (sys.modules[name].__path__[0]).rpartition(f"/{name}")[0]


@pytest.mark.parametrize("gone", [False, True])
def test_two_processes_see_what_one_sees(ring, gone, monkeypatch):
    want = {key: None for key in ring if key[0] == "namespace"} if gone else ring
    both = in_worker(lambda place: observe(place, Request(dict(want), lab="lab")))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    monkeypatch.setattr(companion, "Companion", lambda _function: pytest.fail("a second process was made"))
    alone = in_worker(lambda place: observe(place, Request(dict(want), lab="lab")))
    assert list(both) == list(alone)
    assert {key: vars(both.get(key)) for key in both} == {key: vars(alone.get(key)) for key in alone}
    assert both.get(("link", f"n{MANY - 1}", "out")).peer == ("@", "in")
    assert both.get(("link", "n0", "left")).peer == (f"n{MANY - 1}", "right") if not gone else True

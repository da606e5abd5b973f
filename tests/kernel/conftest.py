# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cold machine for each test: its own network and mount namespaces, and nothing of netns.lab in them.

The pytest process itself moves: once into a base (a private copy of the machine's mounts), and for each test into fresh
namespaces made from that base. Module code starts worker threads, which inherit what the main thread has. When a test
ends the process goes back to the base, and the kernel takes away all that the test had made; programs that it keeps
running are ended first.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.tests.kernel.containers import Containers, missing
from ansible_collections.netns.lab.tests.kernel.loans import have_nic
from ansible_collections.netns.lab.tests.kernel.programs import end_all

CHECKOUT = Path(__file__).resolve().parent.parent.parent
COLLECTIONS = CHECKOUT / ".collections"

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_BIND = 0x1000
MS_MOVE = 0x2000
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, doing: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{doing}: {os.strerror(number)}")


def _unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def _mount(source: str, target: str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind, data)]
    _checked(_libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]), f"mount on {target}")


class _Namespaces:
    """The mount and network namespaces that this thread is in, to come back to."""

    def __init__(self) -> None:
        self._open = [
            (os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC), flag)
            for kind, flag in (("mnt", CLONE_NEWNS), ("net", CLONE_NEWNET))
        ]

    def enter(self) -> None:
        where = os.getcwd()  # setns to a mount namespace moves the process to its root
        # setns refuses a mount namespace while another thread shares root and directory with this one; a thread that
        # Python has joined may live on in the kernel for a moment (setns(2), EINVAL).
        _unshare(CLONE_FS)
        for descriptor, flag in self._open:
            _checked(_libc.setns(descriptor, flag), "setns back to the base")
        os.chdir(where)

    def close(self) -> None:
        for descriptor, _flag in self._open:
            os.close(descriptor)


@pytest.fixture(scope="session")
def _base(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[_Namespaces]:
    """A copy of the machine's mounts that passes nothing back, with an /etc that can be written without trace."""
    if os.geteuid() != 0:
        pytest.exit("the kernel tests need root: run them with sudo ./lab test kernel", returncode=1)
    scratch = tmp_path_factory.mktemp("etc")
    machine = _Namespaces()
    _unshare(CLONE_NEWNS | CLONE_NEWNET)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", str(scratch), "tmpfs")
    (scratch / "upper").mkdir()
    (scratch / "work").mkdir()
    _mount("overlay", "/etc", "overlay", 0, f"lowerdir=/etc,upperdir={scratch}/upper,workdir={scratch}/work")
    os.makedirs("/etc/netns", exist_ok=True)
    base = _Namespaces()
    yield base
    machine.enter()
    base.close()
    machine.close()


@contextlib.contextmanager
def _cold(base: _Namespaces) -> t.Iterator[None]:
    before = _Namespaces()
    base.enter()
    _unshare(CLONE_NEWNS | CLONE_NEWNET)
    try:
        for place in ("/run", "/var/lib", "/var/log", "/etc/netns"):
            _mount("tmpfs", place, "tmpfs", 0, "mode=755")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        try:
            yield
        finally:
            end_all()  # those of this /run, which isn't the machine's
    finally:
        before.enter()
        before.close()


@pytest.fixture(autouse=True)
def lonely(_base: _Namespaces) -> t.Iterator[None]:
    """A machine that has just booted: lo up, no other link, no named namespace, no lab.

    Fresh file systems lie on /run (so /run/netns is not there yet), /var/lib, /var/log and /etc/netns.
    """
    with _cold(_base):
        yield


@pytest.fixture(scope="session")
def cold_machine(_base: _Namespaces) -> t.Callable[[], t.ContextManager[None]]:
    """`with cold_machine():` is a machine of its own, for tests that need several, or one for each example."""
    return lambda: _cold(_base)


@pytest.fixture
def ip() -> t.Callable[..., list[dict[str, t.Any]]]:
    """Runs ip and returns what it prints, parsed: `ip("link", "show", "dev", "eth0", netns="red")[0]["mtu"]`.

    What only does something returns an empty list; a failure raises AssertionError with the words of ip.
    """

    def run(*arguments: str, netns: str | None = None) -> list[dict[str, t.Any]]:
        command = ["ip", "-json", "-details", *(["-n", netns] if netns else []), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
        return json.loads(done.stdout) if done.stdout.strip() else []

    return run


class ModuleProcess:
    """A module as a process of its own, from its arguments on stdin to its JSON on stdout, like a task."""

    def __init__(self, name: str, *, check: bool, diff: bool, python: str, arguments: dict[str, t.Any]) -> None:
        self.name = name
        options = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_remote_tmp": "/tmp"}
        self._input = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **options}})
        self.process = subprocess.Popen(
            [python, "-m", f"ansible_collections.netns.lab.plugins.modules.{name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
            cwd="/",
        )
        assert self.process.stdin is not None
        self.process.stdin.write(self._input)
        self.process.stdin.close()
        self.process.stdin = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def result(self, timeout: float = 120) -> dict[str, t.Any]:
        """What it printed. Fails the test when that isn't JSON, or when there is a traceback."""
        stdout, stderr = self.process.communicate(timeout=timeout)
        assert "Traceback" not in stderr, f"{self.name} ended in a traceback:\n{stderr}"
        try:
            answer = json.loads(stdout)
        except ValueError:
            pytest.fail(f"{self.name} (rc {self.process.returncode}) printed no JSON:\n{stdout}\n{stderr}")
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def start_module() -> t.Iterator[t.Callable[..., ModuleProcess]]:
    """Starts a module and returns at once, for tests that run several or kill one: `.result()`, `.pid`, `.process`."""
    started: list[ModuleProcess] = []

    def start(
        module: str, /, *, check: bool = False, diff: bool = False, python: str = sys.executable, **arguments: t.Any
    ) -> ModuleProcess:
        started.append(ModuleProcess(module, check=check, diff=diff, python=python, arguments=arguments))
        return started[-1]

    yield start
    for module in started:
        if module.process.poll() is None:
            module.process.kill()
        module.process.communicate()


@pytest.fixture
def run_module(start_module: t.Callable[..., ModuleProcess]) -> t.Callable[..., dict[str, t.Any]]:
    """Runs a module: `run_module("netns", name="red", check=True)` returns its result, `failed` and `msg` included."""

    def run(module: str, /, **arguments: t.Any) -> dict[str, t.Any]:
        return start_module(module, **arguments).result()

    return run


@pytest.fixture
def nic(lonely: None) -> None:
    """ens4, a link of the machine with everything that a link can have, and a namespace red: see `loans.py`."""
    have_nic()


@pytest.fixture
def lxc(lonely: None, run_module: t.Callable[..., dict[str, t.Any]]) -> t.Iterator[Containers]:
    """Containers of LXC in a directory of this test, which leave nothing when it ends: see `containers.py`."""
    if lacking := missing():
        pytest.skip(lacking)
    # LXC looks for bridges in /sys, which shows the links of the namespace in which it was mounted.
    os.mkdir("/run/sys")
    _mount("sysfs", "/run/sys", "sysfs")
    _mount("/sys/fs/cgroup", "/run/sys/fs/cgroup", None, MS_BIND | MS_REC)
    _mount("/run/sys", "/sys", None, MS_MOVE)
    os.rmdir("/run/sys")
    containers = Containers("/var/lib/nltc", run_module)
    yield containers
    assert containers.end() == []

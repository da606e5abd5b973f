# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run killed between any two of its system calls, and module processes killed at any time. What is foreign stays."""

from __future__ import annotations

import copy
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import ownership, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.plugins.module_utils._kernel import syscalls
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.engine import is_incomplete
from ansible_collections.netns.lab.tests.random_wants import THOROUGH

LAB: dict[str, t.Any] = {
    "name": "killed",
    "nodes": {
        "red": {"kind": "router", "etc": {"resolv.conf": "nameserver 10.1.0.1\n"}},
        "blue": {"routes": [{"to": "default", "via": "10.1.0.1"}]},
        "sw": {"kind": "switch"},
    },
    "links": [
        [{"node": "red", "name": "eth0", "addresses": ["10.1.0.1/24"]}, "sw"],
        [{"node": "blue", "name": "eth0", "addresses": ["10.1.0.2/24"]}, "sw"],
        [{"node": "red", "name": "out", "addresses": ["192.0.2.9/24"]}, "@theirs0"],
    ],
}
FOREIGN = """
ip netns add theirs
ip link add theirs0 type bridge
ip link set theirs0 up
ip address add 192.0.2.1/24 dev theirs0
ip link add theirs1 type veth peer name eth0 netns theirs
ip link set theirs1 master theirs0 up
ip -n theirs address add 10.1.0.1/24 dev eth0
ip -n theirs link set eth0 up
ip route add 10.90.0.0/16 via 192.0.2.9
mkdir -p /etc/netns/theirs /etc/netns/blue
echo theirs > /etc/netns/theirs/hosts
echo theirs > /etc/netns/blue/hosts
"""
NOTHING = Request({}, lab="killed")
CALLS = frozenset({"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "socket.sendto", "socket.sendmsg",
                   "socket.__new__", "os.truncate"})  # fmt: skip
"""What Python tells of before it is done (PEP 578); the rest is the module's own."""
OWN = ("mount", "umount2", "unshare", "setns")


def lab() -> Request:
    return topology.load(copy.deepcopy(LAB)).request()


def before_call(number: int) -> None:
    """From now on this process kills itself before it makes this one of the calls that may change something."""
    count = itertools.count()

    def asked() -> None:
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[t.Any, ...]) -> None:
        if event in CALLS and not (event == "open" and _only_reads(arguments)):
            asked()

    for name in OWN:
        original = getattr(syscalls, name)

        def wrapped(*some: t.Any, _original: t.Any = original, **more: t.Any) -> t.Any:
            asked()
            return _original(*some, **more)

        setattr(syscalls, name, wrapped)
    sys.addaudithook(hook)


def _only_reads(arguments: tuple[t.Any, ...]) -> bool:
    _path, _mode, flags = arguments
    return not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)


def killed_before_call(number: int, request: Request) -> bool:
    """Run in a child; whether it came so far."""
    child = os.fork()
    if not child:
        before_call(number)
        converge(request, check=False)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


@pytest.fixture
def foreign() -> dict[str, t.Any]:
    """What others have made on the machine, as it has to be afterwards."""
    subprocess.run(["sh", "-ec", FOREIGN], check=True)
    return snapshot.machine()


def standing() -> dict[t.Any, t.Any]:
    """What stands, but for locks: a killed run leaves its own behind."""
    found = snapshot.machine(mac=False)
    return {key: value for key, value in found.items() if not str(key[0]).startswith("/run/netns-lab")}


EVERY = 1 if THOROUGH else 6
"""Every which call; each test begins at another one."""


@pytest.mark.parametrize("lost", [False, True], ids=["registry", "registry lost"])
@pytest.mark.parametrize("then", ["present", "absent"])
def test_before_any_system_call(foreign, then, lost):
    converge(lab(), check=False)
    built = standing()
    converge(NOTHING, check=False)
    assert snapshot.differences(foreign, snapshot.machine()) == []
    number = (EVERY // 2 if then == "absent" else 0) + int(lost)
    while killed_before_call(number, lab()):
        begun = os.path.isdir("/run/netns") and {"red", "blue", "sw"} & set(os.listdir("/run/netns"))
        if begun and not is_incomplete("killed"):
            assert snapshot.differences(built, standing()) == [], f"{number}: incomplete, and nobody knows"
        if lost:
            shutil.rmtree(ownership.REGISTRY, ignore_errors=True)
        if then == "present":
            converge(lab(), check=False)
            assert not is_incomplete("killed")
            assert snapshot.differences(built, standing()) == [], number
        converge(NOTHING, check=False)
        if lost and os.path.isdir("/etc/netns/red"):
            os.rmdir("/etc/netns/red")  # that it was a lab's nothing says, if the kill came before its first file
        assert snapshot.differences(foreign, snapshot.machine()) == [], number
        number += EVERY
    assert number >= 60
    converge(NOTHING, check=False)


@pytest.mark.parametrize("then", ["present", "absent"])
def test_a_removal_before_any_system_call(foreign, then):
    converge(lab(), check=False)
    built = standing()
    number = 0
    while killed_before_call(number, NOTHING):
        if then == "present":
            converge(lab(), check=False)
            assert snapshot.differences(built, standing()) == [], number
        else:
            converge(NOTHING, check=False)
            assert snapshot.differences(foreign, snapshot.machine()) == [], number
            converge(lab(), check=False)
        number += EVERY
    assert number > 20
    assert snapshot.differences(foreign, snapshot.machine()) == []


def test_a_module_process_at_any_time(foreign, start_module, run_module):
    """From outside, by the clock."""
    begun = time.monotonic()
    assert run_module("topology", **LAB)["changed"]
    takes = time.monotonic() - begun
    built = standing()
    assert run_module("topology", name="killed", state="absent")["changed"]
    pick = random.Random(6)
    for number in range(60 if THOROUGH else 6):
        module = start_module("topology", **LAB)
        time.sleep(takes * pick.uniform(0.3, 1.0))
        module.process.kill()
        module.process.wait()
        if number % 2:
            assert not run_module("topology", **LAB).get("failed")
            assert snapshot.differences(built, standing()) == []
        assert not run_module("topology", name="killed", state="absent").get("failed")
        assert snapshot.differences(foreign, snapshot.machine()) == []
        assert not Path(ownership.REGISTRY).exists()


def test_a_draft_says_whose_it_is_before_it_is_marked(foreign, monkeypatch):
    """Killed between a file and its mark, and the registry is lost: the name of the draft is all there is."""
    request = topology.load({"name": "killed", "nodes": {"red": {"etc": {"hosts": "10.0.0.1 gw\n"}}}}).request()
    child = os.fork()
    if not child:
        monkeypatch.setattr(os, "setxattr", lambda *_any: os.kill(os.getpid(), signal.SIGKILL))
        converge(request, check=False)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    (draft,) = os.listdir("/etc/netns/red")
    assert draft == f".hosts.netns-lab-killed.{child}"
    shutil.rmtree(ownership.REGISTRY)
    converge(Request({}, lab="other"), check=False)
    assert os.listdir("/etc/netns/red") == [draft]
    converge(NOTHING, check=False)
    assert snapshot.differences(foreign, snapshot.machine()) == []

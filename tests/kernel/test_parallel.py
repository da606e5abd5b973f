# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twenty modules at once, each a process of its own, on a machine that has just booted and has no /run/netns yet."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.locks import LOCKS
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import REGISTRY
from ansible_collections.netns.lab.tests.kernel import snapshot

AT_ONCE = 20


def ring(name: str, count: int = 3, mtu: int = 1500) -> dict[str, t.Any]:
    """A small ring of nodes, as options of `topology`."""
    nodes = [f"{name}-{number}" for number in range(count)]
    links = [
        {"endpoints": [f"{one}:right", f"{other}:left"], "mtu": mtu}
        for one, other in zip(nodes, [*nodes[1:], nodes[0]])
    ]
    return {"name": name, "nodes": {node: {} for node in nodes}, "links": links}


@pytest.fixture
def at_once(start_module: t.Callable[..., t.Any]) -> t.Callable[..., list[dict[str, t.Any]]]:
    """`at_once(("netns", {...}), ...)` starts all these modules before it waits for the first; none may fail."""

    def run(*calls: tuple[str, dict[str, t.Any]]) -> list[dict[str, t.Any]]:
        started = [start_module(name, **options) for name, options in calls]
        answers = [module.result(timeout=300) for module in started]
        assert [answer["msg"] for answer in answers if answer.get("failed")] == []
        return answers

    return run


@pytest.fixture(autouse=True)
def empty() -> t.Iterator[None]:
    """It begins cold and ends as it began, with the directory of names left as ip netns leaves it, too."""
    assert not os.path.exists("/run/netns")
    before = snapshot.machine()
    yield
    assert snapshot.differences(before, snapshot.machine()) == []
    assert not os.path.exists(LOCKS)
    assert not os.path.exists(REGISTRY)
    assert mounts_on_run_netns() == 0


def mounts_on_run_netns() -> int:
    """Those of this test: what the machine itself may have there lies under the test's own /run, a tmpfs."""
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return sum(line.split()[4] == "/run/netns" and " - tmpfs " in line for line in text.splitlines())


def names() -> list[str]:
    return sorted(os.listdir("/run/netns"))


def test_different_namespaces(at_once):
    wanted = [f"n{number:02}" for number in range(AT_ONCE)]
    assert all(answer["changed"] for answer in at_once(*(("netns", {"name": name}) for name in wanted)))
    assert names() == wanted
    assert mounts_on_run_netns() == 1
    assert all(a["changed"] for a in at_once(*(("netns", {"name": name, "state": "absent"}) for name in wanted)))


def test_the_same_namespace(at_once):
    answers = at_once(*[("netns", {"name": "red"})] * AT_ONCE)
    assert sum(answer["changed"] for answer in answers) == 1
    assert names() == ["red"]
    assert mounts_on_run_netns() == 1
    answers = at_once(*[("netns", {"name": "red", "state": "absent"})] * AT_ONCE)
    assert sum(answer["changed"] for answer in answers) == 1


def test_beside_ip_netns(at_once):
    """ip takes the lock of /run/netns, and no other."""
    theirs = [subprocess.Popen(["ip", "netns", "add", f"ip{number}"]) for number in range(AT_ONCE)]
    at_once(*(("netns", {"name": f"n{number}"}) for number in range(AT_ONCE)))
    assert [one.wait() for one in theirs] == [0] * AT_ONCE
    assert len(names()) == 2 * AT_ONCE
    assert mounts_on_run_netns() == 1
    for number in range(AT_ONCE):
        subprocess.run(["ip", "netns", "del", f"ip{number}"], check=True)
    at_once(*(("netns", {"name": f"n{number}", "state": "absent"}) for number in range(AT_ONCE)))
    subprocess.run(["umount", "/run/netns"], check=False, capture_output=True)  # where ip was the first to mount it


def test_different_veths_into_the_same_two_namespaces(at_once, ip):
    at_once(("netns", {"name": "red"}), ("netns", {"name": "blue"}))
    pairs = [
        {"name": f"v{number}", "netns": "red", "addresses": [f"10.{number}.0.1/24"],
         "peer": {"name": f"v{number}", "netns": "blue", "addresses": [f"10.{number}.0.2/24"]}}
        for number in range(AT_ONCE)
    ]  # fmt: skip
    assert all(answer["changed"] for answer in at_once(*(("veth", pair) for pair in pairs)))
    assert len(ip("link", "show", netns="red")) == len(ip("link", "show", netns="blue")) == AT_ONCE + 1
    assert not any(answer["changed"] for answer in at_once(*(("veth", pair) for pair in pairs)))
    at_once(*(("netns", {"name": name, "state": "absent"}) for name in ("red", "blue")))


def test_the_same_veth(at_once, ip):
    at_once(("netns", {"name": "red"}))
    pair = {"name": "v", "netns": "red", "peer": {"name": "v", "addresses": ["10.0.0.1/24"]}}
    answers = at_once(*[("veth", pair)] * AT_ONCE)
    assert sum(answer["changed"] for answer in answers) == 1
    assert len(ip("link", "show", netns="red")) == 2
    at_once(("netns", {"name": "red", "state": "absent"}))


def test_different_labs(at_once):
    labs = [ring(f"lab{number}") for number in range(AT_ONCE)]
    assert all(answer["changed"] for answer in at_once(*(("topology", lab) for lab in labs)))
    assert len(names()) == 3 * AT_ONCE
    assert mounts_on_run_netns() == 1
    assert not any(answer["changed"] for answer in at_once(*(("topology", lab) for lab in labs)))
    at_once(*(("topology", {"name": lab["name"], "state": "absent"}) for lab in labs))


def test_the_same_lab(at_once):
    lab = ring("lab", 5)
    answers = at_once(*[("topology", lab)] * AT_ONCE)
    assert sum(answer["changed"] for answer in answers) == 1
    assert names() == sorted(lab["nodes"])
    answers = at_once(*[("topology", {"name": "lab", "state": "absent"})] * AT_ONCE)
    assert sum(answer["changed"] for answer in answers) == 1


def test_all_sorts(at_once):
    """Labs that come and go, namespaces and veths: each takes its turn, and all is as the last one wanted it."""
    at_once(("netns", {"name": "red"}), ("topology", ring("old")))
    calls: list[tuple[str, dict[str, t.Any]]] = []
    for number in range(AT_ONCE // 5):
        calls += [
            ("topology", ring(f"new{number}")),
            ("topology", ring("old", 3, 1400)),
            ("netns", {"name": f"n{number}"}),
            ("veth", {"name": f"v{number}", "peer": {"name": f"v{number}", "netns": "red"}}),
            ("topology", {"name": "gone", "state": "absent"}),
        ]
    at_once(*calls)
    assert names() == sorted(["red", *(f"n{n}" for n in range(4)), *(f"new{n}-{i}" for n in range(4) for i in range(3)),
                              *(f"old-{i}" for i in range(3))])  # fmt: skip
    gone = [("netns", {"name": name, "state": "absent"}) for name in ("red", *(f"n{number}" for number in range(4)))]
    gone += [("topology", {"name": name, "state": "absent"}) for name in ("old", *(f"new{n}" for n in range(4)))]
    at_once(*gone)


def test_two_runs_of_one_lab_wait_and_say_for_whom(start_module, run_module):
    """The second waits as long as it is told to, and then names the process, its command, and the lab."""
    lab = ring("slow", 100)
    first = start_module("topology", **lab)
    lock = Path(LOCKS, "slow.lock")
    while not (lock.exists() and lock.read_text(encoding="ascii").strip() == str(first.pid)):
        assert first.process.poll() is None
    os.kill(first.pid, signal.SIGSTOP)
    try:
        for patience in (0, 1):
            refused = run_module("topology", **lab, lock_timeout=patience)
            assert refused.get("failed"), refused
            assert "another run holds the lab slow" in refused["msg"]
            assert re.search(rf"\(process {first.pid}: \S*python.* -m ansible_collections.netns.lab", refused["msg"])
            assert f"didn't end within {patience} s" in refused["msg"]
        waiting = start_module("topology", name="slow", state="absent", lock_timeout=300)
        other = run_module("topology", **ring("other"))
        assert other["changed"], "another lab doesn't wait"
        assert waiting.process.poll() is None
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.result()["changed"]
    assert waiting.result()["changed"]
    assert run_module("topology", name="other", state="absent")["changed"]

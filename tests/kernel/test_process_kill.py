# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that are kept running, where something is amiss: killed runs, records lost, machines without control
groups of either version.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import time
from pathlib import Path

import pytest

from ansible_collections.netns.lab.tests.kernel.programs import (
    BACKGROUND,
    DAEMON,
    DEAF,
    alive,
    groups,
    run_in,
    soon,
    traces,
)

MNT_DETACH = 2
UNFINISHED = "restart process p of red (nobody saw its start through)"
_libc = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def red(run_module, ip):
    ip("netns", "add", "red")
    yield
    run_module("process", name="p", netns="red", state="absent")
    assert run_in("red") == {}
    assert traces() == []


def start(run_module, *argv, **options):
    done = run_module("process", name="p", netns="red", argv=list(argv), **options)
    assert "failed" not in done, done["msg"]
    return done


def stop(run_module):
    done = run_module("process", name="p", netns="red", state="absent")
    assert "failed" not in done, done["msg"]
    return done


@pytest.fixture
def no_control_groups(lonely):
    """A machine on which there are none: in this test's mount namespace they are out of sight."""
    _unmount(lambda kind: kind in ("cgroup", "cgroup2"))


@pytest.fixture
def only_a_freezer(lonely):
    """A machine that has only version 1."""
    if not any(words[7] == "cgroup" and "freezer" in words[9].split(",") for words in _mounts()):
        pytest.skip("this machine has no freezer of version 1")
    _unmount(lambda kind: kind == "cgroup2")


def _mounts():
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        dash = words.index("-")
        yield [*words[:6], "-", words[dash + 1], words[dash + 2], words[dash + 3]]


def _unmount(is_meant):
    for words in reversed(list(_mounts())):
        if is_meant(words[7]):
            assert _libc.umount2(words[4].encode(), MNT_DETACH) == 0, words


# -- killed


@pytest.mark.parametrize("then", ["started", "absent"])
def test_a_run_killed_while_it_waits_for_the_program(run_module, start_module, red, then):
    asked = {"name": "p", "netns": "red", "argv": ["sleep", "600"]}
    waiting = start_module("process", **asked, ready={"tcp": 80, "timeout": 60})
    assert soon(lambda: "sleep 600" in run_in("red").values())
    waiting.process.kill()
    waiting.process.wait()
    (pid,) = run_in("red")
    if then == "absent":
        assert stop(run_module)["steps"] == ["stop process p of red"]
        assert not alive(pid)
        return
    assert run_module("process", **asked, check=True)["steps"] == [UNFINISHED]
    assert start(run_module, *asked["argv"])["steps"] == [UNFINISHED]
    assert not alive(pid)
    assert list(run_in("red").values()) == ["sleep 600"]


@pytest.mark.parametrize("delay", [0.0, 0.01, 0.02, 0.03, 0.05, 0.08])
def test_a_run_killed_at_whatever_instant_of_a_start(run_module, start_module, red, delay):
    """Around the start itself: the record is written, the group made, the program under way."""
    running = start_module("process", name="p", netns="red", argv=["sleep", "600"])
    assert soon(lambda: os.path.exists("/run/netns-lab/processes/red"))
    time.sleep(delay)
    running.process.kill()
    running.process.wait()
    stop(run_module)
    assert run_in("red") == {}
    assert traces() == []


def test_a_run_killed_while_it_stops_the_program(run_module, start_module, red):
    first = start(run_module, *DEAF, kill_timeout=30)
    stopping = start_module("process", name="p", netns="red", state="stopped")
    assert soon(lambda: os.path.exists("/run/netns-lab/@runs.lock"))
    time.sleep(0.2)
    stopping.process.kill()
    stopping.process.wait()
    assert alive(first["process"]["pid"])
    start(run_module, *DEAF, kill_timeout=0.2)
    stop(run_module)


# -- lost


@pytest.mark.parametrize("then", ["started", "stopped", "absent", "namespace"])
def test_a_lost_record_orphans_nothing(run_module, red, then):
    first = start(run_module, *DAEMON)
    shutil.rmtree("/run/netns-lab")
    if then == "started":
        assert start(run_module, *DAEMON)["steps"] == [UNFINISHED]
        assert not alive(first["process"]["pid"])
        return
    if then == "namespace":
        done = run_module("netns", name="red", state="absent")
        assert done["steps"] == ["stop process p of red", "delete namespace red"]
        assert traces() == []
        run_module("netns", name="red")
    else:
        done = run_module("process", name="p", netns="red", state=then)
        assert done["steps"] == ["stop process p of red"]
    assert not alive(first["process"]["pid"])
    assert run_in("red") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99}', '{"version": 1, "boot": "another"}'])
def test_a_record_that_cant_be_read_is_as_good_as_lost(run_module, red, text):
    first = start(run_module, "sleep", "600")
    Path("/run/netns-lab/processes/red/p.json").write_text(text)
    assert start(run_module, "sleep", "600")["steps"] == [UNFINISHED]
    assert not alive(first["process"]["pid"])


def test_what_a_boot_leaves_is_the_log(run_module, red):
    start(run_module, "sh", "-c", "echo hello; exec sleep 600")
    for group in groups():
        Path(group, "cgroup.kill").write_text("1")
        assert soon(lambda: _removed(group))  # noqa: B023
    shutil.rmtree("/run/netns-lab")
    assert not run_module("process", name="p", netns="red", state="stopped")["changed"]
    assert start(run_module, "sleep", "600")["steps"] == ["start process p of red"]
    assert Path("/var/log/netns-lab/red/p.log").read_text() == "hello\n"


def _removed(group):
    try:
        os.rmdir(group)
    except OSError:
        return False
    return True


def test_the_processes_of_another_machines_namespace_of_that_name_are_left_alone(run_module, red, cold_machine, ip):
    first = start(run_module, "sleep", "600")
    with cold_machine():
        ip("netns", "add", "red")
        assert start(run_module, "sleep", "601")["steps"] == ["start process p of red"]
        stop(run_module)
        assert traces() == []
    assert alive(first["process"]["pid"])
    assert not start(run_module, "sleep", "600")["changed"]


# -- without control groups of version 2


@pytest.mark.parametrize("program", [DAEMON, BACKGROUND, DEAF], ids=["daemon", "background", "deaf"])
def test_with_the_freezer_of_version_1_nothing_escapes(only_a_freezer, run_module, red, program):
    start(run_module, *program, kill_timeout=0.3)
    (group,) = groups()
    assert group.startswith("/sys/fs/cgroup/freezer/netns-lab/")
    assert not start(run_module, *program, kill_timeout=0.3)["changed"]
    assert run_in("red")
    stop(run_module)
    assert run_in("red") == {}


@pytest.mark.parametrize(
    "program",
    [["sleep", "600"], ["sh", "-c", "setsid sleep 616 & setsid setsid sleep 617 & exit 0"], DEAF],
    ids=["plain", "background", "deaf"],
)
def test_without_control_groups_the_environment_tells(no_control_groups, run_module, red, program):
    start(run_module, *program, kill_timeout=0.3)
    assert groups() == []
    assert not start(run_module, *program, kill_timeout=0.3)["changed"]
    assert run_in("red")
    stop(run_module)
    assert run_in("red") == {}


def test_without_control_groups_a_lost_record_orphans_nothing(no_control_groups, run_module, red):
    start(run_module, "sh", "-c", "setsid sleep 618 & exec sleep 619")
    shutil.rmtree("/run/netns-lab")
    assert stop(run_module)["steps"] == ["stop process p of red"]
    assert run_in("red") == {}

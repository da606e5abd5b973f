# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of a container, in whichever version of control groups this machine has them."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.tests.kernel.containers import QUICK, cgroups_of

LIMITS = {"memory": "64M", "cpus": 0.5, "pids": 100}


@pytest.fixture
def limits(lxc):
    """The limits of a container, as the kernel has them."""

    def read(name: str) -> dict[str, str]:
        groups = cgroups_of(lxc.pid(name))

        def file(controller: str, legacy: str, unified: str) -> str:
            return lxc.cgroup(name, controller, legacy if controller in groups else unified)

        return {
            "memory": file("memory", "memory.limit_in_bytes", "memory.max"),
            "cpus": file("cpu", "cpu.cfs_quota_us", "cpu.max").removesuffix(" 100000"),
            "pids": file("pids", "pids.max", "pids.max"),
        }

    return read


def test_they_hold_from_the_start(lxc, limits):
    lxc.change("web", state="started", limits={**LIMITS, "cpuset": "0"})
    assert limits("web") == {"memory": str(64 << 20), "cpus": "50000", "pids": "100"}
    assert lxc.inside("web", "grep", "Cpus_allowed_list", "/proc/self/status").split()[1] == "0"


def test_a_running_container_takes_changed_ones_on(lxc, limits):
    lxc("web", state="started", limits=LIMITS)
    pid = lxc.pid("web")
    changed = {"memory": "96M", "cpus": 1.5, "pids": 50}
    result = lxc.change("web", state="started", limits=changed, restart="if_needed")
    assert result["steps"] == [
        f"configure container {lxc.name('web')}", f"set limits of the running container {lxc.name('web')}",
    ]  # fmt: skip
    assert limits("web") == {"memory": str(96 << 20), "cpus": "150000", "pids": "50"}
    assert not result["lxc_container"]["pending_restart"]
    assert lxc.pid("web") == pid
    assert lxc.inside("web", "true") == ""


def test_a_new_limit_needs_no_restart_and_one_that_goes_does(lxc, limits):
    lxc("web", state="started", config=QUICK)
    pid = lxc.pid("web")
    assert not lxc("web", limits={"pids": 77})["lxc_container"]["pending_restart"]
    assert (limits("web")["pids"], lxc.pid("web")) == ("77", pid)
    assert lxc("web", limits={})["lxc_container"]["pending_restart"]
    lxc.change("web", limits={}, restart="if_needed")
    assert limits("web")["pids"] == "max"
    assert lxc.pid("web") != pid


def test_restart_always_restarts_for_them_too(lxc, limits):
    lxc("web", state="started", config=QUICK)
    pid = lxc.pid("web")
    lxc.change("web", limits={"pids": 77}, restart="always")
    assert limits("web")["pids"] == "77"
    assert lxc.pid("web") != pid


def test_more_than_the_machine_takes_is_refused_with_the_words_of_lxc(lxc):
    lxc("web", state="started")
    message = lxc.fails("web", limits={"cpuset": "4000"})
    assert "set limits of the running container" in message
    assert "cpuset.cpus" in message

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits as lines of a configuration, for either version of control groups."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._lxc import cgroups

ALL = {"memory": "512M", "cpus": 1.5, "pids": 200, "cpuset": "0-1"}


def set_by(limits, legacy):
    """What the lines say, without keys that shall not stand."""
    found = cgroups.lines(limits, legacy)
    assert all(name == key for key, lines in found.items() for name, _value in lines)
    return {key: value for lines in found.values() for key, value in lines}


def test_version_2():
    assert set_by(ALL, ()) == {
        "lxc.cgroup2.memory.max": "512M",
        "lxc.cgroup2.cpu.max": "150000 100000",
        "lxc.cgroup2.pids.max": "200",
        "lxc.cgroup2.cpuset.cpus": "0-1",
    }


def test_version_1():
    assert set_by(ALL, {"memory", "cpu", "pids", "cpuset"}) == {
        "lxc.cgroup.memory.limit_in_bytes": "512M",
        "lxc.cgroup.cpu.cfs_quota_us": "150000",
        "lxc.cgroup.cpu.cfs_period_us": "100000",
        "lxc.cgroup.pids.max": "200",
        "lxc.cgroup.cpuset.cpus": "0-1",
    }


def test_a_machine_that_has_both_takes_each_controller_where_it_is():
    assert set_by(ALL, {"cpu", "cpuset"}) == {
        "lxc.cgroup2.memory.max": "512M",
        "lxc.cgroup.cpu.cfs_quota_us": "150000",
        "lxc.cgroup.cpu.cfs_period_us": "100000",
        "lxc.cgroup2.pids.max": "200",
        "lxc.cgroup.cpuset.cpus": "0-1",
    }


@pytest.mark.parametrize("limits", [{}, {"pids": 5}, ALL])
@pytest.mark.parametrize("legacy", [(), {"pids"}, {"memory", "cpu", "pids", "cpuset"}])
def test_every_key_is_spoken_for_so_that_no_other_limit_stays(limits, legacy):
    found = cgroups.lines(limits, legacy)
    assert set(found) == set(cgroups.KEYS)
    assert {key for key, lines in found.items() if lines} == set(set_by(limits, legacy))


def test_no_limit_is_minus_one_in_version_1():
    assert set_by({"memory": "max"}, ()) == {"lxc.cgroup2.memory.max": "max"}
    assert set_by({"memory": "max"}, {"memory"}) == {"lxc.cgroup.memory.limit_in_bytes": "-1"}


def test_a_small_share_of_a_processor_is_rounded_to_microseconds():
    assert set_by({"cpus": 0.01}, ()) == {"lxc.cgroup2.cpu.max": "1000 100000"}
    assert set_by({"cpus": 1 / 3}, ()) == {"lxc.cgroup2.cpu.max": "33333 100000"}


def test_the_machine_has_each_controller_in_one_version():
    """Whatever this machine has: what it says of version 1 are names of controllers."""
    assert all(name and "/" not in name for name in cgroups.legacy_controllers())

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges that speak the spanning tree protocol show the times of the tree, not the ones that they were given."""

from __future__ import annotations

import time

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Request, Sysctl

ROOT = {"name": "br0", "netns": "n0", "kind": "bridge", "stp": True, "priority": 4096, "forward_delay": 2, "up": True}
FOLLOWER = {"name": "br1", "netns": "n1", "kind": "bridge", "stp": True, "forward_delay": 9, "max_age": 12, "up": True,
            "ageing_time": 77}  # fmt: skip


@pytest.fixture
def tree(run_module):
    """Two bridges, of which n1:br1 will follow n0:br0."""
    for ns in ("n0", "n1"):
        assert "failed" not in run_module("netns", name=ns)
    assert run_module("link", **ROOT)["changed"]
    assert run_module("link", **FOLLOWER)["changed"]
    done = run_module("veth", name="p0", netns="n0", bridge="br0", up=True,
                      peer={"name": "p1", "netns": "n1", "bridge": "br1", "up": True})  # fmt: skip
    assert done.get("changed"), done


def _shown(ip):
    return ip("link", "show", "br1", netns="n1")[0]["linkinfo"]["info_data"]


def _wait(ip, attribute, value):
    give_up = time.monotonic() + 20
    while _shown(ip)[attribute] != value:
        assert time.monotonic() < give_up, _shown(ip)
        time.sleep(0.1)


def test_a_bridge_that_follows_another_one_stands_as_it_was_asked_for(tree, ip, run_module):
    _wait(ip, "forward_delay", 200)  # the root's
    again = run_module("link", **FOLLOWER)
    assert (again["steps"], again["changed"]) == ([], False)
    assert again["link"]["forward_delay"] == FOLLOWER["forward_delay"]
    assert "forward_delay" not in run_module("link", name="br1", netns="n1", kind="bridge", stp=True)["link"]
    assert run_module("link", **{**FOLLOWER, "priority": 8192})["steps"] == ["set n1:br1 priority 8192 (was 32768)"]


def test_a_bridge_that_forgets_sooner_for_a_while_stands_as_it_was_asked_for(tree, ip, run_module):
    _wait(ip, "ageing_time", 400)  # twice the forward delay
    again = run_module("link", **FOLLOWER)
    assert (again["steps"], again["changed"]) == ([], False)


def test_a_run_that_fails_asks_for_no_time_that_nobody_can_know(tree, ip, run_module):
    """It makes the bridge the root, which shows its own times then; what they had been before, the tree had hidden."""
    _wait(ip, "forward_delay", 200)
    wanted = Link("bridge", options=(("forward_delay", 21), ("priority", 0), ("stp", True)))
    last = ("sysctl", "n1", "net/ipv4/conf/lo/log_martians")
    Fault.at = 1
    try:
        with pytest.raises(LabError, match=r"step 2 of 2, set net.ipv4.*was put back"):
            converge(Request({("link", "n1", "br1"): wanted, last: Sysctl("1")}), check=False)
    finally:
        Fault.at = None
    assert run_module("veth", name="p0", netns="n0", state="absent")["changed"]
    assert _shown(ip)["forward_delay"] == 100 * FOLLOWER["forward_delay"]

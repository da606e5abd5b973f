# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The addresses that the kernel gives a loopback by itself: nobody's business, unless somebody asks for them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Request
from ansible_collections.netns.lab.tests.kernel.test_engine_rollback_cases import ip_does, leaves_no_trace, red


@pytest.fixture(autouse=True)
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


ASKED = {"name": "lo", "netns": "red", "addresses": ["127.0.0.1/8", "10.0.0.1/32", "::1/128"]}


def _addresses(ip):
    return [f"{one['local']}/{one['prefixlen']}" for one in ip("address", "show", "lo", netns="red")[0]["addr_info"]]


def test_they_may_be_listed_beside_others(ip, run_module):
    run_module("netns", name="red", loopback=False)
    foreseen = run_module("link", up=True, check=True, **ASKED)
    done = run_module("link", up=True, **ASKED)
    assert done.get("changed"), done
    assert done["steps"] == foreseen["steps"]
    assert _addresses(ip) == ASKED["addresses"]
    assert run_module("link", up=True, **ASKED)["steps"] == []
    ip("address", "del", "127.0.0.1/8", "dev", "lo", netns="red")
    assert run_module("link", up=True, check=True, **ASKED)["changed"]
    assert run_module("link", up=True, **ASKED)["changed"]
    assert _addresses(ip) == ASKED["addresses"]
    assert run_module("link", **ASKED)["steps"] == []


def test_others_alone_take_nothing_away(ip, run_module):
    run_module("netns", name="red")
    assert run_module("link", name="lo", netns="red", addresses=["10.0.0.1/32"])["changed"]
    assert _addresses(ip) == ["127.0.0.1/8", "10.0.0.1/32", "::1/128"]
    assert run_module("link", name="lo", netns="red", addresses=[])["changed"]
    assert _addresses(ip) == ["127.0.0.1/8", "::1/128"]


@pytest.mark.parametrize("was_up", [False, True])
def test_a_run_that_fails_leaves_a_loopback_with_what_it_had(was_up):
    """It gets 127.0.0.1 when it goes up for the first time, and keeps that when it goes down."""
    ip_does("netns add red\n")
    ip_does("link add e0 type veth peer name f0\n" + "link set lo up\nlink set lo down\n" * was_up, netns="red")
    leaves_no_trace(Request(red((("link", "red", "e0"), Link(up=True)))))

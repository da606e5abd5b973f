# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new namespace has some of the wanted sysctls by itself: the plan knows, and sets only the others."""

from __future__ import annotations

import os
import subprocess

import pytest

TTL = "net/ipv4/ip_default_ttl"
FORWARDING = "net/ipv4/ip_forward"


def _value(netns: str, name: str) -> str:
    command = ["ip", "netns", "exec", netns, "cat", f"/proc/sys/{name}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def at_birth(ip):
    """The value of a sysctl in a new namespace on this machine."""

    def read(name: str) -> str:
        ip("netns", "add", "witness")
        try:
            return _value("witness", name)
        finally:
            ip("netns", "delete", "witness")

    return read


def _lab(**sysctls: str) -> dict:
    return {"name": "one", "nodes": {"red": {"sysctls": sysctls}}}


def test_what_is_there_by_itself_is_no_step(run_module, at_birth):
    ttl = at_birth(TTL)
    result = run_module("topology", **_lab(**{TTL: ttl}))
    assert not [step for step in result["steps"] if "ip_default_ttl" in step]
    assert _value("red", TTL) == ttl
    assert run_module("topology", **_lab(**{TTL: ttl}))["changed"] is False


def test_what_is_otherwise_is_set_and_says_what_it_was(run_module, at_birth):
    ttl = int(at_birth(TTL))
    result = run_module("topology", **_lab(**{TTL: str(ttl - 1)}))
    assert f"set net.ipv4.ip_default_ttl in red to {ttl - 1} (was {ttl})" in result["steps"]
    assert _value("red", TTL) == str(ttl - 1)


@pytest.mark.parametrize("forwarding", ["0", "1"])
def test_what_another_one_resets_is_put_back(run_module, forwarding):
    """Turning IPv4 forwarding on clears accept_redirects of all."""
    lab = _lab(**{FORWARDING: forwarding, "net/ipv4/conf/all/accept_redirects": "1"})
    run_module("topology", **lab)
    assert _value("red", "net/ipv4/conf/all/accept_redirects") == "1"
    assert run_module("topology", **lab)["changed"] is False


def test_looking_leaves_no_namespace_behind(ip, run_module):
    result = run_module("topology", check=True, **_lab(**{TTL: "33"}))
    assert result["changed"] is True
    assert ip("netns", "list") == []
    assert not os.path.exists("/run/netns")

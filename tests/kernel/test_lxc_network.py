# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of a container: one of its own, on a bridge, or that of a named namespace."""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.netns.lab.tests.kernel.containers import QUICK

BRIDGED = {"link": "br0", "name": "eth0", "hwaddr": "02:00:00:00:00:07", "ipv4_addresses": ["192.0.2.7/24"]}


@pytest.fixture
def bridge(run_module, ip):
    result = run_module("link", name="br0", kind="bridge", up=True, addresses=["192.0.2.1/24"])
    assert not result.get("failed"), result


def addresses(ip, link, **where):
    (found,) = ip("address", "show", "dev", link, **where)
    return [f"{row['local']}/{row['prefixlen']}" for row in found["addr_info"] if row["scope"] == "global"]


def test_on_a_bridge_it_has_its_address(lxc, bridge, ip):
    lxc.change("web", state="started", networks=[BRIDGED], wait="network", config=QUICK)
    subprocess.run(["ping", "-q", "-c", "1", "-W", "5", "192.0.2.7"], check=True, capture_output=True)
    assert "02:00:00:00:00:07" in lxc.inside("web", "ip", "link", "show", "eth0")
    lxc.waits_for("web", "! pgrep udhcpc")  # what asks for addresses takes away those that there are
    assert "192.0.2.7/24" in lxc.inside("web", "ip", "address", "show", "eth0")
    lxc("web", state="stopped")
    assert [link["ifname"] for link in ip("link")] == ["lo", "br0"]


def test_without_an_address_it_isnt_ready(lxc, bridge):
    lxc("web", state="started", networks=[{"link": "br0", "name": "eth0"}])
    message = lxc.fails("web", state="started", networks=[{"link": "br0", "name": "eth0"}], wait="network", timeout=1)
    assert "wait: container" in message
    assert "udhcpc" in message


def test_the_links_of_a_named_namespace_are_its_own(lxc, run_module, ip):
    run_module("netns", name="red")
    run_module(
        "veth",
        name="eth0",
        netns="red",
        addresses=["192.0.2.7/24"],
        peer={"name": "far0", "addresses": ["192.0.2.1/24"]},
    )
    before = addresses(ip, "eth0", netns="red")
    lxc.change("web", state="started", netns="red", wait="init", config=QUICK)
    assert lxc.inside("web", "readlink", "/proc/self/ns/net") == lxc_net("red")
    subprocess.run(["ping", "-q", "-c", "1", "-W", "5", "192.0.2.7"], check=True, capture_output=True)
    assert addresses(ip, "eth0", netns="red") == before == ["192.0.2.7/24"]
    lxc("web", state="stopped", netns="red")
    assert addresses(ip, "eth0", netns="red") == before == ["192.0.2.7/24"]
    assert lxc.lines("web", "lxc.net") == []


def lxc_net(ns):
    command = ["ip", "netns", "exec", ns, "readlink", "/proc/self/ns/net"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_namespace_made_anew_under_its_name_is_joined_by_a_restart(lxc, ip):
    ip("netns", "add", "red")
    lxc("web", state="started", netns="red", config=QUICK)
    old = lxc.inside("web", "readlink", "/proc/self/ns/net")
    ip("netns", "delete", "red")
    ip("netns", "add", "red")
    done = lxc.change("web", state="started", netns="red")
    stop, start = done["steps"]
    assert stop.startswith(f"stop container {lxc.name('web')} (the namespace")
    assert "isn't the one of that name any more" in stop
    assert start == f"start container {lxc.name('web')}"
    assert lxc.inside("web", "readlink", "/proc/self/ns/net") == lxc_net("red") != old


def test_a_namespace_that_isnt_there_is_said_before_anything_is_done(lxc):
    before = lxc.listing()
    for check in (True, False):
        message = lxc.fails("web", state="started", netns="red", check=check)
        assert "red" in message
        assert "netns.lab.netns" in message
    assert lxc.listing() == before


def test_from_a_namespace_to_a_network_of_its_own_and_back(lxc, ip, bridge):
    ip("netns", "add", "red")
    lxc("web", netns="red")
    lxc.change("web", networks=[BRIDGED])
    assert lxc.lines("web", "lxc.namespace.share.net") == []
    assert lxc.lines("web", "lxc.net.0.link") == ["lxc.net.0.link = br0"]
    lxc.change("web", netns="red")
    assert lxc.lines("web", "lxc.namespace.share.net") == ["lxc.namespace.share.net = /run/netns/red"]
    assert lxc.lines("web", "lxc.net") == []


def test_a_namespace_goes_when_the_container_in_it_is_stopped(lxc, run_module, ip):
    run_module("netns", name="red")
    lxc("web", state="started", netns="red")
    result = run_module("netns", name="red", state="absent", processes="fail")
    assert result.get("failed")
    assert json.dumps(lxc.name("web"))[1:-1] in result["msg"] or "init" in result["msg"]
    lxc("web", state="absent", netns="red", timeout=1)
    assert not run_module("netns", name="red", state="absent").get("failed")
    assert ip("netns") == []

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lent link comes home though some of what its routes need doesn't, and after others have moved or hidden it."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import watchdog
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.loans import LEASES, ip_does, lent, stands, warned

pytestmark = pytest.mark.usefixtures("nic")


@pytest.mark.parametrize("keep_config", [False, True])
def test_routes_of_an_address_that_has_expired_are_left_out_and_said(ip, run_module, keep_config):
    """As those of DHCP, whose lease goes on while the NIC is away."""
    ip_does("""
        address add 10.66.0.1/24 dev ens4 valid_lft 3 preferred_lft 3
        route add 10.67.0.0/16 via 10.66.0.9 dev ens4
        route add 10.68.0.0/16 dev ens4 src 10.66.0.1
        route add 10.69.0.0/16 via 10.66.0.9 dev ens4 onlink
    """)  # fmt: skip
    assert run_module("nic", name="ens4", netns="red", keep_config=keep_config).get("changed")
    time.sleep(3.5)
    again = run_module("nic", name="ens4", netns="red", keep_config=keep_config)
    assert "failed" not in again
    done = run_module("nic", name="ens4", state="home")
    assert done.get("changed"), done
    assert "10.67.0.0/16 via 10.66.0.9 dev ens4: nothing leads to its gateway 10.66.0.9 any more" in warned(done)
    assert "its source address 10.66.0.1 has expired" in warned(done)
    routes = [route["dst"] for route in ip("route", "show", "dev", "ens4")]
    assert {"10.40.0.0/16", "10.69.0.0/16"} <= set(routes)
    assert not {"10.67.0.0/16", "10.68.0.0/16"} & set(routes)


@pytest.mark.parametrize("keep_config", [False, True])
def test_routes_to_subnets_that_others_have_made(ip, run_module, keep_config):
    """NetworkManager asks for addresses without the kernel's route, and makes one that looks as if it were that."""
    ip_does("""
        address add 10.77.0.2/24 dev ens4 noprefixroute
        route add 10.77.0.0/24 dev ens4 proto kernel scope link src 10.77.0.2 metric 101
        route add 10.78.0.0/16 via 10.77.0.1 metric 101
        address add fd77::2/64 dev ens4 nodad noprefixroute
        route add fd77::/64 dev ens4 proto kernel metric 102
        route add fd78::/64 via fd77::1
    """)  # fmt: skip

    def shown(**where):
        found = [*ip("route", "show", "dev", "ens4", **where), *ip("-6", "route", "show", "dev", "ens4", **where)]
        kept = [{name: route.get(name) for name in ("dst", "gateway", "metric", "protocol")} for route in found]
        return [route for route in kept if route["dst"].startswith(("10.77", "10.78", "fd77", "fd78"))]

    before = shown()
    assert len(before) == 4
    assert run_module("nic", name="ens4", netns="red", keep_config=keep_config).get("changed")
    assert shown(netns="red") == (before if keep_config else [])
    assert run_module("nic", name="ens4", netns="red", keep_config=keep_config)["steps"] == []
    assert run_module("nic", name="ens4", state="home").get("changed")
    assert shown() == before


def test_it_is_lent_on_after_somebody_gave_it_another_name(ip, run_module):
    before = stands()
    assert run_module("nic", name="ens4", netns="red").get("changed")
    ip("netns", "add", "blue")
    ip_does("link set ens4 down\nlink set ens4 name wan0\n", "-n", "red")
    assert run_module("nic", name="ens4", netns="blue", force=True).get("changed")
    assert [lease.name for lease in LEASES.iterdir()] == ["blue:ens4.json"]
    assert run_module("nic", name="ens4", state="home").get("changed")
    ip("netns", "delete", "blue")
    assert snapshot.differences(before, stands()) == []


def test_what_hardware_had_is_not_forgotten_while_it_cannot_be_seen(ip, run_module):
    """The namespace has lost its name, and the kernel hasn't given the NIC back yet."""
    run_module("nic", name="ens4", netns="red")
    (lease,) = LEASES.iterdir()
    lease.write_text(json.dumps({**json.loads(lease.read_text()), "kind": "", "permanent": "02:00:00:00:00:99"}))
    ip("netns", "delete", "red")
    for _twice in range(2):
        done = run_module("netns", name="green")
        assert "ens4, which was lent to red, isn't anywhere that can be seen from here" in warned(done)
        assert "came home" not in warned(done)
        assert lease.exists()


def test_without_the_process_that_would_undo_it_nothing_is_lent(monkeypatch):
    def refuse() -> int:
        raise BlockingIOError(11, "no more processes")

    before = stands()
    monkeypatch.setattr(watchdog.os, "fork", refuse)
    with pytest.raises(LabError, match="nothing could be started that would undo the move"):
        converge(lent(confirm=30), check=False)
    assert snapshot.differences(before, stands()) == []
    assert not LEASES.exists()


def test_another_link_of_its_name_is_left_where_it_is(ip, run_module):
    """The link itself has gone with its namespace, and somewhere else one is called like it."""
    run_module("nic", name="ens4", netns="red")
    ip("netns", "delete", "red")
    ip("netns", "add", "blue")
    subprocess.run(["ip", "-n", "blue", "link", "add", "ens4", "type", "veth", "peer", "name", "f0"], check=True)
    done = run_module("netns", name="green")
    assert "isn't anywhere any more" in warned(done)
    assert ip("link", "show", "ens4", netns="blue")

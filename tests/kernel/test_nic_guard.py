# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What carries the default route or Ansible's connection isn't lent, nor cut off by a sysctl, unless that is forced."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Address, Link, Request, Sysctl
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.loans import ip_does

UPLINK = """
netns add outside
netns add red
link add eth0 type veth peer name far netns outside
link set eth0 up
"""
SHAPES = {
    "itself": ("address add 192.0.2.2/24 dev eth0\n", "eth0", "carries"),
    "below a macvlan": (
        "link add link eth0 name mv0 type macvlan\nlink set mv0 up\naddress add 192.0.2.2/24 dev mv0\n",
        "eth0", "is the link below mv0, which carries",
    ),
    "a port of a bridge": (
        "link add br0 type bridge\nlink set eth0 master br0\nlink set br0 up\naddress add 192.0.2.2/24 dev br0\n",
        "eth0", "is a port of br0, which carries",
    ),
}  # fmt: skip


@pytest.fixture
def uplink() -> None:
    ip_does(UPLINK)
    ip_does("link set far up\nlink set lo up\naddress add 192.0.2.1/24 dev far\n", "-n", "outside")


def looked() -> list[str]:
    """What the machine has, but for what comes and goes with the carrier."""
    found = snapshot.to_the_hour(snapshot.machine())
    return [f"{key} {value}" for key, value in found.items()]


@pytest.mark.usefixtures("uplink")
@pytest.mark.parametrize("check", [True, False], ids=["in check mode", "in a run"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("why", ["the default route", "the connection"])
def test_it_is_not_lent(run_module, monkeypatch, why, shape, check):
    commands, name, reason = SHAPES[shape]
    ip_does(commands)
    if why == "the default route":
        ip_does("route add default via 192.0.2.1\n")
        reason += " the IPv4 default route"
    else:
        monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 40000 192.0.2.2 22")
        reason += " Ansible's connection from 192.0.2.1"
    before = looked()
    for module, options in (("nic", {}), ("link", {"up": True})):
        result = run_module(module, name=name, netns="red", check=check, **options)
        assert result.get("failed"), result
        assert f"refused, for {name} {reason}" in result["msg"]
        assert "`force: true`" in result["msg"]
    lab = {"name": "web", "nodes": {"blue": {}}, "links": [["blue:eth2", f"@{name}"]]}
    assert reason in run_module("topology", check=check, **lab)["msg"]
    assert looked() == before
    assert not Path("/var/lib/netns-lab").exists()


@pytest.mark.usefixtures("uplink")
def test_force_lends_it_and_all_comes_back(run_module):
    ip_does(SHAPES["itself"][0] + "route add default via 192.0.2.1\n")
    before = looked()
    assert run_module("nic", name="eth0", netns="red", force=True).get("changed")
    assert run_module("nic", name="eth0", state="home").get("changed")
    assert looked() == before


SSHD = """
import os, socket, subprocess, sys
open("/proc/self/comm", "w").write("sshd")
connection = socket.create_connection(("192.0.2.1", 7000), source_address=("192.0.2.2", 0))
sys.exit(subprocess.run(sys.argv[1:], stdin=sys.stdin).returncode)
"""
LISTEN = 'import socket, time; s = socket.create_server(("192.0.2.1", 7000)); print("", flush=True); time.sleep(60)'


@pytest.fixture
def listener() -> t.Iterator[None]:
    ip_does(SHAPES["itself"][0])
    words = ["ip", "netns", "exec", "outside", sys.executable, "-c", LISTEN]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.kill()


@pytest.mark.usefixtures("uplink", "listener")
def test_where_become_has_stripped_the_environment_the_sockets_of_the_parents_tell(start_module, monkeypatch):
    """As under ``sudo``: SSH_CONNECTION is gone, and sshd's session process is among the ancestors."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    real = subprocess.Popen

    def below_sshd(words, *args, **kwargs):
        return real([sys.executable, "-c", SSHD, *words], *args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", below_sshd)
    module = start_module("nic", name="eth0", netns="red")
    monkeypatch.setattr(subprocess, "Popen", real)
    result = module.result()
    assert "refused, for eth0 carries Ansible's connection from 192.0.2.1" in result["msg"], result


# -- sysctls of the machine, and what follows from a step


def refused(request: Request) -> str:
    before = looked()
    for check in (True, False):
        with pytest.raises(LabError, match="force: true") as caught:
            converge(request, check=check)
        assert looked() == before
    return str(caught.value)


@pytest.mark.usefixtures("uplink")
def test_ipv6_isnt_switched_off_under_the_connection(monkeypatch):
    ip_does("address add fd00::2/64 dev eth0 nodad\n")
    monkeypatch.setenv("SSH_CONNECTION", "fd00::1 40000 fd00::2 22")
    for name in ("all", "eth0"):
        assert "Ansible's connection" in refused(
            Request({("sysctl", MACHINE, f"net/ipv6/conf/{name}/disable_ipv6"): Sysctl("1")})
        )
    converge(Request({("sysctl", MACHINE, "net/ipv6/conf/lo/disable_ipv6"): Sysctl("1")}), check=False)


@pytest.mark.usefixtures("uplink")
@pytest.mark.parametrize("which", ["all", "lo"])
def test_forwarding_isnt_switched_on_where_that_deletes_the_default_route(which):
    """Of any link: the kernel forgets what all of them have learned."""
    ip_does("address add fd00::2/64 dev eth0 nodad\nroute add default via fd00::1 dev eth0 proto ra\n")
    request = Request({("sysctl", MACHINE, f"net/ipv6/conf/{which}/forwarding"): Sysctl("1")})
    assert "has learned the IPv6 default route from a router advertisement" in refused(request)
    request.force = True
    converge(request, check=False)


@pytest.mark.usefixtures("uplink")
def test_forwarding_is_switched_on_where_the_link_takes_advertisements_all_the_same():
    ip_does("address add fd00::2/64 dev eth0 nodad\nroute add default via fd00::1 dev eth0 proto ra\n")
    subprocess.run(["sh", "-c", "echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra"], check=True)
    converge(Request({("sysctl", MACHINE, "net/ipv6/conf/all/forwarding"): Sysctl("1")}), check=False)


@pytest.mark.usefixtures("uplink")
def test_an_mtu_without_room_for_ipv6_isnt_set_under_the_connection(monkeypatch):
    ip_does("address add fd00::2/64 dev eth0 nodad\n")
    monkeypatch.setenv("SSH_CONNECTION", "fd00::1 40000 fd00::2 22")
    assert "the machine's address fd00::2" in refused(Request({("link", MACHINE, "eth0"): Link(mtu=1000)}))


@pytest.mark.usefixtures("uplink")
def test_nor_where_the_address_was_learned(monkeypatch):
    """One that isn't for ever is nobody's business otherwise."""
    ip_does("address add fd00::2/64 dev eth0 nodad valid_lft 10000 preferred_lft 8000\n")
    monkeypatch.setenv("SSH_CONNECTION", "fd00::1 40000 fd00::2 22")
    request = Request({("link", MACHINE, "eth0"): Link(mtu=1000)})
    assert "by IPv6, which has no room below an MTU of 1280" in refused(request)


@pytest.mark.usefixtures("uplink")
def test_the_first_address_of_a_subnet_isnt_taken_from_under_the_one_in_use(monkeypatch):
    ip_does("address add 192.0.2.9/24 dev eth0\naddress add 192.0.2.2/24 dev eth0\n")
    subprocess.run(["sh", "-c", "echo 0 | tee /proc/sys/net/ipv4/conf/*/promote_secondaries"], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.1 40000 192.0.2.2 22")
    request = Request({("address", MACHINE, "eth0", "192.0.2.9/24"): None})
    assert "192.0.2.2" in refused(request)


@pytest.mark.usefixtures("uplink")
def test_a_rule_that_leads_to_the_default_route_stays(ip):
    ip_does(
        "address add 192.0.2.2/24 dev eth0\nroute add default via 192.0.2.1 table 100\nrule add lookup 100 priority 9\n"
    )
    converge(
        Request({("rule", MACHINE, "00"): None, ("address", MACHINE, "eth0", "192.0.2.3/24"): Address()}), check=True
    )
    key = next(key for key in _rules() if "lookup 100" in _said(key))
    assert "it leads to a route that is the IPv4 default route of table 100" in refused(Request({key: None}))
    assert any(rule.get("table") == "100" for rule in ip("rule"))


def _rules() -> list[t.Any]:
    from ansible_collections.netns.lab.plugins.module_utils._kernel import kept
    from ansible_collections.netns.lab.plugins.module_utils._kernel.netlink import Socket

    with Socket() as link:
        return [("rule", MACHINE, body.hex()) for body in kept.rules(link)]


def _said(key: t.Any) -> str:
    from ansible_collections.netns.lab.plugins.module_utils._engine.resources.rule import text

    return text(key)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the guard finds on machines of many shapes, each built in the test's own namespaces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import connections, guard, procfs
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

PATHS = ":".join(filter(None, sys.path))
MEASURED = {name: value for name, value in os.environ.items() if name == "COVERAGE_PROCESS_START"}
"""Of the environment also a program gets this that shall have no other: see the part coverage of ./lab test."""


@pytest.fixture(autouse=True)
def _nobody_came(monkeypatch):
    """Whoever runs the tests over SSH, the machines in them know nothing of it."""
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(procfs, "ancestors", list)
    monkeypatch.setattr(connections, "is_container", lambda: False)


@pytest.fixture
def gather():
    return lambda: in_worker(guard.gather)


@pytest.fixture
def uplinks(ip):
    """eth0 (10.0.0.2/24) and eth1 (10.1.0.2/24), whose other ends are 10.0.0.1 and 10.1.0.1 in a namespace `isp`."""
    ip("netns", "add", "isp")
    ip("link", "set", "lo", "up", netns="isp")
    for number in range(2):
        name = f"eth{number}"
        ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", "isp")
        ip("link", "set", name, "up")
        ip("link", "set", name, "up", netns="isp")
        ip("addr", "add", f"10.{number}.0.2/24", "dev", name)
        ip("addr", "add", f"10.{number}.0.1/24", "dev", name, netns="isp")


def try_or_skip(*arguments, missing):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this kernel has no {missing}: {done.stderr.strip()}")


def test_a_machine_without_any_way_out(gather):
    assert gather() == guard.Protected({}, {}, {}, {}, {}, [])


@pytest.mark.usefixtures("uplinks")
def test_a_machine_with_links_but_no_default_route(gather):
    assert gather() == guard.Protected({}, {}, {}, {}, {}, [])


@pytest.mark.usefixtures("uplinks")
def test_the_default_route_and_all_that_it_takes(ip, gather):
    ip("route", "add", "default", "via", "10.0.0.1")
    assert gather() == guard.Protected(
        links={"eth0": "carries the IPv4 default route"},
        addresses={
            ("eth0", "10.0.0.2"): "is the machine's own towards 10.0.0.1, the gateway of the IPv4 default route"
        },
        routes={
            (254, "0.0.0.0/0", 0, 0): "is the IPv4 default route",
            (254, "10.0.0.0/24", 0, 0): "leads to 10.0.0.1, the gateway of the IPv4 default route",
        },
        far={("isp", "eth0"): "is the other end of eth0, which carries the IPv4 default route"},
        advertised={},
        notes=[],
    )


@pytest.mark.usefixtures("uplinks")
def test_looking_changes_nothing(ip, gather):
    ip("route", "add", "default", "via", "10.0.0.1")

    def shown():
        return ip("addr"), ip("route"), ip("-6", "route"), ip("rule"), ip("netns", "list")

    before = shown()
    gather()
    assert shown() == before


@pytest.mark.usefixtures("uplinks")
def test_ipv6(ip, gather):
    ip("addr", "add", "fd00::2/64", "dev", "eth0", "nodad")
    ip("route", "add", "default", "via", "fd00::1", "dev", "eth0", "proto", "ra", "metric", "100")
    found = gather()
    assert found.links == {"eth0": "carries the IPv6 default route"}
    assert set(found.routes) == {(254, "::/0", 0, 100), (254, "fd00::/64", 0, 256)}
    assert found.advertised == {"eth0": "has learned the IPv6 default route from a router advertisement"}
    assert ("eth0", "fd00::2") in found.addresses


@pytest.mark.usefixtures("uplinks")
def test_the_halves_of_a_vpn_and_what_they_hide(ip, gather):
    ip("route", "add", "default", "via", "10.0.0.1")
    ip("route", "add", "0.0.0.0/1", "via", "10.1.0.1")
    ip("route", "add", "128.0.0.0/1", "via", "10.1.0.1")
    found = gather()
    assert set(found.links) == {"eth0", "eth1"}
    assert {key[1] for key in found.routes} >= {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"}


@pytest.mark.usefixtures("uplinks")
def test_several_hops(ip, gather):
    ip("route", "add", "default", "nexthop", "via", "10.0.0.1", "nexthop", "via", "10.1.0.1")
    assert set(gather().links) == {"eth0", "eth1"}


@pytest.mark.usefixtures("uplinks")
@pytest.mark.parametrize("compat", ["1", "0"])
def test_next_hop_objects_resolved_by_the_kernel_or_not(ip, gather, compat):
    ip("nexthop", "add", "id", "1", "via", "10.0.0.1", "dev", "eth0")
    ip("nexthop", "add", "id", "2", "via", "10.1.0.1", "dev", "eth1")
    ip("nexthop", "add", "id", "3", "group", "1/2")
    ip("route", "add", "default", "nhid", "3")
    Path("/proc/sys/net/ipv4/nexthop_compat_mode").write_text(compat)
    assert set(gather().links) == {"eth0", "eth1"}


@pytest.mark.usefixtures("uplinks")
def test_a_table_counts_where_a_rule_looks_into_it(ip, gather):
    ip("route", "add", "default", "via", "10.1.0.1", "table", "1000")
    assert gather().links == {}
    ip("rule", "add", "fwmark", "7", "table", "1000")
    found = gather()
    assert found.links == {"eth1": "carries the IPv4 default route of table 1000"}
    assert (1000, "0.0.0.0/0", 0, 0) in found.routes


@pytest.mark.usefixtures("uplinks")
def test_a_bridge_and_its_ports(ip, gather):
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "add", "tap0", "type", "ifb")
    for port in ("eth0", "tap0"):
        ip("link", "set", port, "master", "br0")
    ip("addr", "flush", "dev", "eth0")
    ip("addr", "add", "10.0.0.2/24", "dev", "br0")
    ip("link", "set", "br0", "up")
    ip("route", "add", "default", "via", "10.0.0.1")
    found = gather()
    assert found.links == {
        "br0": "carries the IPv4 default route",
        "eth0": "is a port of br0, which carries the IPv4 default route",
        "tap0": "is a port of br0, which carries the IPv4 default route",
    }
    assert set(found.addresses) == {("br0", "10.0.0.2")}
    assert set(found.far) == {("isp", "eth0")}


@pytest.mark.usefixtures("uplinks")
def test_a_link_that_stands_on_another(ip, gather):
    ip("link", "add", "mac0", "link", "eth0", "type", "macvlan", "mode", "bridge")
    ip("link", "set", "mac0", "up")
    ip("route", "add", "default", "dev", "mac0")
    found = gather()
    assert found.links == {
        "mac0": "carries the IPv4 default route",
        "eth0": "is the link below mac0, which carries the IPv4 default route",
    }


@pytest.mark.usefixtures("uplinks")
def test_a_tunnel_and_the_way_to_its_far_end(ip, gather):
    ip("route", "add", "192.0.2.0/24", "via", "10.1.0.1")
    ip("link", "add", "vx0", "type", "vxlan", "id", "7", "remote", "192.0.2.9", "dstport", "4789")
    ip("link", "set", "vx0", "up")
    ip("route", "add", "default", "dev", "vx0")
    found = gather()
    assert set(found.links) == {"vx0", "eth1"}
    assert found.links["eth1"] == "carries the tunnel vx0, which carries the IPv4 default route, to 192.0.2.9"
    assert (254, "192.0.2.0/24", 0, 0) in found.routes


def test_the_members_of_a_bond(ip, gather):
    try_or_skip("link", "add", "bond0", "type", "bond", "mode", "active-backup", missing="bond")
    ip("link", "add", "ifb7", "type", "ifb")
    ip("link", "set", "ifb7", "master", "bond0")
    ip("link", "set", "bond0", "up")
    ip("route", "add", "default", "dev", "bond0")
    assert gather().links["ifb7"] == "is a member of bond0, which carries the IPv4 default route"


@pytest.mark.usefixtures("uplinks")
def test_the_vrf_of_the_link_that_ansible_came_by(ip, gather, monkeypatch):
    try_or_skip("link", "add", "mgmt", "type", "vrf", "table", "100", missing="vrf")
    ip("link", "set", "mgmt", "up")
    ip("link", "set", "eth0", "master", "mgmt")
    ip("route", "add", "192.0.2.0/24", "via", "10.0.0.1", "table", "100")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 10.0.0.2 22")
    found = gather()
    assert set(found.links) == {"eth0", "mgmt"}
    assert (100, "192.0.2.0/24", 0, 0) in found.routes


@pytest.mark.usefixtures("uplinks")
def test_wireguard_leads_to_its_peers(ip, gather):
    try_or_skip("link", "add", "wg0", "type", "wireguard", missing="wireguard")
    if subprocess.run(["which", "wg"], capture_output=True, check=False).returncode:
        pytest.skip("the program wg is not here")
    key = subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout
    peer = subprocess.run(["wg", "pubkey"], input=key, capture_output=True, text=True, check=True).stdout.strip()
    subprocess.run(["wg", "set", "wg0", "peer", peer, "endpoint", "192.0.2.9:51820"], check=True)
    ip("link", "set", "wg0", "up")
    ip("route", "add", "192.0.2.0/24", "via", "10.1.0.1")
    ip("route", "add", "default", "dev", "wg0")
    assert set(gather().links) == {"wg0", "eth1"}


@pytest.mark.usefixtures("uplinks")
def test_what_ssh_says_of_the_connection(ip, gather, monkeypatch):
    ip("route", "add", "default", "via", "10.0.0.1")
    ip("route", "add", "192.0.2.0/24", "via", "10.1.0.1")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 10.1.0.2 22")
    found = gather()
    words = "Ansible's connection from 192.0.2.9"
    assert found.links == {"eth0": "carries the IPv4 default route", "eth1": f"carries {words}"}
    assert found.addresses["eth1", "10.1.0.2"] == f"is this machine's end of {words}"
    assert found.routes[254, "192.0.2.0/24", 0, 0] == f"carries {words}"
    assert found.notes == []


@pytest.mark.usefixtures("uplinks")
def test_the_route_back_may_differ_from_the_way_in(ip, gather, monkeypatch):
    ip("route", "add", "default", "via", "10.0.0.1")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 10.1.0.2 22")
    assert set(gather().links) == {"eth0", "eth1"}


@pytest.mark.usefixtures("uplinks")
def test_a_rule_by_source_chooses_the_route_back(ip, gather, monkeypatch):
    ip("route", "add", "192.0.2.0/24", "via", "10.0.0.1")
    ip("route", "add", "192.0.2.0/25", "via", "10.1.0.1", "table", "77")
    ip("rule", "add", "from", "10.1.0.2", "table", "77")
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 10.1.0.2 22")
    found = gather()
    assert set(found.links) == {"eth1"}
    assert set(found.routes) == {(77, "192.0.2.0/25", 0, 0)}


@pytest.mark.usefixtures("uplinks")
def test_a_peer_on_the_link_itself(ip, gather, monkeypatch):
    local = next(info["local"] for info in ip("-6", "addr", "show", "dev", "eth1")[0]["addr_info"])
    monkeypatch.setenv("SSH_CONNECTION", f"fe80::9%eth1 50000 {local}%eth1 22")
    found = gather()
    assert set(found.links) == {"eth1"}
    assert ("eth1", local) in found.addresses


def test_a_connection_that_ends_elsewhere_is_told(gather, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 10.9.9.9 22")
    (note,) = gather().notes
    assert note.startswith("Ansible's connection from 192.0.2.9 ends at 10.9.9.9, which no link has here")


@pytest.mark.usefixtures("uplinks")
def test_a_peer_to_whom_no_route_leads_any_more(gather, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 10.1.0.2 22")
    found = gather()
    assert found.routes == {}
    words = "is this machine's end of Ansible's connection from 192.0.2.9"
    assert found.addresses == {("eth1", "10.1.0.2"): words}


@pytest.mark.usefixtures("uplinks")
def test_a_dead_file_among_the_names_hides_no_other_end(ip, gather):
    ip("route", "add", "default", "via", "10.0.0.1")
    Path("/run/netns/dead").write_text("")
    assert ("isp", "eth0") in gather().far


@pytest.mark.usefixtures("uplinks")
def test_another_end_where_no_name_leads_is_told(ip, gather):
    ip("route", "add", "default", "via", "10.0.0.1")
    with subprocess.Popen(["ip", "netns", "exec", "isp", "sh", "-c", "echo in; exec sleep 60"], stdout=-1) as inside:
        assert inside.stdout.readline() == b"in\n"
        ip("netns", "delete", "isp")
        found = gather()
        inside.kill()
    assert found.far == {}
    (note,) = found.notes
    assert note.startswith("a link in another namespace is the other end of eth0")


def test_a_container_that_sees_no_connection_says_so(gather, monkeypatch):
    monkeypatch.setattr(connections, "is_container", lambda: True)
    (note,) = gather().notes
    assert "outside of this container" in note


LISTEN = """
import socket, sys
server = socket.create_server(("10.1.0.1", 2222))
print("ready", flush=True)
client, _ = server.accept()
sys.stdin.read()
"""
SERVER = f"""#!{sys.executable}
import socket, subprocess, sys
connection = socket.create_connection(("10.1.0.1", 2222))
print("connected", flush=True)
if len(sys.argv) > 1:
    subprocess.run([sys.executable, sys.argv[1]], check=True)
sys.stdin.read()
"""
LOOK = """
import json
from ansible_collections.netns.lab.plugins.module_utils._kernel import guard
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker
found = in_worker(guard.gather)
print(json.dumps([found.links, sorted(key[1] for key in found.routes), found.notes]), flush=True)
"""


@pytest.fixture
def connected(uplinks, tmp_path):
    """Starts a program under a name, which opens a connection over eth1 and then runs another, if one is given."""
    started = []

    def start(arguments, **options):
        process = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={"PYTHONPATH": PATHS, "PATH": os.environ["PATH"], **MEASURED}, **options,
        )  # fmt: skip
        started.append(process)
        return process

    other_end = start(["ip", "netns", "exec", "isp", sys.executable, "-c", LISTEN])
    assert other_end.stdout.readline() == "ready\n"

    def run(name, *, then=None):
        program = tmp_path / name
        program.write_text(SERVER)
        program.chmod(0o755)
        script = tmp_path / "then.py"
        script.write_text(then or "")
        process = start([str(program), *([str(script)] if then else [])])
        assert process.stdout.readline() == "connected\n"
        return process

    yield run
    for process in reversed(started):
        process.communicate("")


@pytest.mark.parametrize("name", ["sshd", "sshd-session", "dropbear"])
def test_the_open_connection_of_the_sshd_that_started_us(connected, name):
    links, routes, notes = json.loads(connected(name, then=LOOK).stdout.readline())
    assert links == {"eth1": "carries Ansible's connection from 10.1.0.1"}
    assert routes == ["10.1.0.0/24"]
    assert [note for note in notes if "10.1.0.1" in note] == []  # there is another one if these tests run over SSH


def test_the_open_connection_of_whatever_else_started_us(connected):
    links, routes, _unused = json.loads(connected("runner", then=LOOK).stdout.readline())
    assert links["eth1"].startswith("carries the connection of runner (process ")
    assert routes == ["10.1.0.0/24"]


def test_where_nothing_is_known_every_sshd_is_kept(connected, gather):
    connected("sshd")
    assert gather().links == {"eth1": "carries a connection to sshd from 10.1.0.1"}


def test_other_servers_are_not_asked(connected, gather):
    connected("web")
    assert gather().links == {}


def test_a_sshd_in_another_namespace_is_told(connected):
    inside = f"import subprocess, sys; subprocess.run(['ip', 'netns', 'exec', 'isp', sys.executable, '-c', {LOOK!r}])"
    links, _unused, notes = json.loads(connected("sshd", then=inside).stdout.readline())
    assert links == {}
    assert notes[0].startswith("Ansible's connection from 10.1.0.1 ends in another network namespace")


READ_MACHINE = """
import json, subprocess
from ansible_collections.netns.lab.plugins.module_utils._kernel import guard
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

def show(*words):
    return json.loads(subprocess.check_output(["ip", "-json", *words]))

before = show("link"), show("route")
found = in_worker(guard.gather)
for family in ("-4", "-6"):
    for route in show(family, "route", "show", "default"):
        assert not route.get("dev") or "default route" in found.links[route["dev"]], found
assert (show("link"), show("route")) == before
"""


def test_the_machine_itself_is_only_looked_at():
    run = ["nsenter", "--target", str(os.getppid()), "--net", sys.executable, "-c", READ_MACHINE]
    done = subprocess.run(run, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": PATHS})
    assert done.returncode == 0, done.stderr

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lean decoder on real dumps: equal to pyroute2's reading of the same bytes, and to what ip shows."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import kinds
from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, decode, netlink
from ansible_collections.netns.lab.tests.unit.plugins.module_utils._kernel import reference


class Dumps:
    """All three tables of the namespace that the test is in, read now."""

    def __init__(self):
        with netlink.Socket() as link:
            self.link_bodies = link.dump(netlink.link_dump_request())
            self.address_bodies = link.dump(netlink.address_dump_request())
            self.route_bodies = link.dump(netlink.route_dump_request())
        self.links = {row.name: row for row in decode.links(self.link_bodies)}
        self.addresses = decode.addresses(self.address_bodies)
        self.routes = decode.routes(self.route_bodies)

    def assert_equal_to_pyroute2(self):
        rows = decode.links(self.link_bodies)
        assert [row._replace(info_data=None) for row in rows] == [reference.link(body) for body in self.link_bodies]
        for row, body in zip(rows, self.link_bodies):
            assert codec.decode_options(row.kind, row.info_data) == reference.link_options(body)
        assert self.addresses == [reference.address(body) for body in self.address_bodies]
        routed = [body for body in self.route_bodies if body[0] in reference.FAMILIES]
        assert decode.routes(self.route_bodies, skip_tables=()) == [reference.route(body) for body in routed]


def make_or_skip(*arguments, missing):
    """Make a link of a kind that not every kernel has."""
    done = subprocess.run(["ip", "link", "add", *arguments], capture_output=True, text=True, check=False)
    if done.returncode and ("Unknown device type" in done.stderr or "not supported" in done.stderr):
        pytest.skip(f"this kernel has no {missing}")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def pair(ip):
    """eth0 and eth1, a veth pair, both up, without IPv6 addresses that come by themselves."""
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    for name in ("eth0", "eth1"):
        ip("link", "set", name, "addrgenmode", "none")
        ip("link", "set", name, "up")


def test_a_namespace_with_nothing_but_lo():
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    (lo,) = dumps.links.values()
    assert (lo.index, lo.name, lo.kind, lo.mtu, lo.is_up) == (1, "lo", "", 65536, True)
    assert [(row.local, row.prefixlen) for row in dumps.addresses] == [("127.0.0.1", 8), ("::1", 128)]
    assert dumps.routes == []


@pytest.mark.parametrize(
    ("kind", "arguments", "options"),
    [
        ("bridge", ["forward_delay", "400"], {"IFLA_BR_FORWARD_DELAY": 400}),
        ("vxlan", ["id", "7", "dstport", "4789", "local", "10.0.0.1"], {"IFLA_VXLAN_ID": 7}),
        ("vxlan", ["id", "8", "dstport", "4789", "local", "fd00::1"], {"IFLA_VXLAN_LOCAL6": "fd00::1"}),
        ("ifb", [], {}),
        ("dummy", [], {}),
        ("vrf", ["table", "100"], {"IFLA_VRF_TABLE": 100}),
        ("wireguard", [], {}),
        ("gre", ["local", "10.0.0.1", "remote", "10.0.0.2"], {"IFLA_GRE_LOCAL": "10.0.0.1"}),
        ("ip6tnl", ["local", "fd00::1", "remote", "fd00::2"], {}),
        ("bond", ["mode", "active-backup"], {"IFLA_BOND_MODE": 1}),
    ],
)
def test_links_of_every_kind(kind, arguments, options):
    make_or_skip("it", "type", kind, *arguments, missing=kind)
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    row = dumps.links["it"]
    assert (row.kind, row.is_up) == (kind, False)
    found = codec.decode_options(row.kind, row.info_data)
    assert options.items() <= found.items()
    if kind in kinds.KINDS:  # also where it isn't pyroute2 that reads them
        read = kinds.attributes(kind, row.info_data)
        assert kinds.read_back(kind, read, {}) == kinds.read_back(kind, found, {})


@pytest.mark.parametrize(
    ("kind", "arguments", "options"),
    [
        ("macvlan", ["mode", "bridge"], {"IFLA_MACVLAN_MODE": "bridge"}),
        ("macvtap", ["mode", "private"], {"IFLA_MACVTAP_MODE": "private"}),
        ("vlan", ["id", "7"], {"IFLA_VLAN_ID": 7}),
        ("ipvlan", ["mode", "l3"], {"IFLA_IPVLAN_MODE": 1}),
        ("vxlan", ["id", "7", "group", "239.0.0.1", "dstport", "4789"], {"IFLA_VXLAN_GROUP": "239.0.0.1"}),
    ],
)
@pytest.mark.usefixtures("pair")
def test_links_that_stand_on_another(kind, arguments, options):
    stands_on = ["dev", "eth0"] if kind == "vxlan" else []
    before = [] if kind == "vxlan" else ["link", "eth0"]
    make_or_skip(*before, "it", "type", kind, *arguments, *stands_on, missing=kind)
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    row = dumps.links["it"]
    found = codec.decode_options(row.kind, row.info_data)
    if kind == "vxlan":
        assert found["IFLA_VXLAN_LINK"] == dumps.links["eth0"].index
    else:
        assert (row.link, row.link_nsid) == (dumps.links["eth0"].index, None)
    assert options.items() <= found.items()


@pytest.mark.usefixtures("pair")
def test_a_veth_pair_in_one_namespace():
    limit = time.monotonic() + 5
    while Dumps().links["eth0"].operstate != 6 and time.monotonic() < limit:
        time.sleep(0.01)  # the kernel works it out a moment after the last change
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    one, other = dumps.links["eth0"], dumps.links["eth1"]
    assert (one.kind, one.link, one.link_nsid) == ("veth", other.index, None)
    assert (other.kind, other.link, other.link_nsid) == ("veth", one.index, None)
    assert one.operstate == 6


def test_a_veth_pair_across_two_namespaces(ip):
    ip("netns", "add", "red")
    ip("netns", "set", "red", "42")
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth1", "netns", "red")
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    assert dumps.links["eth0"].link == ip("link", "show", "eth1", netns="red")[0]["ifindex"]
    assert dumps.links["eth0"].link_nsid == 42


@pytest.mark.usefixtures("pair")
def test_all_that_can_be_set_on_a_link(ip):
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", "eth0", "master", "br0", "group", "7", "mtu", "1400", "address", "02:00:00:aa:bb:0c")
    ip("link", "set", "eth0", "alias", "netns-lab: the Ä port")
    for name in ("short", "quite-a-long-name-for-a-network-device"):
        ip("link", "property", "add", "dev", "eth0", "altname", name)
    ip("link", "add", "busy", "type", "ifb")
    shaped = ["tbf", "rate", "1mbit", "burst", "9k", "latency", "1s"]
    subprocess.run(["tc", "qdisc", "add", "dev", "busy", "root", *shaped], check=True)
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    row = dumps.links["eth0"]
    assert (row.master, row.slave_kind, row.group, row.mtu) == (dumps.links["br0"].index, "bridge", 7, 1400)
    assert (row.mac, row.alias) == ("02:00:00:aa:bb:0c", "netns-lab: the Ä port")
    assert row.altnames == ("short", "quite-a-long-name-for-a-network-device")
    assert dumps.links["busy"].qdisc == "tbf"


READ_MACHINE = """
import json, subprocess
from ansible_collections.netns.lab.plugins.module_utils._kernel import decode, netlink
shown = {link["ifname"]: link for link in json.loads(subprocess.check_output(["ip", "-json", "-d", "link"]))}
for row in decode.links(netlink.Socket().dump(netlink.link_dump_request())):
    assert row.parent_dev == shown[row.name].get("parentdev", ""), row
    if shown[row.name]["link_type"] == "ether":
        assert shown[row.name].get("permaddr", row.perm_mac) == row.perm_mac, row
print(len(shown))
"""


def test_the_nics_of_the_machine_itself_are_only_looked_at():
    """They alone have a bus device; the tests' own namespaces have no NIC."""
    run = ["nsenter", "--target", str(os.getppid()), "--net", sys.executable, "-c", READ_MACHINE]
    paths = ":".join(filter(None, sys.path))
    done = subprocess.run(run, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": paths})
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1


@pytest.mark.usefixtures("pair")
def test_addresses_of_every_shape(ip):
    ip("addr", "add", "10.0.0.1/24", "dev", "eth0", "broadcast", "10.0.0.255", "label", "eth0:one")
    ip("addr", "add", "10.0.0.2/24", "dev", "eth0", "metric", "77")
    ip("addr", "add", "10.1.0.1", "peer", "10.1.0.2/32", "dev", "eth0")
    ip(
        "addr",
        "add",
        "10.2.0.1/24",
        "dev",
        "eth0",
        "noprefixroute",
        "scope",
        "link",
        "valid_lft",
        "900",
        "preferred_lft",
        "300",
    )
    ip("addr", "add", "fd00::1/64", "dev", "eth0", "nodad")
    ip("addr", "add", "fd00:1::1", "peer", "fd00:1::2/128", "dev", "eth0", "nodad")
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    found = {row.local: row for row in dumps.addresses}
    assert (found["10.0.0.1"].broadcast, found["10.0.0.1"].label, found["10.0.0.1"].peer) == (
        "10.0.0.255",
        "eth0:one",
        None,
    )
    assert found["10.0.0.2"].flags & 0x1, "the second address of a subnet is a secondary one"
    assert found["10.0.0.2"].metric == 77
    assert (found["10.1.0.1"].peer, found["10.1.0.1"].prefixlen) == ("10.1.0.2", 32)
    assert (found["10.2.0.1"].valid, found["10.2.0.1"].preferred, found["10.2.0.1"].scope) == (900, 300, 253)
    assert found["10.2.0.1"].flags & 0x200, "noprefixroute stands in IFA_FLAGS only"
    assert (found["fd00::1"].peer, found["fd00::1"].prefixlen) == (None, 64)
    assert (found["fd00:1::1"].peer, found["fd00:1::1"].prefixlen) == ("fd00:1::2", 128)
    index = dumps.links["eth0"].index
    order = [row.local for row in dumps.addresses if row.family == 2 and row.index == index]
    shown = [info["local"] for info in ip("-4", "addr", "show", "dev", "eth0")[0]["addr_info"]]
    assert order == shown, "the order says which address is primary"


def by_destination(rows, *, table=254):
    return {row.dst: row for row in rows if row.table == table}


@pytest.mark.usefixtures("pair")
def test_routes_of_every_shape_ipv4(ip):
    ip("addr", "add", "10.0.0.1/24", "dev", "eth0")
    ip("addr", "add", "10.1.0.1/24", "dev", "eth1")
    ip("addr", "add", "fd00::1/64", "dev", "eth0", "nodad")
    ip("route", "add", "default", "via", "10.0.0.9", "metric", "50", "mtu", "1300", "src", "10.0.0.1")
    ip("route", "add", "192.168.1.0/24", "nexthop", "via", "10.0.0.9", "weight", "3", "nexthop", "via", "10.1.0.9")
    ip("route", "add", "192.168.2.0/24", "via", "inet6", "fd00::9", "dev", "eth0")
    ip("route", "add", "192.168.3.0/24", "via", "172.16.0.1", "dev", "eth0", "onlink", "proto", "static")
    ip("route", "add", "192.168.4.0/24", "dev", "eth1", "table", "1000", "tos", "0x10")
    ip("route", "add", "blackhole", "192.168.5.0/24")
    ip("route", "add", "192.168.6.0/24", "nexthop", "via", "172.16.0.1", "dev", "eth0", "onlink", "nexthop", "via",
       "inet6", "fd00::9", "dev", "eth0")  # fmt: skip
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    eth0, eth1 = (dumps.links[name].index for name in ("eth0", "eth1"))
    found = by_destination(row for row in dumps.routes if row.family == 2)
    default = found["0.0.0.0/0"]
    assert (default.hops, default.metric, default.mtu) == ((("10.0.0.9", eth0, 1),), 50, 1300)
    assert (default.prefsrc, default.protocol) == ("10.0.0.1", 3)
    assert found["10.0.0.0/24"].hops == ((None, eth0, 1),)
    assert (found["10.0.0.0/24"].protocol, found["10.0.0.0/24"].scope) == (2, 253)
    assert found["192.168.1.0/24"].hops == (("10.0.0.9", eth0, 3), ("10.1.0.9", eth1, 1))
    assert found["192.168.2.0/24"].hops == (("fd00::9", eth0, 1),)
    assert found["192.168.3.0/24"].flags & decode.RTNH_F_ONLINK
    assert found["192.168.3.0/24"].protocol == 4
    assert (found["192.168.5.0/24"].type, found["192.168.5.0/24"].hops) == (6, ())
    assert found["192.168.6.0/24"].flags & decode.RTNH_F_ONLINK
    assert found["192.168.6.0/24"].hops == (("172.16.0.1", eth0, 1), ("fd00::9", eth0, 1))
    (far,) = [row for row in dumps.routes if row.table == 1000]
    assert (far.dst, far.tos, far.hops) == ("192.168.4.0/24", 16, ((None, eth1, 1),))
    assert 255 not in {row.table for row in dumps.routes}
    assert 255 in {row.table for row in decode.routes(dumps.route_bodies, skip_tables=())}


@pytest.mark.usefixtures("pair")
def test_routes_of_every_shape_ipv6(ip):
    ip("addr", "add", "fd00::1/64", "dev", "eth0", "nodad")
    ip("addr", "add", "fd00:1::1/64", "dev", "eth1", "nodad")
    ip("route", "add", "default", "via", "fd00::9", "metric", "50", "mtu", "1300")
    ip("route", "add", "fd01::/64", "nexthop", "via", "fd00::9", "weight", "3", "nexthop", "via", "fd00:1::9")
    ip("-6", "route", "add", "unreachable", "fd02::/64")
    ip("route", "add", "fd03::/64", "dev", "eth1", "table", "1000")
    supported = subprocess.run(
        ["ip", "route", "add", "fd04::/64", "from", "fd05::/64", "via", "fd00::9"], capture_output=True, check=False
    )
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    eth0, eth1 = (dumps.links[name].index for name in ("eth0", "eth1"))
    found = by_destination(row for row in dumps.routes if row.family == 10)
    assert (found["::/0"].hops, found["::/0"].metric, found["::/0"].mtu) == ((("fd00::9", eth0, 1),), 50, 1300)
    assert set(found["fd01::/64"].hops) == {("fd00::9", eth0, 3), ("fd00:1::9", eth1, 1)}
    assert (found["fd02::/64"].type, found["fd02::/64"].metric) == (7, 1024)
    assert [row.hops for row in dumps.routes if row.table == 1000] == [((None, eth1, 1),)]
    if supported.returncode == 0:
        assert found["fd04::/64"].source == "fd05::/64"


@pytest.mark.usefixtures("pair")
def test_a_route_over_a_next_hop_object_is_resolved(ip):
    ip("addr", "add", "10.0.0.1/24", "dev", "eth0")
    ip("nexthop", "add", "id", "5", "via", "10.0.0.9", "dev", "eth0")
    ip("nexthop", "add", "id", "6", "via", "10.0.0.8", "dev", "eth0")
    ip("nexthop", "add", "id", "7", "group", "5,2/6")
    ip("route", "add", "192.168.1.0/24", "nhid", "5")
    ip("route", "add", "192.168.2.0/24", "nhid", "7")
    dumps = Dumps()
    dumps.assert_equal_to_pyroute2()
    found = by_destination(dumps.routes)
    eth0 = dumps.links["eth0"].index
    assert (found["192.168.1.0/24"].nexthop_id, found["192.168.1.0/24"].hops) == (5, (("10.0.0.9", eth0, 1),))
    assert found["192.168.2.0/24"].nexthop_id == 7
    assert found["192.168.2.0/24"].hops == (("10.0.0.9", eth0, 2), ("10.0.0.8", eth0, 1))


TOO_BIG = """
import socket, struct
too_big = bytes([0x45, 0, 5, 220, 0, 0, 0x40, 0, 64, 1, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1])
packet = bytearray(struct.pack(">BBHHH", 3, 4, 0, 0, 1300) + too_big + bytes(8))  # of an echo reply (icmp.c, icmp_err)
total = sum(struct.unpack(f">{len(packet) // 2}H", packet))
total = (total & 0xFFFF) + (total >> 16)
packet[2:4] = (~total & 0xFFFF).to_bytes(2, "big")
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).sendto(packet, ("10.0.0.1", 0))
"""


def test_a_learned_path_mtu_is_no_route(ip):
    """The kernel keeps what it learned beside the routes, and dumps it as well."""
    ip("netns", "add", "red")
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", "red")
    ip("addr", "add", "10.0.0.1/24", "dev", "eth0")
    ip("addr", "add", "10.0.0.9/24", "dev", "eth0", netns="red")
    ip("link", "set", "eth0", "up")
    ip("link", "set", "eth0", "up", netns="red")
    ip("route", "add", "default", "via", "10.0.0.9")
    for _unused in range(20):  # the first one may be lost while the pair comes up
        subprocess.run(["ip", "netns", "exec", "red", sys.executable, "-c", TOO_BIG], check=True)
        dumps = Dumps()
        cached = [
            body for body in dumps.route_bodies if int.from_bytes(body[8:12], sys.byteorder) & decode.RTM_F_CLONED
        ]
        if cached:
            break
        time.sleep(0.1)
    assert cached, "the kernel has learned nothing"
    assert "192.0.2.1/32" not in {row.dst for row in dumps.routes}


@pytest.mark.usefixtures("pair")
def test_a_lab_node_reads_like_ip_shows_it(ip):
    for number in range(3):
        ip("addr", "add", f"10.0.{number}.1/24", "dev", "eth0")
    dumps = Dumps()
    for shown in ip("addr", "show"):
        row = dumps.links[shown["ifname"]]
        assert (row.index, row.mtu, row.is_up) == (shown["ifindex"], shown["mtu"], "UP" in shown["flags"])
        assert row.mac == shown["address"] or row.kind in ("gre", "ip6tnl", "ipip", "sit")  # shown as an IP address
        assert [(a.local, a.prefixlen) for a in dumps.addresses if a.index == row.index] == [
            (a["local"], a["prefixlen"]) for a in shown["addr_info"]
        ]

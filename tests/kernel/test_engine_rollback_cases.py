# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What random labs that failed halfway did not find as it was when they came back, each a case by its name."""

from __future__ import annotations

import copy
import os
import subprocess
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import execution
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.execution import Execution
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    File,
    Hop,
    Link,
    Namespace,
    Request,
    Route,
    Sysctl,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.resources import _link_messages
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.plugins.module_utils._kernel import keepsakes, netlink
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.engine import is_incomplete


@pytest.fixture(autouse=True)
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


def ip_does(commands: str, netns: str | None = None) -> None:
    subprocess.run(["ip", *(["-n", netns] if netns else []), "-batch", "-"], input=commands, text=True, check=True)


def sysctl(netns: str, name: str, value: str) -> None:
    script = f"echo {value} > /proc/sys/{name}"
    subprocess.run(["ip", "netns", "exec", netns, "sh", "-c", script], check=True)


def leaves_no_trace(request: Request) -> None:
    """Let the run fail before each step that can be put back, and then let it succeed."""
    planned = converge(copy.deepcopy(request), check=True).plan.steps
    assert planned
    before = snapshot.machine()
    for at in range(sum(step.phase < POINT_OF_NO_RETURN for step in planned)):
        Fault.at = at
        with pytest.raises(LabError) as caught:
            converge(copy.deepcopy(request), check=False)
        assert "was put back" in str(caught.value)
        assert snapshot.differences(before, snapshot.machine()) == [], str(caught.value)
    converge(copy.deepcopy(request), check=False)
    assert not converge(copy.deepcopy(request), check=False).changed


def red(*more: tuple[t.Any, t.Any]) -> Want:
    return {("namespace", "red"): Namespace(), ("link", "red", "lo"): Link(up=True), **dict(more)}


def tunnel(number: int, **fields: t.Any) -> Link:
    options = {"dstport": 4789, "id": number, "remote": "10.9.9.9", "learning": True, "ttl": 0}
    return Link("vxlan", options=tuple(sorted(options.items())), mtu=1280, **fields)


@pytest.mark.parametrize("second", [
    {"v1": 7}, {"v0": 8}, {"v0": 8, "v1": 7}, {"v1": 7, "v0": None}, {"v0": 8, "v1": None}, {"v1": 8, "v0": None},
], ids=str)  # fmt: skip
def test_a_vxlan_made_anew_under_the_number_of_one_that_goes(second):
    """A VNI stands once in a namespace for each port, so whichever has it has to go first, back and forth."""
    stands = {"v0": 7} if "v1" in second and second["v1"] == 7 else {"v0": 7, "v1": 8}
    first = red(*((("link", "red", name), tunnel(number)) for name, number in stands.items()))
    converge(Request(first, lab="lab"), check=False)
    wanted = {**dict.fromkeys(stands), **second}
    links = ((("link", "red", name), tunnel(number)) for name, number in wanted.items() if number)
    leaves_no_trace(Request(red(*links), lab="lab"))


def test_an_ipv6_address_foreseen_gone_that_stays():
    """The MTU of a bridge is that of its ports until somebody sets it, which the kernel doesn't tell. So one that has
    been set to what its ports have isn't as narrow as foreseen when a narrow port joins."""
    ip_does("netns add red\n")
    ip_does("""
        link add br0 type bridge
        link add e0 type veth peer name f0
        link add e1 type veth peer name f1
        link set e1 mtu 1200
        link set e0 master br0
        link set br0 mtu 1400
        link set br0 mtu 1500 up
        address add fd00::1/64 dev br0 nodad
        address add fd00::2/64 dev br0 nodad
        route add fd01::/64 via fd00::9
        route add fd02::/64 dev br0
    """, netns="red")  # fmt: skip
    want: Want = {
        ("link", "red", "br0"): Link("bridge", mtu=1500, up=True),
        ("address", "red", "br0", "fd00::1"): Address(prefix=64),
        ("link", "red", "e1"): Link("veth", ("red", "f1"), mtu=1200, master="br0", up=True),
    }
    leaves_no_trace(Request(want))


def test_sysctls_of_a_link_that_goes_because_the_one_below_moves():
    ip_does("netns add red\nnetns add blue\n")
    ip_does("""
        link add e0 type veth peer name f0
        link set e0 up
        link set f0 up
        link add v0 type vxlan id 7 dstport 4789 remote 10.9.9.9 dev f0
        link set v0 up
    """, netns="red")  # fmt: skip
    sysctl("red", "net/ipv4/conf/v0/proxy_arp", "1")
    sysctl("red", "net/ipv6/conf/v0/accept_ra", "2")
    sysctl("red", "net/ipv6/neigh/v0/retrans_time_ms", "2500")
    want: Want = {
        ("link", "red", "e0"): Link("veth", ("blue", "f0"), up=True),
        ("link", "blue", "f0"): Link("veth", ("red", "e0"), up=True),
        ("sysctl", "red", "net/ipv4/conf/e0/proxy_arp"): Sysctl("1"),
    }
    leaves_no_trace(Request(want))


def test_sysctls_of_a_link_two_above_one_that_is_too_narrow_for_ipv6():
    ip_does("netns add red\n")
    ip_does("""
        link add br0 type bridge
        link add e0 type veth peer name f0
        link set e0 master br0 up
        link set f0 up
        link set br0 up
        link add m0 link br0 type macvlan mode bridge
        link set m0 up
    """, netns="red")  # fmt: skip
    sysctl("red", "net/ipv6/conf/m0/accept_ra", "2")
    sysctl("red", "net/ipv6/conf/br0/accept_ra", "2")
    sysctl("red", "net/ipv4/conf/m0/proxy_arp", "1")
    want: Want = {
        ("link", "red", "e0"): Link("veth", ("red", "f0"), mtu=1200),
        ("sysctl", "red", "net/ipv4/conf/e0/proxy_arp"): Sysctl("1"),
        ("sysctl", "red", "net/ipv4/conf/f0/proxy_arp"): Sysctl("1"),
    }
    leaves_no_trace(Request(want))


def test_what_a_later_round_has_changed_is_put_back_as_well(monkeypatch, ip):
    """Somebody else changes a link between two looks. The second round is about that one, and fails halfway: it is as
    it was before the run touched it, and so is what the first round was about."""
    ip_does("""
        link add e0 type veth peer name f0
        link add e1 type veth peer name f1
        link set e1 mtu 1400
        address add 10.1.0.1/24 brd + dev e1
    """)  # fmt: skip
    want: Want = {
        ("link", MACHINE, "e0"): Link("veth", (MACHINE, "f0"), mtu=1300),
        ("link", MACHINE, "e1"): Link("veth", (MACHINE, "f1"), mtu=1400),
        ("address", MACHINE, "e1", "10.1.0.1/24"): Address(),
    }
    settled, looks = Execution._settled, []

    def late(execution: Execution, *places: t.Any) -> t.Any:
        looks.append(1)
        if len(looks) == 1:
            ip_does("link set e1 mtu 1200\naddress del 10.1.0.1/24 dev e1\naddress add 10.2.0.1/24 dev e1\n")
        return settled(execution, *places)

    monkeypatch.setattr(Execution, "_settled", late)
    steps = converge(Request(dict(want)), check=True).plan.steps
    assert len(steps) == 1
    Fault.at = len(steps) + 1  # the second of the second round, which adds the address
    with pytest.raises(LabError) as caught:
        converge(Request(dict(want)), check=False)
    assert "step 2 of 2, add address 10.1.0.1/24" in str(caught.value)
    assert "was put back" in str(caught.value)
    assert ip("link", "show", "e0")[0]["mtu"] == 1500
    assert ip("link", "show", "e1")[0]["mtu"] == 1200
    assert [one["local"] for one in ip("address", "show", "e1")[0]["addr_info"]] == ["10.2.0.1"]


BESIDES = """
link set lo up
link add br0 type bridge
link set br0 up
link add e0 type veth peer name f0
link add e1 type veth peer name f1
link set e0 txqueuelen 77 group 5 alias mine addrgenmode random
link set e0 address 02:00:00:00:00:01
link set e0 master br0
address add 10.9.0.1/24 dev br0
neigh add 10.9.0.7 lladdr 02:00:00:00:00:09 dev br0 nud permanent
link set e0 up
link set f0 up
link set e1 up
link set f1 up
link set e0 type bridge_slave hairpin on learning off isolated on priority 9
address add 10.1.0.1/24 brd + dev f0
neigh add 10.1.0.7 lladdr 02:00:00:00:00:07 dev f0 nud permanent
neigh add fd00::7 lladdr 02:00:00:00:00:08 dev f0 nud permanent
"""


@pytest.mark.parametrize(
    "change",
    ["deleted", "moved", "renamed", "out of its bridge", "a new port", "down", "another MAC address", "no address"],
)
def test_what_lies_on_a_link_and_is_not_modelled(change):
    """A queueing discipline, entries of the bridge, static neighbours, settings of the link and of the port."""
    ip_does("netns add red\nnetns add blue\n")
    ip_does(BESIDES, netns="red")
    for command in (
        "bridge -n red fdb add 02:00:00:00:00:99 dev e0 master static",
        "bridge -n red fdb add 02:00:00:00:00:98 dev e0 master",
        "tc -n red qdisc add dev e0 root handle 5: tbf rate 1mbit burst 10k latency 50ms",
        "tc -n red qdisc add dev e0 ingress",
        "tc -n red qdisc add dev f0 root handle 6: pfifo limit 33",
    ):
        subprocess.run(command.split(), check=True)
    last: tuple[t.Any, t.Any] = (("sysctl", "red", "net/ipv4/conf/f0/proxy_arp"), Sysctl("1"))
    wants: dict[str, Want] = {
        "deleted": red((("link", "red", "e0"), Link("bridge", up=True))),
        "moved": {
            ("link", "blue", "e0"): Link("veth", ("red", "f0"), up=True),
            ("link", "red", "f0"): Link("veth", ("blue", "e0"), up=True),
        },
        "renamed": red(
            (("link", "red", "e9"), Link("veth", ("red", "f0"), up=True)),
            (("link", "red", "f0"), Link("veth", ("red", "e9"), up=True)),
        ),
        "out of its bridge": red((("link", "red", "e0"), Link(master="", up=False)), last),
        "down": red((("link", "red", "f0"), Link(up=False)), last),
        "a new port": red(
            (("link", "red", "x0"), Link("veth", ("red", "y0"), master="br0", mac="02:00:00:00:00:00", up=True)),
            (("link", "red", "y0"), Link("veth", ("red", "x0"), up=True)),
        ),
        "another MAC address": red((("link", "red", "f0"), Link(mac="02:00:00:00:00:0f")), last),
        "no address": red(
            (("address", "red", "f0", "10.1.0.1/24"), None),
            (("route", "red", 254, "10.80.0.0/16", 0, 0), Route((Hop("10.9.0.9", "br0"),))),
        ),
    }
    leaves_no_trace(Request(wants[change]))


def test_settings_of_a_bridge_and_of_a_tunnel_that_nobody_models():
    ip_does("netns add red\n")
    ip_does("""
        link add br0 type bridge mcast_snooping 0 mcast_querier 1 group_fwd_mask 0x4008 mcast_query_interval 6000
        link set br0 type bridge no_linklocal_learn 1 mcast_router 2
        link add v0 type vxlan id 7 dstport 4789 remote 10.9.9.9 tos 0x10 ageing 77
        link add x0 master br0 type veth peer name y0
    """, netns="red")  # fmt: skip
    other = (("link", "red", "br0"), Link("veth", ("red", "w0"))), (("link", "red", "v0"), Link("bridge"))
    leaves_no_trace(Request(red(*other, (("link", "red", "w0"), Link("veth", ("red", "br0"))))))


@pytest.mark.parametrize("change", ["deleted", "moved", "renamed", "down", "addresses"])
def test_addresses_and_routes_with_all_that_they_had(change):
    """Lifetimes, flags, labels and metrics: records know nothing of them."""
    ip_does("netns add red\nnetns add blue\n")
    ip_does("""
        link set lo up
        link add e0 type veth peer name f0
        link set e0 up
        link set f0 up
        address add 10.1.0.1/24 brd 10.1.0.99 dev e0
        address add 10.1.0.2/24 dev e0 noprefixroute metric 5 label e0:two
        address add 10.3.0.1 peer 10.3.0.2/32 dev e0 scope link
        address add fd00::1/64 dev e0 nodad noprefixroute
        address add fd00::2/64 dev e0 nodad home
        route add 10.70.0.0/16 via 10.1.0.9 dev e0 proto 77 mtu lock 1300 initcwnd 9 realm 4
        route add 10.71.0.0/16 dev e0 scope link src 10.1.0.2 advmss 1200 table 77
        route add 10.72.0.0/16 nexthop via 10.1.0.9 weight 3 nexthop via 10.1.0.8 onlink dev e0
        route add fd70::/64 via fd00::9 dev e0 pref high
        route add fd00::/64 dev e0 metric 7
        route append 10.70.0.0/16 via 10.1.0.8 dev e0
    """, netns="red")  # fmt: skip
    last: tuple[t.Any, t.Any] = (("sysctl", "red", "net/ipv4/conf/f0/proxy_arp"), Sysctl("1"))
    wants: dict[str, Want] = {
        "deleted": red((("link", "red", "e0"), Link("bridge", up=True))),
        "moved": {
            ("link", "blue", "e0"): Link("veth", ("red", "f0"), up=True),
            ("link", "red", "f0"): Link("veth", ("blue", "e0"), up=True),
        },
        "renamed": red(
            (("link", "red", "e9"), Link("veth", ("red", "f0"), up=True)),
            (("link", "red", "f0"), Link("veth", ("red", "e9"), up=True)),
        ),
        "down": red((("link", "red", "e0"), Link(up=False)), last),
        "addresses": red(
            (("address", "red", "e0", "10.1.0.2/24"), None),
            (("address", "red", "e0", "10.1.0.1/24"), None),
            (("address", "red", "e0", "fd00::2"), None),
            (("address", "red", "e0", "fd00::1"), Address(prefix=80)),
            (("route", "red", 254, "10.70.0.0/16", 0, 0), None),
        ),
    }
    leaves_no_trace(Request(wants[change]))


def test_what_cannot_be_put_back_is_said_beforehand():
    ip_does("netns add red\n")
    ip_does("""
        link add e0 type veth peer name f0
        link set e0 up
        link set f0 up
        address add 10.1.0.1/24 brd + dev e0 label e0:one
        nexthop add id 7 via 10.1.0.9 dev e0
        route add 10.70.0.0/16 nhid 7
    """, netns="red")  # fmt: skip
    for command in (
        "tc -n red qdisc add dev e0 root handle 5: htb default 1",
        "tc -n red class add dev e0 parent 5: classid 5:1 htb rate 1mbit",
    ):
        subprocess.run(command.split(), check=True)
    want = red((("link", "red", "e0"), Link("bridge", up=True)))
    foreseen = converge(Request(dict(want)), check=True).warnings
    assert [text for text in foreseen if "isn't put back" in text] == [
        "red:e0: the classes of a queueing discipline (tc) isn't put back if this run fails",
        "red:e0: the next-hop object 7 (ip nexthop), and routes as far as they use it isn't put back if this run fails",
    ]
    assert not [text for text in converge(Request(red()), check=True).warnings if "put back" in text]
    want = red(
        (("link", "red", "e9"), Link("veth", ("red", "f0"))), (("link", "red", "f0"), Link("veth", ("red", "e9")))
    )
    foreseen = converge(Request(dict(want)), check=True).warnings
    assert "red:e0: the label e0:one of 10.1.0.1 isn't put back if this run fails" in foreseen


def test_a_veth_end_that_was_moved_comes_back_though_something_else_belongs_where_it_is():
    """Made anew it would take its other end along, with what somebody had set there."""
    near, far, away = ("link", "red", "near"), ("link", "red", "far"), ("link", "blue", "far")
    stands = red(
        (near, Link("veth", away[1:], up=True)),
        (far, Link("bridge")),
        (("namespace", "blue"), Namespace()),
        (away, Link("veth", near[1:], up=True)),
    )
    converge(Request(stands), check=False)
    sysctl("red", "net/ipv6/conf/near/autoconf", "0")
    want = red((near, Link("veth", far[1:], up=True)), (far, Link("veth", near[1:], mtu=1400, up=True)))
    leaves_no_trace(Request(want))


@pytest.mark.parametrize("wanted", [None, Route((Hop("10.1.0.8", "e0"),), "unicast")], ids=["deleted", "changed"])
def test_a_route_by_a_next_hop_object(wanted):
    """To delete it the kernel wants the object's number, or nothing at all of where it leads."""
    ip_does("netns add red\n")
    ip_does("""
        link set lo up
        link add e0 type veth peer name f0
        link set e0 up
        link set f0 up
        address add 10.1.0.1/24 dev e0
        nexthop add id 7 via 10.1.0.9 dev e0
        route add 10.70.0.0/16 nhid 7 mtu 1300
        route append 10.70.0.0/16 via 10.1.0.5
        address add fd01::1/64 dev e0 nodad
        nexthop add id 8 via fd01::9 dev e0
        route add fd70::/64 nhid 8 metric 5
    """, netns="red")  # fmt: skip
    routes = [("route", "red", 254, "10.70.0.0/16", 0, 0)]
    if wanted is None:
        routes.append(("route", "red", 254, "fd70::/64", 0, 5))
    leaves_no_trace(Request(red(*((key, wanted) for key in routes))))


def test_what_a_macvlan_enters_with_the_bridge_below_it_goes_and_comes_with_the_macvlan():
    """Given back by hand it would become an entry of the bridge's own table, and stay there."""
    bridge, upper, near = ("link", "red", "br0"), ("link", "blue", "m0"), ("link", "red", "m1")
    stands = red((bridge, Link("bridge", up=True)), (("namespace", "blue"), Namespace()))
    macvlan = Link("macvlan", lower=bridge[1:], up=True)
    converge(Request({**stands, upper: macvlan, near: macvlan}), check=False)
    leaves_no_trace(Request({**stands, upper: Link("bridge"), near: Link("bridge")}))


def test_a_bridge_that_had_the_mac_address_of_a_port():
    """Given one, it takes no port's any more."""
    bridge, port, far = ("link", "red", "br0"), ("link", "red", "e0"), ("link", "red", "f0")
    ends = ((port, Link("veth", far[1:], up=True, master="br0")), (far, Link("veth", port[1:], up=True)))
    converge(Request(red((bridge, Link("bridge", up=True)), *ends)), check=False)
    given = Link("bridge", up=True, mac="02:00:00:00:00:77")
    leaves_no_trace(Request(red((bridge, given), *ends, (("address", "red", "br0", "10.1.0.1/24"), Address()))))


def test_settings_given_back_take_away_an_alias_that_came_along():
    """Of two links whose ends changed places one may stay where the other was: found at random, under Python 3.9."""
    ip_does("link add e0 type veth peer f0")
    with netlink.Socket() as channel:
        before = {one.index: one for one in keepsakes.read(channel) if one.what == "link"}
        ip_does("link set e0 alias e0-of-mine")
        (changed,) = [one for one in keepsakes.read(channel) if one.what == "link" and one != before[one.index]]
        assert channel.transact(keepsakes.requests(before[changed.index])) == [None]
        assert {one.index: one for one in keepsakes.read(channel) if one.what == "link"} == before


def test_a_link_that_was_renamed_is_found_again_by_what_it_is():
    """Not by the first name in the list that one of the pair could go under: found at random, under Python 3.9."""
    b, c, d, far = ("link", "red", "b"), ("link", "red", "c"), ("link", "red", "d"), ("link", "blue", "a")
    blue = (("namespace", "blue"), Namespace())
    pairs = [(one, Link("veth", two[1:], up=True)) for one, two in ((b, far), (far, b), (c, d), (d, c))]
    converge(Request(red(blue, *pairs)), check=False)
    sysctl("red", "net/ipv4/neigh/c/retrans_time_ms", "2500")
    sysctl("red", "net/ipv6/conf/d/autoconf", "0")
    ip_does("link set dev d alias d-of-mine", netns="red")
    wanted = [(b, Link("veth", c[1:], up=True)), (c, Link("veth", b[1:], up=True)), (far, Link("bridge"))]
    leaves_no_trace(Request(red(blue, *wanted)))


BRIDGE_FOR_B = ("link", "red", "b"), Link(kind="bridge", options=(("stp", True),))
BESIDE_B = ("link", "red", "c"), Link(kind="bridge", up=True)


def test_a_veth_that_was_made_with_more_queues_has_them_again():
    subprocess.run(["ip", "netns", "add", "red"], check=True)
    queues = "numtxqueues 3 numrxqueues 2"
    ip_does(f"link set lo up\nlink add name a {queues} type veth peer name b numtxqueues 4 numrxqueues 1\n", "red")
    leaves_no_trace(Request(red(BRIDGE_FOR_B, BESIDE_B), force=True))


def test_a_kernel_that_tells_of_no_queues_to_receive_with_is_asked_for_one():
    """IFLA_NUM_RX_QUEUES is told by kernels with CONFIG_RPS, which have SMP."""
    asked = dict(_link_messages._queues(Link(kind="veth", queues=(3, 0))))
    assert asked == {"IFLA_NUM_TX_QUEUES": 3, "IFLA_NUM_RX_QUEUES": 1}


def test_a_veth_whose_queues_were_left_to_the_kernel_uses_as_many_again():
    """It has one for each processor that there could be, and uses one. Whoever asks for as many gets them used."""

    def used() -> list[str]:
        listed = "mount -t sysfs s /sys; ls /sys/class/net/a/queues /sys/class/net/b/queues"
        words = ["ip", "netns", "exec", "red", "sh", "-c", listed]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()

    subprocess.run(["ip", "netns", "add", "red"], check=True)
    ip_does("link set lo up\nlink add name a type veth peer name b\n", "red")
    before, numbers = used(), snapshot.machine()
    Fault.at = 2
    with pytest.raises(LabError, match="was put back"):
        converge(Request(red(BRIDGE_FOR_B, BESIDE_B), force=True), check=False)
    assert used() == before
    assert snapshot.differences(numbers, snapshot.machine()) == []


def test_a_lab_that_was_not_finished_is_none_after_a_failure_either():
    ends = (
        (("link", "red", "a"), Link("veth", ("red", "b"), up=True)),
        (("link", "red", "b"), Link("veth", ("red", "a"))),
    )
    for rollback in (False, True):
        Fault.at = 0 if rollback else 1
        with pytest.raises(LabError):
            converge(Request(red(*ends), lab="lab", rollback=rollback), check=False)
        assert is_incomplete("lab")
    converge(Request(red(*ends), lab="lab"), check=False)
    assert not is_incomplete("lab")


def test_what_others_made_in_the_meantime_under_a_name_that_was_free_is_theirs(monkeypatch):
    """Two labs, or a lab and a shell: both have looked before either of them made it."""
    real = execution.apply

    def late(*arguments: t.Any) -> None:
        monkeypatch.undo()
        ip_does("netns add blue\n")
        ip_does("link add mine type bridge\n", netns="blue")
        real(*arguments)

    monkeypatch.setattr(execution, "apply", late)
    want: Want = {("namespace", name): Namespace(owner="lab") for name in ("amber", "blue", "red")}
    want["file", "blue", "hosts"] = File("ours\n", "lab")
    with pytest.raises(LabError, match=r"create namespace blue.*was put back"):
        converge(Request(want, lab="lab"), check=False)
    assert [name for name in ("amber", "blue", "red") if os.path.exists(f"/run/netns/{name}")] == ["blue"]
    assert "mine" in subprocess.run(["ip", "-n", "blue", "link"], capture_output=True, text=True, check=True).stdout
    assert not os.path.exists("/etc/netns/blue")

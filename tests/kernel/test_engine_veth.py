# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A veth pair is found again, whatever was done to it by hand, and made anew only where nothing else helps."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Address, Link, Namespace, Want
from ansible_collections.netns.lab.tests.kernel.engine import bring_about, look, words

RED, BLUE = ("n-red", "eth0"), ("n-blue", "eth0")


def namespaces(*names: str) -> Want:
    return {("namespace", ns): Namespace(broken=False) for ns in names}


def pair(one: tuple[str, str], other: tuple[str, str], **settings) -> Want:
    return {
        ("link", *near): Link(kind="veth", peer=far, up=True, master="", **settings)
        for near, far in ((one, other), (other, one))
    }


def addressed(link: tuple[str, str], *addresses: str) -> Want:
    return {
        ("address", *link, text.split("/")[0] if ":" in text else text): Address(
            prefix=int(text.split("/")[1]) if ":" in text else None
        )
        for text in addresses
    }


LAB = {
    **namespaces("n-red", "n-blue"),
    **pair(RED, BLUE, mtu=1400),
    **addressed(RED, "10.0.0.1/24", "fd00::1/64"),
    **addressed(BLUE, "10.0.0.2/24"),
}


def identity(ip, link: tuple[str, str]) -> str:
    """The MAC address, which tells a link from one that was made anew."""
    return ip("link", "show", "dev", link[1], netns=None if link[0] == MACHINE else link[0])[0]["address"]


def stands(*wanted: Want) -> None:
    whole = {key: record for part in wanted for key, record in part.items()}
    state = look(whole)
    for key, record in whole.items():
        if isinstance(record, Link):
            assert (state.get(key).peer, state.get(key).up, state.get(key).mtu) == (record.peer, True, record.mtu), key
        else:
            assert key in state, key


@pytest.fixture
def macs(ip):
    bring_about(LAB)
    return {link: identity(ip, link) for link in (RED, BLUE)}


BY_HAND = {
    "an end moved to the machine": "ip -n n-red link set eth0 netns $$",
    "an end moved and renamed": "ip -n n-red link set eth0 netns $$ name foo",
    "an end renamed": "ip -n n-red link set dev eth0 down; ip -n n-red link set dev eth0 name foo",
    "an end moved to a namespace of somebody else": (
        "ip netns add other; ip -n n-red link set eth0 netns other name bar"
    ),
    "both ends renamed": (
        "for n in n-red n-blue; do ip -n $n link set dev eth0 down; ip -n $n link set dev eth0 name x; done"
    ),
    "the ends changed places": (
        "ip -n n-red link set eth0 netns n-blue name x; ip -n n-blue link set eth0 netns n-red; "
        "ip -n n-blue link set dev x name eth0"
    ),
    "the other end moved, too": "ip -n n-red link set eth0 netns $$; ip -n n-blue link set eth0 netns $$ name eth1",
}


@pytest.mark.parametrize("what", BY_HAND)
def test_found_again_after(what, ip, macs):
    subprocess.run(BY_HAND[what], shell=True, check=True)
    outcome = bring_about(LAB)
    stands(LAB)
    found = [identity(ip, link) for link in (RED, BLUE)]
    lost = what in ("both ends renamed", "the other end moved, too", "the ends changed places")
    assert any("create" in step for step in words(outcome)) is (lost and what != "the ends changed places")
    assert (sorted(found) == sorted(macs.values())) is (not lost or what == "the ends changed places")


def test_only_what_the_move_took_is_put_back(ip, macs):
    subprocess.run("ip -n n-red link set eth0 netns $$ name foo", shell=True, check=True)
    assert words(bring_about(LAB)) == [
        "move link @foo to n-red:eth0",
        "set n-red:eth0 up",
        "add address 10.0.0.1/24 to n-red:eth0",
        "add address fd00::1/64 to n-red:eth0",
    ]
    assert identity(ip, RED) == macs[RED]


def test_names_that_were_swapped_are_swapped_back(ip):
    lab = {
        **namespaces("n-red", "n-blue"),
        **pair(RED, BLUE, mtu=1400),
        **pair(("n-red", "eth1"), ("n-blue", "eth1"), mtu=1300),
        **addressed(RED, "10.0.0.1/24"),
        **addressed(("n-red", "eth1"), "10.0.1.1/24"),
    }
    bring_about(lab)
    before = {name: identity(ip, ("n-red", name)) for name in ("eth0", "eth1")}
    subprocess.run(
        "for l in eth0 eth1; do ip -n n-red link set dev $l down; done; ip -n n-red link set dev eth0 name x; "
        "ip -n n-red link set dev eth1 name eth0; ip -n n-red link set dev x name eth1",
        shell=True,
        check=True,
    )
    outcome = bring_about(lab)
    assert not [step for step in words(outcome) if "create" in step or "delete link" in step]
    stands(lab)
    assert {name: identity(ip, ("n-red", name)) for name in ("eth0", "eth1")} == before


def test_one_end_deleted_by_hand_brings_a_new_pair(ip, macs):
    subprocess.run("ip -n n-red link del dev eth0", shell=True, check=True)
    bring_about(LAB)
    stands(LAB)
    assert not {identity(ip, link) for link in (RED, BLUE)} & set(macs.values())


def test_an_end_in_a_namespace_without_a_name_is_out_of_reach(ip, macs):
    keeper = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    try:
        while subprocess.run(
            f"ip -n n-red link set eth0 netns {keeper.pid}; ! ip -n n-red link show dev eth0",
            shell=True,
            check=False,
            capture_output=True,
        ).returncode:
            pass
        outcome = bring_about(LAB)
        assert "delete link n-blue:eth0 (its peer can't be seen from here, wanted n-red:eth0)" in words(outcome)
        stands(LAB)
        assert not {identity(ip, link) for link in (RED, BLUE)} & set(macs.values())
    finally:
        keeper.kill()
        keeper.wait()


def test_another_name_for_the_peers_namespace_moves_the_peer(ip, macs):
    green = ("n-green", "eth0")
    lab = {**namespaces("n-red", "n-green"), **pair(RED, green, mtu=1400), **addressed(RED, "10.0.0.1/24")}
    outcome = bring_about({**lab, **addressed(green, "10.0.0.2/24")})
    assert "move link n-blue:eth0 to n-green:eth0" in words(outcome)
    stands(lab)
    assert [identity(ip, RED), identity(ip, green)] == list(macs.values())
    assert ip("address", "show", "dev", "eth0", netns="n-red")[0]["addr_info"][0]["local"] == "10.0.0.1"


def test_both_ends_in_one_namespace_and_apart_again(ip, macs):
    near = ("n-red", "eth1")
    together = {**namespaces("n-red"), **pair(RED, near, mtu=1400)}
    assert "move link n-blue:eth0 to n-red:eth1" in words(bring_about(together))
    stands(together)
    assert "move link n-red:eth1 to n-blue:eth0" in words(bring_about(LAB))
    stands(LAB)
    assert [identity(ip, RED), identity(ip, BLUE)] == list(macs.values())


def test_an_end_on_the_machine(ip, macs):
    outside = (MACHINE, "veth-red")
    lab = {**namespaces("n-red"), **pair(RED, outside, mtu=1400)}
    assert "move link n-blue:eth0 to @veth-red" in words(bring_about(lab))
    stands(lab)
    assert [identity(ip, RED), identity(ip, outside)] == list(macs.values())


@pytest.mark.parametrize("in_the_way", ["bridge", "dummy veth"])
def test_a_link_of_another_sort_under_the_name_makes_room(ip, in_the_way, macs):
    make = "type bridge" if in_the_way == "bridge" else "type veth peer name other"
    subprocess.run(
        f"ip -n n-red link set eth0 netns $$ name foo; ip -n n-red link add name eth0 {make}", shell=True, check=True
    )
    bring_about(LAB)
    stands(LAB)
    assert identity(ip, RED) == macs[RED]
    assert [link["ifname"] for link in ip("link", "show", netns="n-red")] == ["lo", "eth0"]


def test_a_mac_address_tells_which_of_two_pairs_is_which(ip):
    macs = {"eth0": "02:00:00:00:00:01", "eth1": "02:00:00:00:00:02"}
    lab: Want = namespaces("n-red", "n-blue")
    for name, mac in macs.items():
        lab["link", "n-red", name] = Link(kind="veth", peer=("n-blue", name), mac=mac, up=True, mtu=1500)
        lab["link", "n-blue", name] = Link(kind="veth", peer=("n-red", name), up=True, mtu=1500)
    bring_about(lab)
    far = {name: identity(ip, ("n-blue", name)) for name in macs}
    subprocess.run(
        "for l in eth0 eth1; do ip -n n-blue link set dev $l down; done; ip -n n-blue link set dev eth0 name x; "
        "ip -n n-blue link set dev eth1 name eth0; ip -n n-blue link set dev x name eth1",
        shell=True,
        check=True,
    )
    bring_about(lab)
    stands(lab)
    assert {name: identity(ip, ("n-blue", name)) for name in macs} == far


def test_a_new_one_has_one_queue_in_each_direction(ip):
    bring_about(LAB)
    for ns, name in (RED, BLUE):
        (link,) = ip("link", "show", "dev", name, netns=ns)
        assert (link["num_tx_queues"], link["num_rx_queues"]) == (1, 1)

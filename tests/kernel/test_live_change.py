# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab is changed while it is in use: what goes over links that the change isn't about doesn't lose a packet."""

from __future__ import annotations

import copy
import os
import typing as t

import pytest

from ansible_collections.netns.lab.tests.kernel.traffic import unbroken

Lab = t.Dict[str, t.Any]


def _end(node: str, link: str, *addresses: str, **more: str) -> dict[str, t.Any]:
    return {"node": node, "name": link, "addresses": list(addresses), **more}


# a and b talk over a switch, a and c over a router, p and q over a cable. The rest is there to be changed: d is on the
# switch, too, e on the router, x beside p.
LAB: Lab = {
    "name": "live",
    "nodes": {
        "sw": {"kind": "switch"},
        "sw2": {"kind": "switch"},
        "r": {"kind": "router", "routes": [{"to": "192.0.2.0/24", "via": "10.3.0.2"}]},
        "a": {"routes": [{"to": "default", "via": "10.1.0.254"}, {"to": "default", "via": "fd01::254"}]},
        "b": {},
        "c": {"routes": [{"to": "default", "via": "10.2.0.254"}, {"to": "default", "via": "fd02::254"}]},
        "d": {"routes": [{"to": "default", "via": "10.1.0.254"}]},
        "e": {},
        "p": {"routes": [{"to": "198.51.100.0/24", "via": "10.5.0.2"}]},
        "q": {},
        "x": {"etc": {"hosts": "10.5.0.1 p\n"}},
    },
    "links": [
        [_end("a", "eth0", "10.1.0.1/24", "fd01::1/64"), "sw"],
        [_end("b", "eth0", "10.1.0.2/24", "fd01::2/64"), "sw"],
        [_end("r", "lan", "10.1.0.254/24", "fd01::254/64"), "sw"],
        [_end("r", "far", "10.2.0.254/24", "fd02::254/64"), _end("c", "eth0", "10.2.0.1/24", "fd02::1/64")],
        [_end("p", "eth0", "10.4.0.1/24", "fd04::1/64"), _end("q", "eth0", "10.4.0.2/24", "fd04::2/64")],
        [_end("d", "eth0", "10.1.0.4/24", "fd01::4/64", mac="02:00:00:00:01:05"), "sw"],
        [_end("r", "side", "10.3.0.1/24", "fd03::1/64", mac="02:00:00:00:01:06"),
         _end("e", "eth0", "10.3.0.2/24", "fd03::2/64")],
        [_end("p", "eth1", "10.5.0.1/24", "fd05::1/64", mac="02:00:00:00:01:07"),
         _end("x", "eth0", "10.5.0.2/24", "fd05::2/64")],
    ],
}  # fmt: skip
D, SIDE, BESIDE = 5, 6, 7
WAYS = [
    ("a", "b", "10.1.0.2"),
    ("a", "b", "fd01::2"),
    ("a", "c", "10.2.0.1"),
    ("a", "c", "fd02::1"),
    ("p", "q", "10.4.0.2"),
    ("p", "q", "fd04::2"),
]


def _node(lab: Lab, name: str, **settings: t.Any) -> None:
    lab["nodes"][name] = {**lab["nodes"].get(name, {}), **settings}


def _nodes_added(lab: Lab) -> None:
    for number in range(3):
        _node(lab, f"n{number}")
        lab["links"].append([_end(f"n{number}", "eth0", f"10.1.0.{20 + number}/24", f"fd01::2{number}/64"), "sw"])
    _node(lab, "n3", kind="router")
    lab["links"].append([_end("n3", "eth0", "10.6.0.1/24"), _end("r", "n3", "10.6.0.2/24")])
    lab["links"].append([_end("n3", "eth1", "10.7.0.1/24"), _end("p", "n3", "10.7.0.2/24")])


def _nodes_removed(lab: Lab) -> None:
    for name in ("d", "e", "x"):
        del lab["nodes"][name]
    del lab["links"][D:]
    del lab["nodes"]["r"]["routes"], lab["nodes"]["p"]["routes"]


def _links_added(lab: Lab) -> None:
    lab["links"].append([_end("d", "eth1", "10.8.0.1/24"), _end("p", "eth2", "10.8.0.2/24")])
    lab["links"].append([_end("r", "more", "10.9.0.1/24"), "sw2"])
    lab["links"].append(["sw", "sw2"])


def _links_removed(lab: Lab) -> None:
    del lab["links"][D:]
    for name in ("d", "r", "p"):
        del lab["nodes"][name]["routes"]


def _addresses(lab: Lab) -> None:
    lab["links"][D][0]["addresses"] = ["10.1.0.44/24", "fd01::44/64"]
    lab["links"][SIDE][0]["addresses"] = ["10.3.0.9/24", "fd03::1/80", "10.33.0.1/24"]
    lab["links"][BESIDE][0]["addresses"] = ["10.55.0.1/24", "10.5.0.1/24"]


def _mtus(lab: Lab) -> None:
    for number, mtu in ((D, 1400), (SIDE, 9000), (BESIDE, 1300)):
        lab["links"][number] = {"endpoints": lab["links"][number], "mtu": mtu}


def _small_mtus(lab: Lab) -> None:
    for number in (D, SIDE, BESIDE):
        for end in lab["links"][number]:
            if isinstance(end, dict):
                end["addresses"] = end["addresses"][:1]
        lab["links"][number] = {"endpoints": lab["links"][number], "mtu": 600}


def _macs(lab: Lab) -> None:
    for number in (D, SIDE, BESIDE):
        # Lower than any other, which a bridge without an address of its own would take over.
        lab["links"][number][0]["mac"] = f"02:00:00:00:00:0{number}"


def _names(lab: Lab) -> None:
    lab["links"][D][0]["name"] = "net0"
    lab["links"][SIDE][0]["name"] = "aside"
    lab["links"][BESIDE][0]["name"] = "away"


def _sysctls(lab: Lab) -> None:
    for name in ("p", "r", "sw", "a"):
        _node(lab, name, sysctls={"net.ipv4.icmp_echo_ignore_all": 1, "net.ipv4.conf.all.arp_notify": 1})
    lab["nodes"]["p"]["sysctls"]["net.ipv4.conf.eth1.proxy_arp"] = 1
    lab["nodes"]["r"]["sysctls"]["net.ipv6.conf.side.hop_limit"] = 9


def _kinds(lab: Lab) -> None:
    for name in ("p", "q", "a", "b"):
        _node(lab, name, kind="router")


def _routes(lab: Lab) -> None:
    lab["nodes"]["r"]["routes"] = [{"to": "192.0.2.0/24", "via": "10.3.0.7"}, {"to": "fd99::/64", "via": "fd03::2"}]
    lab["nodes"]["p"]["routes"] = [{"to": "203.0.113.0/24", "via": ["10.5.0.2", "10.5.0.3"]}]
    lab["nodes"]["d"]["routes"] = [{"to": "default", "via": "10.1.0.2"}]
    lab["nodes"]["a"]["routes"].append({"to": "192.0.2.0/24", "via": "10.1.0.4"})


def _files(lab: Lab) -> None:
    _node(lab, "x", etc={"hosts": "10.5.0.2 x\n", "resolv.conf": ""})
    _node(lab, "a", etc={"hosts": "10.1.0.2 b\n"})


def _another_switch(lab: Lab) -> None:
    lab["links"][D][1] = "sw2"
    lab["links"][SIDE] = [lab["links"][SIDE][0], "sw2"]
    lab["links"].append([_end("e", "eth0", "10.3.0.2/24"), "sw2"])


def _order(lab: Lab) -> None:
    lab["links"].reverse()
    lab["nodes"] = dict(reversed(lab["nodes"].items()))


CHANGES = [
    _nodes_added, _nodes_removed, _links_added, _links_removed, _addresses, _mtus, _small_mtus, _macs, _names, _sysctls,
    _kinds, _routes, _files, _another_switch,
]  # fmt: skip


def _done(answer: dict[str, t.Any], *, changed: bool = True) -> list[str]:
    assert not answer.get("failed"), answer["msg"]
    assert answer["changed"] is changed, answer["steps"]
    return answer["steps"]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_there_and_back_nothing_is_lost_on_other_links(run_module, change):
    lab = copy.deepcopy(LAB)
    change(lab)
    _done(run_module("topology", **LAB))
    with unbroken(*WAYS):
        _done(run_module("topology", **lab))
        _done(run_module("topology", **LAB))
        _done(run_module("topology", **LAB), changed=False)


def test_what_changes_in_place_loses_nothing_on_the_link_itself_either(run_module):
    lab = copy.deepcopy(LAB)
    for number in (0, 4):
        lab["links"][number] = {"endpoints": lab["links"][number], "mtu": 9000}
        lab["links"][number]["endpoints"][0]["addresses"] += [f"10.66.{number}.1/24", f"fd66:{number}::1/64"]
    lab["links"][0]["endpoints"][0]["mac"] = "02:00:00:00:02:01"
    _done(run_module("topology", **LAB))
    with unbroken(*WAYS):
        _done(run_module("topology", **lab))
    lab["links"][0]["endpoints"][0]["addresses"] = ["10.1.0.1/24", "fd01::1/64"]
    with unbroken(*WAYS):
        _done(run_module("topology", **lab))


def test_a_break_is_noticed(run_module):
    _done(run_module("topology", **LAB))
    with pytest.raises(AssertionError, match="were lost: "), unbroken(*WAYS):
        os.system("ip -n sw link set b-eth0 down; sleep 0.1; ip -n sw link set b-eth0 up; sleep 0.1")


def test_a_lab_in_another_order_is_the_same(run_module):
    lab = copy.deepcopy(LAB)
    _order(lab)
    _done(run_module("topology", **LAB))
    with unbroken(*WAYS):
        _done(run_module("topology", **lab), changed=False)


def test_a_reset_loses_nothing_on_links_that_nobody_had_touched(run_module):
    _done(run_module("topology", **LAB))
    with unbroken(*WAYS):
        os.system(
            """
            ip -n sw link add extra up type veth peer name eth7 netns d
            ip -n sw link set extra master br0
            ip -n r link add tun7 type vxlan id 7 dstport 4789 remote 10.3.0.2 dev side
            ip -n r route add 203.0.113.0/24 via 10.3.0.2
            ip -n p address add 10.77.0.1/24 dev eth1
            ip -n p address add 10.78.0.1/32 dev lo
            ip -n d link set eth0 down
            ip -n x address del 10.5.0.2/24 dev eth0
            """
        )
        steps = _done(run_module("topology", **LAB, exact=True))
        assert "delete link r:tun7" in steps
        _done(run_module("topology", **LAB, exact=True), changed=False)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab of ten nodes and a change of it that needs every sort of step, for the tests that stop a run halfway."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import replace

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Address,
    Hop,
    Link,
    Request,
    Route,
    Sysctl,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import Step
from ansible_collections.netns.lab.tests.random_wants import THOROUGH

_FILE: dict[str, t.Any] = {
    "name": "ten",
    "nodes": {
        "r1": {"kind": "router",
               "routes": [{"to": "10.2.0.0/24", "via": "10.0.12.2"}, {"to": "fd02::/64", "via": "fd12::2"}]},
        "r2": {"kind": "router",
               "routes": [{"to": "10.1.0.0/24", "via": "10.0.12.1"}, {"to": "fd01::/64", "via": "fd12::1"}]},
        "s1": {"kind": "switch"},
        "s2": {"kind": "switch"},
        "h1": {"routes": [{"to": "default", "via": "10.1.0.1"}], "etc": {"resolv.conf": "nameserver 10.1.0.1\n"}},
        "h2": {"routes": [{"to": "default", "via": "10.1.0.1"}, {"to": "10.66.0.0/16", "type": "blackhole"}]},
        "h3": {"sysctls": {"net.ipv4.conf.eth0.proxy_arp": 1}},
        "h4": {"routes": [{"to": "default", "via": "10.2.0.1"}]},
        "h5": {"routes": [{"to": "default", "via": "10.2.0.1"}]},
        "h6": {"etc": {"hosts": "10.9.0.1 h5\n"}},
    },
    "links": [
        [{"node": "r1", "name": "r2", "addresses": ["10.0.12.1/24", "fd12::1/64"]},
         {"node": "r2", "name": "r1", "addresses": ["10.0.12.2/24", "fd12::2/64"]}],
        [{"node": "r1", "name": "lan", "addresses": ["10.1.0.1/24", "10.1.0.254/24", "fd01::1/64"]}, "s1"],
        [{"node": "r2", "name": "lan", "addresses": ["10.2.0.1/24", "fd02::1/64"]}, "s2"],
        [{"node": "h1", "name": "eth0", "addresses": ["10.1.0.11/24", "fd01::11/64"]}, "s1"],
        [{"node": "h2", "name": "eth0", "addresses": ["10.1.0.12/24", "10.1.0.22/24"]}, "s1"],
        [{"node": "h3", "name": "eth0", "addresses": ["10.1.0.13/24"]}, "s1"],
        [{"node": "h4", "name": "eth0", "addresses": ["10.2.0.14/24"]}, "s2"],
        [{"node": "h5", "name": "eth0", "addresses": ["10.2.0.15/24"]}, "s2"],
        [{"node": "h5", "name": "eth1", "addresses": ["10.9.0.1/24"]},
         {"node": "h6", "name": "eth0", "addresses": ["10.9.0.2/24"]}],
    ],
}  # fmt: skip


def _request(file: dict[str, t.Any]) -> Request:
    return topology.load(copy.deepcopy(file)).request()


def lab() -> Request:
    """The lab, with some things that lab files don't speak of."""
    asked = _request(_FILE)
    mode = (("mode", "bridge"),)
    tunnel = (("dstport", 4789), ("id", 7), ("remote", "10.0.12.2"))
    asked.want["link", "h6", "mac0"] = Link("macvlan", lower=("h5", "eth1"), mtu=1400, up=True, options=mode)
    asked.want["address", "h6", "mac0", "10.10.0.1/24"] = Address()
    asked.want["link", "r1", "vx0"] = Link("vxlan", lower=("r1", "r2"), mtu=1400, up=True, options=tunnel)
    asked.want["address", "r1", "vx0", "fd77::1"] = Address(prefix=64)
    asked.want["sysctl", "r1", "net/ipv6/conf/r2/accept_ra"] = Sysctl("2")
    return asked


def changed() -> Request:
    """The lab after its author had another idea: nodes, links, kinds, names, addresses, routes, files, settings."""
    file = copy.deepcopy(_FILE)
    nodes, links = file["nodes"], file["links"]
    del nodes["h3"], links[5]
    nodes["h7"] = {"routes": [{"to": "default", "via": "10.2.0.1", "metric": 5}]}
    links.append([{"node": "h7", "name": "eth0", "addresses": ["10.2.0.17/24"], "mac": "02:00:00:00:00:17"}, "s2"])
    nodes["h1"]["etc"] = {"resolv.conf": "nameserver 10.1.0.254\n", "hosts": "10.1.0.1 r1\n"}
    nodes["h2"]["routes"] = [{"to": "default", "via": ["10.1.0.1", "10.1.0.254"]}]
    nodes["r1"]["sysctls"] = {"net.ipv4.ip_forward": 0, "net.ipv4.conf.r2.proxy_arp": 1}
    nodes["r1"]["routes"][0]["metric"] = 50
    links[1][0]["addresses"] = ["10.1.0.254/24", "10.1.0.1/24", "fd01::1/80"]  # another one comes first
    links[3] = {"endpoints": [links[3][0], "s1"], "mtu": 1400}
    links[4] = [{"node": "h2", "name": "net0", "addresses": ["10.1.0.22/24"]}, "s1"]  # made anew, with another port
    links[5] = [{"node": "h4", "name": "eth0", "addresses": ["10.1.0.14/24"]}, "s1"]  # to the other switch
    nodes["h4"]["routes"] = [{"to": "default", "via": "10.1.0.1"}]
    links[6:8] = [  # two ends change their names
        [{"node": "h5", "name": "eth1", "addresses": ["10.2.0.15/24"]}, {"node": "s2", "name": "h5-eth0"}],
        [{"node": "h5", "name": "eth0", "addresses": ["10.9.0.1/24"]}, links[7][1]],
    ]
    asked = _request(file)
    asked.want["link", "r1", "r2"] = replace(asked.want["link", "r1", "r2"], up=False)  # type: ignore[type-var]
    for key in [key for key in asked.want if key[:2] == ("route", "r1")]:
        del asked.want[key]
    asked.want["route", "r1", 254, "10.2.0.0/24", 0, 0] = Route((Hop("10.1.0.9", "lan"),), "unicast")
    asked.want["link", "r2", "r1"] = replace(asked.want["link", "r2", "r1"], mtu=1200)  # type: ignore[type-var]
    for key in [key for key in asked.want if key[0] in ("address", "route") and key[1] == "r2" and key[3][:2] == "fd"]:
        if key[0] == "route" or key[2] == "r1":
            del asked.want[key]
    return asked


def telling(steps: t.Sequence[Step]) -> list[int]:
    """The steps before which to stop, by number: of sysctls in a row the first; all, where time doesn't count."""
    return [
        number
        for number, step in enumerate(steps)
        if THOROUGH or step.key[0] != "sysctl" or number == 0 or steps[number - 1].key[0] != "sysctl"
    ]

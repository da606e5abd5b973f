# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module call does to the model of a machine, or that it has to fail, or that the model can't tell."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.netns.lab.tests.kernel.model import HERE, End, Machine, Options, Port
from ansible_collections.netns.lab.tests.kernel.random_calls import WRONG


class Doubt(Exception):
    """The model can't tell whether this succeeds: what it was about has to be looked at afterwards."""


class Refused(Exception):
    """This has to fail."""


def foresee(machine: Machine, name: str, options: Options) -> None:
    """Change the model as the call should change the machine. Raises Doubt or Refused."""
    told = ("name", "netns", "nonsense", "up") if options.get("state") == "absent" else tuple(options)
    if any(key in told and options.get(key) == value for bad in WRONG for key, value in bad.items()):
        raise Refused
    {"netns": _netns, "veth": _veth, "link": _link, "route": _route, "topology": _topology, "netns_exec": _command}[
        name
    ](machine, options)


def _netns(machine: Machine, options: Options) -> None:
    name = options["name"]
    if options["state"] == "present":
        machine.spaces.setdefault(name, {})
    elif name in machine.lab:
        raise Refused
    else:
        machine.space_gone(name)


def end_of(options: Options) -> End:
    """The end that options name."""
    return options.get("netns", HERE), options["name"]


def _may_touch(machine: Machine, *ends: End) -> None:
    if any(ns in machine.lab for ns, _name in ends):
        raise Doubt  # refused, unless nothing is to be done


def _settings_fit(machine: Machine, end: End, options: Options) -> None:
    """Whether the options can be had. Raises Refused and Doubt."""
    chosen = options.get("bridge")
    if chosen:
        there = machine.find((end[0], chosen))
        if there is None or there.kind != "bridge" or chosen == end[1]:
            raise Refused
        if machine.find(end) is not None and machine.find(end).kind == "bridge":
            raise Refused
        if options.get("addresses"):
            raise Doubt
    some = options.get("addresses") or []
    hosts = [text for text in some if ":" not in text]
    if options.get("up") is False and len(hosts) < len(some):
        raise Doubt  # IPv6 on a link that goes down


def _veth(machine: Machine, options: Options) -> None:
    near, far = end_of(options), end_of(options["peer"])
    if options["state"] == "absent":
        _may_touch(machine, near, far)
        for end in (near, far):
            machine.link_gone(end)
        return
    if near == far or any(ns not in machine.spaces for ns, _name in (near, far)):
        raise Refused
    _may_touch(machine, near, far)
    there = machine.find(near), machine.find(far)
    if there == (None, None):
        machine.spaces[near[0]][near[1]] = Port("veth", far)
        machine.spaces[far[0]][far[1]] = Port("veth", near)
    elif there[0] is None or there[0].peer != far:
        raise Doubt  # links are moved, renamed or made anew
    for end, some in ((near, options), (far, options["peer"])):
        _settings_fit(machine, end, some)
    for end, some in ((near, options), (far, options["peer"])):
        machine.set(end, {"up": True, **some})


def _link(machine: Machine, options: Options) -> None:
    end = end_of(options)
    if options.get("state") == "absent":
        _may_touch(machine, end)
        machine.link_gone(end)
        return
    if end[0] not in machine.spaces:
        raise Refused
    _may_touch(machine, end)
    port, kind = machine.find(end), options.get("kind")
    if port is None and kind is None:
        raise Refused
    if port is None:
        machine.spaces[end[0]][end[1]] = Port("bridge")
    elif kind not in (None, port.kind):
        raise Doubt  # made anew
    _settings_fit(machine, end, options)
    machine.set(end, options)


def _route(machine: Machine, options: Options) -> None:
    ns, to, via, dev = options["netns"], options["to"], options.get("via"), options.get("dev")
    key = (ns, to, options.get("metric", 0))
    six = ":" in to
    if options["state"] == "absent":
        if ns not in machine.spaces or (via and (":" in via) is not six):
            raise Doubt
        _may_touch(machine, (ns, ""))
        machine.routes.pop(key, None)
        return
    if ns not in machine.spaces or (via is None and dev is None) or (via and six and ":" not in via):
        raise Refused
    _may_touch(machine, (ns, ""))
    port = machine.find((ns, dev)) if dev else None
    if dev and (port is None or not port.up):
        raise Refused
    if six or (via and ":" in via):
        raise Doubt
    if via is None:
        machine.routes[key] = ("", t.cast(str, dev))
        return
    near = [
        name
        for name, one in machine.spaces[ns].items()
        if one.up and any(ipaddress.ip_address(via) in ipaddress.ip_interface(a).network for a in one.family(4))
    ]
    if dev not in near and (dev or not near):
        raise Doubt if near or ("0.0.0.0/0" in {k[1] for k in machine.routes if k[0] == ns}) else Refused
    if dev is None and len(near) > 1:
        raise Doubt
    machine.routes[key] = (via, dev or near[0])


def _command(machine: Machine, options: Options) -> None:
    if options["netns"] not in machine.spaces or options["argv"] == ["no-such-program"]:
        raise Refused


def _topology(machine: Machine, options: Options) -> None:
    if options["state"] == "absent":
        for ns in list(machine.lab):
            machine.space_gone(ns)
        return
    if not machine.lab and {"p", "q"} & set(machine.spaces):
        raise Refused  # they stand and are nobody's
    address, mtu, second, routed = options["variant"]
    for ns, other, text in (("p", "q", address), ("q", "p", "10.1.0.8/24")):
        ports = machine.spaces.setdefault(ns, {})
        if "a" in ports:
            machine.set((ns, "a"), {"addresses": [text], "mtu": mtu})
        else:
            ports["a"] = Port("veth", (other, "a"), True, mtu, "", {text})
        if second:
            ports["b"] = Port("veth", (other, "b"), True)
        else:
            ports.pop("b", None)
    machine.lab = {"p", "q"}
    machine.routes.pop(("p", "10.20.0.0/24", 0), None)
    if routed:
        machine.routes["p", "10.20.0.0/24", 0] = ("10.1.0.8", "a")

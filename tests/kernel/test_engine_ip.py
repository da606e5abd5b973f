# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab that the engine built is the lab that ip would have built, command by command."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    Address,
    File,
    Link,
    Namespace,
    Request,
    Route,
    Sysctl,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.sysctl_names import link_of
from ansible_collections.netns.lab.tests.kernel import snapshot, ten_nodes
from ansible_collections.netns.lab.tests.random_wants import examples, wants

ONE_QUEUE = "numtxqueues 1 numrxqueues 1"
LABS = Path(__file__).resolve().parents[2] / "playbooks" / "labs"


def commands(want: Want) -> t.Iterator[str]:
    """What a careful person would type, phase by phase."""

    def of(kind: type) -> list[tuple[str, list[t.Any], t.Any]]:
        return [(key[1], list(key[2:]), record) for key, record in want.items() if isinstance(record, kind)]

    def settings(of_links: bool) -> t.Iterator[str]:
        for ns, (name,), record in of(Sysctl):
            if (link_of(name) is not None) is of_links:
                yield f"ip netns exec {ns} sh -c 'echo {record.value} > /proc/sys/{name}'"

    for ns, _rest, _record in of(Namespace):
        yield f"ip netns add {ns}"
        if want.get(("link", ns, "lo")) is not None and want["link", ns, "lo"].up:  # type: ignore[union-attr]
            yield f"ip -n {ns} link set dev lo up"
    yield from settings(of_links=False)
    links: list[tuple[str, str, Link]] = [(ns, rest[0], record) for ns, rest, record in of(Link)]
    links.sort(key=lambda link: link[2].kind == "bridge")  # their MTU after that of their ports
    done = set()
    for ns, name, link in links:
        if link.peer and (ns, name) not in done:
            far = f"peer name {link.peer[1]} {ONE_QUEUE} netns {link.peer[0]}"
            yield f"ip -n {ns} link add name {name} {ONE_QUEUE} type veth {far}"
            done.add(link.peer)
        elif link.kind in ("bridge", "vxlan") and not link.lower:
            yield f"ip -n {ns} link add name {name} type {link.kind} {options(link)}"
    alone = [one for one in links if not one[2].lower]
    yield from (f"ip -n {ns} link set dev {name} address {link.mac}" for ns, name, link in alone if link.mac)
    yield from (f"ip -n {ns} link set dev {name} master {link.master}" for ns, name, link in alone if link.master)
    yield from (f"ip -n {ns} link set dev {name} mtu {link.mtu}" for ns, name, link in alone if link.mtu)
    for ns, name, link in links:
        if link.lower:  # made where the lower one is, the only place where ip finds it
            first, last = ("", f"dev {link.lower[1]}") if link.kind == "vxlan" else (f"link {link.lower[1]}", "")
            mtu, mac = f"mtu {link.mtu}" if link.mtu else "", f"address {link.mac}" if link.mac else ""
            what = f"{mtu} {mac} netns {ns} type {link.kind} {options(link)} {last}"
            yield f"ip -n {link.lower[0]} link add {first} name {name} {what}"
            yield f"ip -n {ns} link set dev {name} {f'master {link.master}' if link.master else 'nomaster'}"
    for ns, name, link in links:  # again, for those that got a port meanwhile
        if link.kind == "bridge" and link.mtu:
            yield f"ip -n {ns} link set dev {name} mtu {link.mtu}"
    yield from settings(of_links=True)
    yield from (f"ip -n {ns} link set dev {name} up" for ns, name, link in links if link.up)
    for ns, (name, address), record in of(Address):
        text = address if record.prefix is None else f"{address}/{record.prefix}"
        broadcast = "brd +" if record.prefix is None and int(text.split("/")[1]) <= 30 else ""
        yield f"ip -n {ns} address add {text} {broadcast} dev {name}"
    for by_gateway in (False, True):
        for ns, place, record in of(Route):
            if any(hop.via for hop in record.hops or ()) is by_gateway:
                yield f"ip -n {ns} route add {route(place, record)}"
    for ns, (name,), record in of(File):
        yield f"mkdir -p /etc/netns/{ns}; printf %s '{record.content}' > /etc/netns/{ns}/{name}"


def options(link: Link) -> str:
    given_ = dict(link.options or ())
    if link.kind == "bridge":
        names = {"stp": "stp_state", "ageing_time": "ageing_time", "priority": "priority"}
        factors = {"stp": 1, "ageing_time": 100, "priority": 1}
        return " ".join(f"{names[name]} {int(value) * factors[name]}" for name, value in given_.items())
    if link.kind == "vxlan":
        learning = "learning" if given_.pop("learning", True) else "nolearning"
        return " ".join([f"{name} {value}" for name, value in given_.items()]) + f" {learning}"
    return " ".join(f"{name} {value}" for name, value in given_.items())


def route(place: t.Sequence[t.Any], record: Route) -> str:
    table, target, _tos, metric = place
    words = [record.type if record.type not in (None, "unicast") else "", target, "proto static", f"table {table}"]
    words += [f"metric {metric}"] if metric else []
    words += [f"src {record.source}"] if record.source else []
    words += [f"mtu {record.mtu}"] if record.mtu else []
    for hop in record.hops or ():
        words += ["nexthop"] if len(record.hops or ()) > 1 else []
        words += [f"via {hop.via}" if hop.via else "", f"dev {hop.dev}" if hop.dev else ""]
        words += [f"weight {hop.weight}"] if len(record.hops or ()) > 1 else []
    return " ".join(words) + (" onlink" if record.onlink else "")


def comparable(found: dict[t.Any, t.Any]) -> dict[t.Any, t.Any]:
    """Without the marks of a lab and its entry in the registry."""
    for shown in found.values():
        for one in shown if isinstance(shown, list) else ():
            one.pop("ifalias", None)
            one.pop("altnames", None)
    return {key: shown for key, shown in found.items() if "netns-lab" not in key[0]}


def compare(cold_machine, request: Request) -> None:
    with cold_machine():
        converge(request, check=False)
        ours = comparable(snapshot.machine(mac=False))
    with cold_machine():
        script = "\n".join(commands(request.want))
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        theirs = comparable(snapshot.machine(mac=False))
    assert snapshot.differences(theirs, ours) == []


@pytest.mark.parametrize("name", sorted(file.stem for file in LABS.glob("*.yml")))
def test_a_lab_that_ships(cold_machine, name):
    request = topology.load(yaml.safe_load((LABS / f"{name}.yml").read_text())).request()
    request.want = {key: record for key, record in request.want.items() if key[0] != "container"}  # `ip` makes none
    compare(cold_machine, request)


def test_a_lab_of_every_sort(cold_machine):
    compare(cold_machine, ten_nodes.lab())


@examples(12)
@given(wants(owner="lab"))
def test_any_lab(cold_machine, want):
    compare(cold_machine, Request(want, lab="lab"))


def test_the_weight_of_a_single_hop_means_nothing():
    """The kernel doesn't keep it, so nothing may wait for it to stand."""
    ends = [{"node": "a", "name": "e", "addresses": ["10.1.0.2/24"]}, {"node": "b", "name": "e"}]
    route = {"to": "10.5.0.0/16", "hops": [{"via": "10.1.0.1", "weight": 3}]}
    lab = {"name": "single", "nodes": {"a": {"routes": [route]}, "b": {}}, "links": [ends]}
    assert converge(topology.load(lab).request(), check=False).changed
    assert not converge(topology.load(lab).request(), check=False).changed

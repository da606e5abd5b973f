# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs read back: what stands as a lab file, what differs from what was asked for, and in which state the lab is."""

from __future__ import annotations

import copy
import fcntl
import json
import os
import shutil
import signal
import typing as t
from pathlib import Path

import pytest
import yaml
from hypothesis import given

from ansible_collections.netns.lab.plugins.module_utils._engine import lab_information, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import REGISTRY
from ansible_collections.netns.lab.tests.kernel import snapshot, ten_nodes
from ansible_collections.netns.lab.tests.kernel.engine import words
from ansible_collections.netns.lab.tests.random_labs import lab_files
from ansible_collections.netns.lab.tests.random_wants import examples

SHIPPED = sorted(Path(__file__).resolve().parents[2].glob("playbooks/labs/*.yml"))
LAB: dict[str, t.Any] = {
    "name": "office",
    "groups": {"desks": {"routes": [{"to": "default", "via": "10.1.0.1"}]}},
    "nodes": {
        "gw": {"kind": "router"},
        "lan": {"kind": "switch"},
        "pc1": {"groups": ["desks"], "sysctls": {"net.ipv4.conf.eth0.proxy_arp": 1}},
        "pc2": {"groups": ["desks"], "etc": {"hosts": "10.1.0.1 gw\n"}},
    },
    "links": [
        [{"node": "gw", "name": "lan", "addresses": ["10.1.0.1/24", "fd01::1/64"]}, "lan"],
        [{"node": "pc1", "name": "eth0", "addresses": ["10.1.0.11/24"], "mac": "02:00:00:00:00:11"}, "lan"],
        {"endpoints": [{"node": "pc2", "name": "eth0", "addresses": ["10.1.0.12/24"]}, "lan"], "mtu": 1400},
    ],
}


def _gone(pc: str) -> str:
    """The shell's words for a PC's namespace to go, and for the wait until the kernel has taken its links along."""
    return (
        f"ip netns del {pc}; timeout 20 sh -c 'while ip -n lan link show dev {pc}-eth0 2>&1; do sleep 0.01; done' >&2"
    )


def build(lab: dict[str, t.Any], **options: t.Any) -> t.Any:
    return converge(topology.load(copy.deepcopy(lab)).request(**options), check=False)


def look(name: str = "office") -> dict[str, t.Any]:
    """The one lab of that name, by way of JSON, as a task gets it."""
    (found,) = lab_information.gather(name, None, asked=True)
    return json.loads(json.dumps(found))


def texts(seen: dict[str, t.Any]) -> list[str]:
    assert seen["drift_total"] == len(seen["drift"])
    return [one["text"] for one in seen["drift"]]


def unchanged(lab: dict[str, t.Any], *, exact: bool = True) -> list[str]:
    """The steps that a lab file would take now."""
    return words(converge(topology.load(copy.deepcopy(lab)).request(exact=exact), check=True))


def forget() -> None:
    shutil.rmtree(REGISTRY)


# -- read back


def read_back_and_given_again(lab: dict[str, t.Any]) -> None:
    """Read back with the registry and without, and given again each time: nothing changes, and no drift is seen."""
    build(lab)
    name = topology.load(copy.deepcopy(lab)).id
    seen = look(name)
    assert seen["state"] == "complete"
    assert texts(seen) == []
    assert seen["asked"] == lab
    assert unchanged(seen["topology"]) == []
    assert list(seen["topology"]["nodes"]) == list(lab["nodes"])
    build(seen["topology"], exact=True)
    assert unchanged(lab) == []
    assert look(name)["topology"] == seen["topology"]
    forget()
    lost = look(name)
    assert not lost["recorded"]
    assert unchanged(lost["topology"]) == []
    assert len(lost["topology"]["links"]) == len(seen["topology"]["links"])
    build(lost["topology"], exact=True)
    assert unchanged(lab) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_lab_read_back_and_given_again_changes_nothing(path):
    lab = yaml.safe_load(path.read_text())
    if any((node or {}).get("kind") == "container" for node in lab["nodes"].values()):
        pytest.skip("test_lab_containers.py has the labs with containers")
    read_back_and_given_again(lab)


@examples(10)
@given(lab_files())
def test_any_lab_read_back_and_given_again_changes_nothing(cold_machine, lab):
    with cold_machine():
        read_back_and_given_again(lab)


def test_a_lab_whose_author_uses_groups_and_names_of_their_own_reads_alike():
    build(LAB)
    found = look()["topology"]
    assert found["nodes"] == {
        "gw": {"kind": "router"},
        "lan": {"kind": "switch"},
        "pc1": {
            "groups": ["desks"],
            "sysctls": {"net.ipv4.conf.eth0.proxy_arp": 1},
            "routes": [{"to": "default", "via": "10.1.0.1", "dev": "eth0"}],
        },
        "pc2": {
            "groups": ["desks"],
            "etc": {"hosts": "10.1.0.1 gw\n"},
            "routes": [{"to": "default", "via": "10.1.0.1", "dev": "eth0"}],
        },
    }
    assert found["groups"] == {"desks": {}}
    assert found["links"] == LAB["links"]


# -- drift

CHANGES: dict[str, tuple[str, list[str]]] = {
    "an MTU": ("ip -n pc1 link set eth0 mtu 1300", ["pc1: link eth0 has the MTU 1300, asked was 1500"]),
    "a MAC address": (
        "ip -n pc1 link set eth0 address 02:00:00:00:00:99",
        ["pc1: link eth0 has the MAC address 02:00:00:00:00:99, asked was 02:00:00:00:00:11"],
    ),
    "a link that is down": ("ip -n lan link set pc1-eth0 down", ["lan: link pc1-eth0 is down"]),
    "a link that is gone": (
        "ip -n gw link del lan",
        ["gw: link lan (to lan:gw-lan) is missing"],
    ),
    "a port": ("ip -n lan link set pc1-eth0 nomaster", ["lan: link pc1-eth0 has no bridge, asked was br0"]),
    "STP": ("ip -n lan link set br0 type bridge stp_state 1", ["lan: link br0 has stp on, asked was off"]),
    "an address": (
        "ip -n pc1 address add 10.1.0.99/24 dev eth0; ip -n pc1 address del 10.1.0.11/24 dev eth0",
        ["pc1: address 10.1.0.11/24 on eth0 is missing", "pc1: address 10.1.0.99/24 on eth0 was added"],
    ),
    "more addresses": (
        "ip -n gw address add 10.7.0.1/24 dev lan; ip -n gw address add 10.1.0.2/24 dev lan",
        ["gw: address 10.7.0.1/24 on lan was added", "gw: address 10.1.0.2/24 on lan was added"],
    ),
    "a prefix length": (
        "ip -n gw address del fd01::1/64 dev lan; ip -n gw address add fd01::1/96 dev lan nodad",
        ["gw: address fd01::1/96 on lan, asked was fd01::1/64"],
    ),
    "a route": (
        "ip -n pc1 route replace default via 10.1.0.12; ip -n pc1 route add 192.0.2.0/24 via 10.1.0.1",
        [
            "pc1: the route is default via 10.1.0.12 dev eth0, asked was default via 10.1.0.1 dev eth0",
            "pc1: route 192.0.2.0/24 via 10.1.0.1 dev eth0 was added",
        ],
    ),
    "a sysctl": (
        "ip netns exec gw sysctl -qw net.ipv4.ip_forward=0",
        ["gw: net.ipv4.ip_forward is 0, asked was 1"],
    ),
    "a file": ("echo x >/etc/netns/pc2/hosts", ["pc2: file hosts has another content"]),
    "a file that is gone": ("rm -r /etc/netns/pc2", ["pc2: file hosts is missing"]),
    "a link that was added": (
        "ip -n pc1 link add eth9 up type veth peer eth8 netns pc2; ip -n pc2 link set eth8 up",
        [
            "pc1: link eth9 was added, with its other end at pc2:eth8",
            "pc2: link eth8 was added, with its other end at pc1:eth9",
        ],
    ),
    "a cable to elsewhere": (
        "ip netns add other; ip -n pc1 link add eth9 type veth peer eth8 netns other",
        ["pc1: link eth9 was added, with its other end at other:eth8"],
    ),
    "an address of the loopback": (
        "ip -n pc1 address add 10.255.0.1/32 dev lo",
        ["pc1: address 10.255.0.1/32 on lo was added"],
    ),
    "a namespace that is gone": (
        _gone("pc1"),
        ["namespace pc1 is missing", "lan: link pc1-eth0 (to pc1:eth0) is missing"],
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_somebody_changed_is_told_and_a_reset_undoes_it(what):
    script, told = CHANGES[what]
    build(LAB)
    os.system(script)
    seen = look()
    assert texts(seen) == told
    assert unchanged(LAB) != []
    assert seen["state"] == ("broken" if "namespace" in what else "complete")
    # What stands now is a lab file too, whatever in it can't be said by one.
    topology.load(copy.deepcopy(seen["topology"]))
    build(LAB, exact=True)
    assert texts(look()) == []
    assert unchanged(LAB) == []


SAYABLE = sorted(set(CHANGES) - {"a link that is down", "a port", "a cable to elsewhere", "an address of the loopback"})


@pytest.mark.parametrize("what", SAYABLE)
def test_what_a_lab_file_can_say_stands_in_what_is_read_back(what):
    build(LAB)
    os.system(CHANGES[what][0])
    assert unchanged(look()["topology"]) == []


def test_the_order_of_addresses_counts():
    lab = copy.deepcopy(LAB)
    lab["links"][0][0]["addresses"] = ["10.1.0.1/24", "10.1.0.2/24"]
    build(lab)
    os.system("ip -n gw address del 10.1.0.1/24 dev lan; ip -n gw address add 10.1.0.1/24 dev lan")
    (text,) = texts(look())
    assert text.startswith("gw: it would take this to put it right: ")


def test_derived_state_and_routes_of_daemons_are_no_drift():
    build(LAB)
    os.system(
        "ip -n pc1 route add 192.0.2.0/24 via 10.1.0.1 proto bird;"
        "ip -n pc1 route add 192.0.3.0/24 via 10.1.0.1 proto ospf"
    )
    seen = look()
    assert texts(seen) == []
    assert [route["to"] for route in seen["topology"]["nodes"]["pc1"]["routes"]] == ["default"]


def test_a_lab_that_is_quite_another_by_now_has_at_most_a_hundred_differences(run_module):
    lab = {"name": "many", "nodes": {f"n{number}": {} for number in range(120)}}
    build(lab)
    for number in range(120):
        os.system(f"ip -n n{number} link set lo down")
    (seen,) = run_module("topology_info", name="many")["labs"]
    assert len(seen["drift"]) == 100
    assert seen["drift_total"] == 120
    assert seen["topology"]["nodes"]["n5"] == {"loopback": False}


# -- states


def test_a_lab_of_which_a_run_was_killed_is_incomplete_until_the_next_one():
    child = os.fork()
    if not child:
        Fault.at, Fault.kill = 9, True
        build(LAB)
        os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    seen = look()
    assert seen["state"] == "incomplete"
    assert seen["run"] == ""
    assert seen["drift_total"] > 0
    build(LAB)
    assert look()["state"] == "complete"


def test_a_change_that_was_killed_shows_what_it_left_of_the_lab_before():
    converge(ten_nodes.lab(), check=False)
    asked = ten_nodes.changed()
    steps = converge(asked, check=True).plan.steps
    child = os.fork()
    if not child:
        Fault.at, Fault.kill = len(steps) - 1, True
        converge(asked, check=False)
        os._exit(0)
    os.waitpid(child, 0)
    seen = look("ten")
    assert seen["state"] == "incomplete"
    assert [one["text"] for one in seen["drift"] if one["object"] == "namespace"] == [
        "namespace h3 belongs to the lab, and its lab file doesn't name it"
    ]
    assert "h3" in seen["topology"]["nodes"]


def test_a_lab_from_before_a_reboot_is_gone():
    build(LAB)
    entry = Path(REGISTRY, "office.json")
    raw = json.loads(entry.read_text())
    entry.write_text(json.dumps({**raw, "boot": "another"}))
    for ns in LAB["nodes"]:
        os.system(f"ip netns del {ns}")
    os.system("ip netns add gw")  # somebody else's by now
    seen = look()
    assert (seen["state"], seen["this_boot"]) == ("gone", False)
    assert seen["topology"]["nodes"] == {}
    assert seen["asked"] == LAB


def test_a_lab_with_a_dead_file_in_the_place_of_a_namespace_is_broken():
    build(LAB)
    os.system(f"{_gone('pc1')}; touch /run/netns/pc1")
    seen = look()
    assert seen["state"] == "broken"
    assert "namespace pc1 is broken: no namespace is mounted on its file" in texts(seen)


def test_a_namespace_that_somebody_made_anew_is_told():
    build(LAB)
    os.system(f"{_gone('pc1')}; ip netns add pc1")
    assert "namespace pc1 doesn't carry the mark of the lab, so somebody made it anew" in texts(look())


@pytest.mark.parametrize("text", ["", '{"version": 1, "la', '{"version": 99}', "[]"])
def test_a_lab_whose_entry_cannot_be_read_is_shown_as_it_stands(text):
    lab = copy.deepcopy(LAB)
    lab["nodes"]["lan"]["stp"] = True
    build(lab)
    before = look()
    Path(REGISTRY, "office.json").write_text(text)
    seen = look()
    assert seen["state"] == "complete"
    assert not seen["recorded"]
    assert seen["asked"] is None
    assert sorted(seen["topology"]["nodes"]) == sorted(before["topology"]["nodes"])
    assert seen["topology"]["nodes"]["lan"]["stp"]
    assert unchanged(seen["topology"], exact=False) == []


def test_while_a_run_is_at_the_lab_it_says_so(start_module):
    build(LAB)
    os.makedirs("/run/netns-lab", exist_ok=True)
    with open("/run/netns-lab/office.lock", "w", encoding="utf-8") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert look()["run"].startswith(f"process {os.getpid()}: ")
    assert look()["run"] == ""


# -- the module


def test_labs_are_found_by_name_and_prefix(run_module):
    for name, prefix in (("one", ""), ("two", ""), ("two", "b-")):
        assert not run_module("topology", name=name, prefix=prefix, nodes={f"{name}-n": {}}).get("failed")
    os.system("ip netns add foreign")

    def ids(**options: t.Any) -> list[str]:
        answer = run_module("topology_info", check=True, **options)
        assert not answer["changed"]
        return [lab["id"] for lab in answer["labs"]]

    assert ids() == ["one", "two", "two@b-"]
    assert ids(name="two") == ["two"]
    assert ids(name="two", prefix="b-") == ids(name="two@b-") == ids(prefix="b-") == ["two@b-"]
    assert ids(name="three") == []


def test_what_no_lab_can_be_called_is_refused(run_module):
    answer = run_module("topology_info", name="../x")
    assert answer["failed"]
    assert answer["msg"].startswith("name: '../x': a lab name has")


def test_what_only_looks_like_a_lab_is_none(run_module):
    assert run_module("topology", name="one", nodes={"one-n": {}})["changed"]
    Path(REGISTRY, "No Lab.json").write_text("{}")
    Path(REGISTRY, "notes.txt").write_text("")
    os.system("ip netns add foreign; ip -n foreign link set lo alias 'netns-lab:No Lab'")
    os.system("ip netns add 'x:y'; ip -n 'x:y' link set lo alias netns-lab:one")
    (seen,) = run_module("topology_info")["labs"]
    assert list(seen["topology"]["nodes"]) == ["one-n"]
    assert texts(seen) == ["namespace x:y belongs to the lab, and its lab file doesn't name it"]


def test_looking_touches_nothing(run_module):
    build(LAB)
    os.system(f"ip -n pc1 link set eth0 down; {_gone('pc2')}")
    before = snapshot.machine(index=True)
    assert run_module("topology_info", asked=True, check=True) == run_module("topology_info", asked=True)
    assert snapshot.differences(before, snapshot.machine(index=True)) == []
    forget()
    before = snapshot.machine(index=True)
    assert run_module("topology_info")["labs"][0]["recorded"] is False
    assert snapshot.differences(before, snapshot.machine(index=True)) == []


def test_where_there_was_never_a_lab_there_is_none(run_module):
    before = snapshot.machine()
    assert run_module("topology_info")["labs"] == []
    assert snapshot.differences(before, snapshot.machine()) == []

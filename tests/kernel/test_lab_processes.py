# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`processes:` of a lab's nodes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.programs import alive, run_in, soon, traces

SERVE = "import http.server; http.server.test(http.server.SimpleHTTPRequestHandler, port=80)"
LAB: dict[str, t.Any] = {
    "name": "shop",
    "nodes": {
        "web": {
            "processes": [
                {"name": "http", "argv": ["python3", "-c", SERVE], "chdir": "/usr/share", "ready": {"tcp": 80}},
                {"name": "idle", "argv": ["sleep", 600]},
            ]
        },
        "pc": {"processes": [{"name": "ping", "argv": ["ping", "-i", "0.2", "10.0.0.1"]}]},
    },
    "links": [
        [
            {"node": "web", "name": "eth0", "addresses": ["10.0.0.1/24"]},
            {"node": "pc", "name": "eth0", "addresses": ["10.0.0.2/24"]},
        ]
    ],
}
START = ["start process http of web", "start process idle of web", "start process ping of pc"]

KILLED_AT = """
import json, sys
sys.path.insert(0, sys.argv[3])
from ansible_collections.netns.lab.plugins.module_utils._engine import apply, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
apply.Fault.at, apply.Fault.kill = int(sys.argv[2]), True
converge(topology.load(json.loads(sys.argv[1])).request(), check=False)
"""
COLLECTIONS = Path(__file__).resolve().parents[2] / ".collections"


def with_node(name: str, **settings: t.Any) -> dict[str, t.Any]:
    """The lab, with something else said of one node."""
    return {**LAB, "nodes": {**LAB["nodes"], name: settings}}


def words(*commands: str) -> set[str]:
    return set(commands)


@pytest.fixture(autouse=True)
def nothing_stays(lonely):
    yield
    converge(Request({}, lab="shop", force=True), check=False)
    assert traces() == []
    assert not os.path.exists("/var/lib/netns-lab")


def up(run_module, lab=None, **options):
    done = run_module("topology", **(lab or LAB), **options)
    assert "failed" not in done, done["msg"]
    return done


def down(run_module):
    return run_module("topology", name="shop", state="absent")


def test_programs_run_when_the_network_is_there_and_end_with_the_lab(run_module):
    foreseen = up(run_module, check=True, diff=True)
    assert traces() == []
    built = up(run_module, diff=True)
    assert built["steps"] == foreseen["steps"]
    assert built["diff"] == foreseen["diff"]
    assert built["steps"][-3:] == START
    assert not up(run_module)["changed"]
    fetched = subprocess.run(
        ["ip", "netns", "exec", "pc", "python3", "-c", "import urllib.request as u; print(u.urlopen('http://10.0.0.1/').status)"],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert fetched.stdout.strip() == "200", fetched.stderr
    assert soon(lambda: "bytes from 10.0.0.1" in Path("/var/log/netns-lab/pc/ping.log").read_text())
    foreseen = run_module("topology", name="shop", state="absent", check=True)
    gone = down(run_module)
    assert gone["steps"] == foreseen["steps"]
    assert {"stop process http of web", "stop process idle of web", "stop process ping of pc"} < set(gone["steps"])
    assert not any(step.startswith("end ") for step in gone["steps"])
    assert traces() == []


def test_what_the_lab_says_of_its_programs_can_be_read_in_again(run_module):
    built = up(run_module)
    told = {name: node["processes"] for name, node in built["topology"]["nodes"].items()}
    assert told == {
        "web": [
            {"name": "http", "argv": ["python3", "-c", SERVE], "chdir": "/usr/share", "ready": {"tcp": 80}},
            {"name": "idle", "argv": ["sleep", "600"]},
        ],
        "pc": LAB["nodes"]["pc"]["processes"],
    }
    again = {**LAB, "nodes": {name: {"processes": processes} for name, processes in told.items()}}
    assert not up(run_module, again)["changed"]


def test_what_has_ended_is_started_again_and_what_was_changed_restarted_alone(run_module):
    up(run_module)
    before = {command: pid for node in ("web", "pc") for pid, command in run_in(node).items()}
    os.kill(before["sleep 600"], 9)
    assert soon(lambda: "sleep 600" not in run_in("web").values())
    changed = with_node("pc", processes=[{"name": "ping", "argv": ["ping", "-i", "0.3", "10.0.0.1"]}])
    done = up(run_module, changed)
    assert done["steps"] == [
        "start process idle of web (it had ended)",
        "restart process ping of pc (another command)",
    ]
    after = {command: pid for node in ("web", "pc") for pid, command in run_in(node).items()}
    assert "ping -i 0.2 10.0.0.1" not in after
    assert [pid for command, pid in before.items() if "http" in command] == [
        pid for command, pid in after.items() if "http" in command
    ]


def test_one_that_the_file_no_longer_names_is_stopped(run_module):
    up(run_module)
    done = up(run_module, with_node("pc"))
    assert done["steps"] == ["stop process ping of pc"]
    assert run_in("pc") == {}
    assert not os.path.exists("/var/log/netns-lab/pc")


def test_one_that_doesnt_start_has_everything_put_back(run_module):
    empty = snapshot.machine()
    failed = run_module(
        "topology", **with_node("pc", processes=[{"name": "p", "argv": ["sh", "-c", "echo no; exit 7"]}])
    )
    assert "start process p of pc: sh ended with return code 7: no" in failed["msg"]
    assert "put back" in failed["msg"]
    assert snapshot.differences(empty, snapshot.machine()) == []
    assert traces() == []


def test_a_change_that_fails_leaves_the_programs_as_they_were(run_module):
    up(run_module)
    bad = with_node("pc", processes=[{"name": "ping", "argv": ["ping", "-i", "0.3", "10.0.0.1"]}])
    bad["nodes"]["web"] = {"processes": [{"name": "http", "argv": ["sh", "-c", "exit 7"]}]}
    failed = run_module("topology", **bad)
    assert "put back" in failed["msg"]
    assert "ping -i 0.2 10.0.0.1" in run_in("pc").values()
    assert words("sleep 600") < words(*run_in("web").values())
    assert not up(run_module)["changed"]


def test_without_rollback_the_log_stays_to_be_read(run_module):
    lab = with_node("pc", processes=[{"name": "p", "argv": ["sh", "-c", "echo no; exit 7"]}])
    failed = run_module("topology", **lab, rollback=False)
    assert "left standing" in failed["msg"]
    assert Path("/var/log/netns-lab/pc/p.log").read_text() == "no\n"
    assert "ended with return code 7" in run_module("topology", **lab, rollback=False)["msg"]


@pytest.mark.parametrize("then", ["present", "absent"])
def test_a_build_killed_at_any_of_its_programs(then):
    empty = snapshot.machine()
    steps = converge(topology.load(LAB).request(), check=True).plan.steps
    for at in range(len(steps) - 3, len(steps)):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_AT, json.dumps(LAB), str(at), str(COLLECTIONS)], timeout=60, check=False
        )
        assert killed.returncode == -9
        if then == "present":
            converge(topology.load(LAB).request(), check=False)
            assert not converge(topology.load(LAB).request(), check=True).plan
        converge(Request({}, lab="shop"), check=False)
        assert traces() == []
        assert snapshot.differences(empty, snapshot.machine()) == []


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_removal_killed_at_any_of_its_programs_is_completed_by_the_next(at, monkeypatch):
    converge(topology.load(LAB).request(), check=False)
    child = os.fork()
    if not child:
        Fault.at, Fault.kill = at, True
        converge(Request({}, lab="shop"), check=False)
        os._exit(0)
    os.waitpid(child, 0)
    converge(Request({}, lab="shop"), check=False)
    assert traces() == []


def test_after_a_boot_only_logs_are_left_and_go_with_the_lab(run_module, ip):
    up(run_module)
    for node in LAB["nodes"]:
        for pid in run_in(node):
            os.kill(pid, 9)
        ip("netns", "delete", node)
    assert soon(_groups_removed)
    shutil.rmtree("/run/netns-lab")
    entry = Path("/var/lib/netns-lab/shop.json")
    entry.write_text(json.dumps({**json.loads(entry.read_text()), "boot": "another"}))
    gone = down(run_module)
    assert "failed" not in gone, gone
    assert sorted(gone["steps"]) == [f"forget process {one}" for one in ("http of web", "idle of web", "ping of pc")]
    assert traces() == []


def _groups_removed() -> bool:
    from ansible_collections.netns.lab.tests.kernel.programs import groups

    for group in groups():
        try:
            os.rmdir(group)
        except OSError:
            return False
    return True


# -- whose they are


def test_a_labs_program_is_left_to_the_lab_and_others_may_run_beside_it(run_module):
    up(run_module)
    refused = run_module("process", name="ping", netns="pc", state="stopped")
    assert "process ping of pc belongs to the lab shop" in refused["msg"]
    own = run_module("process", name="own", netns="pc", argv=["sleep", "620"])
    assert "failed" not in own, own
    assert not up(run_module)["changed"]
    forced = run_module("process", name="ping", netns="pc", state="stopped", force=True)
    assert forced["steps"] == ["stop process ping of pc"]
    assert up(run_module)["steps"] == ["start process ping of pc"]
    reset = up(run_module, exact=True)
    assert reset["steps"] == ["stop process own of pc"]
    assert not alive(own["process"]["pid"])
    own = run_module("process", name="own", netns="pc", argv=["sleep", "620"])
    assert "stop process own of pc" in down(run_module)["steps"]


def test_a_lab_takes_over_a_running_program_only_if_it_is_told_to(run_module):
    up(run_module, with_node("pc"))
    own = run_module("process", name="ping", netns="pc", argv=["ping", "-i", "0.2", "10.0.0.1"])
    refused = run_module("topology", **LAB)
    assert "process ping of pc runs already, and no lab started it" in refused["msg"]
    assert up(run_module, adopt=True)["steps"] == ["hand process ping of pc over to lab shop"]
    assert alive(own["process"]["pid"])
    assert not up(run_module)["changed"]


# -- many


def test_a_hundred_programs_in_a_hundred_nodes_take_seconds():
    lab = topology.load(
        {"name": "shop", "defaults": {"node": {"processes": [{"name": "p", "argv": ["sleep", "621"]}]}},
         "nodes": {f"n{number}": None for number in range(100)}}
    )  # fmt: skip
    begun = time.monotonic()
    converge(lab.request(), check=False)
    built = time.monotonic()
    assert not converge(lab.request(), check=False).plan
    again = time.monotonic()
    converge(Request({}, lab="shop"), check=False)
    ended = time.monotonic()
    print(f"100 programs: started {built - begun:.2f} s, found {again - built:.2f} s, ended {ended - again:.2f} s")
    assert built - begun < 60, "one after the other; side by side it takes two seconds, on a busy machine ten"
    assert again - built < 20

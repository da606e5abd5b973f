# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said of a program that is kept running, in a lab file and by the module `process`."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import described, objects_process, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.lab import Lab
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Namespace, Program, Ready
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

WEB = {"name": "web", "argv": ["httpd", "-p", 80]}
FULL = {
    **WEB,
    "ready": {"tcp": 80, "command": ["curl", "http://10.0.0.1/"], "timeout": 3.5},
    "log": "/srv/web.log",
    "environment": {"B": 2, "A": "one"},
    "chdir": "/srv",
    "user": "www-data",
    "kill_timeout": 0,
}


def lab(*processes: t.Any, **keys: t.Any) -> dict[str, t.Any]:
    return {"name": "lab", "nodes": {"red": {"processes": list(processes)}}, **keys}


def program(loaded: Lab, ns: str = "red", name: str = "web") -> Program:
    found = loaded.want["process", ns, name]
    assert isinstance(found, Program)
    return found


def problems_of(definition: object) -> list[str]:
    with pytest.raises(LabError) as caught:
        topology.load(definition)
    return list(caught.value.problems)


def test_what_isnt_said_is_as_usual():
    assert program(topology.load(lab(WEB, prefix="b-")), "b-red") == Program(
        "running",
        argv=("httpd", "-p", "80"),
        environment=(),
        chdir="/",
        user="",
        log="/var/log/netns-lab/b-red/web.log",
        owner="lab@b-",
        kill_timeout=5.0,
    )


def test_what_is_said():
    found = program(topology.load(lab(FULL)))
    assert found == Program(
        "running",
        argv=("httpd", "-p", "80"),
        environment=(("A", "one"), ("B", "2")),
        chdir="/srv",
        user="www-data",
        log="/srv/web.log",
        owner="lab",
        kill_timeout=0.0,
    )
    assert found.ready == Ready(tcp=80, command=("curl", "http://10.0.0.1/"), timeout=3.5)


def test_root_is_the_usual_user():
    assert program(topology.load(lab({**WEB, "user": "root"}))).user == ""


@pytest.mark.parametrize("process", [WEB, FULL])
def test_it_is_described_in_the_words_of_the_lab_file(process):
    loaded = topology.load(lab(process))
    state = State()
    state.put(("namespace", "red"), Namespace(owner="lab", nsid=-1, broken=False))
    state.put(("process", "red", "web"), program(loaded))
    (told,) = described.describe(loaded, state)["nodes"]["red"]["processes"]
    assert set(told) == set(process)
    assert program(topology.load(lab(told))) == program(loaded)
    assert program(topology.load(lab(told))).ready == program(loaded).ready


def test_groups_and_defaults_give_processes_too():
    loaded = topology.load(
        {
            "name": "lab",
            "nodes": {"red": {"groups": ["servers"]}, "blue": None},
            "groups": {"servers": {"processes": [WEB]}},
            "defaults": {"node": {"processes": [{"name": "idle", "argv": ["sleep", "9"]}]}},
        }
    )
    assert [key for key in loaded.want if key[0] == "process"] == [
        ("process", "red", "web"),
        ("process", "blue", "idle"),
    ]


@pytest.mark.parametrize(
    ("processes", "problem"),
    [
        ([{"argv": ["a"]}], "nodes.red.processes[0]: the key 'name' is missing"),
        ([{"name": "web"}], "nodes.red.processes[0]: the key 'argv' is missing"),
        ([{**WEB, "argv": "httpd -p 80"}], "nodes.red.processes[0].argv: 'httpd -p 80': expected a command, a list"),
        ([{**WEB, "argv": []}], "nodes.red.processes[0].argv: 0 items: expected a command"),
        ([{**WEB, "argv": ["a", True]}], "nodes.red.processes[0].argv[1]: true: expected a word"),
        ([{**WEB, "argv": ["a", "b\0"]}], "nodes.red.processes[0].argv[1]: 'b\\x00': a word of a command can't hold"),
        ([{**WEB, "name": "a b"}], "nodes.red.processes[0].name: 'a b': a process's name has up to 63 letters"),
        ([{**WEB, "name": "../a"}], "nodes.red.processes[0].name: '../a': a process's name"),
        ([WEB, WEB], "nodes.red.processes[1].name: 'web': stands in the list twice"),
        ([{**WEB, "ready": {"tcp": 70000}}], "nodes.red.processes[0].ready.tcp: 70000: expected a whole number"),
        (
            [{**WEB, "ready": {"timeout": 3}}],
            "nodes.red.processes[0].ready: nothing is asked: give tcp, udp or command",
        ),
        ([{**WEB, "log": "web.log"}], "nodes.red.processes[0].log: 'web.log': expected an absolute path"),
        ([{**WEB, "chdir": "srv"}], "nodes.red.processes[0].chdir: 'srv': expected an absolute path"),
        ([{**WEB, "user": "-o"}], "nodes.red.processes[0].user: '-o': expected the name of a user"),
        ([{**WEB, "environment": {"a-b": "c"}}], "expected the name of an environment variable"),
        ([{**WEB, "kill_timeout": -1}], "nodes.red.processes[0].kill_timeout: -1: expected a number from 0"),
        ([{**WEB, "command": "x"}], "nodes.red.processes[0].command: this version knows no such key in a process"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(processes, problem):
    (told,) = problems_of(lab(*processes))
    assert problem in told


def test_what_is_wrong_in_a_group_is_told_there_and_once():
    (told,) = problems_of(
        {
            "name": "lab",
            "nodes": {"red": {"groups": ["g"]}, "blue": {"groups": ["g"]}},
            "groups": {"g": {"processes": [{**WEB, "ready": {"timeout": 1}}]}},
        }
    )
    assert told.startswith("groups.g.processes[0].ready: nothing is asked")


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (True, "nodes['r.d'].processes[1].name: 'web': stands in the list twice"),
        (False, "defaults.node.processes[1].name: 'web': stands in the list twice (in node r.d)"),
    ],
)
def test_a_node_is_named_only_where_the_place_does_not_say_which_it_is(own, told):
    twice = {"processes": [WEB, WEB]}
    given = {"name": "lab", "nodes": {"r.d": twice if own else {}}, "defaults": {"node": {} if own else twice}}
    assert problems_of(given) == [told]


def test_a_process_without_a_name_does_not_hide_what_is_wrong_with_the_next():
    nameless, twice = problems_of(lab({"argv": ["a"]}, WEB, WEB))
    assert nameless.startswith("nodes.red.processes[0]: the key 'name' is missing")
    assert twice.startswith("nodes.red.processes[2].name: 'web': stands in the list twice")


def test_a_process_says_where_it_was_asked_for():
    origin = topology.load(lab({"name": "idle", "argv": ["sleep", "9"]}, WEB)).origin
    assert origin["process", "red", "web"] == "nodes.red.processes[1]"


# -- the module


def options(**given: t.Any) -> dict[str, t.Any]:
    return {"name": "web", "netns": "red", "state": "started", "force": False, **given}


def test_the_module_says_the_same_as_a_lab():
    told = {**FULL, "ready": {"udp": None, **FULL["ready"]}}
    (found,) = objects_process.process(options(**told)).want.values()
    assert found == Program(**{**vars(program(topology.load(lab(FULL)))), "owner": None})
    assert found.ready == program(topology.load(lab(FULL))).ready


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_what_shall_not_run_needs_no_command(state):
    (found,) = objects_process.process(options(state=state)).want.values()
    assert found == (Program("stopped") if state == "stopped" else None)


def test_all_that_is_wrong_is_told():
    with pytest.raises(LabError) as caught:
        objects_process.process(options(name="a/b", netns="..", chdir="x", kill_timeout=-1))
    assert [one.partition(":")[0] for one in caught.value.problems] == [
        "netns",
        "name",
        "chdir",
        "kill_timeout",
        "argv",
    ]

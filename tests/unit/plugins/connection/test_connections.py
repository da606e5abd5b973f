# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The connections to nodes, over Ansible's own `local` and `ssh`, with programs that look like ip, LXC, sudo and ssh.

The programs run what they are given, so that whatever has to be quoted goes through as many real shells as it will.
"""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible.utils.plugin_docs import merge_fragment

from ansible_collections.netns.lab.plugins.connection import lxc, netns
from ansible_collections.netns.lab.plugins.doc_fragments.connection import ModuleDocFragment
from ansible_collections.netns.lab.plugins.plugin_utils import control_persist, node_connection

ODD = """汉语 it's "x" $(id) `id` \\ ; & *"""
PROGRAMS = {
    "ip": """
        [ "$1 $2" = "netns exec" ] || exit 99
        echo "ip:$3" >>"$SEEN"
        case $3 in
        gone) echo 'Cannot open network namespace "gone": No such file or directory' >&2; exit 255 ;;
        dead) echo 'setting the network namespace "dead" failed: Invalid argument' >&2; exit 255 ;;
        ours) echo 'setting the network namespace "ours" failed: Operation not permitted' >&2; exit 255 ;;
        odd) echo 'nobody knows' >&2; exit 7 ;;
        killed) exit 137 ;;
        esac
        shift 3
        exec "$@"
    """,
    "lxc-info": """
        echo "lxc-info:$*" >>"$SEEN"
        case $2 in
        gone) echo "gone doesn't exist"; exit 1 ;;
        stopped) echo STOPPED ;;
        frozen) echo FROZEN ;;
        starting) echo STARTING ;;
        *) echo RUNNING ;;
        esac
    """,
    "lxc-attach": """
        echo "lxc-attach:$*" >>"$SEEN"
        while [ "$1" != -- ]; do shift; done
        shift
        exec "$@"
    """,
    "sudo": """
        [ "$1 $2" = "-n -H" ] || exit 99
        shift 2
        echo "sudo:$1" >>"$SEEN"
        [ ! -e "$SEEN.ask" ] || { echo 'sudo: a password is required' >&2; exit 1; }
        exec "$@"
    """,
    "doas": """
        [ "$1" = -n ] || exit 99
        shift
        echo "doas:$1" >>"$SEEN"
        exec "$@"
    """,
    "id": """
        if [ "$1" = -u ]; then echo 1000; else exec /usr/bin/id "$@"; fi
    """,
    "ssh": """
        for word; do
            case $word in
            User=*|Port=*) echo "ssh:$word" >>"$SEEN" ;;
            esac
            last=$word
        done
        [ ! -e "$SEEN.down" ] || { echo 'ssh: connect to host vm port 22: No route to host' >&2; exit 255; }
        exec sh -c "$last"
    """,
}


@pytest.fixture(autouse=True)
def seen(tmp_path, monkeypatch):
    """What the programs have been asked for."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, script in PROGRAMS.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}")
        (tools / name).chmod(0o755)
    path = tmp_path / "seen"
    path.touch()
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("SEEN", str(path))
    monkeypatch.setattr(C, "DEFAULT_LOCAL_TMP", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)  # whoever runs the tests
    get = connection_loader.get
    # Without the importer of collections, ansible.builtin has no name of its own.
    monkeypatch.setattr(
        connection_loader, "get", lambda name, *args, **more: get(name.replace("ansible.builtin.", ""), *args, **more)
    )
    return path


def connection(of: t.Any, name: str = "red", **variables: t.Any) -> t.Any:
    """A connection to the node `name`, as Ansible makes one for a host with these variables."""
    load_name = f"netns.lab.{of.__name__.rsplit('.', 1)[1]}"
    options = yaml.safe_load(of.DOCUMENTATION)["options"]
    merge_fragment(options, yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"])
    C.config.initialize_plugin_configuration_definitions("connection", load_name, options)
    made = of.Connection(PlayContext())
    made._load_name = load_name
    known = {"inventory_hostname": name, **variables}
    made.set_options(task_keys={}, var_options=made._resolve_option_variables(known, Templar(DataLoader(), known)))
    return made


def over_ssh(of: t.Any, name: str = "red", machine: t.Mapping[str, t.Any] | None = None, **variables: t.Any) -> t.Any:
    kind = of.Connection.kind
    known = {"inventory_hostname": "vm", "ansible_host": "192.0.2.1", "ansible_connection": "ssh", **(machine or {})}
    return connection(of, name, **{f"ansible_{kind}_machine": "vm", "hostvars": {"vm": known}, **variables})


def unreachable(made: t.Any, command: str = "true", given: bytes | None = None) -> str:
    with pytest.raises(AnsibleConnectionFailure) as caught:
        made.exec_command(command, in_data=given)
    return str(caught.value)


# --- Commands --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [connection, over_ssh])
@pytest.mark.parametrize("of", [netns, lxc])
def test_a_command_its_input_and_what_it_says_pass_unharmed(of, way):
    made = way(of)
    script = f"cat; printf '%s\\n' {node_connection.shlex.quote(ODD)}; echo bad >&2; exit 255"
    assert made.exec_command(script, in_data=b"\0\xff\n", sudoable=False) == (
        255,
        b"\0\xff\n" + ODD.encode() + b"\n",
        b"bad\n",
    )


@pytest.mark.parametrize("of", [netns, lxc])
def test_the_name_passes_unharmed(of, seen):
    assert connection(of, ODD).exec_command("echo in")[:2] == (0, b"in\n")
    assert ODD in seen.read_text()


@pytest.mark.parametrize("command", ["exit 3", "exec sh -c 'exit 3'", "(exit 3)", "sh -c 'exit 3'"])
def test_a_command_that_fails_is_told_from_one_that_was_never_run(command):
    assert connection(netns).exec_command(command) == (3, b"", b"")


def test_a_command_that_is_no_shell_is_the_commands_failure():
    code, _out, err = connection(netns).exec_command("fi")
    assert code != 0
    assert b"netns.lab" not in err


def test_what_others_write_behind_the_last_word_stays():
    assert node_connection._without_last_word(b"a\nnetns.lab: rc 12\nb") == (12, b"a\nb")
    assert node_connection._without_last_word(b"netns.lab: rc 1\r\r\n") == (1, b"")
    assert node_connection._without_last_word(b"netns.lab: rc 1\nnetns.lab: rc 2\n") == (2, b"netns.lab: rc 1\n")
    assert node_connection._without_last_word(b"netns.lab") == (None, b"netns.lab")


def test_the_home_is_roots(monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere")
    assert connection(netns).exec_command("echo $HOME")[1] != b"/nowhere\n"


def test_the_directory_of_a_container_is_named_to_both_tools(seen):
    connection(lxc, "web", ansible_lxc_path="/srv/my lxc").exec_command("true")
    assert seen.read_text().splitlines() == [
        "lxc-info:-n web -P /srv/my lxc -s -H",
        "lxc-attach:-n web -P /srv/my lxc --clear-env -- /bin/sh -c " + node_connection.INSIDE + " sh true",
    ]


# --- Who is asked ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "host"),
        ({"ansible_host": "address"}, "address"),
        ({"ansible_host": "address", "ansible_netns_name": "name"}, "name"),
    ],
)
def test_the_later_of_the_names_wins(variables, name, seen):
    connection(netns, "host", **variables).exec_command("true")
    assert seen.read_text() == f"ip:{name}\n"


def test_the_variables_of_the_machine_lead_there_and_those_of_the_node_do_not(seen):
    machine = {"ansible_user": "student", "ansible_port": 2222, "ansible_netns_name": "not-this"}
    over_ssh(netns, "red", machine, ansible_user="not-this", ansible_port=1).exec_command("true")
    assert "ssh:User=" in seen.read_text()
    assert set(seen.read_text().splitlines()) == {'ssh:User="student"', "ssh:Port=2222", "sudo:ip", "ip:red"}


def test_a_transport_without_a_machine_goes_by_the_variables_of_the_node(seen):
    made = connection(
        netns, "host", ansible_netns_name="red", ansible_netns_transport="ssh", ansible_host="vm", ansible_user="root"
    )
    made.exec_command("true")
    assert set(seen.read_text().splitlines()) == {'ssh:User="root"', "ip:red"}


def test_whether_modules_are_pipelined_is_said_by_the_node_or_by_its_machine():
    assert over_ssh(netns).get_option("pipelining") is False
    assert over_ssh(netns, machine={"ansible_pipelining": True}).is_pipelining_enabled() is True
    assert (
        over_ssh(netns, machine={"ansible_pipelining": True}, ansible_pipelining=False).get_option("pipelining")
        is False
    )
    assert connection(netns, ansible_pipelining=True).is_pipelining_enabled() is True


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        (
            {"ansible_netns_machine": "vm", "hostvars": {}},
            "ansible_netns_machine: there is no host vm in the inventory",
        ),
        ({"ansible_netns_machine": "vm"}, "ansible_netns_machine: there is no host vm in the inventory"),
    ],
)
def test_a_way_that_there_is_not_is_refused_by_name(variables, says):
    with pytest.raises(AnsibleError, match=says):
        connection(netns, **variables)


# --- Root ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "variables", "asked"),
    [
        ({"ansible_user": "root"}, {}, []),
        ({"ansible_user": "student"}, {}, ["sudo:ip"]),
        ({}, {}, ["sudo:ip"]),
        ({"ansible_user": "student"}, {"ansible_netns_sudo": "none"}, []),
        ({"ansible_user": "student"}, {"ansible_netns_sudo": "doas"}, ["doas:ip"]),
        ({"ansible_user": "root"}, {"ansible_netns_sudo": "sudo"}, ["sudo:ip"]),
    ],
)
def test_who_is_not_root_on_the_machine_becomes_it(machine, variables, asked, seen):
    over_ssh(netns, "red", machine, **variables).exec_command("true")
    assert [line for line in seen.read_text().splitlines() if line.startswith(("sudo", "doas"))] == asked


def test_on_this_machine_who_runs_ansible_becomes_root(monkeypatch, seen):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    connection(netns).exec_command("true")
    assert seen.read_text().splitlines() == ["sudo:ip", "ip:red"]


def test_all_that_touches_a_container_is_done_as_root(seen):
    over_ssh(lxc, "web", {"ansible_user": "student"}).exec_command("true")
    assert [line.split(":")[0] for line in seen.read_text().splitlines() if "ssh" not in line] == [
        "sudo", "lxc-info", "lxc-attach",
    ]  # fmt: skip


# --- Unreachable -----------------------------------------------------------------------------------------------------

ROOT_ONLY = "can be entered by root only: connect as root, or give {who} sudo or doas without a password"
START = "start it with netns.lab.lxc_container"
BROKEN = "is broken (no namespace is mounted on its file): netns.lab.netns repairs it"
WHY = [
    (netns, "gone", "there is no namespace gone on {where}: make it with netns.lab.netns, or bring its lab up"),
    (netns, "dead", f"namespace dead on {{where}} {BROKEN}"),
    (netns, "ours", f"namespace ours on {{where}} {ROOT_ONLY}"),
    (netns, "odd", "the way into odd on {where} broke: nobody knows"),
    (netns, "killed", "the way into killed on {where} broke, or was ended from outside"),
    (netns, "a/b", "'a/b' can't be the name of a namespace, which is also a file name"),
    (lxc, "gone", "there is no container gone on {where}: make it with netns.lab.lxc_container"),
    (lxc, "stopped", f"container stopped on {{where}} is stopped: {START}"),
    (lxc, "frozen", f"container frozen on {{where}} is frozen, and nothing moves in it: {START}"),
    (lxc, "starting", "container starting on {where} is STARTING: wait until it runs"),
    (lxc, "..", "'..' can't be the name of a container, which is also a directory"),
]


@pytest.mark.parametrize("given", [None, b"x" * 1000000])
@pytest.mark.parametrize(("of", "name", "says"), WHY)
def test_a_node_that_can_not_be_entered_says_why(of, name, says, given):
    assert unreachable(connection(of, name), given=given) == says.format(where="this machine", who="root")
    assert unreachable(over_ssh(of, name, {"ansible_user": "root"}), given=given) == says.format(where="vm", who="root")


UNREAD = [
    ("'vm'. Make sure this host can be reached over SSH.", ", or was ended from outside"),
    ('"vm". Make sure this host can be reached over ssh: ', ", or was ended from outside"),
    ('"vm". Make sure this host can be reached over ssh: Connection reset by peer\n', ": Connection reset by peer"),
]


@pytest.mark.parametrize(("name", "rest"), [("killed", None), ("odd", ": nobody knows"), ("red", None)])
@pytest.mark.parametrize(("says", "why"), UNREAD)
def test_that_nobody_read_what_was_sent_is_not_the_reason(name, rest, says, why, monkeypatch):
    """Ansible's ssh may notice it before what it runs has ended: that depends on who is quicker."""
    made = over_ssh(netns, name, {"ansible_user": "root"})
    run = made._way.exec_command

    def unread(line, in_data=None, sudoable=True):
        if in_data:
            raise AnsibleConnectionFailure(f"Data could not be sent to remote host {says}")
        return run(line, in_data=in_data, sudoable=sudoable)

    monkeypatch.setattr(made._way, "exec_command", unread)
    if rest is None or why.startswith(":"):
        rest = why
    assert unreachable(made, given=b"x") == f"the way into {name} on vm broke{rest}"


def test_a_sudo_that_asks_says_so(seen):
    Path(f"{seen}.ask").touch()
    says = "root on vm isn't to be had by sudo -n: let student use it without a password, or connect as root"
    assert unreachable(over_ssh(netns, machine={"ansible_user": "student"})) == says
    assert unreachable(over_ssh(lxc, machine={"ansible_user": "student"}), given=b"x") == says


def test_a_machine_that_is_down_says_what_ssh_says(seen):
    Path(f"{seen}.down").touch()
    assert "No route to host" in unreachable(over_ssh(netns))


def test_missing_tools_are_named(tmp_path):
    for tool in ("ip", "lxc-info"):
        (tmp_path / "tools" / tool).write_text(f"#!/bin/sh\necho '/bin/sh: 1: {tool}: not found' >&2; exit 127")
    assert unreachable(connection(netns)).startswith("the command ip isn't found on this machine: install iproute2")
    assert unreachable(connection(lxc)) == "LXC isn't found on this machine: the role netns.lab.lxc installs it"


def test_a_become_that_fails_inside_leaves_the_node_reachable():
    made = connection(netns)
    error = AnsibleError("Premature end of stream\nsudo: a password is required\nnetns.lab: rc 1")
    explained = made._explained(error, None)
    assert not isinstance(explained, AnsibleConnectionFailure)
    assert str(explained) == "Premature end of stream\nsudo: a password is required"


# --- Files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [connection, over_ssh])
@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 25, 30])
def test_files_of_every_size_travel_through_the_node(size, way, tmp_path, monkeypatch, seen):
    monkeypatch.setattr(node_connection, "PIECE", 10)
    content = bytes(range(226, 256))[:size]
    (tmp_path / "here").write_bytes(content)
    there = tmp_path / ODD.replace("/", "")
    made = way(netns)
    made.put_file(str(tmp_path / "here"), str(there))
    assert there.read_bytes() == content
    made.fetch_file(str(there), str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == content
    assert "ip:red" in seen.read_text()


def test_a_file_that_is_missing_is_named_and_nothing_is_made(tmp_path):
    made = connection(netns)
    with pytest.raises(AnsibleFileNotFound, match="there is no file /nowhere to copy to red on this machine"):
        made.put_file("/nowhere", "/tmp/x")
    with pytest.raises(AnsibleError, match=r"red on this machine: head .* failed with return code"):
        made.fetch_file("/nowhere", str(tmp_path / "back"))
    assert not (tmp_path / "back").exists()


# --- One connection for all ------------------------------------------------------------------------------------------


def test_the_first_one_connects_alone_and_is_not_alone_after_a_pause_or_a_reset(monkeypatch):
    calls = []
    made = over_ssh(netns)
    run = made._way.exec_command
    monkeypatch.setattr(
        made._way, "exec_command", lambda cmd, *args, **more: calls.append(cmd) or run(cmd, *args, **more)
    )
    monkeypatch.setattr(made._way, "reset", lambda: None)
    for _unused in range(2):
        made.exec_command("echo")
    assert calls.count("true") == 1
    monkeypatch.setattr(control_persist, "_WARM_SECONDS", -1.0)
    made.exec_command("echo")
    assert calls.count("true") == 2


def test_a_machine_that_is_down_keeps_nobody_waiting_in_line(seen, monkeypatch):
    Path(f"{seen}.down").touch()
    made = over_ssh(netns)
    unreachable(made)
    tried = []
    monkeypatch.setattr(made._way, "exec_command", lambda cmd, **_more: tried.append(cmd) or (0, b"", b""))
    made.exec_command("echo")
    assert "true" not in tried


@pytest.mark.parametrize(("says", "tries"), [("kex_exchange_identification: Connection reset", 3), ("No route", 1)])
def test_whom_sshd_dropped_before_it_said_a_word_tries_again(says, tries, monkeypatch):
    monkeypatch.setattr(control_persist, "_PATIENCE_SECONDS", (0.0, 0.0))
    made = over_ssh(netns)
    tried = []

    def dropped(cmd: str, **_more: t.Any) -> None:
        tried.append(cmd)
        if cmd != "true":
            raise AnsibleConnectionFailure(says)

    monkeypatch.setattr(made._way, "exec_command", dropped)
    unreachable(made)
    assert len(tried) == 1 + tries

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LXC's tools complain of, and programs that fail, end by a signal, or don't end."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._lxc import tools
from ansible_collections.netns.lab.plugins.module_utils._lxc.errors import LxcError

START = "lxc-start a 20261125014807.329"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (  # 5.0.2: file names with the way to them
            f"{START} ERROR    network - ../src/lxc/network.c:configure_veth:711 - ",
            'No such file or directory - Failed to attach "vethX" to bridge "lxcbr0", bridge interface doesn\'t exist',
        ),
        (  # 6.0.0
            "lxc-start xyz 20240407030125.294 ERROR    network - ../src/lxc/network.c:configure_veth:729 - ",
            "Bad file descriptor - Failed to disable IPv6 link-local addresses for veth pair",
        ),
        (  # 4.0: file names alone
            "lxc-start c1 20220608194712.148 ERROR    cgfsng - cgroups/cgfsng.c:cg_legacy_set_data:2675 - ",
            'No such file or directory - Failed to setup limits for the "devices" controller',
        ),
        ("      lxc-start c1 20220608194712.148 CRIT     start - start.c:start:2161 - ", "Out of memory"),
        (
            "lxc-create: z: ../src/lxc/utils.c: get_template_path: 900 ",
            "No such file or directory - bad template: nonsense",
        ),
        (  # 4.0
            "lxc-start: busybox: conf.c: lxc_mount_rootfs: 1286 ",
            'No such file or directory - Failed to access to "/var/lib/lxc/rootfs". Check it is present',
        ),
        ("lxc-destroy: a.b-c: tools/lxc_destroy.c: main: 240 ", "Container is not defined"),
        ("lxc-copy: ../src/lxc/tools/lxc_copy.c: main: 612 ", "Failed to clone"),  # a tool that knows no name yet
    ],
)
def test_the_reason_is_what_follows_the_place_in_the_source(place, reason):
    assert tools.reasons(f"{place}{reason}\n".encode()) == [reason]


@pytest.mark.parametrize(
    "line",
    [
        f"{START} WARN     network - ../src/lxc/network.c:f:1 - Something else",
        f"{START} DEBUG    conf - conf.c:f:1 - An ERROR is none here",
        f"{START} ERROR    lxc_start - ../src/lxc/tools/lxc_start.c:main:306 - The container failed to start",
        f'{START} ERROR    start - ../src/lxc/start.c:__lxc_start:2119 - Failed to spawn container "a"',
        f"{START} ERROR    sync - sync.c:sync_wait:36 - An error occurred in another process (expected 5)",
        "lxc-start: a: tools/lxc_start.c: main: 311 Additional information can be obtained by setting the --logfile",
        "lxc-create: z: ../src/lxc/tools/lxc_create.c: main: 331 Failed to create container z",
        "debootstrap: a line of a template: 5 packages",
        "",
    ],
)
def test_what_is_no_complaint_or_says_nothing_is_no_reason(line):
    assert tools.reasons(f"{line}\n".encode()) == []


def log(*messages: str) -> bytes:
    return "".join(f"lxc-start a 2026.1 ERROR    x - x.c:f:1 - {message}\n" for message in messages).encode()


def test_a_reason_is_given_once_and_the_first_come_first():
    assert tools.reasons(log("b", "a", "b", "c", "d", "e", "f", "g")) == ["b", "a", "c", "d", "e"]


def test_bytes_that_are_not_text_do_no_harm():
    assert tools.reasons(log("a").replace(b"- a", b"- \xff")) == ["\ufffd"]


def test_of_what_a_template_says_the_end_is_kept_without_the_lines_of_lxc():
    said = "".join(f"line {number}\n\n" for number in range(9)) + "lxc-create: z: a.c: f: 1 It failed\n"
    assert tools.plain(said.encode()) == [f"line {number}" for number in range(4, 9)]


def test_a_tool_that_is_missing_is_put_down_to_lxc():
    with pytest.raises(LxcError, match=r"^LXC isn't installed here \(there is no lxc-nonsense\): the role"):
        tools.ask(["lxc-nonsense"], 1.0)
    with pytest.raises(LxcError, match=r"^a program is missing \(there is no nonsense\): the role"):
        tools.run(["nonsense"], 1.0)
    assert not tools.there("lxc-nonsense")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 3", "sh ended with return code 3"),
        ("kill -9 $$", "sh was ended by signal 9"),
        ("echo out; echo why >&2; exit 1", "sh ended with return code 1: why"),
        ("echo out; exit 1", "sh ended with return code 1: out"),
        ("echo why >&2; echo 'lxc-create: z: a.c: f: 1 Because' >&2; exit 1", "sh ended with return code 1: Because"),
    ],
)
def test_a_program_that_has_to_succeed_and_does_not(script, reason):
    with pytest.raises(LxcError) as caught:
        tools.run(["sh", "-c", script], 5.0)
    assert str(caught.value) == reason


def test_a_program_that_is_only_asked_may_fail():
    assert tools.ask(["sh", "-c", "echo a; exit 3"], 5.0)[:2] == (3, b"a\n")


def test_a_program_that_does_not_end_is_ended_with_what_it_said():
    with pytest.raises(LxcError, match=r"^sh didn't end within 0.1 s and was ended: Because$"):
        tools.ask(["sh", "-c", "echo 'lxc-copy: z: a.c: f: 1 Because' >&2; exec sleep 60"], 0.1)


def test_messages_are_in_english_and_the_path_is_long_enough(monkeypatch):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("PATH", "/nowhere")
    said = tools.ask(["env"], 5.0, env={"MORE": "1"}).out.decode().splitlines()
    assert {"LC_ALL=C.UTF-8", "MORE=1"} <= set(said)
    assert any(line.startswith("PATH=/nowhere:/usr/sbin:") for line in said)

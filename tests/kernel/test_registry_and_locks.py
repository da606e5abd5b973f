# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of labs and the locks, where something else is in their place or somebody else has them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.locks import LOCKS
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import REGISTRY
from ansible_collections.netns.lab.tests.kernel.engine import is_incomplete

LAB = {"name": "pair", "nodes": {"red": {}, "blue": {}}, "links": [["red:eth0", "blue:eth0"]]}


@pytest.mark.parametrize("text", ["", '{"version": 1, "la', '{"version": 99}', "[]", '{"version": 1, "lab": "other"}'])
def test_a_lab_whose_entry_cannot_be_read_is_known_by_its_marks(run_module, ip, text):
    assert run_module("topology", **LAB)["changed"]
    entry = Path(REGISTRY, "pair.json")
    assert entry.exists()
    entry.write_text(text)
    assert not run_module("topology", **LAB)["changed"]
    entry.write_text(text)
    assert run_module("topology", name="pair", state="absent")["changed"]
    assert ip("netns", "list") == []
    assert not entry.exists()


def after_a_reboot(ip, *also: str) -> None:
    """The boot id is another one and all namespaces are gone; what is on disk has stayed. Then somebody runs `also`."""
    entry = Path(REGISTRY, "pair.json")
    text = json.loads(entry.read_text(encoding="utf-8"))
    text["boot"] = "00000000-0000-0000-0000-000000000000"
    entry.write_text(json.dumps(text), encoding="utf-8")
    for name in ("red", "blue"):
        ip("netns", "del", name)
    for command in also:
        ip(*command.split())


@pytest.mark.parametrize("killed", [False, True])
def test_a_lab_from_before_a_reboot_is_made_anew(run_module, ip, killed):
    lab = {**LAB, "nodes": {**LAB["nodes"], "red": {"etc": {"hosts": "10.0.0.1 red\n"}}}}
    assert run_module("topology", **lab)["changed"]
    if killed:
        entry = Path(REGISTRY, "pair.json")
        entry.write_text(entry.read_text(encoding="utf-8").replace('"complete"', '"building"'), encoding="utf-8")
    after_a_reboot(ip)
    assert is_incomplete("pair") is killed
    assert run_module("topology", **lab)["changed"]
    assert not is_incomplete("pair")
    assert not run_module("topology", **lab)["changed"]
    assert len(ip("netns", "list")) == 2


def test_what_a_lab_from_before_a_reboot_left_on_disk_goes_with_it(run_module, ip):
    lab = {**LAB, "nodes": {**LAB["nodes"], "red": {"etc": {"hosts": "10.0.0.1 red\n"}}}}
    assert run_module("topology", **lab)["changed"]
    after_a_reboot(ip)
    assert run_module("topology", name="pair", state="absent")["changed"]
    assert not os.path.exists(REGISTRY)
    assert not os.path.exists("/etc/netns/red")


def test_a_namespace_that_somebody_made_after_the_reboot_is_not_the_labs(run_module, ip):
    """It has the name of a node that was there before. The lab neither removes it nor takes it over."""
    assert run_module("topology", **LAB)["changed"]
    after_a_reboot(ip, "netns add red", "-n red link add br0 type bridge")
    answer = run_module("topology", **LAB)
    assert answer["failed"]
    assert "namespace red stands already, and no lab made it" in answer["msg"]
    assert not run_module("topology", name="pair", state="absent").get("failed")
    assert [link["ifname"] for link in ip("link", "show", netns="red")] == ["lo", "br0"]
    assert not os.path.exists(REGISTRY)


def test_a_lab_without_its_entry_goes_by_its_marks_with_its_files(run_module, ip):
    lab = {**LAB, "nodes": {**LAB["nodes"], "red": {"etc": {"hosts": "10.0.0.1 red\n"}}}}
    assert run_module("topology", **lab)["changed"]
    Path("/etc/netns/blue").mkdir()
    Path("/etc/netns/blue/hosts").write_text("somebody else's\n", encoding="utf-8")
    Path(REGISTRY, "pair.json").unlink()
    assert run_module("topology", name="pair", state="absent")["changed"]
    assert ip("netns", "list") == []
    assert os.listdir("/etc/netns") == ["blue"]
    assert os.listdir("/etc/netns/blue") == ["hosts"]


def test_a_file_that_waits_for_its_namespace_says_whose_it_is(run_module, ip):
    """A run was killed between the two, and then the registry was lost."""
    assert run_module("topology", **LAB)["changed"]
    shutil.rmtree(REGISTRY)
    subprocess.run(["umount", "/run/netns/red"], check=True)
    assert Path("/run/netns/red").read_text(encoding="utf-8") == "netns-lab:pair"
    assert run_module("topology", name="pair", state="absent")["changed"]
    assert os.listdir("/run/netns") == []


def test_what_a_kill_left_of_an_entry_goes_with_the_lab(run_module):
    os.makedirs(REGISTRY)
    Path(REGISTRY, ".pair.draft").write_text('{"version": 1, "la')
    assert run_module("topology", **LAB)["changed"]
    Path(REGISTRY, ".pair.draft").write_text("")
    assert run_module("topology", name="pair", state="absent")["changed"]
    assert not os.path.exists(REGISTRY)


def test_where_nothing_can_be_recorded_nothing_is_made(run_module, ip):
    Path(REGISTRY).write_text("")
    answer = run_module("topology", **LAB)
    assert answer["failed"]
    assert f"can't be recorded in {REGISTRY}" in answer["msg"]
    assert ip("netns", "list") == []


def test_where_there_can_be_no_locks_it_says_so(run_module):
    Path(LOCKS).write_text("")
    answer = run_module("topology", **LAB)
    assert answer["failed"]
    assert f"can't be opened: File exists ({LOCKS})" in answer["msg"]
    assert "root" not in answer["msg"]


def test_a_lock_that_somebody_keeps_is_waited_for_and_who_keeps_it_is_told(run_module, start_module, ip):
    assert run_module("topology", **LAB)["changed"]
    os.makedirs(LOCKS, exist_ok=True)
    with open(f"{LOCKS}/pair.lock", "w", encoding="utf-8") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = run_module("topology", name="pair", state="absent", lock_timeout=1)
        assert answer["failed"]
        assert f"(process {os.getpid()}: " in answer["msg"]
        assert "didn't end within 1 s" in answer["msg"]
        waiting = start_module("topology", name="pair", state="absent", lock_timeout=20)
    assert waiting.result()["changed"]
    assert ip("netns", "list") == []


def test_a_run_that_fails_after_a_reboot_claims_nothing_that_went_with_it(run_module, ip):
    lab = {**LAB, "nodes": {**LAB["nodes"], "red": {"etc": {"hosts": "10.0.0.1 red\n"}}}}
    assert run_module("topology", **lab)["changed"]
    after_a_reboot(ip)
    ends_at_once = {"name": "no", "argv": ["sh", "-c", "exit 3"], "ready": {"tcp": 80}}
    failing = {**lab, "nodes": {**lab["nodes"], "blue": {"processes": [ends_at_once]}}}
    answer = run_module("topology", **failing)
    assert "was put back" in answer["msg"]
    assert ip("netns", "list") == []
    ip("netns", "add", "red")
    assert "red stands already, and no lab made it" in run_module("topology", **lab)["msg"]
    assert not run_module("topology", name="pair", state="absent").get("failed")
    assert [namespace["name"] for namespace in ip("netns", "list")] == ["red"]
    assert not os.path.exists(REGISTRY)


def test_a_lab_may_be_called_as_a_lock_is(run_module):
    assert run_module("topology", name="runs", nodes={"red": {}}, lock_timeout=5)["changed"]
    assert run_module("topology", name="runs", state="absent", lock_timeout=5)["changed"]


def test_a_file_has_the_line_ends_that_were_asked_for(run_module):
    for content in ("10.0.0.1 red\r\nx\ry\n", "10.0.0.1 red\nx\ny\n"):
        assert run_module("netns", name="red", etc={"hosts": content})["changed"]
        assert Path("/etc/netns/red/hosts").read_bytes() == content.encode()
        assert run_module("netns", name="red", etc={"hosts": content})["steps"] == []

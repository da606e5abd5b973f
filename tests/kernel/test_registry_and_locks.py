# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of labs and the locks, where something else is in their place or somebody else has them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.locks import LOCKS
from ansible_collections.netns.lab.plugins.module_utils._engine.ownership import REGISTRY

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
    assert "can't be opened" in answer["msg"]


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

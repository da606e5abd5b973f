# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records and logs of programs, in a directory of the test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import program_register as register
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Program, Ready

ENTRY = register.Entry(
    register.RUNNING,
    Program(
        "running",
        argv=("sh", "-c", "echo 'é' \udcff"),
        environment=(("A", "b"),),
        chdir="/",
        user="nobody",
        log="/l",
        owner="office",
        kill_timeout=2.5,
        ready=Ready(tcp=80, command=("true",)),
    ),
    (7, 4711),
)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    monkeypatch.setattr(register, "LOCKS", str(tmp_path / "run"))
    monkeypatch.setattr(register, "RECORDS", str(tmp_path / "run" / "processes"))
    monkeypatch.setattr(register, "LOGS", str(tmp_path / "log"))
    monkeypatch.setattr(register, "default_log", lambda ns, name: str(tmp_path / "log" / ns / f"{name}.log"))
    return tmp_path


def test_what_was_written_is_read():
    register.save("red", "web", ENTRY)
    found = register.load("red", "web")
    assert found == ENTRY
    assert found is not None
    assert found.program.ready == ENTRY.program.ready


def test_only_root_may_read_it(places):
    register.save("red", "web", ENTRY)
    (path,) = (places / "run" / "processes" / "red").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_names_come_from_records_and_logs(places):
    register.save("red", "web", ENTRY)
    log = register.default_log("red", "old")
    register.make_room("red", "old", log)
    (places / "log" / "red" / "old.log").write_text("")
    assert register.names("red") == ["old", "web"]
    assert register.names("blue") == []
    register.save("blue", "web", ENTRY)
    assert register.within({"red", "blue", "green"}) == [("blue", "web"), ("red", "old"), ("red", "web")]


def test_nothing_is_left_after_the_last_one(places):
    for name in ("web", "dns"):
        register.save("red", name, ENTRY)
        register.make_room("red", name, register.default_log("red", name))
        (places / "log" / "red" / f"{name}.log").write_text("hello\n")
    register.forget("red", "web")
    assert register.names("red") == ["dns"]
    register.forget("red", "dns")
    assert list(places.iterdir()) == []


def test_a_record_of_another_boot_is_none(monkeypatch):
    register.save("red", "web", ENTRY)
    monkeypatch.setattr(register, "boot_id", lambda: "another")
    assert register.load("red", "web") is None


def test_the_tail_of_a_log_is_of_this_start_alone(places):
    log = places / "l"
    log.write_text("earlier\n")
    begin = register.log_size(str(log))
    with log.open("a") as stream:
        stream.write("\n".join(f"line {number}" for number in range(20)) + "\n\n")
    assert register.log_tail(str(log), begin, lines=3) == "line 17\nline 18\nline 19"
    assert register.log_tail(str(log), begin, lines=100).startswith("line 0\n")
    assert register.log_tail(str(places / "none"), 0) == ""


def test_an_owner_that_isnt_known_is_nobody():
    register.save("red", "web", replace(ENTRY, program=replace(ENTRY.program, owner=None)))
    found = register.load("red", "web")
    assert found is not None
    assert found.program.owner == ""

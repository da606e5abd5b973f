# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs with a time limit, and what becomes of all that they started."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import command, procfs
from ansible_collections.netns.lab.plugins.module_utils._kernel.command import Done, execute


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or only waits for somebody to ask how it ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        status = procfs.status(pid)
        if status is None or status.state == "Z":
            return True
        time.sleep(0.005)
    return False


def test_a_program_and_how_it_ended():
    assert execute(["sh", "-c", "echo out; echo err >&2; exit 3"]) == Done(3, b"out\n", b"err\n", False)
    assert execute(["sh", "-c", "kill -9 $$"]) == Done(-9, b"", b"", False)


def test_what_it_is_given_is_read_and_without_it_there_is_nothing_to_read():
    assert execute(["cat"], given=b"\xff\n").out == b"\xff\n"
    assert execute(["cat"], timeout=5.0) == Done(0, b"", b"", False)


def test_it_runs_in_the_folder_and_with_the_environment_that_are_said(tmp_path):
    done = execute(["sh", "-c", "pwd; echo $A"], folder=str(tmp_path), env={"A": "b", "PATH": "/bin:/usr/bin"})
    assert done.out == f"{tmp_path}\nb\n".encode()


def test_words_are_not_read_by_a_shell():
    assert execute(["echo", "$HOME; exit 1"]).out == b"$HOME; exit 1\n"


def test_a_program_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        execute(["/nonexistent"])


def test_a_program_in_time_is_not_disturbed():
    assert execute(["sh", "-c", "sleep 0.05; echo a"], timeout=5.0) == Done(0, b"a\n", b"", False)


def test_at_its_timeout_a_program_ends_with_all_that_it_started_and_what_it_wrote_is_kept():
    done = execute(["sh", "-c", "sleep 60 & echo $!; echo err >&2; wait"], timeout=0.25)
    assert (done.code, done.err, done.timed_out) == (-15, b"err\n", True)
    assert has_ended(int(done.out))


def test_a_program_has_a_moment_to_end_in_order():
    done = execute(["sh", "-c", "trap 'echo bye; exit 7' TERM; sleep 60 & wait"], timeout=0.25)
    assert done == Done(7, b"bye\n", b"", True)


def test_who_does_not_want_to_end_is_killed_with_all_that_it_started(monkeypatch):
    monkeypatch.setattr(command, "_GRACE_SECONDS", 0.1)
    done = execute(["sh", "-c", "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"], timeout=0.25)
    assert (done.code, done.timed_out) == (-9, True)
    assert has_ended(int(done.out))


def test_who_outlives_the_program_and_holds_its_output_is_ended_at_the_timeout():
    done = execute(["sh", "-c", "sleep 60 & echo $!"], timeout=0.25)
    assert (done.code, done.timed_out) == (0, True)
    assert has_ended(int(done.out))


def test_a_silent_program_may_leave_a_daemon_behind(tmp_path: Path):
    written = tmp_path / "pid"
    began = time.monotonic()
    done = execute(["sh", "-c", 'echo out; sleep 60 & echo $! >"$0"; exit 3', str(written)], timeout=5.0, silent=True)
    pid = int(written.read_text())
    try:
        assert done == Done(3, b"", b"", False)
        assert time.monotonic() - began < 4
        status = procfs.status(pid)
        assert status is not None
        assert status.state != "Z"
    finally:
        execute(["kill", "-9", str(pid)])


def test_a_silent_program_that_does_not_end_is_ended_too(tmp_path: Path):
    written = tmp_path / "pid"
    done = execute(["sh", "-c", 'sleep 60 & echo $! >"$0"; wait', str(written)], timeout=0.25, silent=True)
    assert (done.code, done.timed_out) == (-15, True)
    assert has_ended(int(written.read_text()))


def test_a_program_does_not_outlive_the_interruption_of_who_waits_for_it(tmp_path):
    def interrupt(*_unused):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.25)
        with pytest.raises(KeyboardInterrupt):
            execute(["sh", "-c", "echo $$ >pid; exec sleep 60"], folder=str(tmp_path))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert has_ended(int((tmp_path / "pid").read_text()))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the steps of programs that are kept running, and looking at them: between the engine and `_kernel.launch`."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import replace

from .._kernel import launch, listening
from .._kernel.command import execute
from .._kernel.launch import Launch, ProgramError, Search, Started
from . import program_register as register
from .derived_names import default_log
from .errors import LabError
from .program_register import RUNNING, STARTING, STOPPED, Entry
from .programs import ALIVE, is_note, is_start
from .records import Key, Program, Ready
from .steps import Step

_SETTLING_SECONDS = 0.2
"""A program that ends sooner wasn't started. One with another mistake in its arguments ends within milliseconds."""
_POLL_SECONDS = 0.02
_ASKING_SECONDS = 0.1
"""Between two runs of the command that tells whether a program is ready."""
_LEAST_SECONDS = 1.0
"""So long that command has, even if it is late."""
_BEGINNING_SECONDS = 0.005
"""How long it takes until a program is under way, on a quiet machine."""
_DEFAULT_GRACE = 5.0


# -- looking


def look(key: Key, search: Search) -> Program | None:
    """What stands under a key, seen from the machine's own namespace."""
    _kind, ns, name = key
    entry = register.load(ns, name)
    members = search.members(launch.label(ns, name), entry.leader if entry else (0, 0))
    if entry is None:
        if members:  # the record is lost
            return Program("unfinished", pid=members[0].pid, members=tuple(members), joined=True, owner="")
        has_log = os.path.exists(default_log(ns, name))
        return Program("stopped", owner="") if has_log or (ns, name) in launch.labelled([ns]) else None
    if members:
        joined = launch.is_in(members[0], ns)
        state = "running" if entry.state == RUNNING else "unfinished"
        return replace(entry.program, state=state, joined=joined, pid=members[0].pid, members=tuple(members))
    return replace(entry.program, state="stopped" if entry.state == STOPPED else "ended")


def check(step: Step, where: str | None) -> None:
    """Raise LabError if a program that is to be started, as `where` says, can be seen not to start."""
    if not is_start(step):
        return

    def refused(option: str, message: str) -> LabError:
        return LabError(message, f"{where}.{option}" if where else option)

    want = t.cast(Program, step.after)
    program = (want.argv or ("",))[0]
    folder = want.chdir or "/"
    if not os.path.isdir(folder):
        raise refused("chdir", f"{folder}: there is no such directory")
    path = program if program.startswith("/") or "/" not in program else os.path.join(folder, program)
    if not path.startswith("/etc/") and not launch.is_there(path, dict(want.environment or ()).get("PATH")):
        raise refused("argv", f"{program}: there is no such program on this machine")
    if want.log != default_log(*step.key[1:]) and not os.path.isdir(os.path.dirname(want.log or "/")):
        raise refused("log", f"{want.log}: there is no such directory to write the log to")
    if want.user:
        try:
            launch.account(want.user)
        except ProgramError as error:
            raise refused("user", error.reason) from error
    try:
        launch.enter_words(_launch(step.key, want))
    except ProgramError as error:  # a tool that it takes is missing
        raise LabError(error.reason, where) from error


# -- doing


def perform(step: Step, is_interrupted: t.Callable[[], bool]) -> None:
    """Do a step. Raises ProgramError."""
    _kind, ns, name = step.key
    entry = register.load(ns, name)
    label, leader = launch.label(ns, name), entry.leader if entry else (0, 0)
    before, after = t.cast(t.Optional[Program], step.before), t.cast(t.Optional[Program], step.after)
    try:
        if is_note(step) and entry is not None and after is not None:
            noted = replace(entry.program, owner=after.owner, kill_timeout=after.kill_timeout)
            register.save(ns, name, replace(entry, program=noted))
            return
        if before is not None and before.state in ALIVE:
            grace = before.kill_timeout
            launch.end(label, leader, grace if grace is not None else _DEFAULT_GRACE)
        else:
            launch.clear(label)
        if after is None:
            register.forget(ns, name)
        elif after.state == "stopped":
            if entry is not None:
                register.save(ns, name, replace(entry, state=STOPPED, leader=(0, 0)))
        else:
            _start(step.key, after, is_interrupted)
    except LabError as error:
        raise ProgramError(error.message) from error


def _launch(key: Key, want: Program) -> Launch:
    _kind, ns, name = key
    return Launch(
        ns,
        launch.label(ns, name),
        want.argv or (),
        dict(want.environment or ()),
        want.chdir or "/",
        want.user or "",
        want.log or default_log(ns, name),
    )


def _start(key: Key, want: Program, is_interrupted: t.Callable[[], bool]) -> None:
    _kind, ns, name = key
    what = _launch(key, want)
    entry = Entry(STARTING, replace(want, log=what.log))
    register.save(ns, name, entry)
    register.make_room(ns, name, what.log)
    begin = register.log_size(what.log)
    leader = (0, 0)
    try:
        started = launch.start(what)
        leader = started.leader
        register.save(ns, name, replace(entry, leader=leader))
        _see_through(started, what, want.ready, is_interrupted)
    except BaseException as error:
        launch.end(what.label, leader, want.kill_timeout or 0)
        register.save(ns, name, replace(entry, state=STOPPED))
        said = register.log_tail(what.log, begin)
        if isinstance(error, ProgramError) and said:
            raise ProgramError(f"{error.reason}: {said}") from error
        raise
    register.save(ns, name, replace(entry, state=RUNNING, leader=leader))


def _see_through(started: Started, what: Launch, ready: Ready | None, is_interrupted: t.Callable[[], bool]) -> None:
    """Wait until a program is what was asked for. Raises ProgramError where it ends before, or takes too long."""
    program = what.argv[0]
    limit = (ready or Ready()).timeout
    deadline = time.monotonic() + limit
    settled = 0.0
    missing = "it hasn't begun"
    while True:
        is_there = started.code() is not None or not started.is_under_way()
        if is_there and ready is None and not settled:
            settled = time.monotonic() + _SETTLING_SECONDS
            started.pause(_SETTLING_SECONDS)
        code = started.code()  # asked first: who ends a moment later is still seen
        members = launch.Search().members(what.label, started.leader) if is_there else []
        if code:
            raise ProgramError(f"{program} " + (f"was ended by signal {-code}" if code < 0 else _with_code(code)))
        if code == 0 and not members:
            raise ProgramError(f"{program} {_with_code(0)}, and left nothing running")
        if members and ready is not None:
            missing = _missing(ready, what, [process.pid for process in members], deadline)
            if not missing:
                return
        if members and settled and time.monotonic() >= settled:
            return
        if is_interrupted():
            raise ProgramError("interrupted")
        if time.monotonic() >= deadline:
            raise ProgramError(f"{program} isn't ready after {limit:g} s: {missing}")
        pause = _ASKING_SECONDS if ready is not None and ready.command else _POLL_SECONDS
        if code is None:
            started.pause(pause if is_there else _BEGINNING_SECONDS)
        else:
            time.sleep(pause)


def _with_code(code: int) -> str:
    return f"ended with return code {code}"


def _missing(ready: Ready, what: Launch, members: t.Sequence[int], deadline: float) -> str:
    """What a program still lacks of being ready; empty when it is."""
    for protocol, port in (("tcp", ready.tcp), ("udp", ready.udp)):
        if port and not listening.listens(members, protocol, port):
            return f"it doesn't listen at {protocol} port {port}"
    if ready.command:
        asked = what._replace(argv=ready.command)
        left = max(deadline - time.monotonic(), _LEAST_SECONDS)
        env = {name: value for name, value in launch.environment(asked).items() if name != launch.MARK}
        done = execute(launch.enter_words(asked), folder=what.chdir, timeout=left, env=env)
        if done.timed_out:
            return f"{ready.command[0]} didn't end"
        if done.code:
            words = (done.err or done.out).decode("utf-8", "replace").strip().splitlines()
            return f"{ready.command[0]} ended with {done.code}" + (f" ({words[-1]})" if words else "")
    return ""

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning for programs that are kept running: what has to be done about one, and in which words. Pure.

Part of `resources.process`, loaded for those that have to do with one.
"""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import replace

from .program_options import KILL_TIMEOUT
from .records import Key, Program
from .resources.base import Question, differing
from .steps import Phase, Step

ALIVE = ("running", "unfinished")
"""States of what has processes."""
_NOTED = frozenset({"owner", "kill_timeout"})
"""Fields that the program itself knows nothing of."""
_SAID = {"argv": "another command", "environment": "another environment", "chdir": "another directory",
         "user": "another user", "log": "another log"}  # fmt: skip


def bring(question: Question, key: Key, want: Program) -> t.Iterator[Step]:
    """The step that brings a program where it is wanted, if one is needed."""
    have = t.cast(t.Optional[Program], question.state.get(key))
    if want.state == "stopped":
        if have is not None and have.state in ALIVE:
            yield Step(Phase.PROCESS, "change", key, have, stopped(have), ("state",))
        return
    owner = want.owner if want.owner is not None else have.owner if have is not None else ""
    after = replace(want, owner=owner or "", joined=True, acted=True)
    if have is None:
        yield Step(Phase.PROCESS, "create", key, None, after)
        return
    if have.state not in ALIVE:
        reason = "it had ended" if have.state == "ended" else ""
        yield Step(Phase.PROCESS, "change", key, have, after, ("state",), why=reason)
        return
    once = question.request.once.get(key, frozenset())
    fields = differing(want, have)
    why = _reason_to_restart(have, fields, "restart" in once and not have.acted)
    if why is not None:
        yield Step(Phase.PROCESS, "change", key, have, after, ("state",), why=why)
    elif fields:
        yield Step(Phase.PROCESS, "change", key, have, replace(after, pid=have.pid, acted=have.acted), fields)


def stopped(have: Program) -> Program:
    """A program as it is when it was stopped."""
    return replace(have, state="stopped", joined=None, pid=0, members=())


def _reason_to_restart(have: Program, fields: t.Sequence[str], asked: bool) -> str | None:
    """Why a program that runs has to be started anew; None where it may go on."""
    if have.state == "unfinished":
        return "nobody saw its start through"
    if have.joined is False:
        return "the namespace that it runs in isn't the one of that name any more"
    changed = [_SAID[name] for name in fields if name in _SAID]
    if changed:
        return ", ".join(changed)
    return "" if asked else None


def is_start(step: Step) -> bool:
    """Whether a step starts a program, maybe after stopping it."""
    return step.phase is Phase.PROCESS and step.after is not None and _state(step) == "running" and not is_note(step)


def _state(step: Step) -> str:
    return t.cast(Program, step.after).state


def is_note(step: Step) -> bool:
    """Whether only the record of a program is written anew."""
    return bool(step.fields) and _NOTED.issuperset(step.fields)


def say(step: Step) -> str:
    """A step in words."""
    _kind, ns, name = step.key
    before, after = t.cast(t.Optional[Program], step.before), t.cast(Program, step.after)
    because = f" ({step.why})" if step.why else ""
    if step.verb == "delete":
        verb = "stop" if before is not None and before.state in ALIVE else "forget"
        return f"{verb} process {name} of {ns}{because}"
    if is_note(step):
        if "owner" in step.fields:
            return f"hand process {name} of {ns} over to {f'lab {after.owner}' if after.owner else 'nobody'}"
        return f"set kill_timeout of process {name} of {ns} to {after.kill_timeout:g}"
    if after.state == "stopped":
        return f"stop process {name} of {ns}"
    verb = "restart" if before is not None and before.state in ALIVE else "start"
    return f"{verb} process {name} of {ns}{because}"


def shown(record: Program) -> dict[str, t.Any]:
    """A program as YAML for the diff."""
    found: dict[str, t.Any] = {"state": record.state}
    if record.joined is False:
        found["namespace"] = "not the one of this name"
    if record.argv:
        found["command"] = shlex.join(record.argv)
    for name, value in (
        ("environment", dict(record.environment or ())),
        ("chdir", record.chdir),
        ("user", record.user),
    ):
        if value and value != "/":
            found[name] = value
    if record.log:
        found["log"] = record.log
    if record.kill_timeout not in (None, KILL_TIMEOUT):
        found["kill_timeout"] = record.kill_timeout
    return found

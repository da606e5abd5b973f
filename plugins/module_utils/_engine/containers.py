# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning for containers: from what is wanted of one and what stands to the steps between, in their order. Pure.

Called by `resources/container.py`. Each step carries the whole record that stands after it: its effect is to put that.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._lxc import config
from .errors import LabError
from .records import MACHINE, Container, Key, Wish
from .resources.base import Question
from .steps import Phase, Step

_RUNS = ("running", "frozen")
_STOPPED = {"state": "stopped", "known": "", "joined": True, "pid": 0}


def bring(question: Question, key: Key, want: Container) -> t.Iterator[Step]:
    """The steps to one container that is wanted, each beginning where the one before ends."""
    wish = want.wish or Wish()
    have = question.state.get(key)
    once = question.request.once.get(key, frozenset()) if have is None or not have.acted else frozenset()
    if have is None:
        step = _create(question, key, wish, once)
        yield step
        have, once = t.cast(Container, step.after), frozenset()
    goal = want.state or ("stopped" if have.state == "stuck" else have.state)

    def change(field: str, why: str = "", **changed: t.Any) -> t.Iterator[Step]:
        nonlocal have
        after = replace(have, wish=wish, **changed)
        yield Step(Phase.CONTAINER, "change", key, have, after, (field,), why=why)
        have = after

    if have.state == "stuck":
        yield from change("state", "LXC doesn't get on with it", **_STOPPED)
    text = config.edited(have.text, wish.edits)
    if text != have.text:
        yield from change("config", text=text)
    why = _reason_to_stop(have, goal, once, wish)
    if why is not None and have.state in _RUNS:
        yield from change("state", why, **_STOPPED)
    snapshot = _snapshot(question, key, have, once, wish)
    if snapshot is not None:
        field, changed = snapshot
        yield from change(field, **changed)
    if have.state in _RUNS:
        needs_restart, live = config.unseen(have.text, have.known)
        if live and not needs_restart:
            yield from change("limits", known=have.text)
    if goal in _RUNS and have.state == "stopped":
        yield from change("state", state="running", known=have.text, joined=True, acted=True)
    if goal != have.state and have.state in _RUNS:
        yield from change("state", state=goal)


def _create(question: Question, key: Key, wish: Wish, once: t.Container[str]) -> Step:
    """The step that makes a container. Raises LabError where it can't be made."""
    where = question.request.origin.get(key)
    source = wish.source
    if source is None:
        raise LabError(f"there is no container {key[3]} in {key[2]}", where)
    if "restore" in once:
        raise LabError(f"there is no container {key[3]} whose snapshot {wish.snapshot} could be restored", where)
    if source.template == "none" and not source.rootfs and source.clone_from is None:
        raise LabError("with `template: none` say which root file system it is: template_options.rootfs", where)
    _check_source(question, key, wish)
    after = Container("stopped", config.edited("", wish.edits), acted=True, wish=wish)
    return Step(Phase.CONTAINER, "create", key, None, after)


def _check_source(question: Question, key: Key, wish: Wish) -> None:
    """Raise LabError if the container that is to be copied can't be."""
    original = wish.source.clone_from
    if original is None:
        return
    where = question.request.origin.get(key)
    standing = question.state.get(("container", MACHINE, *original))
    if standing is None:
        raise LabError(f"{original.name}: there is no such container in {original.path} to be copied", where)
    if standing.state != "stopped":
        raise LabError(f"{original.name} is {standing.state}, and LXC copies only a container that is stopped", where)


def _reason_to_stop(have: Container, goal: str | None, once: t.Container[str], wish: Wish) -> str | None:
    """Why a running container has to be stopped; None where it may go on."""
    if goal == "stopped":
        return ""
    if "restart" in once:
        return "to be started again"
    if not have.joined:
        return "the namespace that it runs in isn't the one of that name any more"
    if wish.restart != "never":
        needs_restart, live = config.unseen(have.text, have.known)
        if needs_restart or (live and wish.restart == "always"):
            return "it hasn't seen its configuration"
    return None


def _snapshot(
    question: Question, key: Key, have: Container, once: t.Container[str], wish: Wish
) -> tuple[str, dict[str, t.Any]] | None:
    """What is to be done about the snapshot that is asked for, and what changes with it. Raises LabError."""
    name = wish.snapshot
    if not name:
        return None
    texts = dict(have.snapshots)
    stands = name in texts
    if wish.snapshot_state == "absent":
        left = tuple(pair for pair in have.snapshots if pair[0] != name)
        return ("snapshot-remove", {"snapshots": left}) if stands else None
    restore = wish.snapshot_state == "restored" and "restore" in once
    take = wish.snapshot_state == "present" and not stands
    if not (restore or take):
        return None
    where = question.request.origin.get(key)
    if restore and not stands:
        there = ", ".join(texts) or "it has none"
        raise LabError(f"container {key[3]} has no snapshot {name} to be restored ({there})", where)
    if have.state != "stopped":
        raise LabError(
            f"container {key[3]} is {have.state}, and LXC takes and restores snapshots only of one that is stopped: "
            "say `state: stopped`",
            where,
        )
    if restore:
        return "snapshot-restore", {"text": config.edited(texts[name], wish.edits), "acted": True}
    return "snapshot-take", {"snapshots": (*have.snapshots, (name, have.text))}


def say(step: Step) -> str:
    """A step in words."""
    name = step.key[3]
    before, after = t.cast(Container, step.before), t.cast(Container, step.after)
    because = f" ({step.why})" if step.why else ""
    if step.verb == "create":
        return f"create container {name}{_from(after.wish)}"
    if step.verb == "delete":
        return f"{'stop and ' if before.state not in ('stopped', 'broken') else ''}delete container {name}{because}"
    field = step.fields[0]
    if field == "config":
        return f"configure container {name}"
    if field == "limits":
        return f"set limits of the running container {name}"
    if field.startswith("snapshot-"):
        wanted = t.cast(Wish, after.wish).snapshot
        doing = {"take": "take snapshot {} of", "remove": "remove snapshot {} of", "restore": "restore snapshot {} of"}
        return f"{doing[field[len('snapshot-') :]].format(wanted)} container {name}"
    if after.state == "frozen":
        return f"freeze container {name}"
    if before.state == "frozen" and after.state == "running":
        return f"unfreeze container {name}"
    return f"{'start' if after.state == 'running' else 'stop'} container {name}{because}"


def shown(record: Container) -> dict[str, t.Any]:
    """A container as YAML for the diff: what its configuration sets, without comments."""
    found: dict[str, t.Any] = {"state": record.state}
    if record.text:
        found["config"] = [f"{key} = {value}" for key, value in config.settings(record.text)]
    if record.snapshots:
        found["snapshots"] = [name for name, _text in record.snapshots]
    return found


def _from(wish: Wish | None) -> str:
    source = wish.source if wish is not None else None
    if source is None:
        return ""
    if source.clone_from is not None:
        return f" as a {'snapshot' if source.clone_snapshot else 'copy'} of {source.clone_from.name}"
    return f" from template {source.template}"

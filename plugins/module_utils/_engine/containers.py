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


def bring(question: Question, key: Key, want: Container) -> t.Iterator[Step]:
    """The steps to one container that is wanted. The planner applies each one's effect before it asks for the next."""
    state = question.state
    wish = want.wish or Wish()
    have = state.get(key)
    if have is None:
        if wish.source is None:
            raise LabError(f"there is no container {key[3]} in {key[2]}", question.request.origin.get(key))
        if question.request.once.get(key) == "restore":
            where = question.request.origin.get(key)
            raise LabError(f"there is no container {key[3]} whose snapshot {wish.snapshot} could be restored", where)
        _check_source(question, key, wish)
        text = config.edited("", wish.edits)
        yield _step("create", key, None, Container("stopped", text, acted=True, wish=wish))
        have = t.cast(Container, state.get(key))
    once = "" if have.acted else question.request.once.get(key, "")
    goal = want.state or ("stopped" if have.state == "stuck" else have.state)
    if have.state == "stuck":
        yield _step("change", key, have, _stopped(have), "state", why="LXC doesn't get on with it")
        have = t.cast(Container, state.get(key))
    text = config.edited(have.text, wish.edits)
    if text != have.text:
        yield _step("change", key, have, replace(have, text=text, wish=wish), "config")
        have = t.cast(Container, state.get(key))
    why = _reason_to_stop(have, goal, once, wish, key)
    if why is not None and have.state in _RUNS:
        yield _step("change", key, have, _stopped(have), "state", why=why, wish=wish)
        have = t.cast(Container, state.get(key))
    yield from _snapshots(question, key, have, once, wish)
    have = t.cast(Container, state.get(key))
    if have.state in _RUNS:
        needs_restart, live = config.unseen(have.text, have.known)
        if live and not needs_restart:
            yield _step("change", key, have, replace(have, known=have.text, wish=wish), "limits")
            have = t.cast(Container, state.get(key))
    if goal in _RUNS and have.state == "stopped":
        started = replace(have, state="running", known=have.text, joined=True, acted=True, wish=wish)
        yield _step("change", key, have, started, "state")
        have = t.cast(Container, state.get(key))
    if goal != have.state and have.state in _RUNS:
        yield _step("change", key, have, replace(have, state=goal, wish=wish), "state")


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


def _reason_to_stop(have: Container, goal: str | None, once: str, wish: Wish, key: Key) -> str | None:
    """Why a running container has to be stopped; None where it may go on."""
    if goal == "stopped":
        return ""
    if once == "restart":
        return "to be started again"
    if not have.joined:
        return f"the namespace {key[1]} that it runs in isn't the one of that name any more"
    if wish.restart != "never":
        needs_restart, live = config.unseen(have.text, have.known)
        if needs_restart or (live and wish.restart == "always"):
            return "it hasn't seen its configuration"
    return None


def _snapshots(question: Question, key: Key, have: Container, once: str, wish: Wish) -> t.Iterator[Step]:
    name = wish.snapshot
    if not name:
        return
    texts = dict(have.snapshots)
    stands = name in texts
    if wish.snapshot_state == "absent" and stands:
        left = tuple(pair for pair in have.snapshots if pair[0] != name)
        yield _step("change", key, have, replace(have, snapshots=left, wish=wish), "snapshot-remove")
        return
    restore = wish.snapshot_state == "restored" and once == "restore"
    take = wish.snapshot_state == "present" and not stands
    if not (restore or take):
        return
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
        after = replace(have, text=config.edited(texts[name], wish.edits), acted=True, wish=wish)
        yield _step("change", key, have, after, "snapshot-restore")
    else:
        taken = replace(have, snapshots=(*have.snapshots, (name, have.text)), wish=wish)
        yield _step("change", key, have, taken, "snapshot-take")


def _stopped(have: Container) -> Container:
    return replace(have, state="stopped", known="", joined=True, pid=0)


def _step(
    verb: str,
    key: Key,
    before: Container | None,
    after: Container,
    field: str = "",
    *,
    why: str = "",
    wish: Wish | None = None,
) -> Step:
    if wish is not None:
        after = replace(after, wish=wish)
    return Step(Phase.CONTAINER, verb, key, before, after, (field,) if field else (), why=why)


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

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Doing the steps of containers, and looking at containers: what stands between the engine and `_lxc`."""

from __future__ import annotations

import os
import typing as t

from .._lxc import config, lifecycle, making, readiness, remains, running, snapshots
from .._lxc.errors import LxcError
from .._lxc.place import Place, default_path, read
from .errors import LabError
from .records import MACHINE, Container, Key, Request, Wish
from .state import State
from .steps import Step

_SHARED = "lxc.namespace.share.net"
NETNS = "/run/netns/"


def place(key: Key) -> Place:
    """The container of a key."""
    return Place(key[2], key[3])


# -- looking


def look(key: Key) -> Container | None:
    """What stands under a key. The worker has to be in the machine's own namespace. Raises LabError."""
    where = place(key)
    try:
        seen = running.look(where)
    except LxcError as error:
        raise LabError(f"container {where.name}: {error}") from error
    if seen is None:
        return None
    if seen.broken:
        return Container("broken")
    known = running.known_to(where, seen) if seen.pid else ""
    taken = tuple((one.name, _text_of(where, one.number)) for one in snapshots.listed(where))
    return Container(seen.state, seen.text, known, _is_joined(seen), taken, seen.pid)


def _text_of(where: Place, number: str) -> str:
    try:
        return read(os.path.join(where.folder, "snaps", number, "config"))
    except OSError:
        return ""


def _is_joined(seen: running.Seen) -> bool:
    """Whether a running container is in the namespace that the name it shares stands for now."""
    shared = config.last(seen.text, _SHARED)
    if not seen.pid or not shared.startswith(NETNS):
        return True
    try:
        named, own = os.stat(shared), os.stat(f"/proc/{seen.pid}/ns/net")
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)


def marked(lab: str) -> list[Key]:
    """The containers in LXC's own place whose configuration says that they belong to a lab. A copy of one says so, too,
    and is none of the lab's: those share the namespace of their own name."""
    path = default_path()
    found: list[Key] = []
    for name in running.containers(path):
        where = Place(path, name)
        try:
            text = read(where.config)
        except OSError:
            continue
        if config.owner(text) == lab and config.last(text, _SHARED) == f"{NETNS}{name}":
            found.append(("container", name, path, name))
    return found


# -- doing


def perform(step: Step) -> None:
    """Do a step. Raises LxcError."""
    where = place(step.key)
    before, after = t.cast(Container, step.before), t.cast(Container, step.after)
    wish = (after.wish if after is not None else None) or Wish()
    if step.verb == "delete":
        if before.state == "broken":
            remains.clear(where)
        else:
            lifecycle.destroy(where, wish.timeout, before.state == "stuck")
        return
    if step.verb == "create":
        making.make(where, wish.source, wish.edits, wish.create_timeout)
        return
    field = step.fields[0]
    if field == "config":
        lifecycle.configure(where, wish.edits)
    elif field == "limits":
        _needs_restart, live = config.unseen(before.text, before.known)
        lifecycle.apply_limits(where, before.pid, live, after.known)
    elif field == "snapshot-take":
        snapshots.take(where, wish.snapshot, wish.create_timeout)
    elif field == "snapshot-remove":
        snapshots.remove(where, wish.snapshot, wish.create_timeout)
    elif field == "snapshot-restore":
        snapshots.restore(where, wish.snapshot, wish.create_timeout)
        lifecycle.configure(where, wish.edits)
    elif after.state == "frozen":
        lifecycle.freeze(where)
    elif before.state == "frozen" and after.state == "running":
        lifecycle.unfreeze(where)
    elif after.state == "running":
        lifecycle.start(where, wish.timeout)
        if wish.wait != "running":
            readiness.wait(where, wish.wait, wish.timeout)
    elif before.state == "stuck":
        lifecycle.end_hard(where)
    else:
        lifecycle.stop(where, wish.timeout)


def await_ready(request: Request, after: State) -> None:
    """Wait for what is asked of a container that runs already: one that was started waited itself. Raises LabError."""
    for key, want in request.want.items():
        if not isinstance(want, Container) or want.wish is None or want.wish.wait == "running":
            continue
        standing = after.get(key)
        if standing is not None and standing.state == "running":
            try:
                readiness.wait(place(key), want.wish.wait, want.wish.timeout)
            except LxcError as error:
                raise LabError(f"container {key[3]}: {error}", "wait") from error


def tidy(steps: t.Iterable[Step]) -> None:
    """Take away what LXC leaves behind these steps, groups and locks of containers that don't run any more, and have
    the disk hold what they made: a machine may lose its power the moment that we say it is done."""
    steps = list(steps)
    remains.tidy({place(step.key): None for step in steps})
    making.keep({place(step.key).path for step in steps if _makes_files(step)})


def _makes_files(step: Step) -> bool:
    """Whether a step copies or unpacks a root file system."""
    return step.verb == "create" or any(field in ("snapshot-take", "snapshot-restore") for field in step.fields)


def concerns(wish: Wish) -> list[Key]:
    """The containers that a wish has to do with besides its own: the one that is to be copied."""
    original = wish.source.clone_from if wish.source is not None else None
    return [("container", MACHINE, *original)] if original is not None else []

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Control groups of our own: whatever a program starts stays in its group, however it daemonises. See cgroups(7).

A group is called by a label of two parts, ``PLACE/NAME``, and lies under ``netns-lab``: in the hierarchy of version 2
where there is one, which can end a whole group at once (cgroup.kill, Linux 5.14), else in that of the freezer of
version 1. A machine may have neither, or not let us make any: then `make` says None.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import time

from . import procfs

_OURS = "netns-lab"
_ATTEMPTS = 20
_POLL_SECONDS = 0.005
_EMPTYING_SECONDS = 2.0
"""A group can't be removed before the last process that ended has left it."""


def hierarchies() -> list[tuple[str, str, list[str]]]:
    """Where control groups are mounted: (place, ``cgroup`` or ``cgroup2``, super block options)."""
    found = []
    for line in (procfs.read_all("/proc/self/mountinfo") or b"").decode("utf-8", "replace").splitlines():
        front, _dash, back = line.partition(" - ")
        fields, source = front.split(), back.split()
        if len(fields) > 4 and len(source) > 2 and source[0] in ("cgroup", "cgroup2"):
            found.append((fields[4], source[0], source[2].split(",")))
    return found


def of_first() -> dict[str, str]:
    """By controller (version 2: the empty text), the group of process 1: below it a machine's groups are made."""
    own = {}
    for line in (procfs.read("/proc/1/cgroup") or b"").decode("utf-8", "replace").splitlines():
        _number, controllers, path = line.split(":", 2)
        path = path[: -len("/init.scope")] if path.endswith("/init.scope") else path
        for name in controllers.split(","):
            own[name] = path
    return own


@functools.lru_cache(maxsize=1)
def _roots() -> tuple[str, ...]:
    """Where ``netns-lab`` is or could be, the best first. In a container the group of process 1 may be out of sight."""
    first = of_first()
    found: dict[str, None] = {}
    for wanted, controller in (("cgroup2", ""), ("cgroup", "freezer")):
        for place, kind, options in hierarchies():
            if kind == wanted and (not controller or controller in options):
                inside = os.path.normpath(place + first.get(controller, "/"))
                found[inside if inside.startswith(place) and os.path.isdir(inside) else place] = None
    return tuple(os.path.join(root, _OURS) for root in found)


def make(label: str) -> str | None:
    """The directory of a group, which is made if it isn't there; None where there can be none."""
    for root in _roots():
        path = os.path.join(root, label)
        for _attempt in range(_ATTEMPTS):
            try:
                os.makedirs(path, 0o755, exist_ok=True)
            except (FileNotFoundError, FileExistsError):  # it or the one above went with another run's last group
                continue
            except OSError:
                break
            if os.path.exists(os.path.join(path, "cgroup.procs")):
                return path
            break
    return None


def find(label: str) -> list[str]:
    """The directories of a group, in whichever hierarchies it is."""
    return [path for root in _roots() if os.path.isdir(path := os.path.join(root, label))]


def names(place: str) -> list[str]:
    """The groups of ours whose label begins with this place."""
    found: dict[str, None] = {}
    for root in _roots():
        with contextlib.suppress(OSError), os.scandir(os.path.join(root, place)) as entries:
            found.update((entry.name, None) for entry in entries if entry.is_dir(follow_symlinks=False))
    return list(found)


def members(path: str) -> list[int]:
    """The processes in a group and in the groups below it. No zombies: they have left."""
    found = []
    for folder, _folders, _files in os.walk(path):
        for word in (procfs.read_all(os.path.join(folder, "cgroup.procs")) or b"").split():
            found.append(int(word))
    return found


def kill(path: str, seconds: float) -> list[int]:
    """KILL to all that is in a group until it is empty; who is left after so many seconds.

    Whoever forks faster than it is found is stopped first: version 2 does both in one go.
    """
    deadline = time.monotonic() + seconds
    while left := members(path):
        if time.monotonic() >= deadline:
            return left
        if not _write(path, "cgroup.kill", "1"):
            _kill_frozen(path)
        time.sleep(_POLL_SECONDS)
    return []


def _kill_frozen(path: str) -> None:
    """Before Linux 5.14. A signal to a process that the freezer of version 1 holds takes effect when it is thawed."""
    v2 = _write(path, "cgroup.freeze", "1")
    v1 = not v2 and _write(path, "freezer.state", "FROZEN")
    try:
        for pid in members(path):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    finally:
        if v2:
            _write(path, "cgroup.freeze", "0")
        if v1:
            _write(path, "freezer.state", "THAWED")


def _write(path: str, file: str, text: str) -> bool:
    """Whether the group has such a file, and took the text."""
    try:
        descriptor = os.open(os.path.join(path, file), os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, text.encode())
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def remove(path: str) -> None:
    """Remove a group that is empty, and ours above it with the last one. One in which something runs stays."""
    deadline = time.monotonic() + _EMPTYING_SECONDS
    while os.path.isdir(path):
        for folder, _folders, _files in os.walk(path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        if not os.path.isdir(path) or members(path) or time.monotonic() >= deadline:
            break
        time.sleep(_POLL_SECONDS)
    place = os.path.dirname(path)
    with contextlib.suppress(OSError):
        os.rmdir(place)
        os.rmdir(os.path.dirname(place))

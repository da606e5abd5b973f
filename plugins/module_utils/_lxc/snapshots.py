# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of a container. LXC numbers them itself; the name that a user gives is kept as LXC's comment."""

from __future__ import annotations

import os
import tempfile
import typing as t

from .._kernel import procfs
from . import tools
from .errors import LxcError
from .place import Place


class Snapshot(t.NamedTuple):
    """One snapshot."""

    number: str
    """LXC's own name for it: ``snap0``."""
    name: str
    """What it was called when it was made; LXC's name where nobody called it anything."""
    time: str
    """When it was made, as LXC notes it."""


def listed(place: Place) -> list[Snapshot]:
    """The snapshots of a container, oldest first. Only files are read."""
    folder = os.path.join(place.folder, "snaps")
    try:
        numbers = [entry for entry in os.listdir(folder) if os.path.isfile(os.path.join(folder, entry, "config"))]
    except OSError:
        return []
    found = []
    for number in sorted(numbers, key=lambda entry: (len(entry), entry)):
        comment = (procfs.read(os.path.join(folder, number, "comment")) or b"").decode("utf-8", "replace").strip()
        time = (procfs.read(os.path.join(folder, number, "ts")) or b"").decode("utf-8", "replace").strip()
        found.append(Snapshot(number, comment.split("\n")[0] if comment else number, time))
    return found


def find(some: t.Iterable[Snapshot], name: str) -> Snapshot | None:
    """The snapshot that has this name; if there is none, the one that has this number."""
    taken = list(some)
    by_number = next((one for one in taken if one.number == name), None)
    return next((one for one in taken if one.name == name), by_number)


def take(place: Place, name: str, timeout: float) -> None:
    """Make a snapshot of a container that is stopped. Raises LxcError."""
    with tempfile.NamedTemporaryFile("w", prefix="netns-lab-", encoding="utf-8") as comment:
        comment.write(f"{name}\n")
        comment.flush()
        done = tools.ask(["lxc-snapshot", *place.arguments, "-c", comment.name], timeout)
    if done.code:
        why = tools.reasons(done.err)
        if not tools.there("rsync"):
            why = ["a directory is copied by rsync, which is missing here: the role netns.lab.lxc installs it"]
        raise LxcError("; ".join(why) or "lxc-snapshot gave no reason")


def restore(place: Place, name: str, timeout: float) -> None:
    """Put a container back to what a snapshot holds. Raises LxcError."""
    tools.run(["lxc-snapshot", *place.arguments, "-r", _number(place, name)], timeout)


def remove(place: Place, name: str, timeout: float) -> None:
    """Remove a snapshot. Raises LxcError."""
    tools.run(["lxc-snapshot", *place.arguments, "-d", _number(place, name)], timeout)


def _number(place: Place, name: str) -> str:
    found = find(listed(place), name)
    if found is None:
        raise LxcError(f"there is no snapshot {name}")
    return found.number

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes that watch over containers, and what these wait for: LXC's monitors, found by the title that they have.

The pid of a container is known from LXC, but LXC doesn't answer while its monitor waits for a hook.
"""

from __future__ import annotations

import time
import typing as t

from .._kernel import procfs
from .place import Place

_SOON = 10.0
_POLL = 0.02


def monitors(place: Place) -> list[procfs.Process]:
    """The monitors of a container, by the title that LXC gives them."""
    title = f"[lxc monitor] {place.path} {place.name}"
    return matching(lambda words: " ".join(words).rstrip() == title, "watches over it")


def matching(is_meant: t.Callable[[list[str]], bool], why: str) -> list[procfs.Process]:
    """The processes of this machine whose command line is meant.

    A machine that runs in this one, such as a container with containers of its own, may have the same names. Its
    processes are in other process and network namespaces than this program.
    """
    here = [procfs.namespace_link("thread-self", kind) for kind in ("pid", "net")]
    found = []
    for pid in procfs.pids():
        words = (
            (procfs.read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0").decode("utf-8", "surrogateescape").split("\0")
        )
        if is_meant(words) and [procfs.namespace_link(pid, kind) for kind in ("pid", "net")] == here:
            process = procfs.describe(pid, why)
            found += [process] if process is not None else []
    return found


def children(pid: int) -> list[procfs.Process]:
    """What a process has started, as far as it runs."""
    found = []
    for other in procfs.pids():
        known = procfs.status(other)
        if known is not None and known.parent == pid and known.state != "Z":
            process = procfs.describe(other, "belongs to the container")
            found += [process] if process is not None else []
    return found


def until_gone(process: procfs.Process | None, seconds: float = _SOON) -> None:
    """Wait for a process to end."""
    deadline = time.monotonic() + seconds
    while process is not None and time.monotonic() < deadline:
        known = procfs.status(process.pid)
        if known is None or known.start != process.start or known.state == "Z":
            return
        time.sleep(_POLL)


def busy_with(place: Place) -> str:
    """What the monitor of a container that doesn't get anywhere is waiting for, in words."""
    for watcher in monitors(place):
        for child in children(watcher.pid):
            return f": LXC waits for process {child.pid} ({child.command})"
    return ""

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at containers: what is configured, what runs, and with which configuration it was started.

Looking touches nothing. LXC's own tools make lock files, and remove a container that was never finished, so they are
only asked about one that runs. All of this has to happen in the machine's own network namespace: there LXC's command
sockets are.
"""

from __future__ import annotations

import os
import re
import time
import typing as t

from .._kernel import procfs
from . import tools
from .errors import LxcError
from .place import Place, read

STOPPED, RUNNING, FROZEN, STUCK = "stopped", "running", "frozen", "stuck"
_STATES = {"STOPPED": STOPPED, "RUNNING": RUNNING, "FROZEN": FROZEN}
_INFO = re.compile(r"^(State|PID):\s*(\w+)", re.M)
_ASK_SECONDS = 10.0
_SETTLE_SECONDS = 5.0
"""How long a container may be on its way from one state to the next before it is taken for stuck."""
_SOCKET_NAME_MAX = 100
"""LXC gives its command socket a hashed name where the path would be too long for one (unix(7): 108 bytes)."""


class Seen(t.NamedTuple):
    """A container, as it stands."""

    text: str = ""
    """Its configuration."""
    state: str = STOPPED
    pid: int = 0
    """Its init, as the machine numbers it; 0 where nothing runs."""
    broken: bool = False
    """It was never finished."""


def look(place: Place) -> Seen | None:
    """What there is of a container; None for none. Raises LxcError where LXC's answer can't be had."""
    if os.path.exists(place.partial):
        return Seen(broken=True)
    try:
        text = read(place.config)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LxcError(f"{place.config} can't be read: {error.strerror}") from error
    state, pid = _state(place)
    return Seen(text, state, pid)


def _state(place: Place) -> tuple[str, int]:
    if not _listens(place):
        return STOPPED, 0
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            done = tools.ask(["lxc-info", *place.arguments, "-s", "-p", "-H"], _ASK_SECONDS)
        except LxcError:
            if not tools.installed():
                raise
            return STUCK, 0  # its monitor is busy, as with a hook that doesn't end
        told = dict(_INFO.findall(done.out.decode("ascii", "replace")))
        state = _STATES.get(told.get("State", ""))
        if state is not None or time.monotonic() > deadline:
            return state or STUCK, int(told.get("PID", 0)) if state in (RUNNING, FROZEN) else 0
        time.sleep(0.05)


def _listens(place: Place) -> bool:
    """Whether the monitor of a container has its command socket open; True where the name doesn't tell."""
    name = f"{place.folder}/command"
    if len(name) > _SOCKET_NAME_MAX:
        return True
    wanted = b"@" + name.encode("utf-8", "surrogateescape")
    table = procfs.read_all("/proc/thread-self/net/unix") or b""
    return any(line.endswith(wanted) for line in table.splitlines())


def containers(path: str) -> list[str]:
    """The names of all containers below a path, in order. Also of those that were never finished."""
    try:
        entries = sorted(os.listdir(path))
    except OSError:
        return []
    return [name for name in entries if os.path.isfile(os.path.join(path, name, "config"))]


# -- what the running container knows


def monitor(pid: int) -> procfs.Process | None:
    """The process that watches over a container, from the pid of its init."""
    known = procfs.status(pid) if pid else None
    return procfs.describe(known.parent, "watches over it") if known is not None else None


def note(place: Place, pid: int, text: str) -> None:
    """Remember with which configuration a container was started, or which it has taken on since."""
    watcher = monitor(pid)
    if watcher is not None:
        write(place.started, f"{watcher.pid} {watcher.start}\n{text}", 0o640)


def known_to(place: Place, seen: Seen) -> str:
    """The configuration that a running container knows.

    One that somebody else started knows what stands, unless the file is younger than its monitor: then nobody can say
    what stood there, and it is taken for nothing.
    """
    watcher = monitor(seen.pid)
    if watcher is None:
        return seen.text
    try:
        head, _end, text = read(place.started).partition("\n")
    except OSError:
        head = text = ""
    if head.split() == [str(watcher.pid), str(watcher.start)]:
        return text
    try:
        changed = os.stat(place.config).st_mtime
    except OSError:
        return seen.text
    began = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + watcher.start / os.sysconf("SC_CLK_TCK")
    return "" if changed > began + 0.1 else seen.text


def write(path: str, text: str, mode: int) -> None:
    """Write a file as a whole: whoever reads it sees the old text or the new one.

    Keeps owner and mode of one that stands. Raises LxcError.
    """
    draft = f"{path}.{os.getpid()}"
    try:
        try:
            stands = os.stat(path)
        except FileNotFoundError:
            stands = None
        with open(draft, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            os.fchmod(stream.fileno(), stands.st_mode & 0o7777 if stands else mode)
            if stands:
                os.fchown(stream.fileno(), stands.st_uid, stands.st_gid)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(draft, path)
    except OSError as error:
        try:
            os.unlink(draft)
        except OSError:
            pass
        raise LxcError(f"{path} can't be written: {error.strerror}") from error

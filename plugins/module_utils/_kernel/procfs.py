# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``/proc`` says about processes, one question each. Called by `processes` and `holders`. See proc(5).

A process may vanish between any two questions: every function here then answers None or nothing.
"""

from __future__ import annotations

import os
import typing as t

Identity = t.Tuple[int, int]
"""(device, inode) of a namespace, as `namespaces.identity` gives it."""

_PF_KTHREAD = 0x00200000
_MAX_COMMAND = 200


class Process(t.NamedTuple):
    """A process, and what it has to do with a namespace."""

    pid: int
    """0 where there is no process to be ended, such as for a mount."""
    start: int
    """When it started, in clock ticks since boot: with the pid it says which process, even when pids are used again."""
    command: str
    """Its command line, cut after 200 characters; in brackets the short name where it has none."""
    why: str
    """``runs inside``, ``thread 7 runs inside``, ``holds it open: descriptor 7``, ..."""


class Status(t.NamedTuple):
    """A few fields of ``/proc/PID/stat``."""

    name: str
    state: str
    parent: int
    session: int
    is_kernel: bool
    start: int


def pids() -> list[int]:
    """The processes of the pid namespace whose ``/proc`` this is; threads aren't among them."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def threads(pid: int) -> list[int]:
    """The threads of a process, itself among them."""
    try:
        return [int(entry) for entry in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def namespace_link(task: int | str, kind: str = "net") -> str | None:
    """Text such as ``net:[4026531840]``: kind and inode of a task's namespace. None for a zombie, which has none."""
    try:
        return os.readlink(f"/proc/{task}/ns/{kind}")
    except OSError:
        return None


def links(namespaces: t.Mapping[Identity, str]) -> dict[str, str]:
    """The same mapping by the text that `namespace_link` gives. nsfs has one device, so the inode alone will do.

    The namespace of the machine is left out, for it can have a name too (``ip netns attach NAME 1``): who looks for
    what to end must never be given all that runs on the machine.
    """
    machine = machine_links()
    return {link: name for (_unused, inode), name in namespaces.items() if (link := f"net:[{inode}]") not in machine}


def machine_links() -> set[str | None]:
    """The namespace in which this program was started, and that of process 1 where it may be looked at."""
    return {namespace_link("self"), namespace_link(1)}


def status(pid: int) -> Status | None:
    """See `Status`."""
    data = read(f"/proc/{pid}/stat")
    if data is None:
        return None
    # The name is in parentheses and may hold any character, so the last one closes it.
    before, _unused, after = data.rpartition(b")")
    fields = after.split()
    if len(fields) < 20:
        return None
    return Status(
        before.partition(b"(")[2].decode("utf-8", "replace"),
        fields[0].decode(),
        int(fields[1]),
        int(fields[3]),
        bool(int(fields[6]) & _PF_KTHREAD),
        int(fields[19]),
    )


def describe(pid: int, why: str) -> Process | None:
    """A `Process`, or None where it is gone or is one of the kernel's own threads."""
    known = status(pid)
    if known is None or known.is_kernel:
        return None
    words = (read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0").replace(b"\0", b" ")
    command = words.decode("utf-8", "replace") or f"[{known.name}]"
    if len(command) > _MAX_COMMAND:
        command = command[: _MAX_COMMAND - 3] + "..."
    return Process(pid, known.start, command, why)


def leader(task: int) -> int | None:
    """The process to which a thread belongs."""
    data = read(f"/proc/{task}/status")
    for line in (data or b"").splitlines():
        if line.startswith(b"Tgid:"):
            return int(line[5:])
    return None


def ancestors() -> list[int]:
    """The parent of this process, its parent, and so on up to the first process that can be seen."""
    chain: list[int] = []
    pid = os.getppid()
    while pid > 0 and pid not in chain:
        chain.append(pid)
        known = status(pid)
        pid = known.parent if known else 0
    return chain


def last_pid() -> int:
    """The number that was given last to a new process or thread (proc_pid_loadavg: the last field)."""
    data = read("/proc/loadavg")
    return int(data.split()[-1]) if data else 0


def read(path: str) -> bytes | None:
    """A short file of ``/proc``; None where it isn't there or may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 65536)
        finally:
            os.close(descriptor)
    except OSError:
        return None


def read_all(path: str) -> bytes | None:
    """A file of ``/proc`` of any length; None where it isn't there or may not be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None

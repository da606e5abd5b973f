# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding and ending what runs in namespaces. Called by the engine before it removes them, and by `netns_info`.

What only holds a namespace open, without running in it, is found by `holders`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import time
import typing as t

from . import procfs, syscalls
from .errors import KernelError
from .holders import holders
from .procfs import Identity, Process

__all__ = ["Ending", "Identity", "Process", "end", "holders", "inside", "never_ended", "until_empty"]

INSIDE = "runs inside"

_AT_ONCE = 128
"""Processes whose end is awaited at once, with one open file each."""
_LONGEST_POLL = 2**31 - 1
"""Milliseconds, for poll(2)."""
_KILL_PATIENCE = 5.0
"""Seconds. SIGKILL takes effect at once, except on a process that waits for a device or is frozen."""
_CHASE_SECONDS = 1.0
"""How long to look for a quiet moment on a machine on which processes come and go all the time."""


class Ending(t.NamedTuple):
    """What became of processes that were to be ended."""

    ended: list[Process]
    survivors: list[Process]
    """Those that were spared or could not be ended; `Process.why` says why."""


def inside(namespaces: t.Mapping[Identity, str]) -> dict[str, list[Process]]:
    """What runs in each of these namespaces, by one scan of all threads of the machine. Names without any are left out.

    A process one of whose threads went into a namespace is found too; `Process.why` tells. Left out are the kernel's
    own threads, and all that runs in the machine's own namespace if a name stands for that.

    Costs about 10 microseconds for each process of the machine, whatever the number of namespaces.
    """
    wanted = procfs.links(namespaces)
    found: dict[str, list[Process]] = {}
    for pid in procfs.pids():
        for name, process in _inside_one(pid, wanted).items():
            found.setdefault(name, []).append(process)
    return found


def _inside_one(pid: int, wanted: t.Mapping[str, str]) -> dict[str, Process]:
    """The namespaces among the wanted ones in which this process has a thread."""
    found: dict[str, Process] = {}
    for thread in procfs.threads(pid):
        name = wanted.get(procfs.namespace_link(f"{pid}/task/{thread}") or "")
        if name is not None and (name not in found or thread == pid):
            process = procfs.describe(pid, INSIDE if thread == pid else f"thread {thread} {INSIDE}")
            if process is not None:
                found[name] = process
    return found


def end(processes: t.Iterable[Process], grace: float) -> Ending:
    """TERM to all, at most `grace` seconds for them to go, KILL to the rest.

    Never to this process, to one of its ancestors, to process 1 or to a kernel thread: they survive. So does what has
    no pid. Who has gone meanwhile, or whose pid belongs to another by now, counts as ended. A zombie has ended.
    """
    spared = never_ended()
    survivors: list[Process] = []
    targets: list[Process] = []
    for process in {process.pid: process for process in processes}.values():
        reason = spared.get(process.pid)
        if reason is None:
            targets.append(process)
        else:
            survivors.append(process._replace(why=f"{process.why}, and {reason}"))
    alive = targets
    if grace > 0:
        refused = _send(alive, (signal.SIGTERM, signal.SIGCONT))  # a stopped process takes no TERM before it goes on
        alive = _await_end([process for process in alive if process not in refused], time.monotonic() + grace)
        alive += refused
    refused = _send(alive, (signal.SIGKILL,))
    stuck = _await_end([process for process in alive if process not in refused], time.monotonic() + _KILL_PATIENCE)
    survivors += [process._replace(why=f"{process.why}, and may not be killed by this user") for process in refused]
    survivors += [
        process._replace(why=f"{process.why}, and didn't end when killed (it waits for a device, or is frozen)")
        for process in stuck
    ]
    left = {process.pid for process in survivors}
    return Ending([process for process in targets if process.pid not in left], survivors)


def until_empty(namespaces: t.Mapping[Identity, str], grace: float, limit: float) -> Ending:
    """End what runs inside until a look that can't have missed anything finds nothing, or `limit` seconds are over.

    The first ones found have `grace` seconds after TERM; what turns up later is killed at once, for it was born after
    the warning. Where the limit passes first, what still runs is among the survivors. A process that only has a thread
    inside holds the namespace, but doesn't live in it, and isn't ended.

    It can still miss who enters later, and what isn't a process: only `farewell` proves that a namespace is gone.
    """
    deadline = time.monotonic() + limit
    ending = Ending([], [])
    while True:
        since = procfs.last_pid()
        found = {process.pid: process for process in _at_home(namespaces)}
        for survivor in ending.survivors:
            found.pop(survivor.pid, None)
        if found:
            round_ = end(found.values(), min(grace, max(0.0, deadline - time.monotonic())) if not ending.ended else 0)
            ending.ended.extend(round_.ended)
            ending.survivors.extend(round_.survivors)
        killed, is_over = _chase(since, procfs.links(namespaces), deadline)
        ending.ended.extend(killed)
        if is_over and not found and not killed:
            return ending
        if time.monotonic() >= deadline:
            known = {process.pid for process in ending.survivors}
            ending.survivors.extend(process for process in _at_home(namespaces) if process.pid not in known)
            return ending


def _at_home(namespaces: t.Mapping[Identity, str]) -> list[Process]:
    """What runs inside with its main thread."""
    return [process for some in inside(namespaces).values() for process in some if process.why == INSIDE]


def _chase(since: int, wanted: t.Mapping[str, str], deadline: float) -> tuple[list[Process], bool]:
    """Kill what was born inside after the pid `since`; who that was, and False where it has to be done again.

    A scan that takes milliseconds never meets a process that forks and exits every 200 microseconds. But its child has
    a pid above the last one given when the scan began, so only the new numbers need to be looked at, which is
    quick enough. When none of them vanished before the look, there was none to be missed. On a machine where processes
    come and go all the time that may never be so, and a second without finding any must do.
    """
    killed: list[Process] = []
    deadline = min(deadline, time.monotonic() + _CHASE_SECONDS)
    spared = never_ended()
    while time.monotonic() < deadline:
        last = procfs.last_pid()
        if last < since:
            return killed, False  # the numbers began again from the bottom: only another whole scan helps
        has_vanished = False
        for task in range(since + 1, last + 1):
            link = procfs.namespace_link(task)
            if link is None:
                has_vanished = True
            elif link in wanted:
                is_process = procfs.leader(task) == task and task not in spared
                process = procfs.describe(task, INSIDE) if is_process else None
                if process is not None and not _send([process], (signal.SIGKILL,)):
                    killed.append(process)
                has_vanished = True  # look again: it may have forked before it died
        since = last
        if not has_vanished:
            break
    return killed, True


def never_ended() -> dict[int, str]:
    """Who is never ended, and why."""
    spared = dict.fromkeys(procfs.ancestors(), "this program runs under it")
    spared[os.getpid()] = "it is this program"
    spared[1] = "process 1 is never ended"
    spared[0] = "is no process that could be ended"
    return spared


@contextlib.contextmanager
def _opened(process: Process) -> t.Iterator[int | None]:
    """A pidfd of that very process; -1 where this kernel has none (before 5.3), None where the process is gone."""
    descriptor = -1
    try:
        descriptor = syscalls.pidfd_open(process.pid)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):
                yield None
                return
            raise KernelError.of(error, f"watch process {process.pid}") from error
    try:
        # Asked after opening: if the number belonged to another by then, the start time says so.
        now = procfs.status(process.pid)
        yield None if now is None or now.start != process.start or now.is_kernel else descriptor
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _send(processes: t.Iterable[Process], numbers: t.Sequence[int]) -> list[Process]:
    """Send signals to each; the processes that this user may not signal."""
    refused: list[Process] = []
    for process in processes:
        with _opened(process) as descriptor:
            if descriptor is None:
                continue
            try:
                for number in numbers:
                    if descriptor >= 0:
                        syscalls.pidfd_send_signal(descriptor, number)
                    else:
                        os.kill(process.pid, number)
            except ProcessLookupError:
                pass
            except PermissionError:
                refused.append(process)
    return refused


def _await_end(processes: t.Sequence[Process], deadline: float) -> list[Process]:
    """Wait until each has ended or the deadline passes; those that haven't ended."""
    left: list[Process] = []
    for start in range(0, len(processes), _AT_ONCE):
        left += _await_some(processes[start : start + _AT_ONCE], deadline)
    return left


def _await_some(processes: t.Sequence[Process], deadline: float) -> list[Process]:
    with contextlib.ExitStack() as stack:
        watched: dict[int, Process] = {}
        unwatched: list[Process] = []
        poll = select.poll()
        for process in processes:
            descriptor = stack.enter_context(_opened(process))
            if descriptor is None:
                continue
            if descriptor < 0:
                unwatched.append(process)
            else:
                watched[descriptor] = process
                poll.register(descriptor, select.POLLIN)  # readable once the whole process has exited
        while watched:
            ready = poll.poll(min(_LONGEST_POLL, max(0.0, deadline - time.monotonic()) * 1000))
            for descriptor, _unused in ready:
                poll.unregister(descriptor)
                del watched[descriptor]
            if not ready:
                break
        while unwatched := [process for process in unwatched if _runs(process)]:
            if time.monotonic() >= deadline:
                break
            time.sleep(0.02)
        return [*watched.values(), *unwatched]


def _runs(process: Process) -> bool:
    now = procfs.status(process.pid)
    return now is not None and now.start == process.start and now.state not in "ZX"

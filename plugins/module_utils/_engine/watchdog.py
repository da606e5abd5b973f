# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The process that undoes a loan which nobody confirms: it waits for the deadline, and takes the link home.

Made by `converge` before the first step, from the run itself: the archive that Ansible sent is gone by the time it
acts, so a program started anew would find no code. It has everything imported, a session and, where systemd runs, a
scope of its own, no open files, and neither terminal nor parent, so nothing that becomes of the connection reaches it.
Should it be killed all the same, the next run finds the deadline in the lease.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import time
import typing as t

from .. import _engine, _kernel
from .._kernel import kept
from .._kernel.visit import Visit
from . import leases, resources
from .errors import LabError
from .leases import Lease
from .records import MACHINE, Request

_TURN_SECONDS = 600.0
"""How long it waits for other runs at the deadline."""
_SYSTEMD = "/run/systemd/system"
"""There where systemd is the machine's first process: sd_booted(3)."""
_SCOPE_SECONDS = 10


def arm(visit: Visit, new: t.Sequence[Lease]) -> None:
    """Start a process that takes these links home at their deadline, unless they are confirmed by then.

    Called in the worker thread; the process is born on the machine. Raises LabError where there can't be one more.
    """
    visit.enter(MACHINE)
    _load_everything()
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        child = -1
    if child:
        os.close(writer)
        if child > 0:
            with contextlib.suppress(ChildProcessError):  # who started us ignores SIGCHLD
                os.waitpid(child, 0)
        is_ready = os.read(reader, 1)
        os.close(reader)
        if not is_ready:
            raise LabError("nothing could be started that would undo the move; is there room for a process?", "confirm")
        return
    try:  # no way back into the run from here
        os.setsid()
        if os.fork():
            os._exit(0)
        _cut_off(writer)
        _have_own_scope(new[0].home)
        os.write(writer, b".")
        os.close(writer)
        _watch(new)
    finally:
        os._exit(0)


def _load_everything() -> None:
    """Load all that taking a link home may need, as long as it can be: most of it is loaded only when it is needed."""
    for package in (_kernel, _engine, resources):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")


def _cut_off(keep: int) -> None:
    """Close everything that the run had open, its locks among them, and be at nobody's call."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.closerange(3, keep)
    os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 1024)
    os.chdir("/")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    sys.stdout = sys.stderr = open(1, "w", closefd=False)  # noqa: SIM115


def _have_own_scope(name: str) -> None:
    """Leave the session's control group, with which it would go (logind.conf(5), KillUserProcesses)."""
    busctl = shutil.which("busctl")
    if not os.path.isdir(_SYSTEMD) or busctl is None:
        return
    words = [
        busctl, "--quiet", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))",
        f"netns-lab-{os.getpid()}.scope", "fail",
        "2", "Description", "s", f"netns.lab: is {name} confirmed in time?", "PIDs", "au", "1", str(os.getpid()), "0",
    ]  # fmt: skip
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(words, timeout=_SCOPE_SECONDS, check=False)


def _watch(new: t.Sequence[Lease]) -> None:
    while True:
        waiting = {lease.place: lease for lease in leases.standing() if lease.deadline is not None}
        mine = [waiting[lease.place] for lease in new if lease.place in waiting]
        if not mine:
            return
        left = min(t.cast(float, lease.deadline) for lease in mine) - kept.now()
        if left > 0:
            time.sleep(min(left, 1.0))
            continue
        from .converge import converge

        # What can't be given back shall not keep the rest from it.
        back = Request({}, returning={lease.home for lease in mine}, force=True, rollback=False)
        with contextlib.suppress(Exception):
            converge(back, check=False, lock_timeout=_TURN_SECONDS)
            return
        time.sleep(5)  # another link has taken its name, perhaps, or a long run has the turn; it ends with the lease

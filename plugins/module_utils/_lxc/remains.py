# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of containers: of makings that were cut short, and of LXC's housekeeping when a container is gone."""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import typing as t

from .._kernel import processes, procfs
from . import cgroups, tools, watchers
from .errors import LxcError
from .place import Place

LOCKS = "/run/lxc/lock"
SCRATCH_PLACES, SCRATCH = ("/run", "/var/cache"), "netns-lab-making-"
"""Where a making has its files for a moment: below one of these, under this name and the number of its process."""


def clear(place: Place) -> None:
    """Remove what a making left that was cut short, and end what still works on it. Raises LxcError."""
    end_makers(place)
    with contextlib.suppress(LxcError):
        tools.ask(["lxc-destroy", *place.arguments], 60.0)
    if os.path.exists(place.partial):
        shutil.rmtree(place.folder, ignore_errors=True)
    if os.path.exists(place.folder):
        raise LxcError(f"{place.folder}, which is half made, can't be removed: is something mounted there?")


def end_makers(place: Place) -> None:
    """Kill the tools, and their templates, that make this container. Each leads a session of its own, or is in one."""
    sessions = {_session(process.pid) for process in _commands(place)} - {_session(os.getpid()), 0}
    if sessions:
        members = [pid for pid in procfs.pids() if _session(pid) in sessions]
        found = [procfs.describe(pid, "makes the container") for pid in members]
        processes.end([process for process in found if process is not None], 0.0)


def tidy(places: t.Iterable[Place]) -> None:
    """Take away what LXC leaves of containers that don't run: empty control groups, lock files."""
    idle = [place for place in places if not watchers.monitors(place)]
    cgroups.tidy(place.name for place in idle)
    for place in idle:
        if os.path.exists(place.folder):
            continue
        folder = LOCKS + place.path
        with contextlib.suppress(OSError):
            os.unlink(f"{folder}/.{place.name}")
        for below in (f"{folder}/{place.name}/snaps", f"{folder}/{place.name}"):
            with contextlib.suppress(OSError):
                for name in os.listdir(below):  # of its snapshots
                    os.unlink(f"{below}/{name}")
                os.rmdir(below)
        with contextlib.suppress(OSError):
            while folder != os.path.dirname(os.path.dirname(LOCKS)):
                os.rmdir(folder)
                folder = os.path.dirname(folder)
    _forget_scratch()


def _forget_scratch() -> None:
    """Take away what runs that were killed had for a moment."""
    for path in (found for place in SCRATCH_PLACES for found in glob.glob(f"{place}/{SCRATCH}*-*")):
        pid = os.path.basename(path)[len(SCRATCH) :].partition("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(path, ignore_errors=True)


def _commands(place: Place) -> list[procfs.Process]:
    """LXC's tools and templates that work on a container right now."""
    tool = {("-P", place.path), ("-n", place.name)}
    copy = {("-p", place.path), ("-N", place.name)}
    template = {f"--path={place.folder}", f"--name={place.name}"}

    def is_meant(words: list[str]) -> bool:
        pairs = set(zip(words, words[1:]))
        is_tool = os.path.basename(words[0]) in ("lxc-create", "lxc-copy", "lxc-snapshot")
        return (is_tool and (tool <= pairs or copy <= pairs)) or template <= set(words)

    return watchers.matching(is_meant, "makes the container")


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0

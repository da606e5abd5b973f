# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting, stopping, freezing and removing containers. Each call ends within its time limit, whatever LXC does."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import shutil
import time
import typing as t

from .._kernel import processes, procfs
from . import cgroups, config, running, tools
from .errors import LxcError
from .place import Place, read

LOCKS = "/run/lxc/lock"
SCRATCH_PLACE, SCRATCH = "/run", "netns-lab-making-"
"""Where a making has its files for a moment: below this directory, under this name and the number of its process."""
SHARED_NETWORK = "NETNS"
"""The environment variable that tells what runs in a container that its network is a namespace made for it."""
_DHCP_AT_BOOT = "\n/bin/udhcpc\n"
"""A line of the busybox template's start script. Without a server that answers, nothing after it ever comes, a shutdown
neither; and it takes away the addresses that eth0 has."""
_DHCP_IF_NEEDED = (
    f'\n[ -n "${SHARED_NETWORK}" ] || ip -o address show dev eth0 scope global | grep -q . || /bin/udhcpc\n'
)
_NEEDS_NO_DHCP = re.compile(r"lxc\.namespace\.share\.net|lxc\.net\.\d+\.ipv[46]\.address")
_NO_RANGE = (
    " (root needs these ids in /etc/subuid and /etc/subgid: `lxc_unprivileged` of the role netns.lab.lxc does that)"
)
_SOON = 10.0
"""Seconds for what LXC does at once."""
_MARGIN = 15.0
"""Seconds beyond the grace that `lxc-stop` is given: then it kills by itself."""
_POLL = 0.02


def configure(place: Place, edits: t.Iterable[config.Edit]) -> str:
    """Edit the configuration of a container; the text that stands now. Raises LxcError."""
    try:
        before = read(place.config)
    except OSError as error:
        raise LxcError(f"{place.config} can't be read: {error.strerror}") from error
    after = config.edited(before, edits)
    if after != before:
        running.write(place.config, after, 0o640)
    return after


def start(place: Place, timeout: float) -> None:
    """Start a container that is stopped. Raises LxcError with the lines of LXC's log where it doesn't start."""
    text = read(place.config)
    _leave_its_addresses_alone(text)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(place.log)  # what it says is about this start
    done = tools.detach(["lxc-start", "-d", *place.arguments, "-o", place.log, "-l", "ERROR"], timeout)
    if done.timed_out:
        busy = _busy_with(place)
        end_hard(place)
        raise LxcError(f"it didn't start within {timeout:g} s{busy}{_log(place)}")
    if done.code:
        end_hard(place)
        raise LxcError(f"it didn't start{_log(place) or ', and LXC gave no reason'}")
    seen = running.look(place)
    if seen is None or seen.state != running.RUNNING:
        raise LxcError(f"it started, and ended at once{_log(place)}")
    running.note(place, seen.pid, text)


def _leave_its_addresses_alone(text: str) -> None:
    """Have a busybox container that shares a network, or is given its addresses by LXC, ask for none."""
    kind, _colon, rootfs = config.last(text, "lxc.rootfs.path").rpartition(":")
    script = os.path.join(rootfs, "etc/init.d/rcS")
    if kind not in ("", "dir") or not any(_NEEDS_NO_DHCP.fullmatch(key) for key, _value in config.settings(text)):
        return
    if not os.path.isfile(script) or os.path.realpath(script) != os.path.join(
        os.path.realpath(rootfs), "etc/init.d/rcS"
    ):
        return
    with open(script, "r+", encoding="utf-8", errors="surrogateescape") as stream:
        lines = stream.read()
        if _DHCP_AT_BOOT in lines:
            stream.seek(0)
            stream.write(lines.replace(_DHCP_AT_BOOT, _DHCP_IF_NEEDED))


def stop(place: Place, timeout: float) -> None:
    """Ask a container to shut down; after `timeout` seconds it is killed. Raises LxcError where even that fails."""
    seen = running.look(place)
    if seen is None or seen.state == running.STOPPED:
        return
    if seen.state == running.STUCK:
        end_hard(place)
        return
    if seen.state == running.FROZEN:
        unfreeze(place)  # frozen, it would hear nothing
    watcher = running.monitor(seen.pid)
    grace = max(1, round(timeout))
    with contextlib.suppress(LxcError):
        tools.ask(["lxc-stop", *place.arguments, "-t", str(grace)], grace + _MARGIN)
    _until_gone(watcher)
    if _still_runs(place):
        end_hard(place)
    _forget_start(place)


def end_hard(place: Place) -> None:
    """Kill whatever there is of a running container. Raises LxcError where something withstands."""
    with contextlib.suppress(LxcError):
        if not _monitors(place):
            return
        tools.ask(["lxc-stop", *place.arguments, "-k"], 1.0)
        _until_gone(next(iter(_monitors(place)), None), 1.0)
    for watcher in _monitors(place):
        # Its children first: a hook that hangs, or the container's init. Then it ends by itself, and tidies up.
        processes.end(_children(watcher.pid), 0.0)
        _until_gone(watcher, 3.0)
    left = processes.end(_monitors(place), 0.0).survivors
    if left:
        raise LxcError(f"process {left[0].pid} ({left[0].command}) {left[0].why}")
    _forget_start(place)


def freeze(place: Place) -> None:
    """Let nothing in a container run until it is thawed. Raises LxcError."""
    tools.run(["lxc-freeze", *place.arguments], _SOON)


def unfreeze(place: Place) -> None:
    """Let a frozen container go on. Raises LxcError."""
    tools.run(["lxc-unfreeze", *place.arguments], _SOON)


def apply_limits(place: Place, pid: int, lines: t.Iterable[tuple[str, str]], known: str) -> None:
    """Give a running container control group settings, as `lxc-cgroup` does; from then on it knows this configuration.

    Raises LxcError.
    """
    for key, value in lines:
        name = key.split(".", 2)[2]
        tools.run(["lxc-cgroup", *place.arguments, name, value], _SOON)
    running.note(place, pid, known)


def destroy(place: Place, timeout: float, stuck: bool = False) -> None:
    """Stop a container and remove it, its snapshots too. One that is `stuck` isn't asked first. Raises LxcError."""
    if stuck:
        end_hard(place)
    else:
        stop(place, timeout)
    snapshots = ["-s"] if os.path.isdir(os.path.join(place.folder, "snaps")) else []
    for extra in (_forget_start, _forget_log):
        extra(place)
    tools.run(["lxc-destroy", *place.arguments, *snapshots], max(timeout, 60.0))
    if os.path.exists(place.folder):  # LXC leaves all of one whose root file system is the user's own
        _remove_but_its_root(place)


def _remove_but_its_root(place: Place) -> None:
    """Remove the files of a container and no directory that holds something. Raises LxcError."""
    try:
        entries = sorted(os.scandir(place.folder), key=lambda entry: entry.name == "config")
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
            else:
                with contextlib.suppress(OSError):
                    os.rmdir(entry.path)
    except OSError as error:
        raise LxcError(f"{error.filename} can't be removed: {error.strerror}") from error
    with contextlib.suppress(OSError):
        os.rmdir(place.folder)


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
    idle = [place for place in places if not _monitors(place)]
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
    for path in glob.glob(f"{SCRATCH_PLACE}/{SCRATCH}*-*"):
        pid = path[len(f"{SCRATCH_PLACE}/{SCRATCH}") :].partition("-")[0]
        if pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            shutil.rmtree(path, ignore_errors=True)


# -- processes


def _monitors(place: Place) -> list[procfs.Process]:
    """The monitors of a container, by the title that LXC gives them."""
    title = f"[lxc monitor] {place.path} {place.name}"
    found = []
    for pid in procfs.pids():
        words = (procfs.read(f"/proc/{pid}/cmdline") or b"").rstrip(b"\0 ").decode("utf-8", "surrogateescape")
        if words == title:
            process = procfs.describe(pid, "watches over it")
            found += [process] if process is not None else []
    return found


def _commands(place: Place) -> list[procfs.Process]:
    """LXC's tools and templates that work on a container right now."""
    tool = {("-P", place.path), ("-n", place.name)}
    copy = {("-p", place.path), ("-N", place.name)}
    template = {f"--path={place.folder}", f"--name={place.name}"}
    found = []
    for pid in procfs.pids():
        words = (procfs.read(f"/proc/{pid}/cmdline") or b"").decode("utf-8", "surrogateescape").split("\0")
        pairs = set(zip(words, words[1:]))
        is_tool = os.path.basename(words[0]) in ("lxc-create", "lxc-copy", "lxc-snapshot")
        if (is_tool and (tool <= pairs or copy <= pairs)) or template <= set(words):
            process = procfs.describe(pid, "makes the container")
            found += [process] if process is not None else []
    return found


def _children(pid: int) -> list[procfs.Process]:
    found = []
    for other in procfs.pids():
        known = procfs.status(other)
        if known is not None and known.parent == pid and known.state != "Z":
            process = procfs.describe(other, "belongs to the container")
            found += [process] if process is not None else []
    return found


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _until_gone(process: procfs.Process | None, seconds: float = _SOON) -> None:
    """Wait for a process to end."""
    deadline = time.monotonic() + seconds
    while process is not None and time.monotonic() < deadline:
        known = procfs.status(process.pid)
        if known is None or known.start != process.start or known.state == "Z":
            return
        time.sleep(_POLL)


def _still_runs(place: Place) -> bool:
    seen = running.look(place)
    return seen is not None and seen.state != running.STOPPED


def _busy_with(place: Place) -> str:
    """What the monitor of a container that doesn't get anywhere is waiting for, in words."""
    for watcher in _monitors(place):
        for child in _children(watcher.pid):
            return f": LXC waits for process {child.pid} ({child.command})"
    return ""


def _log(place: Place) -> str:
    lines = tools.reasons(procfs.read_all(place.log) or b"")
    unmapped = any("newuidmap" in line or "newgidmap" in line for line in lines)
    return ": " + "; ".join(lines) + (_NO_RANGE if unmapped else "") if lines else ""


def _forget_start(place: Place) -> None:
    with contextlib.suppress(OSError):
        os.unlink(place.started)


def _forget_log(place: Place) -> None:
    with contextlib.suppress(OSError):
        os.unlink(place.log)

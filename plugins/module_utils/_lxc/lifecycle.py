# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting, stopping, freezing and removing containers. Each call ends within its time limit, whatever LXC does."""

from __future__ import annotations

import contextlib
import os
import re
import typing as t

from .._kernel import processes, procfs
from . import config, running, tools, watchers
from .errors import LxcError
from .place import Place, read

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
        busy = watchers.busy_with(place)
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
    watchers.until_gone(watcher)
    if _still_runs(place):
        end_hard(place)
    _forget_start(place)


def end_hard(place: Place) -> None:
    """Kill whatever there is of a running container. Raises LxcError where something withstands."""
    with contextlib.suppress(LxcError):
        if not watchers.monitors(place):
            return
        tools.ask(["lxc-stop", *place.arguments, "-k"], 1.0)
        watchers.until_gone(next(iter(watchers.monitors(place)), None), 1.0)
    for watcher in watchers.monitors(place):
        # Its children first: a hook that hangs, or the container's init. Then it ends by itself, and tidies up.
        processes.end(watchers.children(watcher.pid), 0.0)
        watchers.until_gone(watcher, 3.0)
    left = processes.end(watchers.monitors(place), 0.0).survivors
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


def _still_runs(place: Place) -> bool:
    seen = running.look(place)
    return seen is not None and seen.state != running.STOPPED


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

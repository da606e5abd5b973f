# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting until a container is of use: RUNNING only means that LXC has started its init."""

from __future__ import annotations

import time

from .._kernel import procfs
from . import running, tools
from .errors import LxcError
from .place import Place

_POLL = 0.1
_SYSTEMD_IS_UP = ("running", "degraded")


def wait(place: Place, what: str, timeout: float) -> None:
    """Wait for ``init``, that the container's start scripts are through, or ``network``, that it has an address, too.

    Raises LxcError after `timeout` seconds, with what was seen last.
    """
    deadline = time.monotonic() + timeout
    for stage in ("init", "network") if what == "network" else ("init",):
        while True:
            left = deadline - time.monotonic()
            missing = _init(place, max(left, 1.0)) if stage == "init" else _network(place)
            if not missing:
                break
            if left <= 0:
                raise LxcError(f"it isn't ready after {timeout:g} s: {missing}")
            time.sleep(_POLL)


def _init(place: Place, seconds: float) -> str:
    """What the container's init still does; empty where it is through."""
    seen = running.look(place)
    if seen is None or seen.state != running.RUNNING:
        return f"it is {seen.state if seen else 'gone'}"
    first = procfs.status(seen.pid)
    if first is None:
        return "its init is gone"
    if first.name == "lxc-start":
        return "its init hasn't begun"
    if first.name == "systemd":
        words = ["lxc-attach", *place.arguments, "--clear-env", "--", "systemctl", "is-system-running"]
        try:
            state = tools.ask(words, min(seconds, 10.0)).out.decode("utf-8", "replace").strip()
        except LxcError:
            state = "not answering"
        return "" if state in _SYSTEMD_IS_UP else f"systemd is {state or 'not there yet'}"
    for pid in procfs.pids():
        known = procfs.status(pid)
        if known is not None and known.parent == seen.pid:
            command = (procfs.read(f"/proc/{pid}/cmdline") or b"").decode("utf-8", "replace").replace("\0", " ").strip()
            if "/etc/init.d/rcS" in command or command == "/bin/sh /etc/rc":
                return f"its start script still runs ({_last_child(pid) or command})"
    return ""


def _last_child(parent: int) -> str:
    """What a start script is waiting for."""
    for pid in procfs.pids():
        known = procfs.status(pid)
        if known is not None and known.parent == parent:
            return (procfs.read(f"/proc/{pid}/cmdline") or b"").decode("utf-8", "replace").replace("\0", " ").strip()
    return ""


def addresses(place: Place) -> list[str]:
    """The addresses of a running container, without loopback and link-local ones. Raises LxcError."""
    done = tools.ask(["lxc-info", *place.arguments, "-i", "-H"], 10.0)
    words = done.out.decode("ascii", "replace").split()
    return [word for word in words if not word.startswith("fe80:")]


def _network(place: Place) -> str:
    return "" if addresses(place) else "it has no address"

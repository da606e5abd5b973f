# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether processes listen at a port, told by the kernel's tables: nobody is called for it. See proc_pid_net(5)."""

from __future__ import annotations

import os
import typing as t

from . import procfs

_LISTEN = "0A"
_BOUND = "07"
"""The state of an unconnected UDP socket: TCP_CLOSE (include/net/tcp_states.h)."""
STATES = {"tcp": _LISTEN, "udp": _BOUND}


def listens(pids: t.Iterable[int], protocol: str, port: int) -> bool:
    """Whether one of these processes holds a socket that waits at a port, at whatever address and of either family."""
    for pid in pids:
        own = _sockets(pid)
        if own and not own.isdisjoint(_waiting(pid, protocol, port)):
            return True
    return False


def _sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found: set[str] = set()
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return found
    for number in numbers:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _waiting(pid: int, protocol: str, port: int) -> set[str]:
    """The inodes of the sockets that wait at a port in the network namespace of a process."""
    found: set[str] = set()
    for table in (protocol, f"{protocol}6"):
        text = (procfs.read_all(f"/proc/{pid}/net/{table}") or b"").decode("ascii", "replace")
        for line in text.splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == STATES[protocol] and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found

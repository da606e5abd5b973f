# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One ssh connection for all nodes of a machine, also where fifty tasks begin at once.

Each of the fifty would find that ssh's ControlPersist has no connection yet, and make one; and sshd drops some of those
(MaxStartups). So whoever comes first goes alone. If that fails, the others go as ssh does by itself.
Where sshd allows less sessions on a connection than there are tasks (MaxSessions), the rest make connections of their
own after all. Who is dropped then tries again.
Called by `node_connection`, in the worker processes of a run; other connections than ssh are none of its business.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import time
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure

_WARM_SECONDS = 30.0
"""So long after its last use the connection is taken to stand. ssh keeps it for 60 s unless somebody says less."""

_PATIENCE_SECONDS = (0.4, 0.8, 1.6, 3.2, 6.4)


def run(way: t.Any, line: str, in_data: bytes | None, sudoable: bool) -> tuple[int, bytes, bytes]:
    """What `way.exec_command` returns or raises.

    It is called again where sshd hung up before it said who it is, as it does when too many come at once. Nothing has
    been run then.
    """
    meet(way)
    for seconds in _PATIENCE_SECONDS if way.transport == "ssh" else ():
        try:
            return way.exec_command(line, in_data=in_data, sudoable=sudoable)  # type: ignore[no-any-return]
        except AnsibleConnectionFailure as error:
            if "kex_exchange_identification" not in str(error):
                raise
        time.sleep(seconds * random.uniform(0.5, 1.5))
    return way.exec_command(line, in_data=in_data, sudoable=sudoable)  # type: ignore[no-any-return]


def meet(way: t.Any) -> None:
    """Make the shared connection of `way`, a plugin, if it may not stand, and wait while somebody else does."""
    if way.transport != "ssh":
        return
    with _note(way) as note:
        if not _is_warm(note):
            fcntl.flock(note, fcntl.LOCK_EX)
            if not _is_warm(note):
                try:
                    way.exec_command("true", sudoable=False)
                finally:
                    note.truncate(1)
        os.utime(note.fileno())


def reset(way: t.Any) -> None:
    """Have `way` begin anew. All nodes of the machine do, so they take turns."""
    if way.transport != "ssh":
        way.reset()
        return
    with _note(way) as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        way.reset()
        note.truncate(0)


def _note(way: t.Any) -> t.BinaryIO:
    """A file that all workers of this run know; it is empty before the connection stands."""
    whom = [way.get_option(option) for option in ("host", "port", "remote_user")]
    name = "netns-lab-" + hashlib.sha1(repr(whom).encode()).hexdigest()
    return open(os.path.join(C.DEFAULT_LOCAL_TMP, name), "ab")


def _is_warm(note: t.BinaryIO) -> bool:
    state = os.fstat(note.fileno())
    return bool(state.st_size) and time.time() - state.st_mtime < _WARM_SECONDS

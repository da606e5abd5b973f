# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces made ahead, in a thread that does nothing else. Called by the engine before it makes many.

The kernel takes longest over making one (0.2 milliseconds), and needs no interpreter for that. So while the worker
names one and sets it up, the next ones are being made on another processor. They have no names: if the process ends, by
whatever means, the kernel takes them away.
"""

from __future__ import annotations

import os
import threading
from queue import Empty, SimpleQueue

from . import syscalls

AHEAD = 16
"""How many are made ahead at most: each is an open file."""

_OWN = "/proc/thread-self/ns/net"


class Nursery:
    """Makes `count` namespaces, one after the other, all from the namespace `home` (an open file). For one taker."""

    def __init__(self, count: int, home: int) -> None:
        self._left = count
        self._home = home
        self._made: SimpleQueue[int | OSError] = SimpleQueue()
        self._room: SimpleQueue[bool] = SimpleQueue()
        """A True for each that may still be made, False for the end."""
        for _unused in range(AHEAD):
            self._room.put(True)
        self._thread = threading.Thread(target=self._run, args=(count,), name="netns-lab-nursery", daemon=True)
        self._thread.start()

    def take(self) -> int | None:
        """An open file of a new namespace, for the caller to close; None when all have been taken.

        Raises OSError where the kernel made none; then there are no more.
        """
        if not self._left:
            return None
        self._left -= 1
        made = self._made.get()
        self._room.put(True)
        if isinstance(made, OSError):
            self._left = 0
            raise made
        return made

    def close(self) -> None:
        """Let go of what nobody took. May be called twice."""
        self._left = 0
        while True:  # a place that is still free is none any longer
            try:
                self._room.get_nowait()
            except Empty:
                break
        self._room.put(False)
        self._thread.join()
        while not self._made.empty():
            made = self._made.get()
            if isinstance(made, int):
                os.close(made)

    def _run(self, count: int) -> None:
        for _unused in range(count):
            if not self._room.get():
                return
            made: int | OSError
            try:
                # Some settings may come from the namespace that one is made in (net.core.devconf_inherit_init_net).
                syscalls.setns(self._home)
                syscalls.unshare()
                made = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
                syscalls.setns(self._home)  # or the last one couldn't go as long as this thread lives
            except OSError as error:
                made = error
            self._made.put(made)
            if isinstance(made, OSError):
                return

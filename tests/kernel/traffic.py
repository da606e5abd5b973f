# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A conversation between two namespaces, all the time, of which not a single word may be lost.

One end sends a numbered datagram every few milliseconds, the other sends each back. The sockets are opened inside the
namespaces and used by threads of the test; what changes the lab meanwhile has to be another process, so that it doesn't
keep these threads waiting.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker

INTERVAL = 0.003
_PADDING = bytes(1400)
"""They are nearly as long as the MTU of most links allows, so that a smaller one somewhere on the way shows, too."""
_LAST_WORDS = 1.0
"""Seconds that the last ones have to come back."""
_SO_RCVBUFFORCE = 33
_ROOM = 2048


class Talk:
    """Datagrams from a namespace to an address in another one, and back."""

    def __init__(self, here: str, there: str, address: str) -> None:
        self.name = f"{here} to {there} ({address})"
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._near, self._far = in_worker(lambda visit: (_open(visit, here, family), _open(visit, there, family)))
        self._far.bind((address, 7))
        self._near.connect((address, 7))
        self._over = threading.Event()
        self._answered: set[int] = set()
        self.sent = 0
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=work) for work in (self._send, self._echo, self._hear)]

    @property
    def lost(self) -> list[int]:
        """The numbers of those that didn't come back."""
        return [number for number in range(self.sent) if number not in self._answered]

    def begin(self) -> None:
        """Start talking, and return when it is answered for the first time. What is lost until then doesn't count."""
        for thread in self._threads:
            thread.start()
        until = time.monotonic() + 10
        while not self._answered:
            assert time.monotonic() < until, f"{self.name}: no answer: {self.refused[:3]}"
            time.sleep(INTERVAL)
        time.sleep(0.05)
        self._answered.update(self.lost[: min(self._answered)])
        self.refused.clear()

    def end(self) -> None:
        """Stop talking, wait for the last answers, close."""
        self._over.set()
        self._threads[0].join()
        until = time.monotonic() + _LAST_WORDS
        while self.lost and time.monotonic() < until:
            time.sleep(INTERVAL)
        for one in (self._near, self._far):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # wakes who waits for more
        for thread in self._threads[1:]:
            thread.join(5)
        self._near.close()
        self._far.close()

    def _send(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            try:
                self._near.send(self.sent.to_bytes(8, "big") + _PADDING)
            except OSError as error:
                self.refused.append(str(error))
            self.sent += 1
            due = max(due + INTERVAL, time.monotonic())
            self._over.wait(due - time.monotonic())

    def _echo(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                data, sender = self._far.recvfrom(_ROOM)
                if not data:
                    return
                self._far.sendto(data, sender)

    def _hear(self) -> None:
        while True:
            try:
                data = self._near.recv(_ROOM)
            except ConnectionRefusedError:  # an answer to something that was sent before; it shows as lost
                continue
            except OSError:
                return
            if not data:
                return
            self._answered.add(int.from_bytes(data[:8], "big"))


def _open(visit: Visit, ns: str, family: int) -> socket.socket:
    visit.enter(ns)
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 23)  # nothing is lost because the test is slow
    return opened


@contextlib.contextmanager
def unbroken(*ways: tuple[str, str, str]) -> t.Iterator[list[Talk]]:
    """Talk on all of these ways (from, to, address there) for the block; nothing may get lost."""
    talks = [Talk(*way) for way in ways]
    begun: list[Talk] = []
    try:
        for talk in talks:
            talk.begin()
            begun.append(talk)
        yield talks
    finally:
        for talk in begun:
            talk.end()
    for talk in talks:
        assert talk.refused == [], talk.name
        assert talk.lost == [], f"{talk.name}: of {talk.sent} were lost: {talk.lost}"
        assert talk.sent > 20, talk.name

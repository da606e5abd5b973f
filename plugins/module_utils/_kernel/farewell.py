# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof that namespaces are gone. Called by the engine around the removal of their names.

No scan of processes can prove that nothing holds a namespace. The kernel says so itself: when the last holder lets go,
cleanup_net (net/core/net_namespace.c) withdraws the ids by which other namespaces knew it, and announces each with
RTM_DELNSID. Their links are destroyed some time after that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
import time
import typing as t

from . import decode, namespaces, procfs
from .errors import KernelError
from .netlink import SO_RCVBUFFORCE, nsid_get_request
from .visit import HOME, Visit

_RTM_DELNSID = 89
_RTM_GETNSID = 90
_RTNLGRP_NSID = 28
_NETLINK_ADD_MEMBERSHIP = 1
_SOL_NETLINK = 270
_NETNSA_NSID = 1

_AT_ONCE = 64
"""Namespaces that are open at once while they get their ids: at most a quarter of a tight limit of 256 files."""
_RECEIVE_BUFFER_BYTES = 1 << 24
"""A limit, not an allocation. An announcement counts as about 1 KB: room for the end of 16,000 namespaces."""
_RECEIVE_BYTES = 1 << 16


class Farewell:
    """Watches namespaces end. The order matters: make it, `expect` the names, remove them, `wait`.

        with Farewell(visit) as farewell:
            farewell.expect(names)
            namespaces.remove_names(names)
            held = farewell.wait(10)

    Raises KernelError where the announcements can't be subscribed to.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._waiting: dict[int, list[str]] = {}
        visit.enter(HOME)  # the ids are the machine's; and a worker inside would itself be a holder
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
            try:
                self._socket.setblocking(False)
                with contextlib.suppress(OSError):
                    self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
                self._socket.bind((0, 0))
                self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, _RTNLGRP_NSID)
            except OSError:
                self._socket.close()
                raise
        except OSError as error:
            raise KernelError.of(error, "watch for the end of namespaces") from error

    def __enter__(self) -> Farewell:  # noqa: PYI034 (Self is younger than Python 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop watching."""
        self._socket.close()

    def expect(self, names: t.Iterable[str]) -> None:
        """Make sure that the machine's namespace has an id for each of these. Costs about 25 microseconds each.

        Broken and absent names are left out, and names of the machine's own namespace, which doesn't end.
        Raises KernelError.
        """
        conditions = namespaces.conditions(names)
        alive = [name for name, condition in conditions.items() if condition == namespaces.OK]
        for start in range(0, len(alive), _AT_ONCE):
            self._expect_some(alive[start : start + _AT_ONCE])

    def _expect_some(self, names: t.Sequence[str]) -> None:
        link = self._visit.home_socket()
        machine = procfs.machine_links()
        with contextlib.ExitStack() as stack:
            descriptors: dict[str, int] = {}
            for name in names:
                try:
                    descriptor = stack.enter_context(self._visit.descriptor(name))
                except KernelError as error:
                    if error.errno != errno.ENOENT:
                        raise
                    continue
                if f"net:[{os.fstat(descriptor).st_ino}]" not in machine:
                    descriptors[name] = descriptor
            messages = [namespaces.nsid_message(descriptor) for descriptor in descriptors.values()]
            for name, refusal in zip(descriptors, link.transact(messages, expect=(errno.EEXIST,))):
                if refusal is not None:
                    refusal.doing = f"give the namespace {name} an id"
                    raise refusal
            replies = link.get_many([nsid_get_request(descriptor) for descriptor in descriptors.values()])
            for name, reply in zip(descriptors, replies):
                if isinstance(reply, KernelError):
                    reply.doing = f"read the id of the namespace {name}"
                    raise reply
                number = decode.nsid(reply)
                if number is not None:
                    self._waiting.setdefault(number, []).append(name)  # one namespace may have several names

    def wait(self, limit: float) -> list[str]:
        """Wait at most `limit` seconds; the names of those that something still holds, empty when all are gone.

        May be called again, for instance after holders were ended.
        """
        deadline = time.monotonic() + limit
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while self._waiting:
            left = deadline - time.monotonic()
            if not poll.poll(max(0.0, left) * 1000):
                self._ask()  # the last word: an announcement may have been lost
                break
            if not self._read():
                self._ask()
        return sorted(name for names in self._waiting.values() for name in names)

    def _read(self) -> bool:
        """Read what was announced so far; False where some of it was lost."""
        while self._waiting:
            try:
                data = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    return False
                raise KernelError.of(error, "watch for the end of namespaces") from error
            offset = 0
            while offset + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, offset)
                if kind == _RTM_DELNSID:
                    number = decode.nsid(data[offset + 16 : offset + length])
                    self._waiting.pop(-1 if number is None else number, None)
                offset += max(16, (length + 3) & ~3)
        return True

    def _ask(self) -> None:
        """Ask for each id that is still expected. Without announcements it is the next best: ids are used again."""
        numbers = list(self._waiting)
        body = [bytes(4) + struct.pack("=HHi", 8, _NETNSA_NSID, number) for number in numbers]
        requests = [struct.pack("=IHHII", 16 + len(part), _RTM_GETNSID, 1, 0, 0) + part for part in body]
        for number, reply in zip(numbers, self._visit.home_socket().get_many(requests)):
            if isinstance(reply, KernelError) and reply.errno == errno.ENOENT:
                del self._waiting[number]

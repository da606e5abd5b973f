# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain netlink socket: requests, acknowledgements and dumps, all as bytes.

Called by everything that talks to the kernel about links, addresses and routes. What the bytes mean is the business of
`codec` (which writes them) and `decode` (which reads dumps). See netlink(7), rtnetlink(7) and
Documentation/userspace-api/netlink/intro.rst of the kernel.
"""

from __future__ import annotations

import errno
import functools
import socket
import struct
import time
import typing as t

from .errors import KernelError

NLM_F_REQUEST = 0x001
NLM_F_MULTI = 0x002
NLM_F_ACK = 0x004
NLM_F_DUMP_INTR = 0x010
NLM_F_DUMP = 0x300
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSG_OVERRUN = 4

RTM_GETLINK = 18
RTM_GETADDR = 22
RTM_GETROUTE = 26
RTM_GETNSID = 90

IFLA_IFNAME = 3
IFLA_EXT_MASK = 29
IFLA_ALT_IFNAME = 53
RTEXT_FILTER_SKIP_STATS = 8
NETNSA_FD = 3
NLMSGERR_ATTR_MSG = 1
RTA_DST = 1
RTA_SRC = 2
RTA_OIF = 4
RTM_F_LOOKUP_TABLE = 0x1000
RTM_F_FIB_MATCH = 0x2000
NLA_TYPE_MASK = 0x3FFF

NO_SUCH_REQUEST = frozenset((errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT))
"""What a kernel answers to a kind of request that was left out when it was built."""

SOL_NETLINK = 270
NETLINK_CAP_ACK = 10
NETLINK_EXT_ACK = 11
SO_RCVBUFFORCE = 33

MAX_BATCH = 128
"""Messages sent before their acknowledgements are read: 257 overflow the default receive buffer (tried on 6.18)."""
MAX_BATCH_BYTES = 65536
MAX_DUMP_ATTEMPTS = 20
RECEIVE_BYTES = 1 << 16
"""The kernel makes dump datagrams of at most 32 KB (af_netlink.c, netlink_recvmsg); one message alone may be bigger."""
RECEIVE_BUFFER_BYTES = 1 << 21
PATIENCE_SECONDS = 30
"""rtnetlink answers before send() returns; only a lost answer can keep us waiting."""
MAX_ERRNO = 4095
"""No error has a higher number (linux/err.h)."""

_HEADER = struct.Struct("=IHHII")
_FLAGS_SEQUENCE = struct.Struct("=HI")
_ERRNO = struct.Struct("=i")
_ATTRIBUTE = struct.Struct("=HH")


class Socket:
    """A netlink socket of the namespace that the calling thread is in when it is made; it stays in that one.

    Not for use by two threads at once. Raises KernelError where the socket can't be opened.
    """

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            raise KernelError.of(error, "open a netlink socket") from error
        for level, option, value in (
            (SOL_NETLINK, NETLINK_EXT_ACK, 1),
            (SOL_NETLINK, NETLINK_CAP_ACK, 1),
            (socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES),
            (socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", PATIENCE_SECONDS, 0)),
        ):
            try:
                self._socket.setsockopt(level, option, value)
            except OSError:
                pass  # each of these only improves things: an old kernel, or a user without CAP_NET_ADMIN, does without
        self._sequence = 0

    def close(self) -> None:
        """Close the socket. Closing twice is allowed."""
        self._socket.close()

    def fileno(self) -> int:
        """The file descriptor."""
        return self._socket.fileno()

    def __enter__(self) -> Socket:  # noqa: PYI034 (Self is younger than Python 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transact(
        self, messages: t.Sequence[bytes | bytearray], expect: t.Collection[int] = ()
    ) -> list[KernelError | None]:
        """Send requests and return what became of each, in their order: None for done, else the kernel's refusal.

        A refused message doesn't stop the ones behind it. `expect` holds errno values that count as done. An outcome
        with errno ENOBUFS is unknown: the acknowledgement was lost, and only another look can tell.
        """
        outcomes: list[KernelError | None] = []
        for batch in batches(messages):
            for answer in self._ask(batch, NLM_F_REQUEST, only_refusals=True):
                if isinstance(answer, bytes):
                    answer = KernelError(0, "the kernel sent data where an acknowledgement was due")
                outcomes.append(None if answer is not None and answer.errno in expect else answer)
        return outcomes

    def get_many(self, requests: t.Sequence[bytes | bytearray]) -> list[bytes | KernelError]:
        """Send requests that have one reply each, many at a time; the body of each reply, or why there is none."""
        replies: list[bytes | KernelError] = []
        for batch in batches(requests):
            for answer in self._ask(batch, NLM_F_REQUEST):
                replies.append(KernelError(0, "the kernel sent no data") if answer is None else answer)
        return replies

    def get(self, request: bytes | bytearray) -> bytes:
        """Send a request that has one reply and return that reply's body. Raises KernelError where it is refused."""
        (reply,) = self.get_many([request])
        if isinstance(reply, KernelError):
            raise reply
        return reply

    def dump(self, request: bytes | bytearray) -> list[bytes]:
        """Send a dump request; the bodies (without the netlink header) of all messages of the reply.

        A dump during which the objects changed (NLM_F_DUMP_INTR) is asked for again, at most MAX_DUMP_ATTEMPTS times.
        Raises KernelError where it is refused, where replies were lost (ENOBUFS), or where it never came out whole.
        """
        for _unused in range(MAX_DUMP_ATTEMPTS):
            bodies = self._dump_once(request)
            if bodies is not None:
                return bodies
        reason = f"things changed during each of {MAX_DUMP_ATTEMPTS} attempts"
        raise KernelError(errno.EAGAIN, reason, "read a table from the kernel")

    def _number(self, message: bytes | bytearray, flags: int) -> bytearray:
        """A copy of the message with the flags added and the next sequence number."""
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF or 1
        numbered = bytearray(message)
        present, _unused = _FLAGS_SEQUENCE.unpack_from(numbered, 6)
        _FLAGS_SEQUENCE.pack_into(numbered, 6, present | flags, self._sequence)
        return numbered

    def _send(self, data: bytes | bytearray) -> None:
        try:
            self._socket.send(data)
        except OSError as error:
            raise KernelError.of(error, "send a netlink message") from error

    def _receive(self, flags: int = 0) -> bytes:
        data = self._socket.recv(RECEIVE_BYTES, flags)
        if len(data) >= RECEIVE_BYTES:
            raise KernelError(errno.EMSGSIZE, doing="read a netlink message")
        if len(data) < _HEADER.size:
            raise malformed()
        return data

    def _ask(
        self, messages: t.Sequence[bytes | bytearray], flags: int, *, only_refusals: bool = False
    ) -> list[bytes | KernelError | None]:
        """Send all messages at once and sort the answers by their sequence numbers.

        With `only_refusals` an acknowledgement is asked for with the last one only. A refusal comes unasked, and in its
        turn (af_netlink.c, netlink_rcv_skb): those that had none by then are done.
        """
        batch = bytearray()
        waiting: dict[int, int] = {}
        last = len(messages) - 1
        for place, message in enumerate(messages):
            batch += self._number(message, flags | NLM_F_ACK if only_refusals and place == last else flags)
            batch += bytes(-len(batch) % 4)
            waiting[self._sequence] = place
        answers: list[bytes | KernelError | None] = [None] * len(messages)
        lost = False
        if waiting:
            self._send(batch)
        until = time.monotonic() + PATIENCE_SECONDS
        while waiting:
            try:
                data = self._receive(socket.MSG_DONTWAIT if lost else 0)
            except OSError as error:
                if error.errno == errno.ENOBUFS and not lost:
                    lost = True  # what did arrive is still there to be read
                    continue
                for place in waiting.values():
                    answers[place] = _lost()
                break
            left = len(waiting)
            for kind, _unused, sequence, start, end, _unused in _messages(data):
                place_or_none = waiting.pop(sequence, None)
                if place_or_none is not None:
                    answers[place_or_none] = _answer(kind, data, start, end)
                    if only_refusals and place_or_none == last and not lost:
                        waiting.clear()
            if len(waiting) == left:
                _be_patient(until)
        return answers

    def _dump_once(self, request: bytes | bytearray) -> list[bytes] | None:
        """The bodies of one dump, or None where it was interrupted by a change."""
        self._send(self._number(request, NLM_F_REQUEST | NLM_F_DUMP))
        wanted = self._sequence
        bodies: list[bytes] = []
        whole = True
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                data = self._receive()
            except OSError as error:
                raise KernelError.of(error, "read a table from the kernel") from error
            offset, size = 0, len(data)
            sequence = wanted
            while offset + 16 <= size:  # as _messages does it, without the cost of a generator
                length, kind, flags, sequence, _unused = _HEADER.unpack_from(data, offset)
                end = offset + length
                if length < 16 or end > size:
                    raise malformed()
                if sequence == wanted:
                    if flags & NLM_F_DUMP_INTR:
                        whole = False
                    if kind > NLMSG_OVERRUN:
                        bodies.append(data[offset + 16 : end])
                    elif kind in (NLMSG_DONE, NLMSG_ERROR):
                        refusal = _refusal(data, offset + 16, end)
                        if refusal is not None:
                            refusal.doing = "read a table from the kernel"
                            raise refusal
                        if kind == NLMSG_ERROR:
                            raise malformed()  # an acknowledgement isn't the end of a dump
                        return bodies if whole else None
                    elif kind == NLMSG_OVERRUN:
                        raise KernelError(errno.ENOBUFS, doing="read a table from the kernel")
                offset += (length + 3) & ~3
            if offset < size:
                raise malformed()
            if sequence != wanted:
                _be_patient(until)


def malformed() -> KernelError:
    """What to raise for bytes that make no sense."""
    return KernelError(0, "malformed netlink reply")


def _lost() -> KernelError:
    return KernelError(errno.ENOBUFS, "the kernel's answer was lost, so the outcome is unknown")


def _be_patient(until: float) -> None:
    """Raise KernelError if something else than the answer has been coming for too long."""
    if time.monotonic() > until:
        raise KernelError(errno.ETIMEDOUT, "only messages that nobody asked for came", "read a netlink message")


def batches(messages: t.Sequence[bytes | bytearray]) -> t.Iterator[t.Sequence[bytes | bytearray]]:
    """The messages in their order, as many at a time as may be sent before their answers are read."""
    start = size = 0
    for place, message in enumerate(messages):
        padded = (len(message) + 3) & ~3
        if place > start and (place == start + MAX_BATCH or size + padded > MAX_BATCH_BYTES):
            yield messages[start:place]
            start, size = place, 0
        size += padded
    if messages:
        yield messages[start:]


def _messages(data: bytes) -> t.Iterator[tuple[int, int, int, int, int, int]]:
    """Each message of a datagram: type, flags, sequence, start and end of its body, sender."""
    offset, size = 0, len(data)
    while offset + 16 <= size:
        length, kind, flags, sequence, sender = _HEADER.unpack_from(data, offset)
        if length < 16 or offset + length > size:
            raise malformed()
        yield kind, flags, sequence, offset + 16, offset + length, sender
        offset += (length + 3) & ~3
    if offset < size:
        raise malformed()


def _answer(kind: int, data: bytes, start: int, end: int) -> bytes | KernelError | None:
    """What a single answer says: a body, a refusal, or None for an acknowledgement."""
    if kind == NLMSG_ERROR:
        return _refusal(data, start, end)
    if kind > NLMSG_OVERRUN:
        return data[start:end]
    return _lost() if kind == NLMSG_OVERRUN else malformed()


def _refusal(data: bytes, start: int, end: int) -> KernelError | None:
    """What an NLMSG_ERROR or NLMSG_DONE says: None for success, else the number with the kernel's sentence."""
    if end - start < 4:
        if end == start and _HEADER.unpack_from(data, start - 16)[1] == NLMSG_DONE:
            return None  # old kernels send no number with it
        raise malformed()
    number = -_ERRNO.unpack_from(data, start)[0]
    if not number:
        return None
    if not 0 < number <= MAX_ERRNO:
        raise malformed()
    _unused, kind, flags, _unused, _unused = _HEADER.unpack_from(data, start - 16)
    sentence = ""
    if flags & NLM_F_ACK_TLVS:
        offset = start + 4
        if kind == NLMSG_ERROR:
            # The header of the request follows, and its body too unless capped (netlink_ack in af_netlink.c).
            if end - offset < 16:
                raise malformed()
            inner = _HEADER.unpack_from(data, offset)[0]
            offset += 16 if flags & NLM_F_CAPPED else (max(inner, 16) + 3) & ~3
        while offset + 4 <= end:
            length, attribute = _ATTRIBUTE.unpack_from(data, offset)
            if length < 4 or offset + length > end:
                break
            if attribute & NLA_TYPE_MASK == NLMSGERR_ATTR_MSG:
                sentence = data[offset + 4 : offset + length].rstrip(b"\0").decode("utf-8", "replace")
            offset += (length + 3) & ~3
    return KernelError(number, sentence)


def request(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A message with the given body, and with flags beside NLM_F_REQUEST."""
    return _HEADER.pack(16 + len(body), kind, NLM_F_REQUEST | flags, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


@functools.cache
def link_dump_request() -> bytes:
    """All links of the namespace, without their statistics."""
    return request(RTM_GETLINK, bytes(16) + attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_SKIP_STATS)))


@functools.cache
def address_dump_request(family: int = socket.AF_UNSPEC) -> bytes:
    """All addresses of one family, or of all."""
    return request(RTM_GETADDR, struct.pack("=BBBBI", family, 0, 0, 0, 0))


@functools.cache
def route_dump_request(family: int = socket.AF_UNSPEC) -> bytes:
    """All routes of one family, or of all, from all tables."""
    return request(RTM_GETROUTE, struct.pack("=BBBBBBBBI", family, 0, 0, 0, 0, 0, 0, 0, 0))


def link_get_request(link: str | int) -> bytes:
    """One link by name (or alternative name), or by index."""
    index, name = (link, b"") if isinstance(link, int) else (0, link.encode("utf-8", "surrogateescape"))
    body = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, index, 0, 0)
    body += attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_SKIP_STATS))
    if name:
        body += attribute(IFLA_IFNAME if len(name) < 16 else IFLA_ALT_IFNAME, name + b"\0")
    return request(RTM_GETLINK, body)


def route_get_request(destination: str, source: str | None = None, link: int = 0) -> bytes:
    """The route that leads to an address: the entry of the table itself, not what would be cached of it.

    `source` is an address of this namespace, `link` the index of the outgoing link (or of its VRF); both choose where
    policy rules have a say. Needs Linux 4.13.
    """
    family = socket.AF_INET6 if ":" in destination else socket.AF_INET
    length = 128 if family == socket.AF_INET6 else 32
    flags = RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH
    body = struct.pack("=BBBBBBBBI", family, length, length if source else 0, 0, 0, 0, 0, 0, flags)
    body += attribute(RTA_DST, socket.inet_pton(family, destination))
    if source:
        body += attribute(RTA_SRC, socket.inet_pton(family, source))
    if link:
        body += attribute(RTA_OIF, struct.pack("=I", link))
    return request(RTM_GETROUTE, body)


def nsid_get_request(descriptor: int) -> bytes:
    """The id by which this namespace knows the one behind an open file descriptor."""
    return request(RTM_GETNSID, bytes(4) + attribute(NETNSA_FD, struct.pack("=I", descriptor)))

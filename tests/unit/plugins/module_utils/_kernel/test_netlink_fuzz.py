# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever comes instead of the kernel's answer: the right result, or the module's own error. Never a part of a result.

The answers lie ready in a socket pair before they are asked for, and behind the last one it is closed: a reader that
doesn't notice would go round for ever, and is ended by an alarm.
"""

from __future__ import annotations

import errno
import signal
import socket
import struct
import typing as t
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import netlink
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError

REQUEST = struct.pack("=IHHII", 16, 18, 0, 0, 0)
NEWLINK = 16
MULTI = netlink.NLM_F_MULTI
SECONDS = 3


def message(kind: int, sequence: int, body: bytes = b"", flags: int = 0, port: int = 0) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, port) + body + bytes(-len(body) % 4)


def done(sequence: int, flags: int = 0) -> bytes:
    return message(netlink.NLMSG_DONE, sequence, bytes(4), MULTI | flags)


def status(sequence: int, number: int, tail: bytes = bytes(16), flags: int = 0) -> bytes:
    return message(netlink.NLMSG_ERROR, sequence, struct.pack("=i", number) + tail, flags)


@contextmanager
def answering(datagrams: t.Iterable[bytes]) -> t.Iterator[netlink.Socket]:
    """A socket whose first request has sequence number 1, and to which these datagrams have come already."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    made = netlink.Socket()
    made._socket.close()
    made._socket = ours

    def too_long(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(SECONDS)
    try:
        for datagram in datagrams:
            theirs.send(datagram)
        theirs.shutdown(socket.SHUT_WR)
        yield made
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        made.close()
        theirs.close()


def dumped(datagrams: t.Iterable[bytes]) -> list[bytes] | KernelError:
    with answering(datagrams) as link:
        try:
            return link.dump(REQUEST)
        except KernelError as error:
            str(error)
            return error


def acknowledged(datagrams: t.Iterable[bytes], count: int) -> list[KernelError | None] | KernelError:
    with answering(datagrams) as link:
        try:
            return link.transact([REQUEST] * count)
        except KernelError as error:
            return error


def got(datagrams: t.Iterable[bytes], count: int) -> list[bytes | KernelError] | KernelError:
    with answering(datagrams) as link:
        try:
            return link.get_many([REQUEST] * count)
        except KernelError as error:
            return error


bodies = st.lists(st.binary(max_size=40).map(lambda body: body + bytes(-len(body) % 4)), min_size=1, max_size=5)
stray = st.builds(
    message, st.sampled_from([1, 2, 3, 4, NEWLINK]), st.sampled_from([0, 2, 3, 2**32 - 1]), st.binary(max_size=24),
    st.sampled_from([0, MULTI, netlink.NLM_F_DUMP_INTR]),
)  # fmt: skip


@st.composite
def dumps(draw: t.Any) -> tuple[list[bytes], list[bytes]]:
    """The bodies of a dump and its datagrams, cut between any two messages."""
    some = draw(bodies)
    messages = [message(NEWLINK, 1, body, MULTI) for body in some] + [done(1)]
    datagrams = [b""]
    for one in messages:
        if datagrams[-1] and draw(st.booleans()):
            datagrams.append(b"")
        datagrams[-1] += one
    return some, datagrams


# -- dumps


@given(dumps(), st.data())
def test_a_dump_comes_out_whole_whatever_else_comes_between(dump, data):
    some, datagrams = dump
    for one in data.draw(st.lists(stray, max_size=3)):
        datagrams.insert(data.draw(st.integers(0, len(datagrams) - 1)), one)
    assert dumped(datagrams) == some


def inside(datagram: bytes) -> list[int]:
    """The places within its messages. One that is cut off between two of them is a whole one."""
    found: list[int] = []
    start = 0
    while start < len(datagram):
        length = struct.unpack_from("=I", datagram, start)[0]
        found += range(start + 1, start + length)
        start += (length + 3) & ~3
    return found


@given(dumps(), st.data())
def test_a_dump_cut_off_in_any_message_is_no_dump(dump, data):
    _some, datagrams = dump
    cut = data.draw(st.integers(0, len(datagrams) - 1))
    datagrams[cut] = datagrams[cut][: data.draw(st.sampled_from(inside(datagrams[cut])))]
    assert isinstance(dumped(datagrams), KernelError)


@given(dumps(), st.data())
def test_a_dump_without_its_end_is_no_dump(dump, data):
    _some, datagrams = dump
    whole = b"".join(datagrams)
    kept = whole[: data.draw(st.sampled_from([len(whole) - 20, 20, 0]))]
    assert isinstance(dumped([kept] if kept else []), KernelError)


@given(dumps(), st.data())
def test_a_message_of_another_length_is_refused_or_read_but_never_trips(dump, data):
    _some, datagrams = dump
    damaged = bytearray(datagrams[0])
    length = data.draw(st.one_of(st.integers(0, 64), st.sampled_from([0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])))
    struct.pack_into("=I", damaged, 0, length)
    dumped([bytes(damaged), *datagrams[1:]])


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=4))
def test_noise_instead_of_an_answer_is_refused(noise):
    assert isinstance(dumped(noise), KernelError)
    assert isinstance(acknowledged(noise, 1), KernelError)
    assert isinstance(got(noise, 1), KernelError)


@given(dumps(), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_dump_never_trips_the_reader(dump, changes):
    _some, datagrams = dump
    whole = bytearray(b"".join(datagrams))
    for place, value in changes:
        whole[place % len(whole)] = value
    dumped([bytes(whole)])


@given(dumps(), st.integers(1, 4095))
def test_a_dump_that_breaks_off_with_an_error_is_no_dump(dump, number):
    _some, datagrams = dump
    for end in (status(1, -number), message(netlink.NLMSG_DONE, 1, struct.pack("=i", -number), MULTI)):
        found = dumped([b"".join(datagrams)[:-20] + end])
        assert isinstance(found, KernelError)
        assert found.errno == number


@pytest.mark.parametrize(
    "end",
    [
        status(1, 0),
        status(1, 5),
        message(netlink.NLMSG_ERROR, 1),
        message(netlink.NLMSG_OVERRUN, 1) + done(1),
        status(1, -(2**31)),
        status(1, -4096),
        message(netlink.NLMSG_DONE, 1, struct.pack("=i", 7), MULTI),
        b"\0\0\0\0" + done(1),
        done(1)[:15],
        b"\0",
    ],
    ids=["acknowledged", "positive", "empty error", "overrun", "no such number", "above all", "positive end",
         "zeros between", "part of a header", "a byte"],
)  # fmt: skip
def test_what_is_no_end_of_a_dump_does_not_make_it_whole(end):
    assert isinstance(dumped([message(NEWLINK, 1, b"body", MULTI) + end]), KernelError)


@given(dumps(), st.data())
def test_a_dump_marked_as_interrupted_anywhere_is_asked_for_again(dump, data):
    some, datagrams = dump
    marked = bytearray(b"".join(datagrams))
    places, offset = [], 0
    while offset < len(marked):
        places.append(offset)
        offset += struct.unpack_from("=I", marked, offset)[0]
    place = data.draw(st.sampled_from(places))
    struct.pack_into("=H", marked, place + 6, MULTI | netlink.NLM_F_DUMP_INTR)
    again = b"".join(message(NEWLINK, 2, body, MULTI) for body in some) + done(2)
    assert dumped([bytes(marked), again]) == some


NO_LINK = netlink.request(netlink.RTM_GETLINK, struct.pack("=BxHiII", 0, 0, 2**31 - 1, 0, 0))


def test_a_dump_after_which_messages_were_lost_is_no_dump():
    """A real netlink socket with the smallest buffer, filled with answers that nobody reads."""
    with netlink.Socket() as link:
        link._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        link._send(NO_LINK * 100)
        with pytest.raises(KernelError) as caught:
            link.dump(netlink.link_dump_request())
        assert caught.value.errno == errno.ENOBUFS


def test_messages_that_nobody_asked_for_are_not_read_for_ever(monkeypatch):
    monkeypatch.setattr(netlink, "PATIENCE_SECONDS", -1)
    for ask in (dumped, lambda some: acknowledged(some, 1), lambda some: got(some, 1)):
        found = ask([message(NEWLINK, 9)] * 50)
        assert isinstance(found, KernelError)
        assert found.errno == errno.ETIMEDOUT


def test_a_message_too_big_for_the_buffer_is_refused():
    found = dumped([message(NEWLINK, 1, bytes(netlink.RECEIVE_BYTES)) + done(1)])
    assert isinstance(found, KernelError)
    assert found.errno == errno.EMSGSIZE


# -- acknowledgements and single replies


@st.composite
def acknowledgements(draw: t.Any) -> tuple[list[int], list[bytes]]:
    """The numbers of some outcomes, and the datagrams that tell them: the refusals, and how the last one ended."""
    numbers = draw(st.lists(st.sampled_from([0, 0, errno.EEXIST, errno.ENODEV, 4095]), min_size=1, max_size=5))
    last = len(numbers)
    messages = [status(place, -number) for place, number in enumerate(numbers, 1) if number or place == last]
    datagrams = [b""]
    for one in messages:
        if datagrams[-1] and draw(st.booleans()):
            datagrams.append(b"")
        datagrams[-1] += one
    return numbers, datagrams


@given(acknowledgements(), st.data())
def test_acknowledgements_are_told_apart_whatever_comes_between(answers, data):
    numbers, datagrams = answers
    other = message(NEWLINK, 77, b"data")
    for place in data.draw(st.lists(st.integers(0, len(datagrams) - 1), max_size=3)):
        datagrams.insert(place, other)
    found = acknowledged(datagrams, len(numbers))
    assert isinstance(found, list)
    assert [outcome.errno if outcome else 0 for outcome in found] == numbers


@given(acknowledgements(), st.data())
def test_an_acknowledgement_that_is_cut_off_is_no_success(answers, data):
    numbers, datagrams = answers
    cut = data.draw(st.integers(0, len(datagrams) - 1))
    datagrams[cut] = datagrams[cut][: data.draw(st.integers(1, len(datagrams[cut]) - 1))]
    found = acknowledged(datagrams, len(numbers))
    assert isinstance(found, KernelError)


@pytest.mark.parametrize("kind", [1, netlink.NLMSG_DONE, netlink.NLMSG_OVERRUN])
def test_control_messages_are_no_replies(kind):
    """The id of a namespace whose reply holds no attribute is "none given"."""
    found = got([message(kind, 1, bytes(4))], 1)
    assert isinstance(found, list)
    assert isinstance(found[0], KernelError)
    outcome = acknowledged([message(kind, 1, bytes(4))], 1)
    assert isinstance(outcome, list)
    assert isinstance(outcome[0], KernelError)


@given(st.binary(max_size=60), st.sampled_from([0, 0x100, 0x200, 0x300]))
def test_an_error_with_garbage_behind_it_never_trips_the_reader(tail, flags):
    found = acknowledged([status(1, -errno.EPERM, tail, flags)], 1)
    if isinstance(found, list):
        assert found[0] is not None
        assert found[0].errno == errno.EPERM


@given(st.integers(-(2**31), 2**31 - 1))
def test_any_number_of_an_error_is_told_or_refused(number):
    found = acknowledged([status(1, number)], 1)
    if isinstance(found, KernelError):
        assert not -4096 < number <= 0
    else:
        assert [outcome and outcome.errno for outcome in found] == [-number or None]


def test_a_lost_acknowledgement_is_an_unknown_outcome():
    """A real netlink socket whose buffer holds a few of the acknowledgements."""
    with netlink.Socket() as link:
        link._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        outcomes = link.transact([NO_LINK] * 100)
        assert len(outcomes) == 100
        assert {outcome.errno for outcome in outcomes if outcome} == {errno.ENODEV, errno.ENOBUFS}
        assert None not in outcomes
        assert link.dump(netlink.link_dump_request())

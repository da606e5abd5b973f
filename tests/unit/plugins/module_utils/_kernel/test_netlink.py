# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that a kernel never sends: a datagram socket stands in for the netlink socket."""

from __future__ import annotations

import errno
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import netlink
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError

REQUEST = struct.pack("=IHHII", 16, 18, 0, 0, 0)


class Peer:
    """Answers each datagram with what `answer` makes of the sequence numbers in it."""

    def __init__(self, answer):
        self.answer = answer
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.batches = []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while data := self.theirs.recv(1 << 20):
            sequences, offset = [], 0
            while offset < len(data):
                length, _unused, _unused, sequence, _unused = struct.unpack_from("=IHHII", data, offset)
                sequences.append(sequence)
                offset += (length + 3) & ~3
            self.batches.append((len(sequences), len(data)))
            for reply in self.answer(sequences):
                self.theirs.send(reply)

    def __enter__(self):
        self.thread.start()
        made = netlink.Socket()
        made._socket.close()
        made._socket = self.ours
        return made

    def __exit__(self, *_):
        self.ours.close()
        self.thread.join()
        self.theirs.close()


def message(kind, sequence, body=b"", flags=0):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, sequence, 0) + body + bytes(-len(body) % 4)


def done(sequence, flags=0):
    return message(3, sequence, bytes(4), flags)


def ack(sequence, number=0):
    return message(2, sequence, struct.pack("=i", -number) + bytes(16))


def test_a_dump_that_changed_meanwhile_is_asked_for_again():
    attempts = []

    def answer(sequences):
        attempts.append(sequences)
        flags = netlink.NLM_F_DUMP_INTR if len(attempts) < 3 else 0
        return [message(16, sequences[0], b"old!" if flags else b"new!", flags), done(sequences[0])]

    with Peer(answer) as link:
        assert link.dump(REQUEST) == [b"new!"]
    assert len(attempts) == 3


def test_the_mark_of_a_changed_dump_may_be_on_its_last_message():
    flags = [netlink.NLM_F_DUMP_INTR, 0]
    with Peer(lambda sequences: [done(sequences[0], flags.pop(0))]) as link:
        assert link.dump(REQUEST) == []
    assert flags == []


def test_a_table_that_never_stands_still_is_given_up():
    with (
        Peer(lambda sequences: [done(sequences[0], netlink.NLM_F_DUMP_INTR)]) as link,
        pytest.raises(KernelError) as caught,
    ):
        link.dump(REQUEST)
    assert caught.value.errno == errno.EAGAIN
    assert "things changed" in str(caught.value)


def test_what_is_left_of_an_earlier_dump_is_not_taken_for_this_one():
    with Peer(
        lambda sequences: [
            message(16, sequences[0] - 1, b"old!"),
            message(16, sequences[0], b"new!") + done(sequences[0]),
        ]
    ) as link:
        assert link.dump(REQUEST) == [b"new!"]


def test_an_error_at_the_end_of_a_dump_is_told():
    with (
        Peer(lambda sequences: [message(3, sequences[0], struct.pack("=i", -errno.ENODEV))]) as link,
        pytest.raises(KernelError) as caught,
    ):
        link.dump(REQUEST)
    assert caught.value.errno == errno.ENODEV


def test_replies_keep_the_order_of_the_messages_whatever_that_of_the_answers():
    with Peer(lambda sequences: [ack(s, number=place) for place, s in reversed(list(enumerate(sequences)))]) as link:
        replies = link.get_many([REQUEST] * 4)
    assert [reply.errno for reply in replies if isinstance(reply, KernelError)] == [0, 1, 2, 3]


def test_what_was_not_refused_by_the_time_of_the_last_acknowledgement_is_done():
    with Peer(lambda sequences: [ack(sequences[1], errno.EEXIST), ack(sequences[3])]) as link:
        outcomes = link.transact([REQUEST] * 4)
    assert [outcome and outcome.errno for outcome in outcomes] == [None, errno.EEXIST, None, None]


def test_expected_errors_count_as_done():
    with Peer(lambda sequences: [ack(s, errno.EEXIST) for s in sequences]) as link:
        assert link.transact([REQUEST], expect=(errno.EEXIST,)) == [None]


@given(st.lists(st.integers(16, 40000), max_size=300))
def test_batches_stay_within_their_bounds(sizes):
    messages = [struct.pack("=IHHII", size, 18, 0, 0, 0) + bytes(size - 16) for size in sizes]
    batches = list(netlink.batches(messages))
    assert [message for batch in batches for message in batch] == messages
    for batch in batches:
        assert 1 <= len(batch) <= 128
        assert len(batch) == 1 or sum((len(message) + 3) & ~3 for message in batch) <= 65536


def test_data_where_an_acknowledgement_is_due_is_no_success():
    with Peer(lambda sequences: [message(16, sequences[0], b"data")]) as link:
        (outcome,) = link.transact([REQUEST])
    assert isinstance(outcome, KernelError)


@pytest.mark.parametrize(
    "noise",
    [
        struct.pack("=IHHII", 0, 16, 0, 1, 0),
        struct.pack("=IHHII", 15, 16, 0, 1, 0),
        struct.pack("=IHHII", 400, 16, 0, 1, 0),
        message(2, 1, b"ab"),
    ],
)
def test_lengths_that_cannot_be_are_refused(noise):
    with Peer(lambda _: [noise]) as link, pytest.raises(KernelError, match="malformed netlink reply"):
        link.dump(REQUEST)
    with Peer(lambda _: [noise]) as link, pytest.raises(KernelError, match="malformed netlink reply"):
        link.get_many([REQUEST])


@given(st.binary(max_size=100), st.sampled_from([0, 0x100, 0x200, 0x300]))
def test_no_error_message_trips_the_reader(body, flags):
    data = message(2, 1, body, flags)
    try:
        netlink._refusal(data, 16, 16 + len(body))
    except KernelError as error:
        assert "malformed" in str(error)  # noqa: PT017 (any outcome but another exception is right)

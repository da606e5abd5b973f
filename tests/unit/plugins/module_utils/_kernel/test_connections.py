# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading connections out of SSH_CONNECTION and /proc/net/tcp."""

from __future__ import annotations

import socket
import struct
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import connections
from ansible_collections.netns.lab.plugins.module_utils._kernel.connections import Tcp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.9 51234 10.0.0.1 22", Tcp("10.0.0.1", 22, "10.0.0.9", 51234)),
        ("fd00:0::9 51234 fd00::1 2222", Tcp("fd00::1", 2222, "fd00::9", 51234)),
        ("::ffff:10.0.0.9 51234 ::ffff:10.0.0.1 22", Tcp("10.0.0.1", 22, "10.0.0.9", 51234)),
        ("fe80::9%eth0 51234 fe80::1%eth0 22", Tcp("fe80::1", 22, "fe80::9", 51234, scope="eth0")),
        ("", None),
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("10.0.0.9 51234 10.0.0.1", None),
        ("10.0.0.9 x 10.0.0.1 22", None),
        ("999.0.0.9 1 10.0.0.1 22", None),
    ],
)
def test_what_ssh_says_of_itself(text, expected):
    assert connections.from_environment(text) == expected


@given(st.text(max_size=60))
def test_nothing_in_the_environment_trips_the_reader(text):
    connections.from_environment(text)


def line(local, peer, state=1, inode=7):
    def end(text, port):
        number = socket.AF_INET6 if ":" in text else socket.AF_INET
        packed = socket.inet_pton(number, text)
        return "".join(f"{word:08X}" for (word,) in struct.iter_unpack("=I", packed)) + f":{port:04X}"

    return f"   0: {end(*local)} {end(*peer)} {state:02X} 00000000:00000000 02:00097A3C 00000000 0 0 {inode} 2 0 20 4"


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(
    lambda ip: socket.inet_ntop(socket.AF_INET if ip.version == 4 else socket.AF_INET6, ip.packed)
)
ends = st.tuples(addresses, st.integers(0, 65535))


@given(ends, ends, st.integers(1, 12), st.integers(0, 2**32))
def test_a_line_of_the_table_comes_back(local, peer, state, inode):
    (found,) = connections.table([line(local, peer, state, inode)])
    assert (found.local_port, found.peer_port, found.state, found.inode) == (local[1], peer[1], state, inode)
    for text, end in ((found.local, local), (found.peer, peer)):
        assert text == end[0] or f"::ffff:{text}" == end[0]


def test_ipv4_over_an_ipv6_socket_is_ipv4():
    (found,) = connections.table([line(("::ffff:10.0.0.1", 22), ("::ffff:10.0.0.9", 5))])
    assert (found.local, found.peer) == ("10.0.0.1", "10.0.0.9")


def test_the_heading_and_what_was_cut_are_left_out():
    heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    whole = line(("10.0.0.1", 22), ("10.0.0.9", 5))
    assert len(list(connections.table([heading, whole, whole[:50], ""]))) == 1


@given(st.lists(st.text(max_size=80)))
def test_nothing_in_the_table_trips_the_reader(lines):
    list(connections.table(lines))


@pytest.mark.parametrize("lives", [True, False])
def test_a_shell_that_outlived_its_connection_is_not_taken_at_its_word(monkeypatch, lives):
    """As in tmux: which connection it is seen over now, only the sshds can tell."""
    own, other = Tcp("10.0.0.1", 22, "10.0.0.9", 51234), Tcp("10.1.0.1", 22, "10.1.0.9", 40000)

    class Tables:
        def home(self):
            return {7: other, **({6: own} if lives else {})}

        def of(self, _pid):
            return [(other, "sshd", True)]

    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 51234 10.0.0.1 22")
    monkeypatch.setattr(connections, "_Tables", Tables)
    monkeypatch.setattr(connections.procfs, "ancestors", list)
    monkeypatch.setattr(connections.procfs, "pids", lambda: [100])
    monkeypatch.setattr(connections.procfs, "status", lambda _pid: types.SimpleNamespace(name="sshd"))
    peers = [peer.connection.peer for peer in connections.look({"10.0.0.1", "10.1.0.1"}).peers]
    assert peers == (["10.0.0.9"] if lives else ["10.0.0.9", "10.1.0.9"])

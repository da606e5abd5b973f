# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a process listens, as the kernel's tables say: this one does."""

from __future__ import annotations

import os
import socket

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel.listening import listens


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize(("protocol", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_a_socket_of_ones_own_counts(family, protocol, kind):
    with socket.socket(family, kind) as own:
        own.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        port = own.getsockname()[1]
        if protocol == "tcp":
            assert not listens([os.getpid()], protocol, port), "it is bound, but doesn't listen"
            own.listen()
        assert listens([os.getpid()], protocol, port)
        assert not listens([os.getppid()], protocol, port)
        assert not listens([], protocol, port)
    assert not listens([os.getpid()], protocol, port)


def test_a_process_that_is_gone_listens_at_nothing():
    assert not listens([2**22 - 1], "tcp", 80)

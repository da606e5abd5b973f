# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""System calls that not every Python, or not every file, has."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import netlink, syscalls
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError


def test_a_python_that_was_built_without_pidfd_ends_processes_by_it_all_the_same(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    monkeypatch.delattr(signal, "pidfd_send_signal", raising=False)
    process = subprocess.Popen(["sleep", "60"])
    descriptor = syscalls.pidfd_open(process.pid)
    try:
        syscalls.pidfd_send_signal(descriptor, signal.SIGTERM)
        assert process.wait(5) == -signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            syscalls.pidfd_send_signal(descriptor, signal.SIGTERM)
    finally:
        os.close(descriptor)
        process.kill()


def test_the_namespace_of_a_socket_and_of_a_tun_file_is_the_one_that_it_was_opened_in():
    here = os.stat("/proc/thread-self/ns/net")
    with socket.socket() as one:
        assert syscalls.socket_namespace(one.fileno()) == (here.st_dev, here.st_ino)
    if not os.path.exists("/dev/net/tun"):
        pytest.skip("this machine has no /dev/net/tun")
    with open("/dev/net/tun", "r+b", buffering=0) as tun:
        assert syscalls.socket_namespace(tun.fileno()) == (here.st_dev, here.st_ino)
    with open("/dev/null", "rb") as neither, pytest.raises(OSError, match="ioctl"):
        syscalls.socket_namespace(neither.fileno())


def test_a_protocol_that_the_kernel_lacks_is_refused_in_words():
    with pytest.raises(KernelError, match="open a netlink socket") as caught:
        netlink.Socket(31)
    assert caught.value.errno == errno.EPROTONOSUPPORT

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an error of the kernel layer says."""

from __future__ import annotations

import copy
import errno
import pickle

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError, MissingLibrary, Unsupported


def test_a_sentence_of_purpose_reason_and_code():
    error = KernelError(errno.EEXIST, doing="create the namespace red")
    assert str(error) == "could not create the namespace red: File exists (EEXIST)"


def test_the_kernels_own_words_come_first():
    error = KernelError(errno.ERANGE, "VXLAN ID must be lower than 16777216", "create vx0")
    assert str(error) == "could not create vx0: VXLAN ID must be lower than 16777216 (ERANGE)"


def test_the_purpose_can_be_told_later():
    error = KernelError(errno.EINVAL)
    error.doing = "set the MTU of eth0"
    assert str(error) == "could not set the MTU of eth0: Invalid argument (EINVAL)"


def test_a_number_that_errno_does_not_know():
    assert str(KernelError(524, "not supported")) == "not supported (524)"


def test_no_number_at_all():
    assert str(KernelError(0, "malformed netlink reply")) == "malformed netlink reply"
    assert str(KernelError(0))


def test_a_system_call_that_failed():
    error = KernelError.of(OSError(errno.EPERM, "Operation not permitted"), "enter red")
    assert (error.errno, str(error)) == (errno.EPERM, "could not enter red: Operation not permitted (EPERM)")
    assert str(KernelError.of(OSError("odd"), "enter red")) == "could not enter red: odd"


@pytest.mark.parametrize("error", [KernelError(17, "taken", "create red"), MissingLibrary("write", "no module")])
def test_errors_pass_between_threads_and_processes(error):
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is type(error)
        assert str(twin) == str(error)


def test_a_missing_library_is_something_unsupported():
    assert issubclass(MissingLibrary, Unsupported)
    assert "python3-pyroute2" in str(MissingLibrary())

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can go wrong between this program and the kernel. Raised by everything in `_kernel`, read by the engine."""

from __future__ import annotations

import errno as codes
import os
import sys


class KernelError(Exception):
    """The kernel refused something, or answered what can't be understood.

    `errno` is a positive number of errno(3), 0 where there is none. `reason` is the kernel's own sentence (extended
    acknowledgement) where it gave one, else the usual text of the number. `doing` completes "could not ...": whoever
    knows more about the purpose may replace it after the fact.
    """

    def __init__(self, errno: int, reason: str = "", doing: str = "") -> None:
        super().__init__(errno, reason, doing)
        self.errno = errno
        self.reason = reason or (os.strerror(errno) if errno else "the answer can't be understood")
        self.doing = doing

    @classmethod
    def of(cls, error: OSError, doing: str) -> KernelError:
        """The same refusal, as it came from a system call."""
        return cls(error.errno or 0, "" if error.errno else str(error), doing)

    @property
    def code(self) -> str:
        """The name of the number, such as ``EEXIST``; empty where there is none."""
        return codes.errorcode.get(self.errno, str(self.errno)) if self.errno else ""

    def __str__(self) -> str:
        reason = self.reason.strip().rstrip(".")
        text = f"could not {self.doing}: {reason}" if self.doing else reason
        return f"{text} ({self.code})" if self.code else text


class Unsupported(KernelError):
    """This kernel, or this machine, has no such feature."""


class MissingLibrary(Unsupported):
    """pyroute2 isn't there, or is too broken to be imported."""

    def __init__(self, doing: str = "", detail: str = "") -> None:
        reason = (
            f"the Python library pyroute2 is missing in {sys.executable or 'this Python'}; install the distribution's "
            "package python3-pyroute2, or pyroute2 with that interpreter's pip (the role netns.lab.prepare does that)"
        )
        super().__init__(0, f"{reason} ({detail})" if detail else reason, doing)
        self.args = (doing, detail)

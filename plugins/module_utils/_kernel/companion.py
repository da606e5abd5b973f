# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second process that finds something out while this one does something else. Called by `Visit.beside`.

Python runs one thread at a time, so what is mostly Python, as decoding what the kernel tells is, takes two threads as
long as one. A fork costs a millisecond or two, what it found comes back pickled, and nothing else of it does.
"""

from __future__ import annotations

import errno
import os
import pickle
import signal
import traceback
import typing as t
import warnings

from . import syscalls

T = t.TypeVar("T")


class Lost(Exception):
    """A companion was killed, or left no answer: what it was to find out is as unknown as before."""


class Elsewhere(Exception):
    """The cause of what a companion raised: its own traceback, as text."""

    def __str__(self) -> str:
        return f"in a process beside this one\n{self.args[0]}"


class Companion(t.Generic[T]):
    """Calls `function` in a child process, which ends with it or with the thread that made it.

    To be ended by `result` or `end`. Raises OSError where there can't be one more process or open file.
    """

    def __init__(self, function: t.Callable[[], T]) -> None:
        if not hasattr(os, "memfd_create"):  # a Python that was built for a C library before glibc 2.27
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        self._file = os.memfd_create("netns-lab")
        try:
            self._child = self._fork(function)
        except OSError:
            os.close(self._file)
            raise

    def _fork(self, function: t.Callable[[], T]) -> int:
        with warnings.catch_warnings():
            # Of threads that might hold a lock: the others of this process wait for the one that forks.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child:
            return child
        try:  # no way back into the run from here
            syscalls.die_with_parent()
            self._answer(function)
        finally:
            os._exit(0)

    def _answer(self, function: t.Callable[[], T]) -> None:
        answer: tuple[T | None, BaseException | None, str]
        try:
            answer = (function(), None, "")
        except BaseException as failure:  # pylint: disable=broad-except
            answer = (None, failure, traceback.format_exc())
        with os.fdopen(self._file, "wb") as file:
            pickle.dump(answer, file, pickle.HIGHEST_PROTOCOL)

    def result(self) -> T:
        """What the function returned, once it has. What it raised is raised here. Raises Lost."""
        try:
            self._wait()
            os.lseek(self._file, 0, os.SEEK_SET)
            with os.fdopen(self._file, "rb", closefd=False) as file:
                found, failure, where = pickle.load(file)
        except Exception as error:  # half an answer can fail to load in any way
            raise Lost from error
        finally:
            os.close(self._file)
        if failure is not None:
            raise failure from Elsewhere(where)
        return t.cast(T, found)

    def has_ended(self) -> bool:
        """Whether `result` would return at once."""
        return self._wait(os.WNOHANG)

    def end(self) -> None:
        """Nobody waits for the result any more."""
        try:
            if not self._wait(os.WNOHANG):
                os.kill(self._child, signal.SIGKILL)
                self._wait()
        finally:
            os.close(self._file)

    def _wait(self, how: int = 0) -> bool:
        """Whether it has ended."""
        try:
            return os.waitpid(self._child, how)[0] != 0
        except ChildProcessError:  # who started us ignores SIGCHLD, and so do we: the kernel waits, and tells nothing
            return True

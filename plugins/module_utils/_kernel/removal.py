# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking the names of namespaces away, one or thousands. Part of `namespaces`, through which it is called."""

from __future__ import annotations

import errno
import os
import threading
import typing as t

from . import syscalls
from .errors import KernelError
from .visit import RUN

_MANY = 100
"""Names from which on it pays to let go of them all at once."""


def remove_name(name: str) -> None:
    """Unmount and unlink a name; also a broken file. One that is gone already is fine.

    The namespace itself goes when nothing holds it any longer, and its links a while after that.
    """
    file = f"{RUN}/{name}"
    try:
        # Twice mounted is twice to unmount; ip's own removal leaves such a name behind.
        while True:
            is_mounted = _unmount(file)
            try:
                os.unlink(file)
                return
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                if not is_mounted:
                    _remove_covered(file)
                    return
    except FileNotFoundError:
        return
    except OSError as error:
        raise KernelError.of(error, f"remove the namespace name {name}") from error


def _remove_covered(file: str) -> None:
    """Remove a name that is mounted out of reach: it was there before ``/run/netns`` became a mount that covers it.

    In a mount namespace of one's own the cover can be taken off, and unlinking a file detaches its mounts in all other
    mount namespaces (fs/namei.c vfs_unlink, detach_mounts). ``ip netns delete`` fails on such a name.
    """
    refusals: list[OSError] = []

    def work() -> None:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
            while _unmount(RUN):
                pass
            while _unmount(file):
                pass
            os.unlink(file)
        except OSError as error:
            refusals.append(error)

    worker = threading.Thread(target=work, name="netns-lab-uncover")
    worker.start()
    worker.join()
    if refusals:
        raise refusals[0]


def _unmount(file: str) -> bool:
    """Whether there was something to unmount."""
    try:
        syscalls.umount2(file, syscalls.MNT_DETACH | syscalls.UMOUNT_NOFOLLOW)
    except OSError as error:
        if error.errno != errno.EINVAL:  # no mount point
            raise
        return False
    return True


def remove_names(wanted: t.Collection[str]) -> None:
    """Remove many names. Raises KernelError at the first that can't be removed; see `Removal`."""
    with Removal(len(wanted)) as removal:
        for name in wanted:
            removal.remove(name)


class Removal:
    """Takes names away, and where there are many lets go of their namespaces all at once.

    Each unmounting waits for an RCU grace period, which takes 10 microseconds on a quiet machine and 300 while another
    processor destroys namespaces (4000 names in a ring: 2.1 seconds one by one, 0.5 together). So a second mount
    namespace keeps all of them alive until the last one is unmounted.

    Until the end of the block, which must therefore be reached, names that were unmounted are plain files. One that
    is left that way by a crash is `BROKEN`, and `remove_name` removes it.
    """

    def __init__(self, expected: int) -> None:
        self._hold = _Hold() if expected >= _MANY else None
        self._unmounted: list[str] = []

    def __enter__(self) -> Removal:  # noqa: PYI034 (Self is younger than Python 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self.finish()

    def remove(self, name: str) -> None:
        """Take one name away; one that is gone already is fine. Raises KernelError."""
        if self._hold is not None:
            try:
                is_mounted = _unmount(f"{RUN}/{name}")
            except FileNotFoundError:
                return
            except OSError as error:
                raise KernelError.of(error, f"remove the namespace name {name}") from error
            if is_mounted:
                self._unmounted.append(name)
                return
        remove_name(name)

    def finish(self) -> None:
        """Let go of all. May be called twice. Raises KernelError where a name can't be removed."""
        if self._hold is not None:
            self._hold.release()
            self._hold = None
        while self._unmounted:
            remove_name(self._unmounted.pop())


class _Hold:
    """A mount namespace of its own, in a thread of its own, in which the names stay mounted until `release`."""

    def __init__(self) -> None:
        self._is_ready = threading.Event()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="netns-lab-hold", daemon=True)
        self._thread.start()
        self._is_ready.wait()

    def release(self) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            syscalls.unshare(syscalls.CLONE_NEWNS)
            # What others unmount meanwhile goes here too; only the names stay.
            syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
            syscalls.mount("none", RUN, None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        except OSError:
            pass  # then it merely takes longer
        finally:
            self._is_ready.set()
        self._is_over.wait()

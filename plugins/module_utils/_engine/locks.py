# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks that keep runs on one machine apart. Called by `converge`, and not at all in check mode.

Lock files are removed after use, so that nothing is left on the machine. That is safe because whoever gets a lock makes
sure that the file it locked is still the one that others would open.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import typing as t
import zlib

from .._kernel import folders, namespaces
from .errors import LabError

LOCKS = "/run/netns-lab"
_RUNS = "@runs.lock"
"""No lab can be called so."""
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 30.0


def file_name(text: str) -> str:
    """The name of a lock for anything that can be said in words. No lab can be called so."""
    return f"@{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}"


@contextlib.contextmanager
def locked(name: str, timeout: float, what: str) -> t.Iterator[None]:
    """Hold the lock `name` for the block. Raises LabError, naming the holder, when `timeout` seconds don't suffice."""
    path = os.path.join(LOCKS, f"{name}.lock")
    descriptor = _acquire(path, fcntl.LOCK_EX, timeout, what)
    try:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.rmdir(LOCKS)


def holder(name: str) -> str:
    """Who holds a lock, in words: ``process 123: python3 …``; empty where nobody does. Takes no lock to find out.

    /proc/locks lists the locks with device and inode of their files (proc(5)).
    """
    path = os.path.join(LOCKS, f"{name}.lock")
    try:
        status = os.stat(path)
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
        with open("/proc/locks", encoding="ascii") as stream:
            is_held = any(device in line.split() for line in stream)
        if not is_held:
            return ""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return _holder(descriptor).strip(" ()") or "a process that can't be seen from here"
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def among_runs() -> t.Iterator[None]:
    """Be known, for the block, as a run that uses /run/netns. The last one to leave tidies up behind all of them."""
    path = os.path.join(LOCKS, _RUNS)
    descriptor = _acquire(path, fcntl.LOCK_SH, _PATIENCE_SECONDS, "/run/netns")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            # Not granted while another run is there; of two that leave at once, one gets it.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            namespaces.tidy()
            _sweep()
            os.unlink(path)
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.rmdir(LOCKS)


def _sweep() -> None:
    """Remove the locks that nobody holds: a killed run has left them, and perhaps nobody will want them again.

    Whoever waits for one opens it anew each time, and makes sure that the one it got is still there.
    """
    for name in os.listdir(LOCKS):
        path = os.path.join(LOCKS, name)
        if not name.endswith(".lock") or name == _RUNS:
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
            finally:
                os.close(descriptor)


def _acquire(path: str, kind: int, timeout: float, what: str) -> int:
    deadline = time.monotonic() + timeout
    while True:
        try:
            descriptor = folders.within(LOCKS, lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644))
        except OSError as error:
            advice = ". Run as root" if error.errno in (errno.EACCES, errno.EPERM) else ""
            where = f" ({error.filename})" if error.filename != path else ""
            raise LabError(f"the lock {path} can't be opened: {error.strerror}{where}{advice}") from error
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise LabError(f"the lock {path} can't be taken: {error.strerror}") from error
            if time.monotonic() >= deadline:
                waited = f"and didn't end within {timeout:g} s (lock {path})"
                raise LabError(f"another run holds {what}{holder}, {waited}") from error
            time.sleep(_POLL_SECONDS)
            continue
        try:
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Who wrote its number into a lock: `` (process 123: python3 …)``."""
    try:
        pid = int(os.pread(descriptor, 32, 0) or b"0")
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            words = stream.read(1000).decode("utf-8", "replace").rstrip("\0").split("\0")
    except (OSError, ValueError):
        return ""
    # Without their folders: Ansible's are so long that the module's name would be cut off.
    command = " ".join(os.path.basename(word) if word.startswith("/") else word for word in words)
    return f" (process {pid}: {command[:80]})" if pid else ""

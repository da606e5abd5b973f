# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named network namespaces: listing, making and unnaming them, in step with ip-netns(8).

A name is a file in ``/run/netns`` on which the namespace is mounted. Every function here works beside ``ip netns`` and
beside any number of its own kind, from a machine on which ``/run/netns`` was never made.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import struct
import threading
import typing as t

from . import procfs, syscalls
from .errors import KernelError
from .visit import NOWHERE, RUN, Visit

MOUNT_IS_OURS = "/run/netns-lab/mounted"
"""Exists as long as the mount on ``/run/netns`` that `prepare` made."""

ABSENT = "absent"
OK = "ok"
BROKEN = "broken"

_RTM_NEWLINK = 16
_RTM_NEWNSID = 88
_IFLA_IFALIAS = 20
_NETNSA_NSID = 1
_NETNSA_FD = 3
_IFF_UP = 1
_LOOPBACK = 1
"""The index of lo in every namespace (net/core/dev.c makes it first, include/linux/net.h LOOPBACK_IFINDEX)."""

_MAX_ALIAS_BYTES = 255
_MANY = 100
"""Names from which on it pays to let go of them all at once."""


def path(name: str) -> str:
    """The file of a named namespace."""
    return f"{RUN}/{name}"


def names() -> list[str]:
    """All names, broken ones too, sorted. Empty where ``/run/netns`` doesn't exist."""
    try:
        return sorted(os.listdir(RUN))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KernelError.of(error, f"list {RUN}") from error


def condition(name: str) -> str:
    """``absent``, ``ok``, or ``broken``: a file (or link, or directory) on which no namespace is mounted.

    Broken files are left behind by a crash, or seen from a mount namespace that the mount didn't reach.
    """
    return conditions([name])[name]


def conditions(wanted: t.Iterable[str]) -> dict[str, str]:
    """The condition of many names, at about 2 microseconds each."""
    device = syscalls.nsfs_device()
    found: dict[str, str] = {}
    for name in wanted:
        try:
            # Links are followed: many tools link a name to /proc/PID/ns/net, and ip netns enters it.
            found[name] = OK if os.stat(path(name)).st_dev == device else BROKEN
        except FileNotFoundError:
            found[name] = BROKEN if os.path.lexists(path(name)) else ABSENT
        except OSError as error:
            raise KernelError.of(error, f"look at {path(name)}") from error
    return found


def identity(name: str) -> tuple[int, int]:
    """(device, inode) of the namespace. Unique only as long as it lives: the kernel uses numbers again at once.

    Raises KernelError: ENOENT, or EINVAL where the file is no namespace.
    """
    try:
        status = os.stat(path(name))
    except OSError as error:
        raise KernelError.of(error, f"look at {path(name)}") from error
    if status.st_dev != syscalls.nsfs_device():
        raise KernelError(errno.EINVAL, "no namespace is mounted on it", f"look at {path(name)}")
    return status.st_dev, status.st_ino


def is_machine(name: str) -> bool:
    """Whether the name stands for the namespace of the machine itself: that of this program or of process 1.

    ``ip netns attach NAME 1`` and containers on the host's network make such names.
    """
    try:
        inode = os.stat(path(name)).st_ino
    except OSError:
        return False
    return f"net:[{inode}]" in procfs.machine_links()


def mount_trouble() -> str | None:
    """A warning where this process has mounts of its own, so that names made here may not be seen by others."""
    first = procfs.namespace_link(1, "mnt")
    if first is None or first == procfs.namespace_link("self", "mnt"):
        return None  # in some containers process 1 can't be looked at; then there is nothing to compare
    return (
        "this process has a private mount namespace (a service with PrivateMounts, a container tool or unshare): "
        f"namespaces that it makes under {RUN} may be invisible outside, and the other way round"
    )


def prepare() -> None:
    """Make ``/run/netns`` a shared mount, as ``ip netns add`` does, so that names spread to all mount namespaces.

    Under the same lock as ip's (iproute2, ip/ipnetns.c): without it, parallel first calls bind the directory over
    itself again and again, each doubling the mounts, until the machine locks up (Debian bug 949235).
    """
    try:
        os.makedirs(RUN, mode=0o755, exist_ok=True)
        directory = os.open(RUN, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            try:
                _share()
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                _note_mount()
                syscalls.mount(RUN, RUN, None, syscalls.MS_BIND | syscalls.MS_REC)  # it was no mount point yet
                _share()
        finally:
            os.close(directory)
    except OSError as error:
        raise KernelError.of(error, f"make {RUN} a shared mount") from error


def _note_mount() -> None:
    """Remember that the mount is ours, before it is made."""
    os.makedirs(os.path.dirname(MOUNT_IS_OURS), mode=0o755, exist_ok=True)
    os.close(os.open(MOUNT_IS_OURS, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


def tidy() -> None:
    """Unmount ``/run/netns`` again if `prepare` mounted it and nothing uses it. Raises OSError.

    Only for a caller who knows that no other run of this collection is about to make a name. The directory itself
    stays: ``ip netns add`` may be between making sure of it and using it. For the same reason this is no lazy
    unmounting: that would take a name along that ip made a moment ago.
    """
    if not os.path.exists(MOUNT_IS_OURS) or os.listdir(RUN):
        return
    try:
        syscalls.umount2(RUN, syscalls.UMOUNT_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return
        if error.errno != errno.EINVAL:  # somebody else unmounted it
            raise
    os.unlink(MOUNT_IS_OURS)


def _share() -> None:
    syscalls.mount("none", RUN, None, syscalls.MS_SHARED | syscalls.MS_REC)


def create(
    visit: Visit, name: str, *, mark: str | None = None, loopback: bool = False, nsid: int | None = None
) -> None:
    """Make a namespace, and leave the worker inside it. Costs about 0.3 milliseconds, nearly all of it the kernel's.

    mark:     alias of lo, set before the name can be seen, so no visible namespace is ever without its owner's mark.
    loopback: lo comes up in the same message.
    nsid:     the id by which the machine's own namespace shall know it; it can be set only once, so it comes first.

    Raises KernelError, EEXIST where the name is taken. Then nothing is left behind and the worker is at home.
    """
    file = path(name)
    _prepare_once(visit)
    try:
        os.close(os.open(file, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))
    except OSError as error:
        raise KernelError.of(error, f"make the namespace {name}") from error
    try:
        visit.enter_new()
        if nsid is not None:
            set_nsid(visit, NOWHERE, nsid)
        if mark is not None or loopback:
            (refusal,) = visit.socket().transact([_loopback_message(mark, loopback)])
            if refusal is not None:
                raise refusal
        syscalls.mount("/proc/thread-self/ns/net", file, None, syscalls.MS_BIND)
    except BaseException as failure:
        with contextlib.suppress(OSError):
            os.unlink(file)
        visit.come_home()
        if isinstance(failure, OSError):
            failure = KernelError.of(failure, "")
        if isinstance(failure, KernelError):
            failure.doing = f"make the namespace {name}"
            raise failure from None
        raise
    visit.is_named(name)


def _prepare_once(visit: Visit) -> None:
    if not visit.is_prepared:
        prepare()
        visit.is_prepared = True


@functools.lru_cache(maxsize=16)
def _loopback_message(mark: str | None, up: bool) -> bytes:
    """RTM_NEWLINK for lo: alias and up at once, for the codec's encoding would cost more than the system calls."""
    flags = _IFF_UP if up else 0
    body = struct.pack("=BxHiII", 0, 0, _LOOPBACK, flags, flags)
    if mark is not None:
        alias = mark.encode("utf-8", "surrogateescape")
        if len(alias) > _MAX_ALIAS_BYTES:
            raise KernelError(errno.EINVAL, f"its mark is longer than {_MAX_ALIAS_BYTES} bytes")
        body += _attribute(_IFLA_IFALIAS, alias)
    return struct.pack("=IHHII", 16 + len(body), _RTM_NEWLINK, 1, 0, 0) + body


def set_nsid(visit: Visit, name: str, nsid: int) -> None:
    """Give a namespace the id by which the machine's own knows it; `NOWHERE` is the one just made.

    Raises KernelError: EEXIST where it has one already, or where another namespace has that one.
    """
    with visit.descriptor(name) as descriptor:
        (refusal,) = visit.home_socket().transact([nsid_message(descriptor, nsid)])
    if refusal is not None:
        refusal.doing = f"give the namespace {name} the nsid {nsid}"
        refusal.reason = f"{refusal.reason.rstrip('.')} ({nsid})"
        raise refusal


def nsid_message(descriptor: int, nsid: int = -1) -> bytes:
    """RTM_NEWNSID: the namespace behind an open file shall be known by this id; -1 lets the kernel choose."""
    body = bytes(4) + _attribute(_NETNSA_NSID, struct.pack("=i", nsid))
    body += _attribute(_NETNSA_FD, struct.pack("=I", descriptor))
    return struct.pack("=IHHII", 16 + len(body), _RTM_NEWNSID, 1, 0, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def remove_name(name: str) -> None:
    """Unmount and unlink a name; also a broken file. One that is gone already is fine.

    The namespace itself goes when nothing holds it any longer, and its links a while after that.
    """
    file = path(name)
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
                is_mounted = _unmount(path(name))
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

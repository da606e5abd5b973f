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
import typing as t

from . import folders, syscalls
from .errors import KernelError
from .removal import Removal, remove_name, remove_names
from .visit import NOWHERE, RUN, Visit

MOUNT_IS_OURS = "/run/netns-lab/mounted"
"""Exists as long as the mount on ``/run/netns`` that `prepare` made."""

__all__ = [
    "ABSENT",
    "BROKEN",
    "MOUNT_IS_OURS",
    "OK",
    "RUN",
    "Removal",
    "condition",
    "conditions",
    "create",
    "identity",
    "is_machine",
    "mark_of_broken",
    "mount_trouble",
    "names",
    "nsid_message",
    "path",
    "prepare",
    "remove_name",
    "remove_names",
    "set_nsid",
    "tidy",
]

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
    from . import procfs  # only a change asks, and each import of a module costs a millisecond or two

    return f"net:[{inode}]" in procfs.machine_links()


def mount_trouble() -> str | None:
    """A warning where this process has mounts of its own, so that names made here may not be seen by others."""
    from . import procfs

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
    how = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
    os.close(folders.within(os.path.dirname(MOUNT_IS_OURS), lambda: os.open(MOUNT_IS_OURS, how, 0o644)))


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
        _make_place(file, mark)
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


def _make_place(file: str, mark: str | None) -> None:
    """The file for a namespace to be mounted on. It appears with the mark in it, so that a kill before the mount leaves
    nothing of which nobody knows whose it is. Raises OSError, EEXIST where the name is taken."""
    if mark is not None:
        try:
            descriptor = os.open(RUN, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0)
        except OSError:
            pass  # not every file system has files without a name; then it is empty until the mount
        else:
            try:
                os.write(descriptor, mark.encode("utf-8", "surrogateescape"))
                # With a descriptor, whichever, Python calls linkat(2) and follows the link in /proc.
                os.link(f"/proc/thread-self/fd/{descriptor}", file, src_dir_fd=descriptor)
            finally:
                os.close(descriptor)
            return
    os.close(os.open(file, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0))


def mark_of_broken(name: str) -> str:
    """The mark in a file on which no namespace is mounted; empty where there is none."""
    try:
        with open(path(name), encoding="utf-8", errors="surrogateescape") as stream:
            return stream.read(_MAX_ALIAS_BYTES)
    except OSError:
        return ""


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

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""System calls that Python has no wrapper for, or only in later versions. Called by the rest of `_kernel`.

Each raises OSError with its errno and nothing else; who calls turns that into a sentence. All of them release the
interpreter lock while the kernel works.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
MS_SLAVE = 0x80000
MS_SHARED = 0x100000

MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

# Numbers from 424 on are the same on every architecture that Debian knows (Documentation/process/adding-syscalls.rst);
# MIPS counts from another base, so there these give ENOSYS and the fallbacks take over.
_NR_PIDFD_SEND_SIGNAL = 424
_NR_FSOPEN = 430
_NR_FSCONFIG = 431
_NR_FSMOUNT = 432
_NR_PIDFD_OPEN = 434
_NR_PIDFD_GETFD = 438

_FSOPEN_CLOEXEC = 1
_FSMOUNT_CLOEXEC = 1
_FSCONFIG_CMD_CREATE = 6

_SIOCGSKNS = 0x894C
"""The network namespace of a socket, as a new file descriptor (net/socket.c)."""
_TUNGETDEVNETNS = 0x54E3
"""The same for an open tun or tap file (drivers/net/tun.c, Linux 5.2)."""
_SO_NETNS_COOKIE = 71
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _call(number: int, *arguments: int | bytes | None) -> int:
    """syscall(2); every argument takes a whole register, as the kernel reads it."""
    words = [ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *words))


def setns(descriptor: int, kind: int = CLONE_NEWNET) -> None:
    """Move the calling thread into the namespace behind an open file. See setns(2)."""
    _check(_libc.setns(descriptor, kind))


def unshare(kinds: int = CLONE_NEWNET) -> None:
    """Move the calling thread into new namespaces of these kinds. See unshare(2)."""
    _check(_libc.unshare(kinds))


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """See mount(2)."""
    name = None if kind is None else kind.encode()
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), name, ctypes.c_ulong(flags), None))


def umount2(target: str, flags: int) -> None:
    """See umount2(2)."""
    _check(_libc.umount2(os.fsencode(target), flags))


def syncfs(descriptor: int) -> None:
    """Have the disk hold all that was written to the file system of an open file. See syncfs(2)."""
    _check(_libc.syncfs(descriptor))


def die_with_parent() -> None:
    """Have the kernel end the calling process with the thread that forked it. See PR_SET_PDEATHSIG(2const)."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL)))


def nsfs_device() -> int:
    """The device number of nsfs, the one file system in which every namespace of this kernel is a file."""
    return os.stat("/proc/self/ns/net").st_dev


def pidfd_open(pid: int) -> int:
    """A file that stands for a process whatever becomes of its number (Linux 5.3). See pidfd_open(2)."""
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    return _call(_NR_PIDFD_OPEN, pid, 0)


def pidfd_send_signal(descriptor: int, number: int) -> None:
    """See pidfd_send_signal(2)."""
    if hasattr(signal, "pidfd_send_signal"):
        signal.pidfd_send_signal(descriptor, number)
    else:
        _call(_NR_PIDFD_SEND_SIGNAL, descriptor, number, None, 0)


def pidfd_getfd(descriptor: int, number: int) -> int:
    """A copy of another process's file descriptor (Linux 5.6), closed on exec. See pidfd_getfd(2)."""
    return _call(_NR_PIDFD_GETFD, descriptor, number, 0)


def detached_procfs() -> int:
    """A directory descriptor of a fresh procfs that is mounted nowhere (Linux 5.2); it goes when it is closed."""
    context = _call(_NR_FSOPEN, b"proc", _FSOPEN_CLOEXEC)
    try:
        _call(_NR_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0)
        return _call(_NR_FSMOUNT, context, _FSMOUNT_CLOEXEC, 0)
    finally:
        os.close(context)


def socket_cookie(descriptor: int) -> int:
    """The number of a socket's network namespace, never reused until the next boot (Linux 5.14)."""
    size = ctypes.c_uint(8)
    value = ctypes.create_string_buffer(8)
    _check(_libc.getsockopt(descriptor, socket.SOL_SOCKET, _SO_NETNS_COOKIE, value, ctypes.byref(size)))
    return int(struct.unpack("=Q", value.raw)[0])


def socket_namespace(descriptor: int) -> tuple[int, int]:
    """(device, inode) of the network namespace that a socket belongs to, or that an open tun file does.

    Raises OSError: EPERM without CAP_NET_ADMIN over it, ENOTTY where the file is neither.
    """
    try:
        namespace = fcntl.ioctl(descriptor, _SIOCGSKNS)
    except OSError as error:
        if error.errno not in (errno.ENOTTY, errno.EINVAL):
            raise
        namespace = fcntl.ioctl(descriptor, _TUNGETDEVNETNS)
    try:
        status = os.fstat(namespace)
    finally:
        os.close(namespace)
    return status.st_dev, status.st_ino

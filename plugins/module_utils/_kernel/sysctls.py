# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading and writing sysctls of the namespace that is being visited. Called by the engine's sysctl resource.

``/proc/sys/net`` shows each thread the sysctls of its own namespace, and keeps a directory entry for every namespace
under the same name in one hash chain (fs/proc/proc_sysctl.c, proc_sys_compare): with 4000 of them, a write takes half
a millisecond. A procfs of our own, mounted nowhere, has none of those entries, and is renewed before it has many.
"""

from __future__ import annotations

import errno
import os
import typing as t

from . import syscalls
from .errors import KernelError
from .visit import HOME, Visit

RENEWAL = 50
"""Namespaces that are looked at through one detached procfs."""

_MAX_BYTES = 65536


def to_path(name: str) -> str:
    """The slash form of a sysctl's name: the first separator decides, as in sysctl(8).

    ``net.ipv4.conf.eth0/10.rp_filter`` and ``net/ipv4/conf/eth0.10/rp_filter`` are the same, for the link eth0.10.
    """
    first = next((character for character in name if character in "./"), "/")
    return name.translate({ord("."): "/", ord("/"): "."}) if first == "." else name


def normal(value: str) -> str:
    """A value as it is compared: white space (the kernel writes tabs between numbers) counts as one space."""
    return " ".join(value.split())


class Sysctls:
    """Sysctls of whichever namespace the visit is in. Names are in slash form: ``net/ipv4/ip_forward``.

    Closed together with the visit; `close` may be called earlier, and anything read later opens it again.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._root = -1
        self._stay = -1
        self._left = 0
        self._is_detached = True
        visit.at_end(self.close)

    def close(self) -> None:
        """Close the procfs."""
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def read(self, name: str) -> str | None:
        """The value, with single spaces between its parts; None where there is no such sysctl here.

        Raises KernelError.
        """
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._directory())
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return None
            raise self._refusal(error, f"read {name}") from error
        try:
            return normal(os.read(descriptor, _MAX_BYTES).decode("utf-8", "replace"))
        except OSError as error:
            raise self._refusal(error, f"read {name}") from error
        finally:
            os.close(descriptor)

    def names(self, directory: str) -> list[str]:
        """The sysctls and directories right under one such as ``net/ipv4/conf/eth0`` that can be written; empty where
        there is none.

        Raises KernelError.
        """
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._directory())
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                return []
            raise self._refusal(error, f"list {directory}") from error
        try:
            with os.scandir(descriptor) as entries:
                return [f"{directory}/{entry.name}" for entry in entries if entry.is_dir() or _is_writable(entry)]
        except OSError as error:
            raise self._refusal(error, f"list {directory}") from error
        finally:
            os.close(descriptor)

    def write(self, name: str, value: str) -> None:
        """Set a value. Raises KernelError naming the sysctl, the value, the namespace and the kernel's reason."""
        try:
            descriptor = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=self._directory())
        except OSError as error:
            raise self._refusal(error, f"set {name} to {value!r}") from error
        try:
            os.write(descriptor, value.encode())
        except OSError as error:
            raise self._refusal(error, f"set {name} to {value!r}", _VALUE_REASONS) from error
        finally:
            os.close(descriptor)

    def _directory(self) -> int:
        """The directory ``/proc/sys`` through which the calling thread sees its own namespace."""
        if self._visit.stay != self._stay:
            self._stay = self._visit.stay
            self._left -= 1
        if self._root < 0 or (self._left < 0 and self._is_detached):
            self.close()
            self._root = self._open()
            self._left = RENEWAL - 1
        return self._root

    def _open(self) -> int:
        if self._is_detached:
            try:
                proc = syscalls.detached_procfs()
                try:
                    return os.open("sys", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=proc)
                finally:
                    os.close(proc)
            except OSError:
                self._is_detached = False  # before Linux 5.2, or in a container that masks parts of its /proc
        try:
            return os.open("/proc/sys", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise KernelError.of(error, "open /proc/sys") from error

    def _refusal(self, error: OSError, doing: str, reasons: t.Mapping[int, str] | None = None) -> KernelError:
        where = "the machine's own namespace" if self._visit.current == HOME else f"the namespace {self._visit.current}"
        reason = (_NAME_REASONS if reasons is None else reasons).get(error.errno or 0, "")
        return KernelError(error.errno or 0, reason, f"{doing} in {where}")


def of_new_namespace(visit: Visit, names: t.Iterable[str]) -> dict[str, str]:
    """What a new network namespace has under these names on this machine, as far as it has them.

    Part of it comes from the initial namespace, which can't be seen from everywhere (net/ipv4/devinet.c,
    devinet_init_net; net.core.devconf_inherit_init_net), so one is made for a moment, without a name. The visit ends at
    home. Raises KernelError.
    """
    sysctls = Sysctls(visit)
    visit.enter_new()
    try:
        found = {name: sysctls.read(name) for name in names}
    finally:
        sysctls.close()
        visit.come_home()
    return {name: value for name, value in found.items() if value is not None}


def _is_writable(entry: os.DirEntry[str]) -> bool:
    return bool(entry.stat(follow_symlinks=False).st_mode & 0o200)


_NAME_REASONS = {
    errno.ENOENT: "this kernel has no such sysctl there",
    errno.ENOTDIR: "this kernel has no such sysctl there",
    errno.EISDIR: "that is a directory of sysctls",
    errno.EROFS: "sysctls are mounted read-only here, as in a container",
    errno.EACCES: "it is read-only",
}

_VALUE_REASONS = {
    errno.EINVAL: "the kernel takes no such value",
    errno.ERANGE: "the value is out of range",
    errno.ENOENT: "the kernel knows no such thing",
    errno.EPERM: "the kernel doesn't let it be changed there",
}

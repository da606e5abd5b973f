# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding what keeps a namespace alive without running in it: open files, sockets, mounts. Called by `processes`.

Not to be seen from any process: files on their way through a Unix socket, those of io_uring, mounts of a mount
namespace without processes, and what lives in a pid namespace outside this one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import typing as t

from . import procfs, syscalls
from .procfs import Identity, Process
from .visit import RUN

_SHOWN = 3
_TUN = "/dev/net/tun"
_Place = t.Tuple[str, str]
"""Device and path inside the file system of a mount point: the same file, in whatever mount namespace it is seen."""


def holders(namespaces: t.Mapping[Identity, str]) -> dict[str, list[Process]]:
    """What holds each of these namespaces open though it doesn't run inside. Names without any are left out.

    One entry for each process and namespace, which names its descriptors and sockets; and one entry with pid 0 for
    each mount at another path (a second name, too), for ending a process doesn't unmount it. The mount under its name
    doesn't count, nor do copies in other mount namespaces, which go when the name is unlinked.

    Costs a look at every open file of the machine, about 2 microseconds each, 20 for sockets.
    """
    search = _Search(namespaces)
    own_mounts = procfs.namespace_link("self", "mnt") or ""
    named: set[_Place] = set()
    for place, point, link in _mounts("self", search.wanted):
        name = search.wanted[link]
        if os.path.dirname(point) == RUN:
            named.add(place)
        if point != f"{RUN}/{name}":
            search.add(name, Process(0, 0, "", f"holds it open: mount {point}"))
    seen = {own_mounts}
    for pid in procfs.pids():
        search.look_at_files(pid)
        mounts = procfs.namespace_link(pid, "mnt")
        if mounts is None or mounts in seen:
            continue
        seen.add(mounts)
        for place, point, link in _mounts(pid, search.wanted):
            process = procfs.describe(pid, "") if place not in named else None
            if process is not None:
                why = f"holds it open: mount {point} in the mount namespace of process {pid}"
                search.add(search.wanted[link], Process(0, 0, process.command, why))
    return search.found


class _Search:
    """One search. Remembers which socket cookie belongs to which namespace."""

    def __init__(self, namespaces: t.Mapping[Identity, str]) -> None:
        self.wanted = procfs.links(namespaces)
        self.found: dict[str, list[Process]] = {}
        self._by_identity = namespaces
        self._inodes = {inode for _unused, inode in namespaces}
        self._by_cookie: dict[int, str | None] = {}

    def add(self, name: str, process: Process) -> None:
        self.found.setdefault(name, []).append(process)

    def look_at_files(self, pid: int) -> None:
        """All open files of a process."""
        held: dict[str, list[str]] = {}
        with contextlib.ExitStack() as stack:
            process_descriptor = -1
            for number, target in _files(pid):
                if target in self.wanted:
                    held.setdefault(self.wanted[target], []).append(f"descriptor {number}")
                elif target.startswith(("/", "(unreachable)")) and not target.startswith("/dev/"):
                    name = self._of_file(pid, number)
                    if name is not None:
                        held.setdefault(name, []).append(f"descriptor {number}")
                elif target.startswith("socket:[") or target == _TUN:
                    if process_descriptor < 0:
                        try:
                            process_descriptor = syscalls.pidfd_open(pid)
                        except OSError:
                            continue
                        stack.callback(os.close, process_descriptor)
                    name = self._of_socket(process_descriptor, number)
                    if name is not None:
                        kind = "tun device" if target == _TUN else "socket"
                        held.setdefault(name, []).append(f"{kind} {number}")
        home = self.wanted.get(procfs.namespace_link(pid) or "") if held else None
        for name, what in held.items():
            if name == home:
                continue  # it runs inside
            more = f" and {len(what) - _SHOWN} more" if len(what) > _SHOWN else ""
            process = procfs.describe(pid, f"holds it open: {', '.join(what[:_SHOWN])}{more}")
            if process is not None:
                self.add(name, process)

    def _of_file(self, pid: int, number: int) -> str | None:
        """The wanted namespace that a file with a path is: opened by its name, it shows the name, not ``net:[...]``.

        fdinfo tells the inode (Linux 5.14) without a question to the file system, which may be a dead NFS server.
        """
        for line in (procfs.read(f"/proc/{pid}/fdinfo/{number}") or b"").splitlines():
            if line.startswith(b"ino:") and int(line[4:]) not in self._inodes:
                return None
        try:
            status = os.stat(f"/proc/{pid}/fd/{number}")
        except OSError:
            return None
        return self._by_identity.get((status.st_dev, status.st_ino))

    def _of_socket(self, process: int, number: int) -> str | None:
        """The wanted namespace that a socket of another process belongs to."""
        try:
            copy = syscalls.pidfd_getfd(process, number)
        except OSError:
            return None
        try:
            try:
                cookie = syscalls.socket_cookie(copy)
            except OSError as error:
                if error.errno not in (errno.ENOPROTOOPT, errno.ENOTSOCK):
                    raise
                return self._by_identity.get(syscalls.socket_namespace(copy))
            if cookie not in self._by_cookie:
                self._by_cookie[cookie] = self._by_identity.get(syscalls.socket_namespace(copy))
            return self._by_cookie[cookie]
        except OSError:
            return None
        finally:
            os.close(copy)


def _files(pid: int) -> t.Iterator[tuple[int, str]]:
    """Number and target of each open file of a process."""
    directory = f"/proc/{pid}/fd"
    try:
        numbers = os.listdir(directory)
    except OSError:
        return
    for number in numbers:
        with contextlib.suppress(OSError):
            yield int(number), os.readlink(f"{directory}/{number}")


def _mounts(pid: int | str, wanted: t.Container[str]) -> list[tuple[_Place, str, str]]:
    """The mounts of these namespaces that a process sees: where they are, the path it sees, the namespace's link."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError:
        return []
    by_number: dict[str, list[str]] = {}
    found: list[list[str]] = []
    for line in lines:
        # number, number of parent, device, root inside the file system, mount point, ... (proc_pid_mountinfo(5))
        fields = line.split(" ", 5)
        by_number[fields[0]] = fields
        if fields[3] in wanted:
            found.append(fields)
    mounts: list[tuple[_Place, str, str]] = []
    for fields in found:
        point = _plain(fields[4])
        parent = by_number.get(fields[1])
        if parent is None:
            place = ("", point)
        else:
            below = os.path.relpath(point, _plain(parent[4]))
            place = (parent[2], os.path.normpath(os.path.join(_plain(parent[3]), below)))
        mounts.append((place, point, fields[3]))
    return mounts


def _plain(text: str) -> str:
    """A path of mountinfo, where white space and backslashes are written in octal."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)

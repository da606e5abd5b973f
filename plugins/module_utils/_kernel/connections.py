# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is connected: the other ends of the TCP connections that Ansible may have come by.

Called by `guard`. Three places are asked, the surest first: the environment (``SSH_CONNECTION``, see ssh(1)), the open
sockets of this process and its ancestors, and, where both say nothing, those of every sshd on the machine.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import typing as t

from . import procfs

ESTABLISHED = 1
"""Of the states in ``/proc/net/tcp`` (linux/tcp_states.h)."""

_SERVERS = ("sshd", "sshd-session", "sshd-auth", "dropbear")
_MAPPED = bytes(10) + b"\xff\xff"
"""An IPv4 address as an IPv6 socket sees it begins like this."""


class Tcp(t.NamedTuple):
    """A connection. Of a link-local address, `scope` is the name of its link where that is known."""

    local: str
    local_port: int
    peer: str
    peer_port: int
    state: int = ESTABLISHED
    inode: int = 0
    scope: str = ""


class Peer(t.NamedTuple):
    """A connection that must live."""

    connection: Tcp
    words: str
    """What it is, for a sentence: ``Ansible's connection from 10.0.0.9``."""


class Found(t.NamedTuple):
    """All that is known of Ansible's connection."""

    peers: list[Peer]
    notes: list[str]
    """What can't be guarded, and why. Whole sentences, for a warning."""


def from_environment(text: str) -> Tcp | None:
    """The connection in a value of ``SSH_CONNECTION``: peer, its port, local address, its port. None if it is odd."""
    fields = text.split()
    if len(fields) != 4:
        return None
    try:
        peer, _unused, scope = fields[0].partition("%")
        local = fields[2].partition("%")[0]
        return Tcp(_plain(local), int(fields[3]), _plain(peer), int(fields[1]), scope=scope)
    except ValueError:
        return None


def _ends(connection: Tcp) -> tuple[str, int, str, int]:
    return connection.local, connection.local_port, connection.peer, connection.peer_port


def table(lines: t.Iterable[str]) -> t.Iterator[Tcp]:
    """The lines of ``/proc/net/tcp`` or ``tcp6`` (proc(5)); lines that make no sense are left out."""
    for line in lines:
        fields = line.split()
        try:
            local, peer, state, inode = fields[1], fields[2], fields[3], fields[9]
            yield Tcp(*_end(local), *_end(peer), int(state, 16), int(inode))
        except (IndexError, ValueError):
            continue  # the heading, or a line that was cut


def _end(text: str) -> tuple[str, int]:
    """Hexadecimal words in the machine's byte order, then the port."""
    words, _unused, port = text.partition(":")
    if len(words) not in (8, 32):
        raise ValueError(text)
    packed = b"".join(struct.pack("=I", int(words[place : place + 8], 16)) for place in range(0, len(words), 8))
    return _written(packed), int(port, 16)


def _plain(text: str) -> str:
    """An address in the form in which the kernel's are written here. Raises ValueError for what is none."""
    return _written(ipaddress.ip_address(text).packed)


def _written(packed: bytes) -> str:
    if len(packed) == 16 and packed.startswith(_MAPPED):
        packed = packed[12:]
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def look(local_addresses: t.Container[str]) -> Found:
    """The connections to keep alive. The calling thread must be in the machine's own network namespace.

    `local_addresses`: those of that namespace, to tell connections that end here from those that end outside.
    """
    found: dict[tuple[str, str], Peer] = {}
    notes: dict[str, None] = {}

    def add(connection: Tcp, words: str) -> None:
        if connection.local in local_addresses:
            found.setdefault((connection.peer, connection.local), Peer(connection, words))
        else:
            notes[f"{words} ends at {connection.local}, which no link has here: {_UNSEEN}"] = None

    said = from_environment(os.environ.get("SSH_CONNECTION", ""))
    if said is not None:
        add(said, f"Ansible's connection from {said.peer}")
    tables = _Tables()
    # A shell that outlived its connection, as in tmux, still has it in its environment.
    is_live = said is not None and any(_ends(one) == _ends(said) for one in tables.home().values())
    by_ancestors = len(found) + len(notes)
    for pid in procfs.ancestors():
        for connection, name, is_home in tables.of(pid):
            words = f"Ansible's connection from {connection.peer}"
            if name in _SERVERS and not is_home:
                notes[f"{words} ends in another network namespace: {_UNSEEN}"] = None
            elif name in _SERVERS:
                add(connection, words)
            elif is_home:
                # Such as a CI runner, or ansible-playbook itself on this machine.
                add(connection, f"the connection of {name} (process {pid}, an ancestor) with {connection.peer}")
    if is_live or len(found) + len(notes) > by_ancestors:
        return Found(list(found.values()), list(notes))
    # Reading the sockets of all processes takes a while, so first: can there be any?
    if any(one.local in local_addresses and one.peer not in local_addresses for one in tables.home().values()):
        for pid in procfs.pids():
            known = procfs.status(pid)
            if known is not None and known.name in _SERVERS:
                for connection, _unused, is_home in tables.of(pid):
                    if is_home and connection.local in local_addresses:
                        add(connection, f"a connection to sshd from {connection.peer}")
    if not found and is_container():
        notes[f"Ansible's connection comes from outside of this container: {_UNSEEN}"] = None
    return Found(list(found.values()), list(notes))


_UNSEEN = "what carries it can't be seen from here, so it isn't protected"


class _Tables:
    """The established connections, by inode, of the calling thread's network namespace (read once) and of others."""

    def __init__(self) -> None:
        self._home_link = procfs.namespace_link("thread-self")
        self._home: dict[int, Tcp] | None = None

    def home(self) -> dict[int, Tcp]:
        """Those of the thread's own namespace. Takes a few milliseconds: the kernel walks its whole hash table."""
        if self._home is None:
            self._home = self._read("thread-self")
        return self._home

    def of(self, pid: int) -> t.Iterator[tuple[Tcp, str, bool]]:
        """Those of a process, with its name, and whether it is in the thread's own namespace."""
        inodes = _sockets(pid)
        known = procfs.status(pid) if inodes else None
        if known is None:
            return
        is_home = procfs.namespace_link(pid) == self._home_link
        rows = self.home() if is_home else self._read(pid)
        for inode in inodes & rows.keys():
            yield rows[inode], known.name, is_home

    @staticmethod
    def _read(task: int | str) -> dict[int, Tcp]:
        rows: dict[int, Tcp] = {}
        for name in ("tcp", "tcp6"):
            try:
                with open(f"/proc/{task}/net/{name}", encoding="ascii") as lines:
                    rows.update((one.inode, one) for one in table(lines) if one.state == ESTABLISHED)
            except OSError:
                continue  # the process has gone, or the kernel has no IPv6
        return rows


def _sockets(pid: int) -> set[int]:
    """The inodes of a process's sockets; none where it is gone or belongs to somebody else."""
    found = set()
    try:
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
            except OSError:
                continue
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    except OSError:
        pass
    return found


def is_container() -> bool:
    """Whether this is the inside of a container, as far as the usual signs tell."""
    if any(os.path.exists(sign) for sign in ("/run/systemd/container", "/.dockerenv", "/run/.containerenv")):
        return True
    return any(entry.startswith(b"container=") for entry in (procfs.read("/proc/1/environ") or b"").split(b"\0"))

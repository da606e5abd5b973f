# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that go on in a namespace when we are gone: started, found again, ended. Called by the engine's
`program_steps`.

`ip netns exec` brings the program into its namespace, with the /sys and the /etc that users know from it (ip-netns(8)).
Before that the new process has joined its control group, and carries its label in its environment, so there is no
instant at which it runs unmarked. It keeps its process number all the way, and leads a session of its own without a
terminal.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import subprocess
import time
import typing as t
import zlib

from . import groups, procfs, syscalls
from .command import find
from .errors import KernelError
from .procfs import Process
from .visit import RUN

MARK = "NETNS_LAB_PROCESS"
"""The variable that says whose process it is where there is no control group to tell."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_JOIN = '{ echo 0 >"$0"; } 2>/dev/null; exec "$@"'
"""0 stands for whoever writes it. What is refused does no harm: then the label has to do."""
_LONGEST = 150
"""Bytes of a namespace's name in a label, which is the name of a directory, too."""
_KEPT = "is kept running"
_KILL_SECONDS = 10.0
_POLL_SECONDS = 0.02


class ProgramError(KernelError):
    """A program couldn't be started or ended. `reason` is a sentence for the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)


class Launch(t.NamedTuple):
    """What is started, and how."""

    ns: str
    label: str
    argv: t.Sequence[str]
    environment: t.Mapping[str, str]
    """Besides what every program gets."""
    chdir: str
    user: str
    log: str


# -- labels


def place() -> str:
    """The first part of labels: which /run the names of namespaces mean, for each container has its own."""
    status = os.stat("/run")
    return f"{os.major(status.st_dev)}-{os.minor(status.st_dev)}"


def label(ns: str, name: str) -> str:
    """What marks all processes of a program. `name` has no at sign."""
    return f"{place()}/{name}@{_space(ns)}"


def labelled(spaces: t.Iterable[str]) -> list[tuple[str, str]]:
    """The programs in these namespaces that have a control group: (namespace, name)."""
    parts = [group.partition("@") for group in groups.names(place())]
    known = {_space(ns): ns for ns in spaces} if parts else {}
    return [(known[space], name) for name, _at, space in parts if space in known]


def _space(ns: str) -> str:
    encoded = ns.encode("utf-8", "surrogateescape")
    return ns if len(encoded) <= _LONGEST else f"@{zlib.crc32(encoded):08x}"


# -- finding


class Search:
    """One look for the processes of programs. The whole machine is looked through once, and only where it has to be."""

    def __init__(self) -> None:
        self._marked: dict[str, list[int]] | None = None
        self._children: dict[int, list[int]] = {}

    def members(self, label_: str, leader: tuple[int, int]) -> list[Process]:
        """All processes of a program, its leader (pid and start time) first, then as they were started.

        A control group in which something runs holds all of it, for it was joined before the program began.
        """
        pids = in_group(label_)
        if not pids:
            first = procfs.status(leader[0]) if leader[0] else None
            pids = self._beyond(label_, [leader[0]] if first is not None and first.start == leader[1] else [])
        found = [process for pid in pids if (process := procfs.describe(pid, _KEPT)) is not None and _lives(pid)]
        return sorted(found, key=lambda process: ((process.pid, process.start) != leader, process.start, process.pid))

    def _beyond(self, label_: str, known: t.Iterable[int]) -> list[int]:
        """What carries the label, and the children and sessions of all that is known."""
        if self._marked is None:
            self._marked = {}
            self._scan(self._marked)
        found = dict.fromkeys([*known, *self._marked.get(label_, ())])
        queue = list(found)
        while queue:
            for child in self._children.get(queue.pop(), ()):
                if child not in found:
                    found[child] = None
                    queue.append(child)
        return list(found)

    def _scan(self, marked: dict[str, list[int]]) -> None:
        begin = f"{MARK}=".encode()
        for pid in procfs.pids():
            known = procfs.status(pid)
            if known is None or known.is_kernel:
                continue
            for above in {known.parent, known.session} - {0, 1, pid}:
                self._children.setdefault(above, []).append(pid)
            for variable in (procfs.read_all(f"/proc/{pid}/environ") or b"").split(b"\0"):
                if variable.startswith(begin):
                    marked.setdefault(variable[len(begin) :].decode("utf-8", "surrogateescape"), []).append(pid)


def in_group(label_: str) -> list[int]:
    """The processes in a program's control group."""
    return [pid for path in groups.find(label_) for pid in groups.members(path)]


def _lives(pid: int) -> bool:
    known = procfs.status(pid)
    return known is not None and known.state not in "ZX"


def is_in(process: Process, ns: str) -> bool:
    """Whether a process is in the namespace that has this name now."""
    try:
        named, own = os.stat(f"{RUN}/{ns}"), os.stat(f"/proc/{process.pid}/ns/net")
    except OSError:
        return False
    return (named.st_dev, named.st_ino) == (own.st_dev, own.st_ino)


# -- starting


class Started:
    """A program that was just started by us, so that we learn how it ends."""

    def __init__(self, process: subprocess.Popen[bytes], stages: t.Sequence[bytes]) -> None:
        self._process = process
        self._stages = stages
        known = procfs.status(process.pid)
        self.leader = (process.pid, known.start if known is not None else 0)

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it ends."""
        try:
            descriptor = syscalls.pidfd_open(self._process.pid)
        except OSError:  # before Linux 5.3
            time.sleep(min(seconds, _POLL_SECONDS))
            return
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(seconds * 1000)
        finally:
            os.close(descriptor)

    def code(self) -> int | None:
        """How it ended: a return code, or a negative signal; None while it runs."""
        return self._process.poll()

    def is_under_way(self) -> bool:
        """Whether it is still on its way: what runs is what leads to the program, not the program."""
        words = procfs.read_all(f"/proc/{self._process.pid}/cmdline")
        return not words or words in self._stages  # between two programs a process has no words


def start(launch: Launch) -> Started:
    """Start a program. Raises ProgramError where not even what leads to it can be started."""
    words, stages = _words(launch)
    group = groups.make(launch.label)
    if group is not None:
        words = [_tool("sh"), "-c", _JOIN, os.path.join(group, "cgroup.procs"), *words]
        stages.append(words)
    try:
        log = os.open(launch.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o640)
    except OSError as error:
        raise ProgramError(f"its log {launch.log} can't be written: {error.strerror}") from error
    try:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=launch.chdir,
            env=environment(launch),
            start_new_session=True,
            umask=0o022,
        )
    except OSError as error:
        raise ProgramError(f"{error.filename or words[0]}: {error.strerror}") from error
    finally:
        os.close(log)
    return Started(process, [_command_line(stage) for stage in stages])


def enter_words(launch: Launch) -> list[str]:
    """The words of a command that runs where and as the program does."""
    return _words(launch)[0]


def _words(launch: Launch) -> tuple[list[str], list[list[str]]]:
    """The command that becomes the program, and the command lines that it has before."""
    words, stages = list(launch.argv), []
    if launch.user:
        who = account(launch.user)
        as_whom = [f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}", "--init-groups"]
        words = [_tool("setpriv"), *as_whom, "--", *words]
        stages.append(words)
    words = [_tool("ip"), "netns", "exec", launch.ns, *words]
    stages.append(words)
    return words, stages


def _command_line(words: t.Sequence[str]) -> bytes:
    return b"".join(os.fsencode(word) + b"\0" for word in words)


def _tool(name: str) -> str:
    tool = find(name)
    if tool is None:
        package = {"ip": "iproute2 (on the RHEL family: iproute)", "setpriv": "util-linux"}.get(name, name)
        raise ProgramError(f"the command `{name}` is missing: install the package {package}")
    return tool


def account(user: str) -> pwd.struct_passwd:
    """A user of this machine. Raises ProgramError where there is none of that name."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        raise ProgramError(f"{user}: there is no such user") from None


def environment(launch: Launch) -> dict[str, str]:
    """The environment of a program: the same whoever starts it, from wherever."""
    found = {"PATH": _PATH, "LANG": "C.UTF-8"}
    with contextlib.suppress(ProgramError):
        who = account(launch.user or "root")
        found.update(HOME=who.pw_dir, SHELL=who.pw_shell, USER=who.pw_name, LOGNAME=who.pw_name)
    return {**found, **launch.environment, MARK: launch.label}


def is_there(program: str, path: str | None = None) -> bool:
    """Whether a program can be found as `execvp` will look for it."""
    return find(program, path or _PATH) is not None


# -- ending


def end(label_: str, leader: tuple[int, int], grace: float) -> None:
    """TERM to all processes of a program, KILL after so many seconds, and its control group goes.

    Raises ProgramError where something doesn't end, or is what we run under ourselves.
    """
    from .processes import end as end_all  # only a change needs it
    from .processes import never_ended

    deadline = time.monotonic() + grace + _KILL_SECONDS
    is_grouped = bool(in_group(label_))
    some = Search().members(label_, leader)
    own = never_ended()
    if any(process.pid in own for process in some):
        raise ProgramError("it can't be ended from here: this run was started by it")
    while some:
        ending = end_all(some, grace)
        stuck = [process for process in ending.survivors if _lives(process.pid)]
        left = [pid for path in groups.find(label_) for pid in groups.kill(path, _KILL_SECONDS)]
        grace = 0  # what turns up now was born after the warning
        some = [] if is_grouped else Search().members(label_, leader)
        if stuck or left or (some and time.monotonic() >= deadline):
            known = stuck or some
            told = ", ".join(f"{process.pid} ({process.command}) {process.why}" for process in known[:5])
            raise ProgramError(f"it can't be ended: {told or left}")
    clear(label_)


def clear(label_: str) -> None:
    """Remove the control group of a program of which nothing runs."""
    for path in groups.find(label_):
        groups.remove(path)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of the programs that are kept running: a record of each under ``/run``, which dies with the boot as
they do, and their logs. Called by `program_steps`, and by `leftovers` for what goes with a namespace.

A record is written before its program is started and says so until the start was seen through.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from .._kernel import folders, launch
from .derived_names import LOGS, default_log
from .errors import LabError
from .frozen import dataclass
from .locks import LOCKS
from .ownership import boot_id
from .records import Program, Ready

RECORDS = os.path.join(LOCKS, "processes")
STARTING, RUNNING, STOPPED = "starting", "running", "stopped"
_VERSION = 1


@dataclass(frozen=True)
class Entry:
    """What one record says."""

    state: str
    program: Program
    """As it was asked for."""
    leader: tuple[int, int] = (0, 0)
    """Process number and start time."""


def _file(ns: str, name: str) -> str:
    return os.path.join(RECORDS, ns, f"{name}.json")


def names(ns: str) -> list[str]:
    """The programs that there are in a namespace, or that have left something: a record, a log, a control group."""
    return [name for _ns, name in within([ns])]


def within(spaces: t.Collection[str]) -> list[tuple[str, str]]:
    """The same of many namespaces, most of which have none: (namespace, name), sorted."""
    found = set(launch.labelled(spaces))
    for folder, ending in ((RECORDS, ".json"), (LOGS, ".log")):
        for ns in set(_listed(folder)).intersection(spaces):
            files = _listed(os.path.join(folder, ns))
            found.update((ns, file[: -len(ending)]) for file in files if file.endswith(ending))
    return sorted((ns, name) for ns, name in found if name and name[0] != ".")


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def load(ns: str, name: str) -> Entry | None:
    """A record; None where there is none of this boot that can be read."""
    try:
        with open(_file(ns, name), encoding="utf-8") as stream:
            raw = json.load(stream)
        if raw["version"] != _VERSION or raw["boot"] != boot_id():
            return None
        ready = raw["ready"]
        program = Program(
            argv=tuple(raw["argv"]),
            environment=tuple((str(key), str(value)) for key, value in raw["environment"]),
            chdir=raw["chdir"],
            user=raw["user"],
            log=raw["log"],
            owner=raw["owner"],
            kill_timeout=float(raw["kill_timeout"]),
            ready=Ready(ready[0], ready[1], tuple(ready[2]), ready[3]) if ready else None,
        )
        return Entry(str(raw["state"]), program, (int(raw["leader"][0]), int(raw["leader"][1])))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def save(ns: str, name: str, entry: Entry) -> None:
    """Write a record as a whole. Raises LabError where that can't be done."""
    program = entry.program
    raw = {
        "version": _VERSION,
        "boot": boot_id(),
        "state": entry.state,
        "argv": program.argv,
        "environment": program.environment,
        "chdir": program.chdir,
        "user": program.user,
        "log": program.log,
        "owner": program.owner or "",
        "kill_timeout": program.kill_timeout,
        "ready": program.ready,
        "leader": entry.leader,
    }
    path = _file(ns, name)
    draft = os.path.join(os.path.dirname(path), f".{name}.{os.getpid()}")
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        # Arguments and environment may hold what isn't everybody's business.
        descriptor = folders.within(os.path.dirname(path), lambda: os.open(draft, how, 0o600))
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(raw, separators=(",", ":")))
        os.rename(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise LabError(f"{path} can't be written: {error.strerror}") from error


def make_room(ns: str, name: str, log: str) -> None:
    """Make the folder of a log that has the place of those that nobody chose. Raises LabError."""
    if log != default_log(ns, name):
        return
    try:
        folders.within(os.path.dirname(log), lambda: None)
    except OSError as error:
        raise LabError(f"{os.path.dirname(log)} can't be made: {error.strerror}") from error


def forget(ns: str, name: str) -> None:
    """Remove a record and the log in its usual place, and the folders with the last ones."""
    record, log = _file(ns, name), default_log(ns, name)
    for path in (record, log):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(path))
            os.rmdir(os.path.dirname(os.path.dirname(path)))
    with contextlib.suppress(OSError):
        os.rmdir(LOCKS)


def log_size(path: str) -> int:
    """Where what is written to a log from now on begins."""
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def log_tail(path: str, begin: int, lines: int = 10, most: int = 2000) -> str:
    """The last lines of what was written to a log since it had this size."""
    try:
        with open(path, "rb") as stream:
            stream.seek(max(begin, os.fstat(stream.fileno()).st_size - most))
            text = stream.read(most).decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said of a program that is kept running, written once: for `processes:` of a node in a lab file, and for
the module `process`. Descriptions are for the lab file's documentation; the module has its own.
"""

from __future__ import annotations

import re
import typing as t

from .derived_names import default_log
from .errors import LabError, Path, Problems, show
from .records import Program, Ready
from .walk import Integer, ListOf, MapOf, Mapping, Number, OneOf, Text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*[$]?", re.ASCII)
KILL_TIMEOUT = 5.0


def process_name(text: str) -> str:
    """The name of a program, which becomes part of file names and of the name of its control group."""
    if not _NAME.fullmatch(text):
        raise LabError(
            f"{show(text)}: a process's name has up to 63 letters, digits, '.', '_' and '-', "
            "and begins with a letter or digit"
        )
    return text


def _word(text: str) -> str:
    if "\0" in text:
        raise LabError(f"{show(text)}: a word of a command can't hold a NUL byte")
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or "\0" in text or "\n" in text:
        raise LabError(f"{show(text)}: expected an absolute path")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise LabError(f"{show(text)}: expected the name of an environment variable")
    return text


def _user(text: str) -> str:
    if not _USER.fullmatch(text):
        raise LabError(f"{show(text)}: expected the name of a user")
    return text


_WHOLE = Integer(least=-(2**63), most=2**63 - 1)
_WORDS = ListOf(
    OneOf(text=Text(parse=_word), number=_WHOLE, expected="a word, text or a number"),
    what="a command, a list of the program and its arguments",
    least=1,
)


def _words(description: str) -> ListOf:
    return ListOf(_WORDS.item, description, what=_WORDS.what, least=1)


READY = Mapping(
    {
        "tcp": Integer("It listens at this TCP port, at whatever address.", least=1, most=65535),
        "udp": Integer("It waits at this UDP port, at whatever address.", least=1, most=65535),
        "command": _words("This command, run as the program is, ends with return code 0."),
        "timeout": Number(
            "How long that may take, in seconds, before the start has failed.\nThe default is V(10).",
            least=0.1,
            most=86400,
        ),
    },
    "When it counts as started. What is given here has to be so, all of it.\n"
    "Without it, it counts as started when it hasn't ended after a fifth of a second.",
    what="what tells that a program is ready",
)

SETTINGS = {
    "name": Text(
        "What it is called, in this node.\nUp to 63 letters, digits, C(.), C(_) and C(-).",
        parse=process_name,
        expected="the name of a process",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
    ),
    "argv": _words("The program and its arguments, one an element.\nNo shell is involved."),
    "ready": READY,
    "log": Text(
        "The file that gets all its output.\nThe default is C(/var/log/netns-lab/NAMESPACE/NAME.log), which goes with"
        " the process; a file that is named here stays.",
        parse=_path,
        expected="an absolute path",
    ),
    "environment": MapOf(
        Text(parse=_variable, expected="the name of an environment variable"),
        OneOf(text=Text(parse=_word), number=_WHOLE, expected="text or a number"),
        "Environment variables, besides C(PATH), C(LANG), C(HOME), C(SHELL), C(USER) and C(LOGNAME).",
        what="a mapping from variables to values",
    ),
    "chdir": Text("The directory in which it runs.\nThe default is V(/).", parse=_path, expected="an absolute path"),
    "user": Text("The user of the machine whom it runs as.\nThe default is V(root).", parse=_user, expected="a user"),
    "kill_timeout": Number(
        "How long it has to end when it is stopped, in seconds, before it is killed.\nThe default is V(5).",
        least=0,
        most=3600,
    ),
}

PROCESS = Mapping(SETTINGS, what="a process", required=("name", "argv"))


def wanted(
    settings: t.Mapping[str, t.Any], ns: str, *, owner: str | None, where: Path | str, problems: Problems
) -> Program:
    """The record of a program from its settings, which the schema has read; `where` they stand, for what is wrong."""
    ready = settings.get("ready")
    if ready is not None and not any(name in ready for name in ("tcp", "udp", "command")):
        place = f"{where}.ready" if where else "ready"
        problems.add(place, "nothing is asked: give tcp, udp or command")
    user = settings.get("user") or ""
    return Program(
        "running",
        argv=_texts(settings.get("argv")),
        environment=tuple(sorted((key, str(value)) for key, value in (settings.get("environment") or {}).items())),
        chdir=settings.get("chdir") or "/",
        user="" if user == "root" else user,
        log=settings.get("log") or default_log(ns, settings.get("name") or ""),
        owner=owner,
        kill_timeout=float(KILL_TIMEOUT if settings.get("kill_timeout") is None else settings["kill_timeout"]),
        ready=_ready(ready) if ready else None,
    )


def _texts(words: t.Sequence[t.Any] | None) -> tuple[str, ...]:
    return tuple(str(word) for word in words or ())


def _ready(given: t.Mapping[str, t.Any]) -> Ready:
    return Ready(
        given.get("tcp") or 0,
        given.get("udp") or 0,
        _texts(given.get("command")),
        float(given.get("timeout") or Ready().timeout),
    )


def described(record: Program, ns: str, name: str) -> dict[str, t.Any]:
    """A program in the words of the lab file, without what is usual."""
    found: dict[str, t.Any] = {"name": name, "argv": list(record.argv or ())}
    if record.ready is not None:
        usual = Ready()._asdict()
        ready = {key: value for key, value in record.ready._asdict().items() if value and value != usual[key]}
        found["ready"] = {key: list(value) if key == "command" else value for key, value in ready.items()}
    if record.log and record.log != default_log(ns, name):
        found["log"] = record.log
    if record.environment:
        found["environment"] = dict(record.environment)
    if record.chdir and record.chdir != "/":
        found["chdir"] = record.chdir
    if record.user:
        found["user"] = record.user
    if record.kill_timeout is not None and record.kill_timeout != KILL_TIMEOUT:
        found["kill_timeout"] = record.kill_timeout
    return found

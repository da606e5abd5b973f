# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LXC's command line tools: found, run with a time limit, and their complaints made readable.

LXC has a library for Python, too, but it forks the interpreter into the container and isn't to be had for every Python;
the tools are what users know, and what they can type after reading a message.
"""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from .._kernel.command import Done, execute
from .errors import LxcError

_PLACES = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin:/usr/local/bin"
_LOG_LINE = re.compile(r"(?:ERROR|CRIT|ALERT|FATAL)\s+\S+ - \S+:\d+ - (.*)")
_STDERR_LINE = re.compile(r"lxc-[a-z]+: (?:[^:]+: )?\S+: \S+: \d+ (.*)")
"""The name of the container stands in it where the tool knows one."""
_EMPTY_WORDS = (
    "The container failed to start",
    "To get more details",
    "Additional information can be obtained",
    "Received container state",
    "Failed to receive the container state",
    "Failed to spawn container",
    "Failed to create container",
    "Failed to initialize container",
    "An error occurred in another process",
)
"""What LXC says of every failure, whatever its cause."""
_MOST_LINES = 5


def find(name: str) -> str:
    """The path of a tool. Raises LxcError where LXC isn't installed."""
    tool = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PLACES}")
    if tool is None:
        what = "LXC isn't installed here" if name.startswith("lxc-") else "a program is missing"
        raise LxcError(f"{what} (there is no {name}): the role netns.lab.lxc installs it")
    return tool


def there(name: str) -> bool:
    """Whether a program is installed."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_PLACES}") is not None


def installed() -> bool:
    """Whether LXC is there."""
    return there("lxc-start")


def ask(argv: t.Sequence[str], timeout: float, *, env: t.Mapping[str, str] | None = None) -> Done:
    """Run a tool for its answer, whatever its code. Raises LxcError where it isn't there or doesn't end in time."""
    done = execute([find(argv[0]), *argv[1:]], timeout=timeout, env=_environment(env))
    if done.timed_out:
        raise LxcError(f"{argv[0]} didn't end within {timeout:g} s and was ended{_tail(reasons(done.err))}")
    return done


def run(argv: t.Sequence[str], timeout: float, *, env: t.Mapping[str, str] | None = None) -> Done:
    """Run a tool that has to succeed. Raises LxcError with what it said."""
    done = ask(argv, timeout, env=env)
    if done.code:
        raise LxcError(f"{argv[0]} {ended(done.code)}{_tail(reasons(done.err) or plain(done.err) or plain(done.out))}")
    return done


def detach(argv: t.Sequence[str], timeout: float) -> Done:
    """Run a tool that leaves a daemon behind; what it has to say is in its log."""
    return execute([find(argv[0]), *argv[1:]], timeout=timeout, silent=True, env=_environment(None))


def ended(code: int) -> str:
    """A return code in words."""
    return f"was ended by signal {-code}" if code < 0 else f"ended with return code {code}"


def reasons(text: bytes) -> list[str]:
    """What LXC complains of, in its log or on its standard error, without what it says every time."""
    found: dict[str, None] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        match = _LOG_LINE.search(line) or _STDERR_LINE.match(line)
        if match and not match.group(1).startswith(_EMPTY_WORDS):
            found[match.group(1).strip().rstrip(".")] = None
    return list(found)[:_MOST_LINES]


def plain(text: bytes) -> list[str]:
    """The last lines of what a template or another program said."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    return [line for line in lines if not _STDERR_LINE.match(line)][-_MOST_LINES:]


def _tail(lines: t.Sequence[str]) -> str:
    return ": " + "; ".join(lines) if lines else ""


def _environment(more: t.Mapping[str, str] | None) -> dict[str, str]:
    """Messages in English, and the tools' own tools where a service has a short PATH."""
    path = os.environ.get("PATH", "")
    return {**os.environ, "LC_ALL": "C.UTF-8", "PATH": f"{path}:{_PLACES}" if path else _PLACES, **(more or {})}

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finding a program, running it with a time limit, and ending it with all that it started: `ip netns exec`, LXC's
tools.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import typing as t

_GRACE_SECONDS = 2.0
"""Between TERM and KILL, after a timeout."""


def find(name: str, path: str | None = None) -> str | None:
    """The path of a program; without a `path` to search, also where administrators' tools are."""
    return shutil.which(name, path=path or f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")


class Done(t.NamedTuple):
    """How a program ended. A negative `code` is the signal that ended it."""

    code: int
    out: bytes
    err: bytes
    timed_out: bool


def execute(
    argv: t.Sequence[str],
    *,
    given: bytes | None = None,
    folder: str | None = None,
    timeout: float | None = None,
    env: t.Mapping[str, str] | None = None,
    silent: bool = False,
) -> Done:
    """Run a program, which leads a session of its own, and wait for it `timeout` seconds at most (None: for ever).

    `given` is its standard input. `silent` is for a program that leaves a daemon behind: its streams go nowhere, since
    the daemon would hold a pipe open. Raises OSError where the program can't be started.
    """
    stream = subprocess.DEVNULL if silent else subprocess.PIPE
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
        stdout=stream,
        stderr=stream,
        cwd=folder,
        env=env,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(given, timeout=timeout)
        return Done(process.returncode, out or b"", err or b"", False)
    except subprocess.TimeoutExpired:
        out, err = _end_group(process)
        return Done(process.returncode if process.returncode is not None else -signal.SIGKILL, out, err, True)
    except BaseException:
        _signal_group(process, signal.SIGKILL)
        raise


def _end_group(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """TERM, grace, KILL for the whole process group; what it had written so far."""
    _signal_group(process, signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        out = err = b""
    _signal_group(process, signal.SIGKILL)  # also what outlived its leader
    with contextlib.suppress(subprocess.TimeoutExpired):
        out, err = process.communicate(timeout=_GRACE_SECONDS)
    return out or b"", err or b""


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)

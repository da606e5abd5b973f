# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running one command in a namespace, as `ip netns exec` does: the body of the module `netns_exec`.

`ip` itself does it, so that /sys and the files of /etc/netns/NAME are what users know from it (ip-netns(8)).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import glob
import os
import shlex
import shutil
import signal
import subprocess
import typing as t

from ._engine import names
from ._engine.errors import LabError
from ._kernel import namespaces

_TAIL_LINES = 5
_GRACE_SECONDS = 2.0
"""Between TERM and KILL, after a timeout."""


def run(options: t.Mapping[str, t.Any], *, check: bool) -> dict[str, t.Any]:
    """The module's result, with `failed` and `msg`. Raises LabError for options that can't be meant."""
    argv = _argv(options)
    given = _stdin(options)
    ns = options["netns"]
    try:
        names.namespace_name(ns)
    except LabError as error:
        raise LabError(error.message, "netns") from error
    result: dict[str, t.Any] = {
        "netns": ns,
        "cmd": argv,
        "changed": False,
        "failed": False,
        "rc": 0,
        "timed_out": False,
        "stdout": "",
        "stderr": "",
        "start": None,
        "end": None,
        "delta": None,
    }
    reason = _done_already(options)
    if reason:
        return {**result, "msg": reason}
    tool = _tool()
    _check_namespace(ns)
    if check:
        return {**result, "changed": True, "skipped": True, "msg": "not run in check mode: " + shlex.join(argv)}
    _check_folder(options.get("chdir"))
    started = datetime.datetime.now()
    rc, out, err, timed_out = _execute(
        [tool, "netns", "exec", ns, *argv], given, options.get("chdir"), options.get("timeout")
    )
    ended = datetime.datetime.now()
    result.update(
        rc=rc, timed_out=timed_out, changed=True, start=str(started), end=str(ended), delta=str(ended - started)
    )
    result.update(_streams(out, err, options["encoding"]))
    if timed_out:
        limit = f"{options['timeout']:g} s"
        result.update(failed=True, msg=f"{argv[0]} didn't end within {limit} and was ended, with all it had started")
    elif rc != 0:
        result.update(failed=True, msg=_what_went_wrong(argv, rc, err))
    return result


def _argv(options: t.Mapping[str, t.Any]) -> list[str]:
    if options.get("cmd") is not None:
        try:
            argv = shlex.split(options["cmd"])
        except ValueError as error:
            raise LabError(f"{options['cmd']!r}: can't be split into words: {error}", "cmd") from error
    else:
        argv = list(options.get("argv") or ())
    if not argv or not argv[0]:
        raise LabError("the command is empty", "argv" if options.get("cmd") is None else "cmd")
    for index, word in enumerate(argv):
        if "\0" in word:
            raise LabError(f"{word!r}: a word of a command can't hold a NUL byte", f"argv[{index}]")
    return argv


def _stdin(options: t.Mapping[str, t.Any]) -> bytes | None:
    text = options.get("stdin")
    if text is None:
        return None
    if options["encoding"] == "base64":
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise LabError(f"with `encoding: base64` this has to be base64: {error}", "stdin") from error
    return bytes(text.encode("utf-8", "surrogateescape"))


def _done_already(options: t.Mapping[str, t.Any]) -> str:
    """Why the command needn't run: `creates` is there, or `removes` isn't. Both may be patterns."""
    folder = options.get("chdir") or ""
    creates, removes = options.get("creates"), options.get("removes")
    if creates and glob.glob(os.path.join(folder, creates)):
        return f"not run: {creates} exists"
    if removes and not glob.glob(os.path.join(folder, removes)):
        return f"not run: {removes} doesn't exist"
    return ""


def _tool() -> str:
    tool = shutil.which("ip", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin")
    if tool is None:
        raise LabError("the command `ip` is missing: install the package iproute2 (on the RHEL family: iproute)")
    return tool


def _check_namespace(ns: str) -> None:
    condition = namespaces.condition(ns)
    if condition == namespaces.ABSENT:
        raise LabError(f"namespace {ns} doesn't exist: make it with the module netns.lab.netns", "netns")
    if condition == namespaces.BROKEN:
        raise LabError(
            f"namespace {ns} is broken (no namespace is mounted on its file): netns.lab.netns repairs it", "netns"
        )


def _check_folder(folder: str | None) -> None:
    if folder and not os.path.isdir(folder):
        raise LabError(f"{folder}: there is no such directory", "chdir")


def _execute(
    argv: t.Sequence[str], given: bytes | None, folder: str | None, timeout: float | None
) -> tuple[int, bytes, bytes, bool]:
    """Return code, both streams, and whether time ran out. The command leads a session of its own."""
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(given, timeout=timeout)
        return process.returncode, out, err, False
    except subprocess.TimeoutExpired:
        out, err = _end_group(process)
        return process.returncode if process.returncode is not None else -signal.SIGKILL, out, err, True
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


def _streams(out: bytes, err: bytes, encoding: str) -> dict[str, t.Any]:
    if encoding == "base64":
        return {"stdout": base64.b64encode(out).decode(), "stderr": base64.b64encode(err).decode()}
    stdout, stderr = (stream.decode("utf-8", "replace").rstrip("\r\n") for stream in (out, err))
    return {"stdout": stdout, "stderr": stderr}


def _what_went_wrong(argv: t.Sequence[str], rc: int, err: bytes) -> str:
    how = f"was ended by signal {-rc}" if rc < 0 else f"ended with return code {rc}"
    lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
    tail = "\n".join(lines[-_TAIL_LINES:])
    return f"{argv[0]} {how}" + (f": {tail}" if tail else "")

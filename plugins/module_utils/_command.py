# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running one command in a namespace or a container: the body of the modules `netns_exec` and `lxc_exec`.

`ip netns exec` itself does it, so that /sys and the files of /etc/netns/NAME are what users know from it (ip-netns(8)),
and `lxc-attach`, which also joins the container's control groups and drops what it may not do (lxc-attach(1)).
"""

from __future__ import annotations

import base64
import binascii
import datetime
import glob
import os
import shlex
import typing as t

from ._engine import names
from ._engine.errors import LabError
from ._kernel import namespaces
from ._kernel.command import execute, find

_TAIL_LINES = 5


def run(options: t.Mapping[str, t.Any], *, check: bool) -> dict[str, t.Any]:
    """The result of `netns_exec`, with `failed` and `msg`. Raises LabError for options that can't be meant."""
    argv = _argv(options)
    given = _stdin(options)
    ns = options["netns"]
    _checked("netns", names.namespace_name, ns)
    result = {"netns": ns, **_nothing_done(argv)}
    folder = options.get("chdir")
    reason = _done_already(options, lambda pattern: bool(glob.glob(os.path.join(folder or "", pattern))))
    if reason:
        return {**result, "msg": reason}
    tool = _tool()
    _check_namespace(ns)
    if check:
        return {**result, **_not_in_check_mode(argv)}
    _check_folder(folder)
    return {**result, **_run([tool, "netns", "exec", ns, *argv], argv, given, options, folder)}


def run_in_container(options: t.Mapping[str, t.Any], *, check: bool) -> dict[str, t.Any]:
    """The result of `lxc_exec`, with `failed` and `msg`. Raises LabError for options that can't be meant, LxcError."""
    from ._engine import container_schema
    from ._lxc import running, tools
    from ._lxc.place import Place, default_path

    argv = _argv(options)
    given = _stdin(options)
    name = options["name"]
    _checked("name", container_schema.container_name, name)
    path = options.get("lxc_path")
    place = Place(_checked("lxc_path", container_schema.absolute, path) if path else default_path(), name)
    result = {"name": name, "lxc_path": place.path, **_nothing_done(argv)}
    seen = running.look(place)
    if seen is None:
        raise LabError(f"there is no container {name} in {place.path}: make it with netns.lab.lxc_container", "name")
    if seen.state != running.RUNNING:
        raise LabError(f"container {name} is {seen.state}: start it with netns.lab.lxc_container", "name")
    attach = [tools.find("lxc-attach"), *place.arguments, "--clear-env"]
    folder = options.get("chdir")

    def is_there(pattern: str) -> bool:
        # Inside, for links lead elsewhere seen from here. Without separators a pattern is expanded, and isn't split.
        script = 'cd -- "$1" && IFS= && for file in $2; do [ -e "$file" ] && exit 0; done; exit 1'
        return execute([*attach, "--", "sh", "-c", script, "sh", folder or "/", pattern], timeout=60.0).code == 0

    reason = _done_already(options, is_there)
    if reason:
        return {**result, "msg": reason}
    if check:
        return {**result, **_not_in_check_mode(argv)}
    for variable, value in (options.get("environment") or {}).items():
        attach += ["--set-var", f"{_checked('environment', container_schema.variable, variable)}={value}"]
    inside = ["sh", "-c", 'cd -- "$0" && exec "$@"', folder, *argv] if folder else argv
    return {**result, **_run([*attach, "--", *inside], argv, given, options, None)}


def _checked(path: str, check: t.Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except LabError as error:
        raise LabError(error.message, path) from error


def _nothing_done(argv: t.Sequence[str]) -> dict[str, t.Any]:
    return {
        "cmd": list(argv),
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


def _not_in_check_mode(argv: t.Sequence[str]) -> dict[str, t.Any]:
    return {"changed": True, "skipped": True, "msg": "not run in check mode: " + shlex.join(argv)}


def _run(
    words: t.Sequence[str],
    argv: t.Sequence[str],
    given: bytes | None,
    options: t.Mapping[str, t.Any],
    folder: str | None,
) -> dict[str, t.Any]:
    """Run `words`, of which the user knows `argv`; what came of it."""
    started = datetime.datetime.now()
    rc, out, err, timed_out = execute(words, given=given, folder=folder, timeout=options.get("timeout"))
    ended = datetime.datetime.now()
    result: dict[str, t.Any] = {
        "rc": rc,
        "timed_out": timed_out,
        "changed": True,
        "start": str(started),
        "end": str(ended),
        "delta": str(ended - started),
        **_streams(out, err, options["encoding"]),
    }
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


def _done_already(options: t.Mapping[str, t.Any], is_there: t.Callable[[str], bool]) -> str:
    """Why the command needn't run: `creates` is there, or `removes` isn't. Both may be patterns."""
    creates, removes = options.get("creates"), options.get("removes")
    if creates and is_there(creates):
        return f"not run: {creates} exists"
    if removes and not is_there(removes):
        return f"not run: {removes} doesn't exist"
    return ""


def _tool() -> str:
    tool = find("ip")
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

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module `process` asks for: options to `Request`, and the state back to its result. Pure."""

from __future__ import annotations

import typing as t

from . import names, program_options
from .asking import Options
from .derived_names import default_log
from .errors import LabError, Problems
from .records import Key, Program, Request
from .state import State
from .walk import Mapping

_OPTIONS = Mapping(program_options.SETTINGS, what="a process")


def process(options: Options) -> Request:
    """Options of the module `process`. Raises LabError with everything that is wrong with them."""
    problems = Problems()
    ns, name, state = options["netns"], options["name"], options["state"]
    try:
        names.namespace_name(ns)
    except LabError as error:
        problems.add("netns", error.message)
    given = {option: options[option] for option in _OPTIONS.keys if options.get(option) is not None}
    settings = _OPTIONS.read(given, None, problems) or {}
    key: Key = ("process", ns, name)
    want: Program | None = None
    if state in ("started", "restarted"):
        want = program_options.wanted(settings, ns, owner=None, where="", problems=problems)
        if options.get("argv") is None:
            problems.add("argv", "say which program is to run: the program and its arguments, as a list")
    elif state == "stopped":
        want = Program("stopped")
    problems.check()
    return Request(
        {key: want},
        force=bool(options.get("force")),
        once={key: frozenset({"restart"})} if state == "restarted" else {},
        turn=f"the process {name} of {ns}",
        origin={("namespace", ns): "netns"},
    )


def process_result(options: Options, state: State) -> dict[str, t.Any]:
    """What the module `process` returns under its own key."""
    ns, name = options["netns"], options["name"]
    record = state.get(("process", ns, name))
    found: dict[str, t.Any] = {"name": name, "netns": ns}
    if not isinstance(record, Program):
        return {**found, "state": "absent"}
    return {
        **found,
        "state": "started" if record.state in ("running", "unfinished") else "stopped",
        "pid": record.pid or None,
        "argv": list(record.argv or ()),
        "log": record.log or default_log(ns, name),
        "lab": record.owner or "",
    }

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules about single objects have in common: the options of a task, checked as they are asked for. Pure."""

from __future__ import annotations

import typing as t

from . import names
from .errors import LabError, Problems
from .records import MACHINE, Key, Request, Want

Options = t.Mapping[str, t.Any]
T = t.TypeVar("T")


class Asking:
    """The options of one task, and what is wrong with them so far."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.problems = Problems()
        self.want: Want = {}
        self.origin: dict[Key, str] = {}
        self.complete: set[tuple[str, str]] = set()

    def checked(self, path: str, check: t.Callable[..., T], *arguments: t.Any) -> T | None:
        """What a check makes of a value; None, and a problem more, where it refuses."""
        try:
            return check(*arguments)
        except LabError as error:
            self.problems.add(path, error.message)
            return None

    def ask(self, key: Key, record: t.Any, path: str) -> None:
        """Want a record, or with None its absence, under a key."""
        self.want[key] = record
        self.origin[key] = path

    def request(self) -> Request:
        """The whole, unless something is wrong."""
        self.problems.check()
        return Request(self.want, force=bool(self.options.get("force")), complete=self.complete, origin=self.origin)

    def netns(self, options: Options, path: str = "netns") -> str:
        """The namespace that options name; without one it is the machine's own."""
        name = options.get("netns")
        if name is None:
            return MACHINE
        self.checked(path, names.namespace_name, name)
        self.origin.setdefault(("namespace", name), path)
        return str(name)

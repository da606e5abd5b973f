# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine says to the person who wrote the YAML: one problem, or all problems of a lab file at once.

Raised by everything in `_engine`; caught by `_door`, which hands the text to Ansible.
"""

from __future__ import annotations

import typing as t


class LabError(Exception):
    """Something that the user can put right. ``str()`` is one readable sentence, after the path if there is one."""

    def __init__(self, message: str, path: str | None = None) -> None:
        super().__init__(message, path)
        self.message = message
        self.path = path

    @property
    def parts(self) -> tuple[LabError, ...]:
        """The single problems: itself, or several (`LabErrors`)."""
        return (self,)

    @property
    def problems(self) -> tuple[str, ...]:
        """The single problems as text."""
        return tuple(str(part) for part in self.parts)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class LabErrors(LabError):
    """Several problems of one input, in the order in which they were found."""

    def __init__(self, parts: t.Sequence[LabError]) -> None:
        self._parts = tuple(parts)
        lines = [f"{len(parts)} problems:", *(f"- {part}" for part in parts[:_MOST])]
        if len(parts) > _MOST:
            lines.append(f"- and {len(parts) - _MOST} more")
        super().__init__("\n".join(lines))

    @property
    def parts(self) -> tuple[LabError, ...]:
        return self._parts


_MOST = 50
"""So many problems are listed, the rest is counted: a lab of 1000 nodes with one wrong default has thousands."""

Path = t.Union[None, t.Tuple[t.Any, t.Any]]
"""Where in a nested value: ``(path of the container, key or index)``; None is the whole. Cheap to make, written out
only when there is something to say (`written`)."""


def written(path: Path) -> str:
    """``links[3].endpoints[0].name``; a key that would be ambiguous after a dot stands in brackets and quotes."""
    keys: list[t.Any] = []
    while path is not None:
        path, key = path
        keys.append(key)
    text = ""
    for key in reversed(keys):
        text = below(text, key)
    return text


def below(place: str, key: object) -> str:
    """The written path of what stands under a key of `place`."""
    if isinstance(key, str) and key.replace("-", "").replace("_", "").isalnum():
        return f"{place}.{key}" if place else key
    return f"{place}[{show(key)}]"


def show(value: object) -> str:
    """A value as it stands in a message: on one line and not too long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]}…{text[-1]}"


class Problems:
    """Collects what is wrong, so that a lab file with ten mistakes is mended in one go."""

    def __init__(self) -> None:
        self.found: list[tuple[Path | str, str]] = []

    def __len__(self) -> int:
        return len(self.found)

    def add(self, path: Path | str, message: str) -> None:
        self.found.append((path, message))

    def places(self) -> set[tuple[t.Any, ...]]:
        """The first two keys of each path, like ``("links", 3)``: the parts of the input that are wrong."""
        places = set()
        for path, _message in self.found:
            keys: list[t.Any] = []
            while isinstance(path, tuple):
                path, key = path
                keys.append(key)
            places.add(tuple(keys[:-3:-1]))
        return places

    def check(self) -> None:
        """Raise `LabError` for what was found; return if nothing was."""
        if not self.found:
            return
        # What a group gives is read for each of its nodes, but a mistake there is one.
        found = dict.fromkeys((where if isinstance(where, str) else written(where), what) for where, what in self.found)
        problems = [LabError(what, where or None) for where, what in found]
        raise problems[0] if len(problems) == 1 else LabErrors(problems)

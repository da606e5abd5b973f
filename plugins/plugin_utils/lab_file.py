# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads lab files on the controller: strict about what YAML takes silently, and able to say in which line a key stands.

Called by the action plugin and the inventory plugin `topology`.
"""

from __future__ import annotations

import os
import re
import typing as t

import yaml  # type: ignore[import-untyped]

from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError, LabErrors
from ansible_collections.netns.lab.plugins.module_utils._engine.walk import unquoted

_Base: t.Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"
_SHIPPED = os.path.join(os.path.dirname(__file__), os.pardir, os.pardir, "playbooks", "labs")
_STEP = re.compile(r"\.?([\w-]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]")


class _Loader(_Base):  # type: ignore[misc]
    """Finds keys that stand twice and keys that aren't text. Dates stay text: no lab has any."""

    yaml_implicit_resolvers: t.ClassVar[dict[str, list[tuple[str, t.Any]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: t.Any) -> None:
        super().__init__(stream)
        self.slips: list[tuple[int, str]] = []
        self._seen: dict[int, t.Any] = {}
        """The mappings whose keys were looked at, by id. Kept, so that no other can get the id of one."""

    def flatten_mapping(self, node: t.Any) -> None:
        """As every loader does, and notes what is wrong with the keys before others are merged in among them."""
        if id(node) not in self._seen:
            self._seen[id(node)] = node
            self._check_keys(node)
        super().flatten_mapping(node)

    def _check_keys(self, node: t.Any) -> None:
        seen: dict[t.Any, int] = {}
        for key_node, _value in node.value:
            if key_node.tag == _MERGE or not isinstance(key_node, yaml.ScalarNode):
                continue
            key = self.construct_object(key_node)
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                self.slips.append((line, unquoted(key, "a name") or f"{key_node.value!r}: expected a name"))
            elif key in seen:
                self.slips.append(
                    (line, f"the key {key!r} stands here and in line {seen[key]}; the first would be lost")
                )
            seen.setdefault(key, line)


def shipped_labs() -> list[str]:
    """The names of the labs that come with the collection."""
    return sorted(entry[:-4] for entry in os.listdir(_SHIPPED) if entry.endswith(".yml"))


def shipped_lab(name: str) -> str | None:
    """The path of a lab that comes with the collection, by its name with or without ``.yml``; None if none does."""
    plain = name[:-4] if name.endswith(".yml") else name
    return os.path.join(_SHIPPED, f"{plain}.yml") if plain in shipped_labs() else None


class LabFile:
    """A lab file: its content, and where in it something stands."""

    def __init__(self, path: str, shown: str) -> None:
        """Reads `path`. `shown` is what messages call it. Raises `LabError`."""
        self.shown = shown
        try:
            with open(path, "rb") as stream:
                self._text = stream.read()
        except OSError as error:
            raise LabError(f"can't be read: {error.strerror}", shown) from None
        self.content = self._load()

    def _load(self) -> dict[str, t.Any]:
        loader = None
        try:
            loader = _Loader(self._text)
            content = loader.get_single_data()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f"{self.shown}:{mark.line + 1}:{mark.column + 1}" if mark else self.shown
            raise LabError(": ".join(filter(None, (error.context, error.problem))) or "not YAML", place) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise LabError(f"not YAML: {' '.join(str(error).split())}", self.shown) from None
        finally:
            if loader is not None:
                loader.dispose()
        if loader.slips:
            slips = [LabError(message, f"{self.shown}:{line}") for line, message in sorted(set(loader.slips))]
            raise LabErrors(slips) if len(slips) > 1 else slips[0]
        if not isinstance(content, dict):
            what = "is empty" if content is None else "is no mapping"
            raise LabError(f"{what}: a lab file has keys like name, nodes and links", self.shown)
        odd = _not_plain(content, [])
        if odd:
            raise LabError(odd, self.shown)
        return content

    def placed(self, error: LabError) -> LabError:
        """An error about the file's content with ``FILE:LINE`` before the path of each of its problems."""
        try:
            top = yaml.compose(self._text, Loader=_Loader)
        except yaml.YAMLError:
            return error
        parts = [LabError(str(part), self.shown + _line(top, part.path)) for part in error.parts]
        return LabErrors(parts) if len(parts) > 1 else parts[0]


def _line(node: t.Any, path: str | None) -> str:
    """``:LINE`` of a path like ``links[3].endpoints[0]``, or of the part of it that the file has."""
    line, at = "", 0
    while node is not None and path and at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            break
        at = step.end()
        node, mark = _under(node, step.group(1) or step.group(3), step.group(2))
        line = f":{mark.line + 1}" if mark else line
    return line


def _under(node: t.Any, key: str | None, index: str | None) -> tuple[t.Any, t.Any]:
    """What stands under a key or index of a YAML node, and where."""
    if key is not None and isinstance(node, yaml.MappingNode):
        for key_node, value in node.value:
            if key_node.value == key:
                return value, key_node.start_mark
    elif index is not None and isinstance(node, yaml.SequenceNode) and int(index) < len(node.value):
        item = node.value[int(index)]
        return item, item.start_mark
    return None, None


def _not_plain(value: t.Any, above: list[int]) -> str | None:
    """What no lab file has but YAML can make: an alias inside itself, a set, bytes."""
    if id(value) in above:
        return "an alias (*name) stands inside its own anchor (&name)"
    if isinstance(value, (dict, list)):
        above.append(id(value))
        for item in value.values() if isinstance(value, dict) else value:
            odd = _not_plain(item, above)
            if odd:
                return odd
        above.pop()
    elif not isinstance(value, (str, int, float, type(None))):
        return f"a value of the YAML type {type(value).__name__}: expected text, numbers, lists and mappings"
    return None

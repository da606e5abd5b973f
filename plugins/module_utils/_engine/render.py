# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans for people: what stands before and after as YAML, by namespace."""

from __future__ import annotations

import json
import re
import typing as t

from .plan import Plan, changed_keys
from .records import MACHINE, Key
from .resources import BY_KIND
from .state import State

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@ -]*[A-Za-z0-9_/]|[A-Za-z]|[0-9]+(\.[0-9]+){3}(/[0-9]+)?")
_RESERVED = re.compile(r"(?i)(y|n|yes|no|on|off|true|false|null|~)")


def diff(plan: Plan) -> list[dict[str, str]]:
    """One entry for each namespace that changes, with the parts that change, as Ansible's ``--diff`` takes it."""
    entries = []
    for ns, keys in changed_keys(plan).items():
        before, after = _tree(plan.before, keys), _tree(plan.after, keys)
        if before != after:
            title = "the machine" if ns == MACHINE else ns
            entries.append(
                {"before_header": title, "after_header": title, "before": yaml(before), "after": yaml(after)}
            )
    return entries


def _tree(state: State, keys: t.Iterable[Key]) -> dict[str, t.Any]:
    tree: dict[str, t.Any] = {}
    for key in keys:
        record = state.get(key)
        if record is None:
            continue
        path, value = BY_KIND[key[0]].show(key, record)
        place = tree
        for part in path[:-1]:
            place = place.setdefault(part, {})
        if isinstance(value, list):
            place.setdefault(path[-1], []).extend(value)
        elif isinstance(value, dict) and isinstance(place.get(path[-1]), dict):
            place[path[-1]].update(value)
        else:
            place[path[-1]] = value
    return tree


def yaml(value: t.Any, indent: int = 0) -> str:
    """A nested value as block YAML. Targets need not have PyYAML."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{_scalar(key)}:{_below(inner, indent)}" for key, inner in value.items())
    if isinstance(value, list):
        return "".join(f"{pad}- {_scalar(inner)}\n" for inner in value)
    return f"{pad}{_scalar(value)}\n"


def _below(value: t.Any, indent: int) -> str:
    if isinstance(value, (dict, list)) and value:
        return "\n" + yaml(value, indent + 1)
    return f" {_scalar(value)}\n"


def _scalar(value: t.Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _RESERVED.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)

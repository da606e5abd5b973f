# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes what follows from the table of the lab file: options of the module `topology`, and docs/lab.schema.json.

``python tests/generate_docs.py`` writes them; with ``--check`` it only says what differs, and then exits with 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import sys
import typing as t
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).resolve().parent.parent
MODULE = CHECKOUT / "plugins" / "modules" / "topology.py"
SCHEMA = CHECKOUT / "docs" / "lab.schema.json"

# The engine knows nothing of Ansible, so it can be imported from where it lies.
sys.path.insert(0, str(CHECKOUT / "plugins"))
schema = importlib.import_module("module_utils._engine.schema")
walk = importlib.import_module("module_utils._engine.walk")
sys.path.pop(0)

_BEGIN = "# Made from the table in plugins/module_utils/_engine/schema.py by tests/generate_docs.py: begin"
_END = "# Made from the table: end"


class _Dumper(yaml.SafeDumper):
    """Lists are indented, as ansible-lint and the rest of the collection have them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)


def sentences(description: str) -> list[str]:
    """A description as Ansible wants it."""
    return description.split("\n")


_TYPES = {
    "Text": "str", "Integer": "int", "Number": "float", "Switch": "bool", "MapOf": "dict", "Mapping": "dict",
    "ListOf": "list",
}  # fmt: skip


def kind_of(shape: t.Any) -> str:
    """Ansible's word for the type; what has several forms is raw."""
    return _TYPES.get(type(shape).__name__, "raw")


class Options:
    """The table as Ansible's documentation of options. What several mappings share is told where it stands first."""

    def __init__(self) -> None:
        self._shown: set[int] = set()

    def of(self, mapping: t.Any) -> dict[str, t.Any]:
        """The options that the keys of a mapping make."""
        keys = {}
        for name, shape in mapping.keys.items():
            required = (
                name in mapping.required and mapping is not schema.LAB
            )  # the module's `file` may give name and nodes
            keys[name] = {
                "description": sentences(shape.description),
                **({"required": True} if required else {}),
                **self._kind(shape),
            }
        return keys

    def _kind(self, shape: t.Any) -> dict[str, t.Any]:
        made: dict[str, t.Any] = {"type": kind_of(shape)}
        below = shape
        if isinstance(shape, walk.Text) and shape.choices:
            made["choices"] = list(shape.choices)
        elif isinstance(shape, walk.ListOf):
            below = shape.item
            made["elements"] = kind_of(below)
        elif isinstance(shape, walk.MapOf):
            below = shape.value
        return {**made, **self._below(below)}

    def _below(self, shape: t.Any) -> dict[str, t.Any]:
        """The suboptions of a mapping, or of the long form of something that has a short one too."""
        if isinstance(shape, walk.OneOf):
            shape = next((form for kind, form in shape.forms if kind is dict), None)
        if not isinstance(shape, walk.Mapping) or {id(key) for key in shape.keys.values()} <= self._shown:
            return {}
        self._shown.update(id(key) for key in shape.keys.values())
        return {"suboptions": self.of(shape)}


def module_text(text: str) -> str:
    """The module's source with the options between the marks made anew."""
    options = yaml.dump(
        Options().of(schema.LAB),
        Dumper=_Dumper,
        sort_keys=False,
        width=110,
        allow_unicode=True,
        default_flow_style=False,
    )
    indented = "".join(f"  {line}\n" for line in options.splitlines())
    made, count = re.subn(
        f"(?<={re.escape(_BEGIN)}\n).*?(?=  {re.escape(_END)}\n)", lambda _match: indented, text, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"{MODULE}: the marks of the generated part are missing")
    return made


def plain(description: str) -> str:
    """A description without Ansible's markup."""
    text = re.sub(r"[OVCI]\(([^()]*)\)", lambda match: match.group(1).replace("[]", ""), description)
    return text.replace("\n", " ")


def json_schema(shape: t.Any) -> dict[str, t.Any]:
    """The table as JSON Schema."""
    made: dict[str, t.Any] = {"description": plain(shape.description)} if shape.description else {}
    if isinstance(shape, walk.Text):
        made["type"] = "string"
        if shape.choices:
            made["enum"] = list(shape.choices)
        if shape.pattern:
            made["pattern"] = shape.pattern
    elif isinstance(shape, walk.Integer):
        made.update(type="integer", minimum=shape.least, maximum=shape.most)
    elif isinstance(shape, walk.Number):
        made.update(type="number", minimum=shape.least, maximum=shape.most)
    elif isinstance(shape, walk.Switch):
        made["type"] = "boolean"
    elif isinstance(shape, walk.MapOf):
        made.update(type="object", additionalProperties=json_schema(shape.value))
        if shape.key.pattern:
            made["propertyNames"] = {"pattern": shape.key.pattern}
    elif isinstance(shape, walk.ListOf):
        made.update(type="array", items=json_schema(shape.item))
        made.update({key: count for key, count in (("minItems", shape.least), ("maxItems", shape.most)) if count})
    elif isinstance(shape, walk.Mapping):
        made["type"] = ["object", "null"] if shape.may_be_empty else "object"
        made["properties"] = {name: json_schema(key) for name, key in shape.keys.items()}
        made["additionalProperties"] = False
        if shape.required:
            made["required"] = list(shape.required)
    else:
        made["anyOf"] = [json_schema(form) for _kind, form in shape.forms] + [{"type": "null"}] * shape.nothing
    return made


def schema_text() -> str:
    """The published JSON Schema."""
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lab file of the Ansible collection netns.lab",
        "$comment": "Made from plugins/module_utils/_engine/schema.py by tests/generate_docs.py",
        **json_schema(schema.LAB),
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def drift() -> dict[Path, str]:
    """The files that aren't as the table has them, with what they should hold."""
    made = {MODULE: module_text(MODULE.read_text("utf-8")), SCHEMA: schema_text()}
    return {path: text for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text}


def main() -> int:
    """Write, or with ``--check`` compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what differs")
    check = parser.parse_args().check
    stale = drift()
    for path, text in stale.items():
        print(f"{'not as the table has it' if check else 'written'}: {path.relative_to(CHECKOUT)}")
        if not check:
            path.write_text(text, "utf-8")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The house has floors: imports run downwards only, and only the door knows Ansible."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

MODULE_UTILS = Path(__file__).resolve().parents[4] / "plugins" / "module_utils"
FILES = sorted(path for path in MODULE_UTILS.rglob("*.py"))
FLOORS = {"_kernel": 0, "_lxc": 1, "_engine": 2}
TOP = 3
"""What is in none of them."""


def _imports(path: Path) -> set[str]:
    """What a file imports: names of packages, and for the collection's own the folder below module_utils."""
    found = set()
    here = path.relative_to(MODULE_UTILS).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1]
            parts = [*base, *(node.module.split(".") if node.module else [])]
            names = [".".join([*parts, alias.name]) for alias in node.names] if not node.module else [".".join(parts)]
            found.update("." + name for name in names)
    return found


def _floor(path: Path) -> int:
    return FLOORS.get(path.relative_to(MODULE_UTILS).parts[0], TOP)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_imports_run_downwards(path):
    for name in _imports(path):
        if name.startswith("."):
            assert FLOORS.get(name[1:].split(".")[0], TOP) <= _floor(path), f"{name} is above"


@pytest.mark.parametrize(
    "path", [p for p in FILES if _floor(p) < TOP], ids=lambda path: str(path.relative_to(MODULE_UTILS))
)
def test_what_is_below_the_door_doesnt_know_ansible(path):
    for name in _imports(path):
        assert name.split(".")[0] not in ("ansible", "ansible_collections")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(MODULE_UTILS)))
def test_pyroute2_is_imported_only_when_needed(path):
    assert not {name for name in _imports(path) if name.split(".")[0] == "pyroute2"}


def test_every_kind_of_object_is_listed():
    folder = MODULE_UTILS / "_engine" / "resources"
    kinds = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_") and path.stem != "base"}
    listed = {
        node.module
        for node in ast.walk(ast.parse((folder / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module != "base"
    }
    assert listed == kinds

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part lint: what reads the source without running it."""

from __future__ import annotations

from pathlib import Path

from .place import CACHE, CHECKOUT, COLLECTIONS, copy, run
from .report import Part

WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.yml"))
PYTHON = "ansible_collections.netns.lab.plugins"
KINDS = ("action", "connection", "inventory", "modules", "module_utils", "plugin_utils")


def checks(scratch: Path) -> dict[str, tuple[list[str], dict[str, str], Path | None]]:
    """Name of each check -> its command, environment and directory (None: the checkout)."""
    return {
        "ruff": (["ruff", "check", "--cache-dir", f"{CACHE}/ruff", "."], {}, None),
        "mypy": (
            [
                "mypy", "--cache-dir", f"{CACHE}/mypy",
                *(f"--package={PYTHON}.{kind}" for kind in KINDS),
            ],
            {"MYPYPATH": str(COLLECTIONS)}, None,
        ),
        "shellcheck": (["shellcheck", "lab", ".ci/run"], {}, None),
        "workflows": (
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)], {}, None,
        ),
        "zizmor": (["zizmor", "--offline", "--no-progress", "--quiet", *map(str, WORKFLOWS)], {}, None),
        # In the copy: other parts make and remove files in the checkout meanwhile, which it can't read then.
        "reuse": (["reuse", "lint", "--lines"], {}, copy(scratch)),
        "antsibull-changelog": (["antsibull-changelog", "lint"], {}, None),
        # ansible-lint and antsibull-docs want to see the collection at its place.
        "ansible-lint": (
            ["ansible-lint", "--offline", "--profile", "production", "--strict", "--nocolor", "-q"],
            {"ANSIBLE_COLLECTIONS_PATH": str(scratch / "tree"), "XDG_CACHE_HOME": str(CACHE)}, copy(scratch),
        ),
        "antsibull-docs": (
            ["antsibull-docs", "lint-collection-docs", "--plugin-docs", "."],
            {"ANSIBLE_COLLECTIONS_PATH": str(scratch / "tree")}, copy(scratch),
        ),
    }  # fmt: skip


def run_part(part: Part, scratch: Path, _options: list[str]) -> None:
    for name, (command, env, cwd) in checks(scratch).items():
        code, _output = run(*command, env=env, **({"cwd": cwd} if cwd else {}))
        if code:
            part.fail(name, f"exit code {code} of {' '.join(command)}")
        else:
            part.ok(name)

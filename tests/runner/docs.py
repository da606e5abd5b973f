# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part docs: the documentation as a site of HTML pages, in .cache/docs. A warning of Sphinx fails it."""

from __future__ import annotations

import shutil
from pathlib import Path

from .place import CACHE, CHECKOUT, copy, run
from .report import Part

SITE = CACHE / "docs"
PAGES = ("README.md", "CONTRIBUTING.md", "docs/*.md", "roles/*/README.md")


def run_part(part: Part, scratch: Path, _options: list[str]) -> None:
    source = scratch / "site"
    plugins = source / "collection"
    plugins.mkdir(parents=True, mode=0o755)
    copy(scratch, "docs")
    code, _output = run(
        "antsibull-docs", "collection", "--use-current", "--squash-hierarchy", "--fail-on-error",
        "--dest-dir", plugins, "netns.lab", env={"ANSIBLE_COLLECTIONS_PATH": str(scratch / "docs")},
    )  # fmt: skip
    if code:
        part.fail("pages of the plugins", f"exit code {code}")
        return
    part.ok(f"pages of the plugins ({len(list(plugins.rglob('*.rst')))})")

    for path in (path for pattern in PAGES for path in CHECKOUT.glob(pattern)):
        target = source / path.relative_to(CHECKOUT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for name in ("conf.py", "index.md"):
        shutil.copy(CHECKOUT / "docs" / "docsite" / name, source)
    shutil.rmtree(SITE, ignore_errors=True)
    command = ["sphinx-build", "--fail-on-warning", "--keep-going", "--quiet", "--fresh-env", "-j", "2"]
    code, _output = run(*command, "-d", scratch / "doctrees", source, SITE)
    pages = len(list(SITE.rglob("*.html")))
    if code or not (SITE / "index.html").exists():
        part.fail("site", f"exit code {code}, see the warnings above")
    else:
        part.ok(f"site ({pages} pages): {SITE}")

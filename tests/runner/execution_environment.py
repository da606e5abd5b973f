# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of part collection: what ansible-builder makes of the collection, short of the image itself."""

from __future__ import annotations

from pathlib import Path

import yaml

from .place import CHECKOUT, run
from .report import Part

DEFINITION = CHECKOUT / "docs" / "execution-environment.yml"
PYTHON = {"pyroute2>=0.7.2"}
SYSTEM = {
    "openssh-client [platform:dpkg]", "openssh-clients [platform:rpm]",
    "iproute2 [platform:dpkg]", "iproute [platform:rpm]",
    "iputils-ping [platform:dpkg]", "iputils [platform:rpm]",
}  # fmt: skip


def check(part: Part, installed: Path, scratch: Path) -> None:
    """The build context of the definition in docs, and what the installed collection says that an image needs."""
    context = scratch / "context"
    command = ["ansible-builder", "create", "-f", DEFINITION, "-c", context, "--output-filename", "Containerfile"]
    code, _output = run(*command)
    wanted = yaml.safe_load(DEFINITION.read_text("utf-8"))["dependencies"]["galaxy"]
    requirements = context / "_build" / "requirements.yml"
    if code or not requirements.exists() or yaml.safe_load(requirements.read_text("utf-8")) != wanted:
        part.fail("execution environment: context", f"exit code {code}; {requirements} should hold {wanted}")
    else:
        part.ok("execution environment: context")

    code, output = run("ansible-builder", "introspect", installed)
    found = {} if code else yaml.safe_load(output)
    for kind, needed in (("python", PYTHON), ("system", SYSTEM)):
        has = {line.partition("#")[0].strip() for line in found.get(kind) or ()}
        if has == needed:
            part.ok(f"execution environment: {kind} packages")
        else:
            part.fail(f"execution environment: {kind} packages", f"{sorted(has)}, expected {sorted(needed)}")

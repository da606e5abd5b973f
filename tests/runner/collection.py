# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part collection: what a user gets who installs the built collection and works from any directory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path

from . import execution_environment
from .place import CHECKOUT, environment, run
from .report import Part

NEEDED = {"MANIFEST.json", "README.md", "LICENSE", "meta/runtime.yml", "playbooks/up.yml", "roles/prepare/README.md"}


def run_part(part: Part, scratch: Path, _options: list[str]) -> None:
    built, installed, elsewhere = scratch / "built", scratch / "installed", scratch / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    code, _output = run("ansible-galaxy", "collection", "build", "--force", "--output-path", built)
    archives = list(built.glob("netns-lab-*.tar.gz"))
    if code or len(archives) != 1:
        part.fail("build", f"exit code {code}")
        return
    part.ok("build")
    _contents(part, archives[0])
    env = {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_LOCALHOST_WARNING": "False"}
    env["ANSIBLE_INVENTORY_UNPARSED_WARNING"] = "False"
    code, _output = run("ansible-galaxy", "collection", "install", archives[0], "-p", installed, cwd=elsewhere, env=env)
    if code:
        part.fail("install", f"exit code {code}")
        return
    part.ok("install")

    tree = installed / "ansible_collections" / "netns" / "lab"
    for playbook in sorted((tree / "playbooks").glob("*.yml")):
        command = ["ansible-playbook", "--syntax-check", f"netns.lab.{playbook.stem}"]
        _check(part, f"playbook {playbook.stem}", elsewhere, env, *command)
    modules = sorted(path.stem for path in (tree / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
    if not modules:
        part.fail("modules", "the built collection has none")
    for module in modules:
        command = ["ansible-doc", "--json", f"netns.lab.{module}"]
        _check(part, f"documentation of {module}", elsewhere, env, *command, quiet=True)
    for kind in ("connection", "inventory"):
        for path in sorted((tree / "plugins" / kind).glob("*.py")):
            command = ["ansible-doc", "--json", "-t", kind, f"netns.lab.{path.stem}"]
            _check(part, f"documentation of {kind} {path.stem}", elsewhere, env, *command, quiet=True)
    _check(part, "a module, from elsewhere", elsewhere, env, "ansible", "localhost", "-m", "netns.lab.netns_info")
    source = elsewhere / "topology.yml"
    source.write_text("plugin: netns.lab.topology\nfiles: red-blue\n")
    strict = {**env, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True"}
    _check(part, "an inventory, from elsewhere", elsewhere, strict, "ansible-inventory", "-i", source, "--graph")
    execution_environment.check(part, installed, scratch)
    _importer(part, archives[0], scratch)


def _check(part: Part, name: str, cwd: Path, env: dict[str, str], *command: str | Path, quiet: bool = False) -> None:
    if quiet:
        done = subprocess.run(command, cwd=cwd, env=environment(**env), capture_output=True, text=True, check=False)
        code = done.returncode or (0 if json.loads(done.stdout or "{}") else 1)
        print(done.stderr, end="")
    else:
        code, _output = run(*command, cwd=cwd, env=env)
    if code:
        part.fail(name, f"exit code {code} of {' '.join(map(str, command))}")
    else:
        part.ok(name)


def _importer(part: Part, archive: Path, scratch: Path) -> None:
    """What Galaxy says when the archive is published: any warning would be shown to those who look there."""
    place = scratch / "importer"
    place.mkdir()
    code, output = run(sys.executable, "-m", "galaxy_importer.main", archive, cwd=place)
    complaints = re.findall(r"^(?:WARNING|ERROR): .*$", output, re.M)
    if code or complaints:
        part.fail("galaxy-importer", f"exit code {code}; {'; '.join(complaints[:5])}")
    else:
        part.ok("galaxy-importer")


def _contents(part: Part, archive: Path) -> None:
    """The archive holds what git tracks, or would when added, and nothing that only lies around."""
    with tarfile.open(archive) as tar:
        packed = {member.name for member in tar.getmembers() if not member.isdir()}
    made_by_build = {"MANIFEST.json", "FILES.json"}
    lying_around = {name for name in packed if name.split("/")[0] in {".git", ".venv", ".collections", ".cache"}}
    tracked = _tracked()
    if tracked is None:
        part.skip("contents", "no git here, or no checkout of it, to say what the archive should hold")
    else:
        lying_around |= packed - made_by_build - tracked
    for problem, names in (("holds what is no source", lying_around), ("lacks", NEEDED - packed)):
        if names:
            part.fail("contents", f"the archive {problem}: {', '.join(sorted(names)[:10])}")
    if not lying_around and not NEEDED - packed:
        part.ok(f"contents ({len(packed)} files)")


def _tracked() -> set[str] | None:
    """What git tracks, or would when added; None where nobody can say."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return set(listed.stdout.splitlines()) if listed.returncode == 0 else None

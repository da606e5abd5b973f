# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module files as Ansible builds and runs them.

Ansible packs a module and all it imports into one Python file (AnsiballZ), copies that to the machine and starts it
with the interpreter. With ``ANSIBLE_KEEP_REMOTE_FILES`` it leaves the file there, which works alike in every version of
ansible-core: a playbook runs each task once, for real, and what it leaves behind is what the benchmark starts again.
"""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

from . import measure

CHECKOUT = Path(__file__).resolve().parent.parent.parent


class Ansible:
    """ansible-playbook, with everything that it writes kept in one directory."""

    def __init__(self, scratch: Path) -> None:
        scratch.mkdir()
        self._scratch = scratch
        self._number = 0
        configuration = scratch / "ansible.cfg"
        configuration.write_text("[defaults]\n")
        self._environment = {
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
            "ANSIBLE_HOME": str(scratch / "home"),
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        }

    def play(self, tasks: t.Sequence[dict[str, t.Any]], **environment: str) -> measure.Run:
        """Run tasks on this machine. Raises measure.Failed."""
        self._number += 1
        path = self._scratch / f"play{self._number}.json"  # JSON is YAML, too
        path.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), str(path)]
        return measure.run(command, {**self._environment, **environment})

    def payloads(self, module: str, options: t.Mapping[str, dict[str, t.Any]]) -> dict[str, Path]:
        """The file of a module with each of these options, by the same names. All of them have run once, in order."""
        places = {name: self._scratch / f"payload-{self._number}-{name}" for name in options}
        tasks = [{module: options[name], "vars": {"ansible_remote_tmp": str(place)}} for name, place in places.items()]
        self.play(tasks, ANSIBLE_KEEP_REMOTE_FILES="1")
        return {name: next(place.glob("*/AnsiballZ_*.py")) for name, place in places.items()}


def start(payload: Path, prepare: t.Callable[[], None] | None = None) -> tuple[measure.Run, dict[str, t.Any]]:
    """Run a module's file; what it took, and its result. Raises measure.Failed where the module fails."""
    done = measure.run([sys.executable, str(payload)], prepare=prepare)
    result = json.loads(done.output)
    if result.get("failed"):
        raise measure.Failed(result["msg"])
    return done, result

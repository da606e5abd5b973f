# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module loads. Ansible's module archive holds no compiled code, so each file costs a task some milliseconds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

UTILS = "ansible_collections.netns.lab.plugins.module_utils"
ONLY_FOR_CHANGES = {
    f"{UTILS}.{name}"
    for name in (
        "_engine.apply",
        "_engine.execution",
        "_engine.ground",
        "_engine.render",
        "_engine.restore",
        "_engine.safety",
        "_engine.vetting",
        "_kernel.codec",
        "_kernel.encode",
        "_kernel.farewell",
        "_kernel.guard",
        "_kernel.holders",
        "_kernel.processes",
    )
}


RESOURCE = f"{UTILS}._engine.resources.container"


def loaded(*modules: str) -> set[str]:
    """What a fresh interpreter has loaded after importing these."""
    code = f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["netns", "veth", "topology"])
def test_a_run_that_changes_nothing_loads_nothing_that_changes(module):
    found = loaded(f"{UTILS}._door.{module}")
    assert f"{UTILS}._engine.observe" in found
    assert not found & ONLY_FOR_CHANGES
    assert not {name for name in found if name.startswith("pyroute2")}


def test_the_module_netns_knows_nothing_of_lab_files():
    found = loaded(f"{UTILS}._door.netns")
    of_labs = ("topology", "schema", "walk", "static_routes", "described")
    assert not found & {f"{UTILS}._engine.{name}" for name in of_labs}


def test_who_has_nothing_to_do_with_containers_loads_nothing_of_lxc():
    found = loaded(f"{UTILS}._door.netns")
    assert not {name for name in found if "_lxc" in name or "container" in name.removeprefix(RESOURCE)}


def test_who_changes_nothing_loads_nothing_of_the_engine():
    found = loaded(f"{UTILS}._door.readable")
    needed = ("_archive", "_door", "_door.readable", "_engine", "_engine.errors", "_kernel", "_kernel.errors")
    assert {name for name in found if name.startswith(UTILS) and name != UTILS} == {f"{UTILS}.{n}" for n in needed}

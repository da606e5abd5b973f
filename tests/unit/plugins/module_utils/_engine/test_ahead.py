# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is loaded ahead of a change, in a Python of its own, which has loaded nothing yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._engine import ahead

PROGRAM = """
import sys
from ansible_collections.netns.lab.plugins.module_utils._engine import ahead, converge, leftovers, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.resources import BY_KIND, _link_proposals

looked_at = [BY_KIND[kind] for kind in ("namespace", "sysctl", "link", "address", "route")]
PREFIX = ahead.__name__.rpartition("._engine")[0] + "."


def loaded():
    return {name for name in sys.modules if name.startswith(PREFIX)}


before = loaded()
early = before & {PREFIX + name for name in ahead.NAMES}
assert not early, f"a run that changes nothing does without: {early}"
for load in ahead.loads():
    known = loaded()
    load()
    new = loaded() - known
    assert len(new) == 1, f"one at a time: {new}"
from ansible_collections.netns.lab.plugins.module_utils._engine import execution, vetting

assert loaded() == before | {PREFIX + name for name in ahead.NAMES}
"""


def test_a_change_finds_all_that_it_always_loads():
    root = Path(ahead.__file__.rpartition("/ansible_collections/")[0])
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

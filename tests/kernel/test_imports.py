# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run loads that finds all as it was asked for: importing pyroute2 takes longer than the run."""

from __future__ import annotations

import os
import subprocess
import sys

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge

LAB = {
    "name": "office",
    "nodes": {
        "gw": {"kind": "router"},
        "lan": {"kind": "switch", "stp": True},
        "pc": {"routes": [{"to": "default", "via": "10.1.0.1"}], "etc": {"hosts": "10.1.0.1 gw\n"}},
    },
    "links": [
        [{"node": "gw", "name": "lan", "addresses": ["10.1.0.1/24"], "mac": "02:00:00:00:00:01"}, "lan"],
        [{"node": "pc", "name": "eth0", "addresses": ["10.1.0.2/24", "fd01::2/64"]}, "lan"],
    ],
}

AGAIN = f"""
import sys
from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
print(converge(topology.load({LAB!r}).request(), check=False).changed, *sys.modules)
"""


def test_a_second_run_of_a_lab_loads_nothing_of_pyroute2():
    assert converge(topology.load(LAB).request(), check=False).changed
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", AGAIN], env=environment, capture_output=True, text=True, check=True)
    changed, *modules = done.stdout.split()
    assert changed == "False"
    assert not [name for name in modules if name.startswith("pyroute2") or name.endswith("._kernel.codec")]

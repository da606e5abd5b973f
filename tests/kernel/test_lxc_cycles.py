# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twenty containers started and stopped ten times: nothing adds up."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_container
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.tests.kernel.containers import links, mounts

COUNT, CYCLES = 20, 10


def test_ten_cycles_of_twenty_containers_leave_nothing(lxc, run_module):
    def all_of_them(state: str) -> list[str]:
        want = {}
        timeout = 20 if state == "started" else 1  # what is removed needn't stop by itself, but a start takes its time
        for number in range(COUNT):
            options = lxc.options(f"c{number}", state=state, timeout=timeout, **where)
            want.update(objects_container.container(options).want)
        outcome = converge(Request(want, turn="twenty containers"), check=False)
        return [record.state for key in want if (record := outcome.after.get(key)) is not None]

    def files() -> dict[str, int]:
        """With the sizes of logs."""
        paths = [path for path in lxc.listing() if "/rootfs/" not in path]
        return {path: Path(path).stat().st_size if path.endswith(".log") else 0 for path in paths}

    run_module("link", name="br0", kind="bridge", up=True)
    where = {"networks": [{"link": "br0", "name": "eth0"}]}
    descriptors = len(os.listdir("/proc/self/fd"))
    assert all_of_them("present") == ["stopped"] * COUNT
    points = mounts()
    stood: dict[str, int] = {}
    for _cycle in range(CYCLES):
        assert all_of_them("started") == ["running"] * COUNT
        assert len(lxc.monitors()) == COUNT
        assert all_of_them("stopped") == ["stopped"] * COUNT
        assert lxc.monitors() == lxc.groups() == []
        stood = stood or files()
    assert links() == ["lo", "br0"]
    assert mounts() == points
    assert files() == stood
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert all_of_them("absent") == []
    assert lxc.left() == []

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of named namespaces share: making them, here and in other processes, and looking at their mounts."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

COLLECTIONS = Path(__file__).resolve().parents[2] / ".collections"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
RUN = Path("/run/netns")
MAKE = """
import sys
from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, visit

def work(place):
    for number in range(5):
        namespaces.create(place, "n" + "".join(sys.argv[1:]) + str(number), mark="netns-lab:demo", loopback=True)

visit.in_worker(work)
"""
Ip = t.Callable[..., t.List[t.Dict[str, t.Any]]]


def create(name: str, **options: t.Any) -> None:
    in_worker(lambda place: namespaces.create(place, name, **options))


def mounts_on(point: str) -> list[str]:
    """The optional fields (``shared:7``) of each mount on this path, those of the machine's own /run left out."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    parents = {fields[0]: fields[1] for fields in lines}
    run = [fields[0] for fields in lines if fields[4] == "/run"][-1]

    def is_ours(mount: str) -> bool:
        return mount == run or (mount in parents and is_ours(parents[mount]))

    return [" ".join(fields[6 : fields.index("-")]) for fields in lines if fields[4] == point and is_ours(fields[0])]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IPv6 routes that name a source address: the kernel takes none before the address is in use."""

from __future__ import annotations

import errno
import subprocess
import time

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._kernel import tentative
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker
from ansible_collections.netns.lab.tests.kernel import snapshot

LAB = {
    "name": "source",
    "nodes": {"a": {}, "b": {"routes": [{"to": "fd99::/64", "via": "fd01::1", "src": "fd01::2"}]}},
    "links": [[
        {"node": "a", "name": "eth0", "addresses": ["fd01::1/64"]},
        {"node": "b", "name": "eth0", "addresses": ["fd01::2/64"]},
    ]],
}  # fmt: skip


def ip_does(commands: str) -> None:
    subprocess.run(["ip", "-n", "red", "-batch", "-"], input=commands, text=True, check=True)


def settles(address: str, patience: float) -> bool:
    def look(visit):
        visit.enter("red")
        return tentative.settles(visit.socket(), address, patience)

    return in_worker(look)


@pytest.fixture
def red(ip):
    """A link with a carrier."""
    subprocess.run(["ip", "netns", "add", "red"], check=True)
    ip_does("link add e0 type veth peer name f0\nlink set e0 up\nlink set f0 up\n")
    while "LOWER_UP" not in ip("link", "show", "e0", netns="red")[0]["flags"]:
        time.sleep(0.01)


def test_a_new_lab_has_them_at_once():
    """A new link has its carrier some milliseconds later than its addresses."""
    assert converge(topology.load(LAB).request(), check=False).changed
    assert not converge(topology.load(LAB).request(), check=False).changed


@pytest.mark.usefixtures("red")
def test_a_route_comes_once_no_neighbour_claims_its_source(run_module):
    ip_does("address add fd01::2/64 dev e0\n")
    done = run_module("route", netns="red", to="fd99::/64", via="fd01::1", src="fd01::2")
    assert done["changed"]
    assert not run_module("route", netns="red", to="fd99::/64", via="fd01::1", src="fd01::2")["changed"]


@pytest.mark.usefixtures("red")
def test_one_that_will_never_be_in_use_is_not_waited_for_long():
    begun = time.monotonic()
    assert not settles("fd01::3", 60.0)
    ip_does("address add fd01::1/64 dev f0 nodad\n")
    assert settles("fd01::1", 60.0)
    assert time.monotonic() - begun < 5
    ip_does("link set f0 down\naddress add fd01::4/64 dev e0\n")
    assert not settles("fd01::4", 0.05)
    ip_does("link set f0 up\n")
    assert settles("fd01::4", 10.0)


def test_a_failure_while_one_is_waited_for_puts_everything_back(monkeypatch):
    def fail(*_unused: object) -> None:
        raise KernelError(errno.ENOBUFS, "No buffer space available", "dump")

    before = snapshot.machine()
    monkeypatch.setattr(tentative, "settles", fail)
    with pytest.raises(LabError, match=r"No buffer space available.*was put back"):
        converge(topology.load(LAB).request(), check=False)
    assert snapshot.differences(before, snapshot.machine()) == []

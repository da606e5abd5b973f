# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a change the engine looks again where the change can have reached, and finds there what stands."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import execution, topology
from ansible_collections.netns.lab.plugins.module_utils._engine import observe as observation
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.observe import observe, observe_again
from ansible_collections.netns.lab.plugins.module_utils._engine.view import View
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

NODES = 8


def ring(mtu: int = 1500) -> topology.Lab:
    """Nodes in a ring; `mtu` is that of the link between the third and the fourth."""
    nodes = {f"n{i}": {"routes": [{"to": "default", "via": f"10.0.{i}.2"}]} for i in range(NODES)}
    links = []
    for i in range(NODES):
        ends = [(f"n{i}", "right", f"10.0.{i}.1/24"), (f"n{(i + 1) % NODES}", "left", f"10.0.{i}.2/24")]
        endpoints = [{"node": node, "name": name, "addresses": [address]} for node, name, address in ends]
        links.append({"endpoints": endpoints, "mtu": mtu if i == 3 else 1500})
    return topology.load({"name": "ring", "nodes": nodes, "links": links})


@pytest.fixture
def looks(monkeypatch):
    """The namespaces that are looked at, in order."""
    seen = []

    class Noted(View):
        def __init__(self, ns, *arguments):
            seen.append(ns)
            super().__init__(ns, *arguments)

    monkeypatch.setattr(observation, "View", Noted)
    return seen


def test_one_link_changed_is_looked_at_with_its_neighbours(looks):
    converge(ring().request(), check=False)
    looks.clear()
    changed = converge(ring(mtu=1400).request(), check=False)
    assert len(changed.plan.steps) == 2
    assert looks[:NODES] == [f"n{i}" for i in range(NODES)]
    assert sorted(looks[NODES:]) == ["n2", "n3", "n4", "n5"]


def test_what_is_known_afterwards_is_what_stands():
    converge(ring().request(), check=False)
    request = ring(mtu=1400).request()
    after = converge(request, check=False).after
    whole = in_worker(lambda visit: observe(visit, request))
    for ns in whole.spaces():
        assert dict(after.space(ns)) == dict(whole.space(ns))


def test_a_link_to_a_place_that_is_taken_for_granted_has_its_peer():
    request = ring().request()
    converge(request, check=False)
    before = in_worker(lambda visit: observe(visit, request))
    again = in_worker(lambda visit: observe_again(visit, request, before, {"n3"}))
    for ns in before.spaces():
        assert dict(again.space(ns)) == dict(before.space(ns))
    assert again.get(("link", "n3", "right")).peer == ("n4", "left")


def test_a_link_that_was_made_anew_is_not_taken_for_its_predecessor(ip):
    request = ring().request()
    converge(request, check=False)
    before = in_worker(lambda visit: observe(visit, request))
    ip("link", "del", "right", netns="n3")
    ip("link", "add", "right", "type", "veth", "peer", "name", "other", netns="n3")
    again = in_worker(lambda visit: observe_again(visit, request, before, {"n3", "n4"}))
    assert again.get(("link", "n3", "right")).peer == ("n3", "other")
    assert again.get(("link", "n4", "left")) is None


def test_two_workers_see_what_one_sees(monkeypatch):
    request = ring().request()
    converge(request, check=False)
    one = in_worker(lambda visit: observe(visit, request))
    monkeypatch.setattr(observation, "_MANY", 2)
    two = in_worker(lambda visit: observe(visit, request))
    assert list(two.spaces()) == list(one.spaces())
    for ns in one.spaces():
        assert dict(two.space(ns)) == dict(one.space(ns))


def test_what_the_second_worker_cannot_do_is_told(monkeypatch):
    converge(ring().request(), check=False)
    monkeypatch.setattr(observation, "_MANY", 2)
    real = View.wanted

    def fails(view, kind):
        if view.ns == f"n{NODES - 1}":
            raise KernelError(5, "no more", "look")
        return real(view, kind)

    monkeypatch.setattr(View, "wanted", fails)
    with pytest.raises(KernelError, match="no more"):
        in_worker(lambda visit: observe(visit, ring().request()))
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("netns-lab")] == []


def test_a_look_that_fails_after_the_steps_says_that_they_were_done(monkeypatch):
    def fail(*_unused):
        raise KernelError(105, "No buffer space available", "look at red")

    converge(ring().request(), check=False)
    monkeypatch.setattr(execution, "observe_again", fail)
    with pytest.raises(LabError, match=r"could not look at red.*\. The steps were done, but not looked at again"):
        converge(ring(mtu=1400).request(), check=False)
    monkeypatch.undo()
    assert not converge(ring(mtu=1400).request(), check=False).changed

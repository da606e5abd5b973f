# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which links have to stay in their namespace: rtnetlink tells, or ethtool, or nobody; that depends on the kernel."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import immovable
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

LINKS = {"lo": True, "br0": True, "e0": False}


@pytest.fixture
def told(ip):
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "add", "e0", "type", "veth", "peer", "name", "f0")

    def ask():
        return in_worker(lambda visit: {name: immovable.is_immovable(visit.socket(), name) for name in LINKS})

    return ask


def test_as_this_kernel_tells_it(told):
    assert told() == LINKS


def test_where_rtnetlink_does_not_tell(told, monkeypatch):
    """Nor does ethtool since 6.12: then the kind of a link has to."""
    monkeypatch.setattr(immovable, "_IFLA_NETNS_IMMUTABLE", -1)
    assert told() == LINKS


def test_a_feature_that_ethtool_shows_is_read_from_its_bit(told, monkeypatch):
    """Here by another feature, which the loopback has and others lack."""
    monkeypatch.setattr(immovable, "_IFLA_NETNS_IMMUTABLE", -1)
    monkeypatch.setattr(immovable, "_FEATURE", b"loopback")
    assert told() == {"lo": True, "br0": False, "e0": False}


def test_a_link_that_is_not_there_stays_nowhere():
    assert not in_worker(lambda visit: immovable.is_immovable(visit.socket(), "none0"))

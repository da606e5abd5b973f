# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which link is the one that was lent."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import lending
from ansible_collections.netns.lab.plugins.module_utils._engine.leases import Lease
from ansible_collections.netns.lab.tests.unit.plugins.module_utils._kernel.test_lifelines import LINK

MAC = "02:00:00:00:00:44"


@pytest.mark.parametrize(
    ("kind", "row", "known", "alike"),
    [
        ("", {"name": "other", "parent_dev": "0000:00:04.0", "perm_mac": MAC}, "ens4", True),
        ("", {"name": "ens4", "parent_dev": "0000:00:05.0", "perm_mac": MAC}, "ens4", False),
        ("veth", {"name": "other", "mac": MAC}, "ens4", True),
        ("veth", {"name": "ens4"}, "ens4", True),
        ("veth", {"name": "ens4"}, "", False),
        ("vlan", {"name": "ens4"}, "ens4", True),
        ("vlan", {"name": "ens4.20", "mac": MAC}, "ens4", False),
    ],
)
def test_a_link_is_known_by_its_hardware_or_by_name_or_mac(kind, row, known, alike):
    lease = Lease(
        "ens4", "red", "ens4", kind=kind, parent="" if kind else "0000:00:04.0", permanent="" if kind else MAC, mac=MAC
    )
    assert lending._is_alike(LINK._replace(kind=kind, **row), lease, known) is alike
    assert not lending._is_alike(LINK._replace(kind="dummy", **row), lease, known)

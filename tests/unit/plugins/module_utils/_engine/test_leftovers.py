# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `exact` takes away: what somebody has put into a lab's namespace, and nothing that the kernel keeps there."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import leftovers
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Key, Link, Namespace, Request
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State

RED: Key = ("namespace", "red")
ETH0: Key = ("link", "red", "eth0")


def removed(name: str, kind: str) -> bool:
    """Whether a link that stands in the lab's namespace, besides what the lab wants there, is wanted gone."""
    key: Key = ("link", "red", name)
    wanted = {RED: Namespace(owner="lab"), ETH0: Link("dummy")}
    stand = State({"red": {RED: Namespace(owner="lab"), ETH0: Link("dummy"), key: Link(kind)}})
    want = leftovers.exactly(Request(want=wanted, lab="lab"), stand).want
    assert want[ETH0] == wanted[ETH0]
    return key in want and want[key] is None


@pytest.mark.parametrize(("name", "kind"), [("mine", "dummy"), ("tun7", "ipip"), ("gre1", "gre"), ("sit0", "dummy")])
def test_what_somebody_has_added_goes(name, kind):
    assert removed(name, kind)


@pytest.mark.parametrize(("name", "kind"), [("lo", ""), ("ens4", "")])
def test_loopback_and_nics_stay(name, kind):
    assert not removed(name, kind)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tunl0", "ipip"), ("gre0", "gre"), ("gretap0", "gretap"), ("erspan0", "erspan"), ("sit0", "sit"),
        ("ip6tnl0", "ip6tnl"), ("ip6gre0", "ip6gre"), ("ip_vti0", "vti"), ("ip6_vti0", "vti6"),
    ],
)  # fmt: skip
def test_the_tunnels_that_the_kernel_makes_in_each_namespace_stay(name, kind):
    assert not removed(name, kind)

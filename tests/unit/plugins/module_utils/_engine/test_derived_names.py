# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of ends that the lab file doesn't name."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import derived_names, names
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError


def _taken(function):
    def check(text):
        try:
            function(text)
        except LabError:
            return False
        return True

    return check


nodes = (st.text(max_size=20) | st.text("abr1-à%.é", min_size=1, max_size=6)).filter(_taken(names.node_name))
links = st.none() | (st.text(max_size=8) | st.text("abr1-.", min_size=1, max_size=6)).filter(_taken(names.link_name))


def test_a_port_is_named_after_the_other_end():
    assert derived_names.port_name("red", "eth0") == "red-eth0"


def test_a_port_towards_a_switch_is_named_after_its_bridge():
    assert derived_names.port_name("sw2", None) == "sw2-br0"


def test_a_long_name_is_shortened_but_stays_its_own():
    first = derived_names.port_name("workstation-in-room-1", "eth0")
    second = derived_names.port_name("workstation-in-room-2", "eth0")
    assert first.startswith("workstat-")
    assert second.startswith("workstat-")
    assert first != second


def test_derived_names_never_change_between_versions():
    assert derived_names.port_name("workstation-in-room-1", "eth0") == "workstat-66c5jl"
    assert derived_names.machine_port_name("red-blue", "red", "eth0") == "red-eth0-7wwidk"
    assert derived_names.machine_port_mac("red-blue", "red", "eth0") == "fe:81:32:ca:7e:2b"


@pytest.mark.parametrize(
    ("node", "link", "port", "on_the_machine"),
    [
        ("a-b-", "x", "a-b--x", "a-b--x-fmytqv"),
        ("xxxxxxx-zz", "e", "xxxxxxx-zz-e", "xxxxxxx-csrk6e"),
        ("a.b_c", "long-eth0", "a.b_c-lo-kvkp4t", "a.b_c-lo-4jdqcz"),
        ("ROOM-MAX-1", "eth0-up", "ROOM-MAX-elqcry", "ROOM-MAX-lzikfb"),
        ("%", "e-0", "-e-0-lyaxg5", "-e-0-tzfg4c"),
        ("%", "-", "port-762zm4", "port-3c62d4"),
        ("à" * 9, "e", "port-j4b56m", "port-ye5lyo"),
    ],
    ids=["dash", "long", "dots", "capitals", "sign", "nothing-left", "not-a-link-name"],
)
def test_derived_names_of_odd_ends_never_change_either(node, link, port, on_the_machine):
    names.node_name(node)
    assert derived_names.port_name(node, link) == port
    assert derived_names.machine_port_name("L", node, link) == on_the_machine


@given(nodes, links, nodes, links)
def test_two_ends_never_get_one_name(node, link, other_node, other_link):
    assume((node, link or "br0") != (other_node, other_link or "br0"))
    assert derived_names.port_name(node, link) != derived_names.port_name(other_node, other_link)


@given(nodes, links)
def test_every_derived_name_is_a_legal_one(node, link):
    names.link_name(derived_names.port_name(node, link))
    names.link_name(derived_names.machine_port_name("lab@p-", node, link))


@given(nodes, links)
def test_a_port_on_the_machine_differs_between_labs(node, link):
    assert derived_names.machine_port_name("a", node, link) != derived_names.machine_port_name("b", node, link)


@given(nodes, links)
def test_a_derived_mac_is_a_local_unicast_address_above_most_others(node, link):
    mac = derived_names.machine_port_mac("lab", node, link)
    assert names.mac(mac) == mac
    assert mac.startswith("fe:")

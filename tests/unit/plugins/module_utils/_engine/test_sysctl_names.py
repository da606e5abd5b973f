# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sysctls a node may be given."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.sysctl_names import link_of, sysctl_name, sysctl_value


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.5/rp_filter", "net/ipv4/conf/eth0.5/rp_filter"),
        ("net.ipv4.conf.eth0/5.rp_filter", "net/ipv4/conf/eth0.5/rp_filter"),
        ("net.core.somaxconn", "net/core/somaxconn"),
        ("net.netfilter.nf_conntrack_tcp_loose", "net/netfilter/nf_conntrack_tcp_loose"),
    ],
)
def test_names_are_written_with_slashes_as_sysctl_8_reads_them(given, name):
    assert sysctl_name(given) == name


def test_two_names_of_one_variable_become_one():
    assert sysctl_name("net.ipv4.conf.all.forwarding") == "net/ipv4/ip_forward"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("kernel.panic", "would change the whole machine"),
        ("vm.overcommit_memory", "would change the whole machine"),
        ("net.netfilter.nf_conntrack_max", "would change the whole machine"),
        ("net.ipv4.tcp_allowed_congestion_control", "would change the whole machine"),
        ("net.ipv4.neigh.default.gc_thresh1", "would change the whole machine"),
        ("net.netfilter.nf_hooks_lwtunnel", "not known to belong to the namespace alone"),
        ("net.core.bpf_jit_enable", "not known to belong to the namespace alone"),
        ("net.ipv4.route.flush", "an action, not a setting"),
        ("net/ipv4/../../kernel/panic", "expected the name of a sysctl"),
        ("net/ipv4//ip_forward", "expected the name of a sysctl"),
        ("net.ipv4.ip forward", "expected the name of a sysctl"),
        ("ip_forward", "expected the name of a sysctl"),
        ("", "expected the name of a sysctl"),
    ],
)
def test_refused(name, reason):
    with pytest.raises(LabError, match=reason):
        sysctl_name(name)


def test_white_space_in_a_value_is_folded_as_the_kernel_shows_it():
    assert sysctl_value("4096\t87380  6291456\n") == "4096 87380 6291456"


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("net/ipv4/conf/eth0/forwarding", "eth0"),
        ("net/ipv6/neigh/eth0.5/retrans_time_ms", "eth0.5"),
        ("net/ipv4/conf/all/rp_filter", None),
        ("net/ipv4/conf/default/rp_filter", None),
        ("net/ipv4/ip_forward", None),
    ],
)
def test_the_link_that_a_sysctl_is_about(name, link):
    assert link_of(name) == link

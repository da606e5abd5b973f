# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and values of sysctls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel.sysctls import normal, to_path


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.10/rp_filter", "net/ipv4/conf/eth0.10/rp_filter"),
        ("net.ipv4.conf.eth0/10.rp_filter", "net/ipv4/conf/eth0.10/rp_filter"),
        ("net", "net"),
        ("", ""),
    ],
)
def test_the_first_separator_decides(name: str, path: str) -> None:
    assert to_path(name) == path


@given(st.lists(st.text("ab.", min_size=1), min_size=2))
def test_both_forms_name_the_same(parts: list[str]) -> None:
    parts[0] = "net"
    slashes = "/".join(parts)
    dots = ".".join(part.replace(".", "/") for part in parts)
    assert to_path(slashes) == to_path(dots) == slashes


@pytest.mark.parametrize(
    ("value", "compared"), [("4096\t131072\t6291456\n", "4096 131072 6291456"), (" 1 ", "1"), ("\n", "")]
)
def test_white_space_does_not_count(value: str, compared: str) -> None:
    assert normal(value) == compared

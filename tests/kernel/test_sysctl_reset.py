# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sysctl that a lab file no longer names has the value that it would have if the file had never named it."""

from __future__ import annotations

import subprocess

LINKS = [["red:eth0", "blue:eth0"]]


def _value(netns, name):
    command = ["ip", "netns", "exec", netns, "sysctl", "-n", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _lab(run_module, sysctls, **options):
    result = run_module("topology", name="lab", nodes={"red": {"sysctls": sysctls}, "blue": {}}, links=LINKS, **options)
    assert not result.get("failed"), result
    return result


def test_one_of_the_namespace_goes_back_to_what_a_new_one_has(run_module):
    _lab(run_module, {})
    new = _value("red", "net.ipv4.ip_default_ttl")
    _lab(run_module, {"net.ipv4.ip_default_ttl": 17})
    foreseen = _lab(run_module, {}, check=True)
    assert _value("red", "net.ipv4.ip_default_ttl") == "17"
    result = _lab(run_module, {})
    assert result["steps"] == foreseen["steps"] == [f"set net.ipv4.ip_default_ttl in red to {new} (was 17)"]
    assert _value("red", "net.ipv4.ip_default_ttl") == new
    assert not _lab(run_module, {})["changed"]


def test_one_of_a_link_goes_back_to_the_namespaces_default(run_module):
    _lab(run_module, {"net.ipv4.conf.default.log_martians": 1})
    _lab(run_module, {"net.ipv4.conf.default.log_martians": 1, "net.ipv4.conf.eth0.log_martians": 0})
    assert _value("red", "net.ipv4.conf.eth0.log_martians") == "0"
    _lab(run_module, {"net.ipv4.conf.default.log_martians": 1})
    assert _value("red", "net.ipv4.conf.eth0.log_martians") == "1"


def test_what_every_node_has_goes_back_to_that(run_module):
    _lab(run_module, {"net.ipv4.conf.all.rp_filter": 2})
    _lab(run_module, {})
    assert _value("red", "net.ipv4.conf.all.rp_filter") == "0"


def test_one_that_somebody_set_by_hand_is_left_alone(run_module):
    _lab(run_module, {})
    subprocess.run(["ip", "netns", "exec", "red", "sysctl", "-qw", "net.ipv4.ip_default_ttl=99"], check=True)
    assert not _lab(run_module, {})["changed"]
    assert _value("red", "net.ipv4.ip_default_ttl") == "99"

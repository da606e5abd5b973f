# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link in one namespace that stands on a link in another, under a name and an index that the other has as well."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Namespace
from ansible_collections.netns.lab.tests.kernel.engine import bring_about

KINDS = {
    "macvlan": (("mode", "bridge"),),
    "ipvlan": (("mode", "l2"),),
    "vlan": (("id", 7),),
    "vxlan": (("dstport", 4789), ("id", 7), ("remote", "10.9.9.9")),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    """A kind of link that stands on another one. What is skipped here is run on a kernel that has it."""
    name = request.param
    below = ["dev", "lo"] if name == "vxlan" else []
    made = subprocess.run(
        ["ip", "link", "add", *([] if below else ["link", "lo"]), "probe", "type", name,
         *(["id", "1", "dstport", "4789"] if name == "vxlan" else ["id", "1"] if name == "vlan" else []), *below],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Unknown device type" in made.stderr:
        pytest.skip(f"this kernel has no {name}")
    subprocess.run(["ip", "link", "del", "probe"], capture_output=True, check=False)
    return name


def lab(kind, name):
    """n0 has eth0, and n1 a link on that; both namespaces are new, so both count their links from 2."""
    return {
        ("namespace", "n0"): Namespace(owner="lab", broken=False),
        ("namespace", "n1"): Namespace(owner="lab", broken=False),
        ("link", "n0", "eth0"): Link(kind="bridge", up=True),
        ("link", "n1", name): Link(kind=kind, lower=("n0", "eth0"), options=KINDS[kind], up=True),
    }


@pytest.mark.parametrize("name", ["it", "eth0"])
def test_it_is_made_in_one_run(kind, name, ip):
    bring_about(lab(kind, name), lab="lab")
    assert ip("link", "show", name, netns="n1")[0]["linkinfo"]["info_kind"] == kind
    assert [link["ifname"] for link in ip("link", "show", netns="n0")] == ["lo", "eth0"]


@pytest.mark.parametrize("name", ["it", "eth0"])
def test_it_is_made_when_the_rest_stands(kind, name, ip):
    want = lab(kind, name)
    bring_about({key: record for key, record in want.items() if key != ("link", "n1", name)}, lab="lab")
    bring_about(want, lab="lab")
    assert ip("link", "show", name, netns="n1")[0]["linkinfo"]["info_kind"] == kind
    assert [link["ifname"] for link in ip("link", "show", netns="n0")] == ["lo", "eth0"]


def test_others_follow_in_the_same_namespace(kind, ip):
    """The kernel chose an index where the engine counts; what comes after it must not want the same one."""
    want = lab(kind, "eth0")
    for number in range(3):
        want["link", "n1", f"br{number}"] = Link(kind="bridge", up=True)
    bring_about(want, lab="lab")
    assert len(ip("link", "show", netns="n1")) == 5

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases on disk: what is written is read, and what isn't one counts as none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import leases, objects_nic, ownership
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.leases import Lease
from ansible_collections.netns.lab.plugins.module_utils._engine.records import MACHINE, Link, Request, Sysctl

LEASE = Lease(
    home="ens4", netns="red:blue", name="wan", parent="0000:00:04.0", permanent="52:54:00:00:00:04",
    mac="52:54:00:00:00:04", mtu=9000, up=True,
    master="br0", altnames=("a", "b"), names={1: "lo", 4: "ens4"}, addresses=(b"\1\2", b"\3"),
    routes=(b"\4",), rules=(b"\5",), sysctls={"net/ipv4/conf/ens4/rp_filter": "2"}, since=12.5, deadline=20.5,
)  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(ownership, "REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setattr(leases, "LEASES", str(tmp_path / "registry" / "leases"))
    return tmp_path / "registry" / "leases"


def test_what_is_written_is_read(folder):
    leases.save(LEASE)
    assert leases.standing() == [replace(LEASE, boot=ownership.boot_id())]
    assert [path.name for path in folder.iterdir()] == ["red:blue:wan.json"]


def test_the_folders_go_with_the_last_one(folder):
    leases.save(LEASE)
    leases.save(replace(LEASE, name="lan"))
    leases.forget(LEASE)
    assert [lease.name for lease in leases.standing()] == ["lan"]
    leases.forget(replace(LEASE, name="lan"))
    assert not folder.parent.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version": 2, "home": "ens4"}', '{"version": 1, "x": 1}']
)
def test_what_is_no_lease_counts_as_none_and_is_swept(folder, text):
    folder.mkdir(parents=True)
    (folder / "red:ens4.json").write_text(text)
    (folder / "red:ens5.json.draft").write_text("{}")
    assert leases.standing() == []
    leases.sweep()
    assert not folder.exists()


def test_a_lease_of_another_boot_says_nothing(folder):
    leases.save(LEASE)
    (file,) = folder.iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "boot": "another"}))
    assert leases.standing() == []


def test_most_runs_are_none_of_its_business():
    assert not leases.concern(Request({("link", "red", "lo"): Link(up=True), ("sysctl", "red", "net/x"): Sysctl("1")}))
    assert not leases.concern(Request({("link", "red", "eth0"): Link(kind="veth", peer=("blue", "eth0"))}))
    assert leases.concern(Request({("link", "red", "ens4"): Link(up=True)}))
    assert leases.concern(Request({}, returning={"ens4"}))
    leases.save(LEASE)
    assert not leases.concern(Request({("namespace", "red"): None}))
    assert leases.concern(Request({("namespace", LEASE.netns): None}))
    assert leases.concern(Request({}, lab="web"))


# -- what the module asks for


def asked(**options) -> Request:
    return objects_nic.nic({"name": "ens4", "netns": "red", "state": "lent", "up": True, **options})


def test_a_link_to_be_lent():
    request = asked(addresses=["192.0.2.1/24"], confirm=5)
    assert request.want["link", "red", "ens4"].source == (MACHINE, "ens4")
    assert request.complete == {("red", "ens4")}
    assert (request.confirm, request.keeping) == (5, set())


def test_what_goes_along_stays_beside_what_is_listed():
    request = asked(addresses=["192.0.2.1/24"], keep_config=True)
    assert request.complete == set()
    assert request.keeping == {("red", "ens4")}


def test_a_link_to_come_home():
    request = asked(state="home")
    assert request.returning == {"ens4"}
    assert request.want["link", MACHINE, "ens4"].source == ("red", "ens4")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": "lo"}, "name: lo: every namespace has a loopback"),
        ({"netns": None}, "netns: name the namespace that gets it"),
        ({"netns": "a/b"}, "netns: "),
        ({"name": "sixteen-bytes-in"}, "name: 'sixteen-bytes-in': a link name has at most 15 bytes"),
        ({"confirm": 3601}, "confirm: 3601: expected seconds, at most 3600"),
        ({"addresses": ["10.0.0.1"]}, "addresses[0]: "),
        ({"state": "home", "addresses": ["10.0.0.1/8"], "confirm": 3}, "2 problems"),
    ],
)
def test_what_cant_be_meant(options, says):
    with pytest.raises(LabError) as caught:
        asked(**options)
    assert says in str(caught.value)

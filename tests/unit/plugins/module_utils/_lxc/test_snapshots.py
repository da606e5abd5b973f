# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots as they lie on disk: their order, their names, and which one is meant."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._lxc import snapshots
from ansible_collections.netns.lab.plugins.module_utils._lxc.place import Place
from ansible_collections.netns.lab.plugins.module_utils._lxc.snapshots import Snapshot


def taken(path: Path, number: str, comment: str | None = None) -> None:
    folder = path / "c" / "snaps" / number
    folder.mkdir(parents=True)
    (folder / "config").write_text("")
    (folder / "ts").write_text("2026:11:25 02:00:00\n")
    if comment is not None:
        (folder / "comment").write_text(comment)


def listed(path: Path) -> list[Snapshot]:
    return snapshots.listed(Place(str(path), "c"))


def test_a_container_without_snapshots_has_none(tmp_path):
    assert listed(tmp_path) == []


def test_snapshots_come_in_the_order_of_their_numbers(tmp_path):
    for number in ("snap10", "snap2", "snap0"):
        taken(tmp_path, number)
    assert [one.number for one in listed(tmp_path)] == ["snap0", "snap2", "snap10"]


def test_a_snapshot_is_called_by_its_comment_and_without_one_by_its_number(tmp_path):
    taken(tmp_path, "snap0", "before the change\nand more\n")
    taken(tmp_path, "snap1")
    taken(tmp_path, "snap2", "\n")
    assert [one.name for one in listed(tmp_path)] == ["before the change", "snap1", "snap2"]
    assert {one.time for one in listed(tmp_path)} == {"2026:11:25 02:00:00"}


def test_a_snapshot_that_was_never_finished_is_none(tmp_path):
    (tmp_path / "c" / "snaps" / "snap0").mkdir(parents=True)
    assert listed(tmp_path) == []


def test_a_snapshot_is_found_by_name_before_another_one_by_number():
    some = [Snapshot("snap0", "a", ""), Snapshot("snap1", "snap0", ""), Snapshot("snap2", "b", "")]
    assert snapshots.find(some, "snap0") == some[1]
    assert snapshots.find(some, "snap2") == some[2]
    assert snapshots.find(some, "a") == some[0]
    assert snapshots.find(some, "c") is None

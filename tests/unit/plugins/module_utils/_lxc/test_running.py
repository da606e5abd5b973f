# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking at containers that don't run: only files are read, so it needs neither LXC nor root."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._lxc import running
from ansible_collections.netns.lab.plugins.module_utils._lxc.errors import LxcError
from ansible_collections.netns.lab.plugins.module_utils._lxc.place import Place
from ansible_collections.netns.lab.plugins.module_utils._lxc.running import Seen


def made(path: Path, name: str, text: str = "lxc.tty.max = 1\n") -> Place:
    (path / name).mkdir()
    (path / name / "config").write_text(text)
    return Place(str(path), name)


def test_there_is_no_container_where_nothing_is(tmp_path):
    assert running.look(Place(str(tmp_path), "c")) is None
    assert running.look(Place(str(tmp_path / "nothing"), "c")) is None
    (tmp_path / "file").write_text("")
    assert running.look(Place(str(tmp_path), "file")) is None


def test_a_container_without_a_monitor_is_stopped(tmp_path):
    assert running.look(made(tmp_path, "c")) == Seen("lxc.tty.max = 1\n", "stopped", 0)


def test_a_container_that_was_never_finished_is_broken(tmp_path):
    place = made(tmp_path, "c")
    Path(place.partial).write_text("")
    assert running.look(place) == Seen(broken=True)


def test_a_configuration_that_cannot_be_read_is_an_error(tmp_path):
    (tmp_path / "c" / "config").mkdir(parents=True)
    with pytest.raises(LxcError, match="/c/config can't be read: Is a directory"):
        running.look(Place(str(tmp_path), "c"))


def test_bytes_of_a_configuration_that_are_not_text_are_kept(tmp_path):
    place = made(tmp_path, "c")
    Path(place.config).write_bytes(b"# \xff\n")
    seen = running.look(place)
    assert seen is not None
    running.write(place.config, seen.text, 0o640)
    assert Path(place.config).read_bytes() == b"# \xff\n"


def test_containers_are_listed_by_name_and_what_has_no_configuration_is_none(tmp_path):
    made(tmp_path, "b")
    made(tmp_path, "a")
    (tmp_path / "rootfs").mkdir()
    (tmp_path / "lxc-monitord.log").write_text("")
    assert running.containers(str(tmp_path)) == ["a", "b"]
    assert running.containers(str(tmp_path / "nothing")) == []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_gets_the_mode_and_one_that_stands_keeps_its_own(tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("a")
    old.chmod(0o604)
    for path in (new, old):
        running.write(str(path), "b", 0o640)
        assert path.read_text() == "b"
    assert (mode(new), mode(old)) == (0o640, 0o604)


def test_a_file_is_replaced_as_a_whole_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "config"
    path.write_text("a")
    with path.open() as reader:
        running.write(str(path), "b", 0o640)
        assert reader.read() == "a"
    assert os.listdir(tmp_path) == ["config"]


def test_a_file_that_cannot_be_written_stays_and_nothing_else_is_left(tmp_path):
    (tmp_path / "config").mkdir()
    with pytest.raises(LxcError, match="/config can't be written: Is a directory"):
        running.write(str(tmp_path / "config"), "b", 0o640)
    assert os.listdir(tmp_path) == ["config"]
    with pytest.raises(LxcError, match="can't be written: No such file or directory"):
        running.write(str(tmp_path / "nothing" / "config"), "b", 0o640)

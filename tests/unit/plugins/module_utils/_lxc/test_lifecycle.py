# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a container on disk, changed by edits."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._lxc import lifecycle
from ansible_collections.netns.lab.plugins.module_utils._lxc.config import Edit
from ansible_collections.netns.lab.plugins.module_utils._lxc.errors import LxcError
from ansible_collections.netns.lab.plugins.module_utils._lxc.place import Place

EDIT = Edit("key", "lxc.tty.max", (("lxc.tty.max", "4"),))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "config").write_text("# by hand\nlxc.tty.max = 1\n")
    return Place(str(tmp_path), "c")


def test_the_file_is_edited(place):
    text = "# by hand\nlxc.tty.max = 4\n"
    assert lifecycle.configure(place, [EDIT]) == text
    assert Path(place.config).read_text() == text


def test_a_file_that_says_it_already_is_not_touched(place):
    lifecycle.configure(place, [EDIT])
    before = Path(place.config).stat()
    lifecycle.configure(place, [EDIT])
    after = Path(place.config).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_container_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(LxcError, match="/c/config can't be read: No such file or directory"):
        lifecycle.configure(Place(str(tmp_path), "c"), [EDIT])

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders that others remove at any time."""

from __future__ import annotations

import contextlib
import os
import threading
import time

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import folders


@pytest.fixture
def vanishing(tmp_path):
    """A folder in a folder, both removed whenever they are empty, over and over."""
    folder = tmp_path / "outer" / "inner"
    over = threading.Event()

    def remove() -> None:
        while not over.is_set():
            for each in (folder, folder.parent):
                with contextlib.suppress(OSError):
                    each.rmdir()
            time.sleep(0.0001)  # others have something to do in between

    thread = threading.Thread(target=remove)
    thread.start()
    yield folder
    over.set()
    thread.join()


def test_what_is_put_into_it_is_there_however_often_it_goes(vanishing):
    file = vanishing / "file"
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        os.close(folders.within(str(vanishing), lambda: os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)))
        assert file.exists()
        file.unlink()


def test_what_is_in_its_place_and_no_folder_is_said(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(FileExistsError):
        folders.within(str(file), lambda: None)
    with pytest.raises(NotADirectoryError):
        folders.within(str(file / "inner"), lambda: None)


def test_what_putting_raises_comes_out(tmp_path):
    with pytest.raises(IsADirectoryError):
        folders.within(str(tmp_path / "new"), lambda: os.open(tmp_path / "new", os.O_WRONLY))
    with pytest.raises(FileNotFoundError):
        folders.within(str(tmp_path / "new"), lambda: os.open(tmp_path / "nowhere" / "file", os.O_RDONLY))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lxc_container_info says of containers that don't run: only files are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import container_information
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A directory with the containers b and a, and one that was never finished."""
    for name in ("b", "a", "half"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config").write_text(f"lxc.uts.name = {name}\nlxc.start.auto = 1\n")
    (tmp_path / "half" / "partial").write_text("")
    return str(tmp_path)


def test_all_containers_come_by_name(path):
    found = container_information.gather(None, path)
    assert [(one["name"], one["state"], one["lxc_path"]) for one in found] == [
        ("a", "stopped", path),
        ("b", "stopped", path),
        ("half", "broken", path),
    ]


def test_a_container_that_does_not_run_has_no_addresses_and_no_pid(path):
    (found,) = container_information.gather(["a"], path)
    assert (found["addresses"], found["pid"]) == ([], None)
    assert found["config"] == {"lxc.uts.name": ["a"], "lxc.start.auto": ["1"]}
    assert found["autostart"] is True


def test_a_container_that_is_named_twice_comes_once_and_one_that_is_not_there_not_at_all(path):
    assert [one["name"] for one in container_information.gather(["b", "gone", "a", "b"], path)] == ["a", "b"]
    assert container_information.gather([], path) == []
    assert container_information.gather(None, f"{path}/nothing") == []


def test_a_path_is_spelt_in_one_way(path):
    assert container_information.gather(["a"], f"{path}//") == container_information.gather(["a"], path)


def test_a_name_or_a_path_that_is_none_is_refused_where_it_stands(path):
    with pytest.raises(LabError, match=r"^names\[1\]: 'a/b': a container's name has up to 63"):
        container_information.gather(["a", "a/b"], path)
    with pytest.raises(LabError, match=r"^lxc_path: 'lxc': expected an absolute path$"):
        container_information.gather(None, "lxc")

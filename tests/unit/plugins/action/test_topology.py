# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of the module `topology`: which file is read, and what is refused before a machine is asked."""

from __future__ import annotations

import typing as t
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader

from ansible_collections.netns.lab.plugins.action.topology import ActionModule
from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError

SHIPPED = Path(__file__).parents[4] / "playbooks" / "labs"
LAB = "name: mine\nnodes: {red: {}}\n"


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    """Gives the arguments that the module would get; the play lies in play/, Ansible was started in here/."""
    (tmp_path / "here").mkdir()
    (tmp_path / "play" / "files").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")

    def of(**options: t.Any) -> dict[str, t.Any]:
        task = SimpleNamespace(args=options, get_search_path=lambda: [str(tmp_path / "play")])
        action = ActionModule(task, None, None, DataLoader(), None, None)
        return action._arguments()

    return of


def failure(function: t.Callable[..., t.Any], **options: t.Any) -> str:
    """Why the arguments are refused."""
    with pytest.raises(LabError) as caught:
        function(**options)
    return str(caught.value)


def test_the_content_of_the_file_takes_the_place_of_its_path(arguments, tmp_path):
    (tmp_path / "here" / "lab.yml").write_text(LAB)
    path = str(tmp_path / "here" / "lab.yml")
    assert arguments(file="lab.yml", exact=True) == {
        "name": "mine",
        "nodes": {"red": {}},
        "exact": True,
        "file": path,  # only to be written down
    }


def test_the_working_directory_goes_before_the_play_and_both_before_the_labs_that_come_with_it(arguments, tmp_path):
    assert arguments(file="red-blue.yml")["name"] == "red-blue"
    (tmp_path / "play" / "files" / "red-blue.yml").write_text("name: in-play\nnodes: {}\n")
    assert arguments(file="red-blue.yml")["name"] == "in-play"
    (tmp_path / "here" / "red-blue.yml").write_text("name: in-here\nnodes: {}\n")
    assert arguments(file="red-blue.yml")["name"] == "in-here"


def test_a_lab_that_comes_with_it_needs_no_ending_and_a_folder_of_its_name_is_no_lab_file(arguments, tmp_path):
    (tmp_path / "here" / "red-blue").mkdir()
    (tmp_path / "play" / "files" / "red-blue").mkdir()
    assert arguments(file="red-blue")["name"] == "red-blue"


def test_only_a_name_leads_to_the_labs_that_come_with_it(arguments):
    assert "there is no such lab file" in failure(arguments, file="../labs/red-blue.yml")


def test_a_file_that_is_nowhere(arguments, tmp_path):
    assert failure(arguments, file="blue-red.yml") == (
        f"file: 'blue-red.yml': there is no such lab file in {tmp_path / 'here'} or where the play looks for its "
        "files, and no such lab comes with netns.lab "
        "(it has containers, red-blue, switched-lan, three-routers, web-server)"
    )


@pytest.mark.parametrize("option", ["nodes", "links", "groups", "defaults"])
def test_a_file_and_content_in_the_task_exclude_each_other(arguments, option):
    assert f"not both: leave out {option}" in failure(arguments, file="red-blue", **{option: {}})


def test_name_and_prefix_may_stand_beside_the_file_and_go_before_it(arguments):
    found = arguments(file="red-blue", name="copy", prefix="c-")
    assert (found["name"], found["prefix"]) == ("copy", "c-")


def test_options_of_the_task_do_not_belong_into_the_file(arguments, tmp_path):
    (tmp_path / "here" / "lab.yml").write_text(f"{LAB}exact: true\n")
    assert (
        failure(arguments, file="lab.yml") == "lab.yml:3: exact: this is an option of the task, not a key of a lab file"
    )


def test_a_mistake_in_the_file_is_told_with_its_line(arguments, tmp_path):
    (tmp_path / "here" / "lab.yml").write_text(f"{LAB}links:\n  - [red:a, blue:b]\n")
    assert failure(arguments, file="lab.yml").startswith("lab.yml:4: links[0][1]: 'blue': the lab has no such node")


def test_a_mistake_in_the_task_is_told_with_its_path(arguments):
    assert failure(arguments, name="x", nodes={"red": {"mtu": 1}}).startswith(
        "nodes.red.mtu: this version knows no such key"
    )


def test_a_node_called_on_has_to_be_quoted_in_a_task_too(arguments):
    assert failure(arguments, name="x", nodes={True: {}}).endswith("quote it")


def test_to_remove_a_lab_its_name_is_enough(arguments):
    assert arguments(name="mine", state="absent") == {"name": "mine", "state": "absent"}
    assert arguments(name="mine", state="absent", file="gone.yml") == {"name": "mine", "state": "absent"}


def test_to_remove_a_lab_only_the_name_in_its_file_has_to_be_right(arguments, tmp_path):
    (tmp_path / "here" / "lab.yml").write_text("name: mine\nprefix: b-\nnodes: {red: {kind: gone}}\nshape: {}\n")
    assert arguments(file="lab.yml", state="absent") == {"name": "mine", "prefix": "b-", "state": "absent"}
    (tmp_path / "here" / "lab.yml").write_text("nodes: {}\n")
    assert failure(arguments, file="lab.yml", state="absent").startswith("lab.yml: name: nothing stands here")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yml")), ids=lambda path: path.stem)
def test_every_lab_that_comes_with_the_collection_is_right(arguments, path):
    assert arguments(file=path.stem)["name"] == path.stem
    topology.load(yaml.safe_load(path.read_text()))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that docs/nodes.md shows: written out as they stand there, they are what the guide says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.plugin_utils.lab_file import LabFile, shipped_labs

CHECKOUT = Path(__file__).parents[2]
GUIDE = CHECKOUT / "docs" / "nodes.md"
CLI = {"ansible": "adhoc", "ansible-inventory": "inventory", "ansible-playbook": "playbook"}
"""The commands as modules of ansible.cli: ansible-test brings Ansible along without its commands."""


def files(text: str) -> dict[str, str]:
    """The files by name. The name is in the first line of each, or at the end of the line before it."""
    found = {}
    for before, content in re.findall(r"([^\n]*)\n\n```(?:yaml|jinja)\n(.*?)(?=```\n)", text, re.DOTALL):
        inside = re.match(r"# (\S+)\n", content)
        above = re.search(r"`(\S+)`:$", before)
        assert inside or above, f"a file without a name: {content[:60]}"
        found[(inside or above).group(1)] = content
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("guide")
    for name, content in files(GUIDE.read_text("utf-8")).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    return place


def ansible(folder: Path, *command: str) -> str:
    """What a command of Ansible's prints in the folder."""
    environment = {
        **os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"), "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", f"ansible.cli.{CLI[command[0]]}", *command[1:]],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_is_about_a_file_that_the_guide_shows(folder):
    named = re.findall(r"^ansible\S* .*$", GUIDE.read_text("utf-8"), re.MULTILINE)
    words = {word for line in named for word in re.findall(r"\S+\.yml|class|lab_file=\S+", line)}
    shown = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} | {"class"}
    labs = {f"lab_file={name}" for name in (*shown, *shipped_labs())}
    assert words <= shown | labs | {"execution-environment.yml"}


@pytest.mark.parametrize("name", ["shop.yml", "triangle.yml"])
def test_lab_files(folder, name):
    assert topology.load(LabFile(str(folder / name), name).content).nodes


@pytest.mark.parametrize(
    ("inventory", "play"),
    [("shop.topology.yml", "web.yml"), ("shop.topology.yml", "capture.yml"), ("triangle.topology.yml", "ospf.yml"),
     ("class", "marks.yml")],
)  # fmt: skip
def test_plays_have_the_hosts_of_their_inventory(folder, inventory, play):
    listed = ansible(folder, "ansible-playbook", "-i", inventory, "--list-hosts", play)
    counts = [int(count) for count in re.findall(r"hosts \((\d+)\):", listed)]
    assert len(counts) == len(yaml.safe_load((folder / play).read_text()))
    assert all(counts)
    ansible(folder, "ansible-playbook", "-i", inventory, "--syntax-check", play)


def test_groups_and_variables_that_it_tells_of_are_those_that_hosts_have(folder):
    text = GUIDE.read_text("utf-8")
    told = set(re.findall(r"^\| `(netns_lab_\w+)` \| (?!those)", text, re.MULTILINE))
    listed = ansible(folder, "ansible-inventory", "-i", "class", "--host", "r1@vm1", "--yaml")
    assert told == {name for name in yaml.safe_load(listed) if name.startswith("netns_lab_")}
    graph = ansible(folder, "ansible-inventory", "-i", "class", "--graph")
    assert {"@netns_lab:", "@lab_three_routers:", "@kind_router:", "@at_vm1:"} <= set(re.findall(r"@\w+:", graph))


def test_facts_that_it_shows_a_template_are_right(folder):
    shown = ansible(
        folder, "ansible", "-i", "triangle.topology.yml", "r2", "-e", "ansible_connection=local", "-m",
        "ansible.builtin.debug", "-a", "msg={{ lookup('ansible.builtin.template', 'frr.conf.j2') }}",
    )  # fmt: skip
    assert "network 10.0.12.2/30 area 0" in shown
    assert shown.count("point-to-point") == 2

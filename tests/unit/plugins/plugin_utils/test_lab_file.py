# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lab files as YAML: what is taken, and where a mistake is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.plugin_utils.lab_file import LabFile


def read(tmp_path: Path, text: str | bytes) -> LabFile:
    """A lab file with this text, which messages call x.yml."""
    path = tmp_path / "lab.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return LabFile(str(path), "x.yml")


def problems_of(tmp_path: Path, text: str | bytes) -> list[str]:
    """Why a file isn't taken."""
    with pytest.raises(LabError) as caught:
        read(tmp_path, text)
    return list(caught.value.problems)


def test_the_content_is_plain_data(tmp_path):
    content = read(tmp_path, "name: lab\nnodes: {red: {}}\nlinks: [[red:a, red:b]]\n").content
    assert content == {"name": "lab", "nodes": {"red": {}}, "links": [["red:a", "red:b"]]}
    assert content["name"].__class__ is str


def test_nothing_in_it_is_a_template(tmp_path):
    assert read(tmp_path, "name: '{{ x }}'\n").content == {"name": "{{ x }}"}


def test_anchors_and_merge_keys_work_and_may_be_overridden(tmp_path):
    text = "nodes:\n  a: &a {kind: router, loopback: true}\n  b:\n    <<: *a\n    kind: host\n"
    assert read(tmp_path, text).content["nodes"]["b"] == {"kind": "host", "loopback": True}


def test_a_date_stays_text(tmp_path):
    assert read(tmp_path, "name: 2024-01-01\n").content == {"name": "2024-01-01"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: a\nnodes: {}\nname: b\n", "x.yml:3: the key 'name' stands here and in line 1; the first would be lost"),
        ("nodes:\n  red: {}\n  red: {}\n", "x.yml:3: the key 'red' stands here and in line 2; the first would be lost"),
        ("nodes: {red: {kind: host, kind: router}}\n", "x.yml:1: the key 'kind' stands here and in line 1"),
        (
            "nodes:\n  on: {}\n",
            "x.yml:2: true: expected a name, but YAML reads on, off, yes and no as true and false: quote",
        ),
        ("nodes:\n  1: {}\n", "x.yml:2: 1: expected a name, but YAML reads digits without quotes as a number"),
        ("nodes:\n  ~: {}\n", "x.yml:2: '~': expected a name"),
        ("nodes: {red\n", "x.yml:2:1: while parsing a flow mapping"),
        ("name: a\n\tnodes: {}\n", "x.yml:2:1: "),
        ("a: *b\n", "x.yml:1:4: "),
        ("--- {}\n--- {}\n", "x.yml:2:1: expected a single document"),
        ("name: !!python/object:os.system x\n", "x.yml:1:7: could not determine a constructor"),
        ("", "x.yml: is empty: a lab file has keys like name, nodes and links"),
        ("- a\n", "x.yml: is no mapping: a lab file has keys like name, nodes and links"),
        ("nodes: &a {b: *a}\n", "x.yml: an alias (*name) stands inside its own anchor (&name)"),
        ("nodes: !!set {a, b}\n", "x.yml: a value of the YAML type set"),
        ("nodes: !!binary YQ==\n", "x.yml: a value of the YAML type bytes"),
        (b"name: \xff\n", "x.yml: not YAML: "),
        (b"name: \x00\n", "x.yml: not YAML: "),
    ],
)
def test_what_is_not_taken(tmp_path, text, problem):
    (found,) = problems_of(tmp_path, text)
    assert found.startswith(problem)


def test_all_keys_that_are_wrong_are_told_at_once(tmp_path):
    found = problems_of(tmp_path, "name: a\nname: b\nnodes:\n  on: {}\n  off: {}\n")
    assert [problem.split(": ")[0] for problem in found] == ["x.yml:2", "x.yml:4", "x.yml:5"]


@pytest.mark.parametrize("path", ["missing.yml", "."])
def test_a_file_that_cannot_be_read(tmp_path, path):
    with pytest.raises(LabError, match=r"x\.yml: can't be read: "):
        LabFile(str(tmp_path / path), "x.yml")


def test_a_problem_with_the_content_gets_its_line(tmp_path):
    lab_file = read(
        tmp_path,
        "name: lab\n"
        "nodes:\n"
        "  red:\n"
        "    sysctls:\n"
        "      kernel.panic: 1\n"
        "  b.lue: {kind: x}\n"
        "links:\n"
        "  - endpoints:\n"
        "      - {node: red, name: eth0}\n"
        "      - node: red\n"
        "        name: eth0\n"
        "        mtu: 1\n"
        "  - [red:x, none:y]\n"
        "shape: {}\n",
    )
    with pytest.raises(LabError) as caught:
        topology.load(lab_file.content)
    assert sorted(problem.split(": ")[0:2] for problem in lab_file.placed(caught.value).problems) == [
        ["x.yml:12", "links[0].endpoints[1].mtu"],
        ["x.yml:13", "links[1][1]"],
        ["x.yml:14", "shape"],
        ["x.yml:5", "nodes.red.sysctls['kernel.panic']"],
        ["x.yml:6", "nodes['b.lue'].kind"],
    ]


def test_a_problem_with_what_is_missing_gets_the_line_of_what_lacks_it(tmp_path):
    lab_file = read(tmp_path, "name: lab\nnodes: {}\nlinks:\n  - mtu: 1500\n")
    with pytest.raises(LabError) as caught:
        topology.load(lab_file.content)
    assert str(lab_file.placed(caught.value)).startswith("x.yml:4: links[0]: the key 'endpoints' is missing")


def test_an_anchor_that_is_used_from_elsewhere_has_its_keys_once(tmp_path):
    """The other use may be read before the mapping itself, which has taken in what it merges by then."""
    text = """
nodes:
  red:
    processes:
      - {name: a, environment: &base {FIRST: "1", SECOND: "1"}}
      - {name: b, environment: &more {<<: *base, SECOND: "2"}}
  web: {environment: {<<: *more, THIRD: "3"}}
"""
    assert read(tmp_path, text).content["nodes"]["web"] == {"environment": {"FIRST": "1", "SECOND": "2", "THIRD": "3"}}
    (problem,) = problems_of(tmp_path, text.replace('SECOND: "2"}', 'SECOND: "2", SECOND: "4"}'))
    assert problem == "x.yml:6: the key 'SECOND' stands here and in line 6; the first would be lost"

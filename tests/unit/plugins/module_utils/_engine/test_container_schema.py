# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said of a container: what values become, and what is said about one that can't be."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import container_schema
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError, Problems, written
from ansible_collections.netns.lab.plugins.module_utils._engine.walk import Mapping

SETTINGS = Mapping(container_schema.SETTINGS, what="a container")


def problems_of(**settings: t.Any) -> list[str]:
    problems = Problems()
    SETTINGS.read(settings, None, problems)
    return [f"{path if isinstance(path, str) else written(path)}: {message}" for path, message in problems.found]


def read(**settings: t.Any) -> t.Any:
    problems = Problems()
    found = SETTINGS.read(settings, None, problems)
    assert problems.found == []
    return found


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ({"lxc_path": "/srv/lxc/"}, {"lxc_path": "/srv/lxc"}),
        ({"lxc_path": "/srv//lxc/./x"}, {"lxc_path": "/srv/lxc/x"}),
        ({"lxc_path": "//"}, {"lxc_path": "/"}),
        ({"limits": {"memory": "512m"}}, {"limits": {"memory": "512M"}}),
        ({"limits": {"memory": "max"}}, {"limits": {"memory": "max"}}),
        ({"limits": {"memory": 268435456}}, {"limits": {"memory": 268435456}}),
        ({"limits": {"cpus": "1.5", "pids": "200"}}, {"limits": {"cpus": 1.5, "pids": 200}}),
        ({"limits": {}}, {"limits": {}}),
        ({"idmap": ["u 0  100000\t65536 "]}, {"idmap": ["u 0 100000 65536"]}),
        ({"config": {"lxc.tty.max": 4}}, {"config": {"lxc.tty.max": 4}}),
        ({"config": {"lxc.cap.drop": ["a ", 1]}}, {"config": {"lxc.cap.drop": ["a", 1]}}),
        ({"config": {"lxc.tty.max": None}}, {"config": {"lxc.tty.max": None}}),
        ({"config": {"lxc.tty.max": -1}}, {"config": {"lxc.tty.max": -1}}),
        (
            {"mounts": [{"source": "/a b", "target": "/c\td"}]},
            {"mounts": [{"source": "/a\\040b", "target": "/c\\011d"}]},
        ),
        ({"environment": {"_A1": "x y"}}, {"environment": {"_A1": "x y"}}),
        ({"template_options": {"no-validate": None}}, {"template_options": {"no-validate": None}}),
        ({"timeout": "5"}, {"timeout": 5.0}),
        ({"template": None}, {}),
    ],
)
def test_a_value_and_its_canonical_form(given, canonical):
    assert read(**given) == canonical


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"template": "ubuntu"}, "template: 'ubuntu': expected busybox or debian or download or local or oci or none"),
        ({"backing_store": "ext4"}, "backing_store: 'ext4': expected dir or btrfs"),
        ({"lxc_path": "srv/lxc"}, "lxc_path: 'srv/lxc': expected an absolute path"),
        ({"lxc_path": "/srv/../etc"}, "lxc_path: '/srv/../etc': expected an absolute path"),
        ({"lxc_path": "/srv\nx"}, r"lxc_path: '/srv\nx': a value of LXC's configuration is one line"),
        ({"config": {"tty.max": 1}}, "config['tty.max']: 'tty.max': expected a key of LXC's configuration, like"),
        ({"config": {"lxc": 1}}, "config.lxc: 'lxc': expected a key of LXC's configuration, like lxc.start.auto"),
        ({"config": {"lxc.a b": 1}}, "config['lxc.a b']: 'lxc.a b': expected a key"),
        ({"config": {"lxc.a\n": 1}}, r"config['lxc.a\n']: 'lxc.a\n': expected a key"),
        ({"config": {"lxc.tty.max = 1\nlxc.x": 1}}, r"config['lxc.tty.max = 1\nlxc.x']: "),
        ({"config": {"lxc.a": "x\nlxc.b = y"}}, r"config['lxc.a']: 'x\nlxc.b = y': a value of LXC's configuration is"),
        ({"config": {"lxc.a": ["x", "y\r"]}}, r"config['lxc.a'][1]: 'y\r': a value of LXC's configuration is one line"),
        ({"config": {"lxc.a": "\0"}}, r"config['lxc.a']: '\x00': a value of LXC's configuration is one line"),
        ({"config": {"lxc.a": True}}, "config['lxc.a']: true: expected text, a number, or a list of them: write 1 for"),
        ({"config": {"lxc.a": 1.5}}, "config['lxc.a']: 1.5: expected text, a number"),
        ({"config": {"lxc.a": {}}}, "config['lxc.a']: a mapping stands here: expected text, a number"),
        ({"config": {"lxc.a": [None]}}, "config['lxc.a'][0]: nothing stands here: expected text or a number"),
        ({"config": []}, "config: a list stands here: expected a mapping from keys to values"),
        ({"limits": {"memory": "512MB"}}, "limits.memory: '512MB': expected a size in bytes, like 268435456, 512M or"),
        ({"limits": {"memory": "-1"}}, "limits.memory: '-1': expected a size in bytes"),
        ({"limits": {"memory": 0}}, "limits.memory: 0: expected a whole number from 1"),
        ({"limits": {"memory": "1G\n"}}, r"limits.memory: '1G\n': expected a size in bytes"),
        ({"limits": {"cpus": 0}}, "limits.cpus: 0: expected a number from 0.01 to 4096"),
        ({"limits": {"pids": 0}}, "limits.pids: 0: expected a whole number from 1"),
        ({"limits": {"cpuset": 1}}, "limits.cpuset: 1: expected a list like 0-1, but YAML reads digits without"),
        ({"limits": {"cpu": 1}}, "limits.cpu: this version knows no such key in limits; did you mean 'cpus'?"),
        ({"idmap": ["b 0 100000 65536"]}, "idmap[0]: 'b 0 100000 65536': expected 'u' or 'g', the first id inside"),
        ({"idmap": ["u 0 100000"]}, "idmap[0]: 'u 0 100000': expected 'u' or 'g'"),
        ({"idmap": ["u 0 -1 5"]}, "idmap[0]: 'u 0 -1 5': expected 'u' or 'g'"),
        ({"idmap": "u 0 100000 65536"}, "idmap: 'u 0 100000 65536': expected a list of ranges of ids"),
        ({"mounts": [{"source": "/a"}]}, "mounts[0]: the key 'target' is missing: Where in the container"),
        ({"mounts": [{"source": "/a\n", "target": "b"}]}, r"mounts[0].source: '/a\n': a value of LXC's configuration"),
        ({"mounts": [{"source": "", "target": "b"}]}, "mounts[0].source: '': a mount entry has no empty parts"),
        ({"mounts": [{"source": "/a", "target": "//"}]}, "mounts[0].target: '//': expected a path below the container"),
        ({"environment": {"A-B": "x"}}, "environment.A-B: 'A-B': expected the name of an environment variable"),
        ({"environment": {"A": "x\n"}}, r"environment.A: 'x\n': a value of LXC's configuration is one line"),
        ({"environment": {"A": None}}, "environment.A: nothing stands here: expected text or a number"),
        ({"environment": {1: "x"}}, "environment[1]: 1: expected the name of an environment variable, but YAML"),
        ({"restart": "yes"}, "restart: 'yes': expected never or if_needed or always"),
        ({"wait": "net"}, "wait: 'net': expected running or init or network; did you mean 'network'?"),
        ({"timeout": 0}, "timeout: 0: expected a number from 1 to 86400"),
        ({"create_timeout": "soon"}, "create_timeout: 'soon': expected a number from 1 to 86400"),
    ],
)
def test_what_is_refused_and_with_which_words(settings, problem):
    (found,) = problems_of(**settings)
    assert found.startswith(problem)


@pytest.mark.parametrize("name", ["a", "A-1", "web.example", "x_y", "0", "a" * 63, "a..b", "a-"])
def test_the_name_of_a_container(name):
    assert container_schema.container_name(name) == name


@pytest.mark.parametrize("name", ["", "-n", ".", "..", "a/b", "a b", "a\n", "a*", "a" * 64, "é", "_a", "@"])
def test_a_name_that_a_tool_could_take_for_something_else(name):
    with pytest.raises(LabError, match="a container's name has up to 63 letters, digits, "):
        container_schema.container_name(name)


@given(st.text(max_size=20))
def test_a_path_is_refused_or_has_one_spelling_that_stays(text):
    try:
        path = container_schema.absolute(text)
    except LabError:
        return
    assert path.startswith("/")
    assert not {"", ".", ".."} & set(path.split("/")[1:]) or path == "/"
    assert container_schema.absolute(path) == path


@given(st.text(max_size=20))
def test_a_value_is_refused_or_is_one_line_without_white_space_at_its_ends(text):
    try:
        value = container_schema.one_line(text)
    except LabError:
        return
    assert value == value.strip()
    assert not set("\n\r\0") & set(value)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows from the table of the lab file hasn't drifted from it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]

_spec = importlib.util.spec_from_file_location("generate_docs", CHECKOUT / "tests" / "generate_docs.py")
assert _spec is not None
assert _spec.loader is not None
generate_docs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(generate_docs)


def test_documentation_and_json_schema_are_as_the_table_has_them():
    stale = [str(path.relative_to(CHECKOUT)) for path in generate_docs.drift()]
    assert not stale, "run python tests/generate_docs.py"


def test_a_change_of_the_table_would_be_found(monkeypatch):
    monkeypatch.setitem(generate_docs.schema.LAB.keys, "colour", generate_docs.walk.Text("Its colour."))
    assert set(generate_docs.drift()) == {generate_docs.MODULE, generate_docs.SCHEMA}


def test_the_module_takes_the_keys_of_the_table_as_options():
    options = generate_docs.Options().of(generate_docs.schema.LAB)
    source = generate_docs.MODULE.read_text("utf-8")
    for name, option in options.items():
        assert f'"{name}": {{"type": "{option["type"]}"' in source


@pytest.mark.parametrize("path", sorted((CHECKOUT / "playbooks" / "labs").glob("*.yml")), ids=lambda path: path.stem)
def test_the_labs_that_come_with_the_collection_fit_the_json_schema(path):
    jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), json.loads(generate_docs.schema_text()))

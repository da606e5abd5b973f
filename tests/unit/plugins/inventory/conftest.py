# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder with lab files and sources for each test, and the collection where Ansible finds it."""

from __future__ import annotations

import importlib

import pytest
from ansible import constants as C

from ansible_collections.netns.lab.tests.unit.plugins.inventory.places import Place

COLLECTION = "ansible_collections.netns.lab"


@pytest.fixture(scope="module", autouse=True)
def _collection():
    """Lets Ansible find the plugin in the collection, which tests import as Python does, without Ansible's importer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module(COLLECTION), "_collection_meta", {}, raising=False)
        package = importlib.import_module(f"{COLLECTION}.plugins.inventory")
        folder, *_others = package.__path__
        patch.setattr(package, "__file__", f"{folder}/__init__.py")
        yield


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    # What Ansible only warns of, so that other sources are still used, is a failure here.
    monkeypatch.setattr(C, "INVENTORY_ANY_UNPARSED_IS_FAILED", True, raising=False)
    return Place(tmp_path)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.netns.lab` importable from a plain checkout, whatever its directory is called."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".collections"


def _link_tree() -> None:
    """.collections/ansible_collections/netns/lab -> the checkout, as ./lab makes it too."""
    link = COLLECTIONS / "ansible_collections" / "netns" / "lab"
    link.parent.mkdir(parents=True, exist_ok=True)
    try:
        link.symlink_to("../../..")
    except FileExistsError:
        pass


_link_tree()
sys.path.insert(0, str(COLLECTIONS))
importlib.invalidate_caches()

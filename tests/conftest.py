# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.netns.lab` importable from a plain checkout, whatever its directory is called.

Property tests try the same examples each time, so that a run says the same to everybody; with
`--hypothesis-profile=all` ten times as many, and with `--hypothesis-profile=explore` as many that nobody has tried yet.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

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

# Fixtures that last for a test last for all its examples, and kernel tests take the time that they take.
_checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("lab", derandomize=True, database=None, deadline=None, suppress_health_check=_checks)
settings.register_profile("all", settings.get_profile("lab"), max_examples=1000)
settings.register_profile("explore", settings.get_profile("all"), derandomize=False)
settings.load_profile("lab")

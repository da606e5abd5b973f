# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules need and how they behave. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments `netns.lab.attributes`, `netns.lab.attributes.change` and `netns.lab.attributes.info_module`."""

    # Of all modules.
    DOCUMENTATION = r"""
requirements:
  - Linux, and root on the managed machine
  - Python 3.9 or newer there
attributes:
  platform:
    support: full
    platforms: linux
    description: The operating system that the module works on.
"""

    # Of modules that bring something to a state.
    CHANGE = r"""
requirements:
  - pyroute2 0.7.2 or newer there, for whatever changes something (the role P(netns.lab.prepare#role) installs it)
attributes:
  check_mode:
    support: full
    description: Foresees exactly what a run would do, and touches nothing.
  diff_mode:
    support: full
    description: Shows before and after as YAML, one entry for each namespace that changes.
  idempotent:
    support: full
    description: A second run with the same options changes nothing.
"""

    # Of modules that change nothing.
    INFO_MODULE = r"""
attributes:
  check_mode:
    support: full
    description: It only looks.
  diff_mode:
    support: N/A
    description: It only looks.
  idempotent:
    support: full
    description: It only looks.
"""

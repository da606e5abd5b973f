# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of several modules shares. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments `netns.lab.attributes` and `netns.lab.attributes.object`."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - Linux, and root on the managed machine
  - Python 3.9 or newer there
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
  platform:
    support: full
    platforms: linux
    description: The operating system that the module works on.
"""

    # Options of all modules that change single objects.
    OBJECT = r"""
options:
  force:
    description:
      - Also act on what a lab owns, and on what carries the machine's default route or Ansible's own connection.
      - Without it both are refused, in check mode too.
    type: bool
    default: false
  lock_timeout:
    description:
      - How long to wait, in seconds, for other runs of this collection on the machine. They take turns.
    type: float
    default: 60
"""

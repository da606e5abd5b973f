# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that change a single object. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments `netns.lab.object` and `netns.lab.object.state`."""

    DOCUMENTATION = r"""
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

    # Of what is there or isn't.
    STATE = r"""
options:
  state:
    description:
      - Whether it shall be there.
    type: str
    choices: [present, absent]
    default: present
"""

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that look at several objects. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment `netns.lab.info`."""

    DOCUMENTATION = r"""
options:
  names:
    description:
      - Which to look at. Those that aren't there are left out of the result. Without this option, all of them.
    type: list
    elements: str
"""

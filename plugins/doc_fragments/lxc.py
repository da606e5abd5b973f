# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules for LXC containers share. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragments `netns.lab.lxc` and `netns.lab.lxc.tools`."""

    DOCUMENTATION = r"""
options:
  lxc_path:
    description:
      - The directory that holds the containers. Without it, it is LXC's own, as a rule C(/var/lib/lxc).
    type: path
"""

    # Of modules that call LXC's tools, whatever there is.
    TOOLS = r"""
options: {}
requirements:
  - LXC 4.0 or newer on the managed machine (the role P(netns.lab.lxc#role) installs it)
"""

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that make links. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment `netns.lab.link`."""

    DOCUMENTATION = r"""
options:
  name:
    description:
      - The name of the link. At most 15 bytes.
    type: str
    required: true
  netns:
    description:
      - The namespace in which the link is. Without it, it is on the machine itself.
    type: str
  mac:
    description:
      - The MAC address of the link. Without this option it is left alone.
    type: str
  mtu:
    description:
      - The MTU of the link, in bytes. Without this option it is left alone.
    type: int
  addresses:
    description:
      - All addresses of the link, each with its prefix length, as in V(10.0.0.1/24) or V(fd00::1/64), the primary one
        first.
      - Others that stand there are removed, except those that the kernel makes itself. An empty list removes all;
        without this option they are left alone.
    type: list
    elements: str
  bridge:
    description:
      - The bridge, in the same namespace, that the link is a port of. An empty string takes it out of any. Without this
        option it is left alone.
    type: str
"""

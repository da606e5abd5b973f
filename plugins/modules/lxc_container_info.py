#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LXC containers there are. Its body is in module_utils/_door, module_utils/_engine and module_utils/_lxc."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lxc_container_info
short_description: Tell what LXC containers there are, and what is known of them
version_added: 0.1.0
description:
  - Returns the state, the configuration, the addresses and the snapshots of one container, of several, or of all.
  - A container that isn't there isn't in the result. Nothing is changed.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.info_module
  - netns.lab.info
  - netns.lab.lxc
seealso:
  - module: netns.lab.lxc_container
"""

EXAMPLES = r"""
- name: Look at all containers
  netns.lab.lxc_container_info:
  register: found

- name: Tell which of them run
  ansible.builtin.debug:
    msg: "{{ found.containers | selectattr('state', 'equalto', 'running') | map(attribute='name') }}"

- name: Look at one
  netns.lab.lxc_container_info:
    names: [web]
"""

RETURN = r"""
containers:
  description: The containers, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    lxc_path:
      description: The directory that holds it.
      type: str
    state:
      description: V(running), V(stopped), V(frozen), V(stuck) where LXC doesn't get on with it, or V(broken) where it
        was never finished.
      type: str
    pid:
      description: Its init, as the machine numbers it.
      type: int
    addresses:
      description: Its addresses while it runs, without loopback and link-local ones.
      type: list
      elements: str
    netns:
      description: The named namespace that it shares.
      type: str
    config:
      description: Its configuration, each key with all its values in order.
      type: dict
    autostart:
      description: Whether it is started at boot.
      type: bool
    groups:
      description: The groups it belongs to.
      type: list
      elements: str
    snapshots:
      description: The names of its snapshots.
      type: list
      elements: str
    lab:
      description: The lab that it belongs to; empty if to none.
      type: str
    pending_restart:
      description: Whether it runs with a configuration that has changed since.
      type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.lxc_container_info import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str"},
            "lxc_path": {"type": "path"},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

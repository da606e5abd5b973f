#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What namespaces hold. Its body is in module_utils/_door and module_utils/_engine/information.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_info
short_description: Show network namespaces with their links, addresses, routes and processes
version_added: 0.1.0
description:
  - Looks at the named network namespaces of the machine, or at all of them, and changes nothing.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.info_module
  - netns.lab.info
seealso:
  - module: netns.lab.netns
"""

EXAMPLES = r"""
- name: Look at all namespaces
  netns.lab.netns_info:
  register: found

- name: Fail if one of them is broken
  ansible.builtin.assert:
    that: found.namespaces | selectattr('state', 'eq', 'broken') | length == 0

- name: Look at one
  netns.lab.netns_info:
    names: [red]
"""

RETURN = r"""
namespaces:
  description: The namespaces, sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
    state:
      description: V(ok), or V(broken) if no namespace is mounted on its file.
      type: str
    owner:
      description: The lab that it belongs to; empty if to none.
      type: str
    links:
      description: Its links, each with C(name), C(kind), C(up), C(mtu), C(mac), C(addresses), C(bridge), C(peer),
        C(home) (the name that it has on the machine, if it is lent), and C(link) if it stands on another one.
      type: list
      elements: dict
    routes:
      description: Its routes in the words of C(ip route), without those that the kernel makes itself.
      type: list
      elements: str
    processes:
      description: What runs inside, each with C(pid), C(command), and with C(name) if M(netns.lab.process) or a lab
        keeps it running under a name.
      type: list
      elements: dict
  sample:
    - name: red
      state: ok
      owner: red-blue
      links:
        - {name: lo, kind: "", up: true, mtu: 65536, mac: "00:00:00:00:00:00", addresses: [], bridge: null, peer: null,
           home: null}
        - {name: eth0, kind: veth, up: true, mtu: 1500, mac: "8a:4e:0c:d4:a1:5e", addresses: [10.0.0.1/24],
           bridge: null, peer: "blue:eth0", home: null}
      routes: [default via 10.0.0.2 dev eth0]
      processes: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.netns_info import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str"}},
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

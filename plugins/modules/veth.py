#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A veth pair. Its body is in module_utils/_door and module_utils/_engine."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: veth
short_description: Make, change, move and remove a veth pair
version_added: 0.1.0
description:
  - A veth pair is a cable with two ends; what goes in at one comes out at the other. This module makes both ends, each
    in the namespace where it belongs, and changes them in place.
  - Each end is a link. The options say how one end is, and O(peer) how the other one is.
  - An end that somebody moved or renamed is found again by its peer and brought back, with what it has.
  - A change of one setting leaves all others alone; what an address, MTU or move disturbs is put back.
  - A new pair has one queue in each direction, not one for each processor as C(ip link add) makes it. Where XDP is to
    have more, make the pair with C(ip link add ... numtxqueues ... numrxqueues ...); this module goes on with it.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
  - netns.lab.object.state
  - netns.lab.link
options:
  up:
    description:
      - Whether this end is up.
    type: bool
    default: true
  peer:
    description:
      - The other end. Required with O(state=present).
    type: dict
    suboptions:
      name:
        description:
          - The name of the other end. At most 15 bytes.
        type: str
        required: true
      netns:
        description:
          - The namespace of the other end, as in O(netns).
        type: str
      addresses:
        description:
          - All addresses of the other end, as in O(addresses).
        type: list
        elements: str
      mac:
        description:
          - The MAC address of the other end.
        type: str
      mtu:
        description:
          - The MTU of the other end, in bytes.
        type: int
      up:
        description:
          - Whether the other end is up.
        type: bool
        default: true
      bridge:
        description:
          - The bridge that the other end is a port of.
        type: str
  state:
    description:
      - Whether the pair shall be there. The two ends come and go together.
seealso:
  - module: netns.lab.netns
  - module: netns.lab.link
"""

EXAMPLES = r"""
- name: A cable between two namespaces
  netns.lab.veth:
    name: eth0
    netns: red
    addresses: [10.0.0.1/24, "fd00::1/64"]
    peer:
      name: eth0
      netns: blue
      addresses: [10.0.0.2/24, "fd00::2/64"]

- name: From a namespace to a bridge of the machine
  netns.lab.veth:
    name: eth1
    netns: red
    peer:
      name: red-eth1
      bridge: br0

- name: Remove the cable
  netns.lab.veth:
    name: eth0
    netns: red
    state: absent
"""

RETURN = r"""
veth:
  description: The pair as it stands, or in check mode would stand. RV(veth.peer) holds the same keys for the other end.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the end.
      type: str
    netns:
      description: Its namespace; none for the machine's own.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    kind:
      description: Always V(veth).
      type: str
    addresses:
      description: Its addresses.
      type: list
      elements: str
    mac:
      description: Its MAC address. In check mode none, if the kernel is still to choose it.
      type: str
    mtu:
      description: Its MTU in bytes.
      type: int
    up:
      description: Whether it is up.
      type: bool
    bridge:
      description: The bridge, bond or VRF that it belongs to.
      type: str
    peer:
      description: The other end.
      type: dict
  sample:
    name: eth0
    netns: red
    state: present
    kind: veth
    addresses: [10.0.0.1/24]
    mac: "8a:4e:0c:d4:a1:5e"
    mtu: 1500
    up: true
    bridge: null
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: ["create veth red:eth0 - blue:eth0", "set red:eth0 up"]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 2
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.veth import run

_END = {
    "name": {"type": "str", "required": True},
    "netns": {"type": "str"},
    "addresses": {"type": "list", "elements": "str"},
    "mac": {"type": "str"},
    "mtu": {"type": "int"},
    "up": {"type": "bool", "default": True},
    "bridge": {"type": "str"},
}


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            **_END,
            "peer": {"type": "dict", "options": _END},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        required_if=[("state", "present", ["peer"])],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A route. Its body is in module_utils/_door and module_utils/_engine."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: route
short_description: Add, change and delete a route in a network namespace
version_added: 0.1.0
description:
  - Looks after the one route that O(to), O(table) and O(metric) name, in a namespace or on the machine, and changes it
    in place.
  - Routes that the kernel makes by itself, such as that to the subnet of an address, need no task.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
  - netns.lab.object.state
options:
  to:
    description:
      - Where it leads, a network such as V(10.0.0.0/8), a single address, or V(default).
    type: str
    required: true
  via:
    description:
      - The gateway. It has to be reachable on a link of the namespace.
    type: str
  dev:
    description:
      - The link. Without it, the kernel finds the one on which O(via) is.
    type: str
  hops:
    description:
      - Several next hops that share the traffic, in the place of O(via) and O(dev).
    type: list
    elements: dict
    suboptions:
      via:
        description:
          - The gateway.
        type: str
      dev:
        description:
          - The link.
        type: str
      weight:
        description:
          - The share of this hop, from 1 to 256.
        type: int
        default: 1
  netns:
    description:
      - The namespace. Without it, the route is one of the machine itself.
    type: str
  table:
    description:
      - The number of the routing table; 254 is the main one.
    type: int
    default: 254
  metric:
    description:
      - The metric. Of two routes to one destination the lower one wins. The kernel's default is 0 for IPv4 and 1024
        for IPv6.
    type: int
  family:
    description:
      - Which default route is meant where O(via) doesn't tell, V(ipv4) if this option isn't given either.
    type: str
    choices: [ipv4, ipv6]
  src:
    description:
      - The source address that packets get which are sent from here. Without this option it is left alone.
    type: str
  mtu:
    description:
      - The MTU of this path, in bytes. Without this option it is left alone.
    type: int
  onlink:
    description:
      - Take O(via) for reachable on O(dev), though no address says so.
    type: bool
  type:
    description:
      - V(unicast) forwards. The others drop what matches, V(blackhole) silently, V(unreachable) and V(prohibit) with an
        answer; V(throw) goes on to the next table.
    type: str
    choices: [unicast, blackhole, unreachable, prohibit, throw]
    default: unicast
seealso:
  - module: netns.lab.veth
  - module: netns.lab.netns
"""

EXAMPLES = r"""
- name: The default route of a namespace
  netns.lab.route:
    netns: red
    to: default
    via: 10.0.0.2

- name: Drop what goes to a network
  netns.lab.route:
    netns: red
    to: 198.51.100.0/24
    type: blackhole

- name: Two gateways that share the traffic
  netns.lab.route:
    netns: red
    to: 192.0.2.0/24
    hops:
      - {via: 10.0.0.2}
      - {via: 10.0.0.3, weight: 2}

- name: Delete the default route
  netns.lab.route:
    netns: red
    to: default
    state: absent
"""

RETURN = r"""
route:
  description: The route as it stands, or in check mode would stand.
  returned: success
  type: dict
  contains:
    to:
      description: Where it leads.
      type: str
    netns:
      description: Its namespace; none for the machine's own.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    table:
      description: Its table.
      type: int
    metric:
      description: Its metric.
      type: int
    type:
      description: Its type.
      type: str
    hops:
      description: Its next hops.
      type: list
      elements: dict
    src:
      description: The preferred source address.
      type: str
    protocol:
      description: Who made it, in the words of C(ip route).
      type: str
    onlink:
      description: Whether its gateway is taken for reachable.
      type: bool
  sample:
    to: default
    netns: red
    state: present
    table: 254
    metric: 0
    type: unicast
    hops: [{via: 10.0.0.2, dev: eth0, weight: 1}]
    src: null
    protocol: static
    onlink: false
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: ["add route default via 10.0.0.2 in red"]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 1
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.route import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "to": {"type": "str", "required": True},
            "via": {"type": "str"},
            "dev": {"type": "str"},
            "hops": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "via": {"type": "str"},
                    "dev": {"type": "str"},
                    "weight": {"type": "int", "default": 1},
                },
            },
            "netns": {"type": "str"},
            "table": {"type": "int", "default": 254},
            "metric": {"type": "int"},
            "family": {"type": "str", "choices": ["ipv4", "ipv6"]},
            "src": {"type": "str"},
            "mtu": {"type": "int"},
            "onlink": {"type": "bool"},
            "type": {
                "type": "str",
                "choices": ["unicast", "blackhole", "unreachable", "prohibit", "throw"],
                "default": "unicast",
            },
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

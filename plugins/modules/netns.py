#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A named network namespace. Its body is in module_utils/_door and module_utils/_engine."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns
short_description: Make, repair and remove a named network namespace
version_added: 0.1.0
description:
  - Makes a network namespace that C(ip netns) knows by its name, with its loopback up, or removes it.
  - A dead file under C(/run/netns), on which no namespace is mounted (left by a crash or a reboot), is repaired.
  - Before a namespace is removed, what runs in it is ended, and physical NICs in it go back to the machine,
    with all that they had if this collection has lent them (M(netns.lab.nic)).
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
  - netns.lab.object.state
options:
  name:
    description:
      - The name of the namespace. It has to fit a file name.
    type: str
    required: true
  loopback:
    description:
      - Whether its loopback C(lo) is up, so that C(127.0.0.1) and C(::1) answer.
    type: bool
    default: true
  nsid:
    description:
      - The id by which the machine's own namespace knows it (C(ip netns list-id)).
      - The kernel lets it be set once only. Without this option the kernel chooses one when it needs one.
    type: int
  sysctls:
    description:
      - Sysctls of the namespace, by name, such as C(net.ipv4.ip_forward). Those not named are left alone.
      - Only settings that belong to the namespace alone are taken.
      - The name of a link with a dot in it needs slashes, as in C(net/ipv4/conf/eth0.5/rp_filter).
    type: dict
  etc:
    description:
      - Files under C(/etc/netns/NAME), by name, with their content. C(ip netns exec) and M(netns.lab.netns_exec) show
        them to what runs inside in the place of those in C(/etc), so V(resolv.conf) gives the namespace its own
        resolver.
      - Files not named are left alone. With O(state=absent) those that this module wrote are removed, and those named
        here.
    type: dict
  processes:
    description:
      - With O(state=absent), what becomes of the processes that run inside.
      - V(kill) ends them, by TERM and after O(kill_timeout) by KILL. V(fail) refuses to remove the namespace.
        V(keep) removes the name only; the namespace lives on with them.
      - Neither this module's own process, nor one that it descends from, nor process 1 is ever ended.
    type: str
    choices: [kill, fail, keep]
    default: kill
  holders:
    description:
      - With O(state=absent), what becomes of processes that don't run inside but hold the namespace open, by a file
        descriptor or a socket.
      - V(report) names them in RV(processes) and leaves them alone; the namespace lives on, without a name, as long
        as they do.
        V(kill) ends them.
    type: str
    choices: [report, kill]
    default: report
  kill_timeout:
    description:
      - How long processes have to end after TERM, in seconds.
    type: float
    default: 5
seealso:
  - module: netns.lab.veth
  - module: netns.lab.netns_exec
  - module: netns.lab.netns_info
"""

EXAMPLES = r"""
- name: A namespace with its loopback up
  netns.lab.netns:
    name: red

- name: A namespace that forwards, with a resolver of its own
  netns.lab.netns:
    name: router
    sysctls:
      net.ipv4.ip_forward: 1
      net.ipv6.conf.all.forwarding: 1
    etc:
      resolv.conf: |
        nameserver 10.0.0.1

- name: End what runs inside and remove it
  netns.lab.netns:
    name: red
    state: absent

- name: Remove it only if nothing runs inside
  netns.lab.netns:
    name: red
    state: absent
    processes: fail
"""

RETURN = r"""
netns:
  description: The namespace as it stands, or in check mode would stand.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    lab:
      description: The lab that it belongs to; empty if to none.
      type: str
    loopback:
      description: Whether its loopback is up.
      type: bool
    links:
      description: The names of its links.
      type: list
      elements: str
  sample:
    name: red
    state: present
    lab: ""
    loopback: true
    links: [lo]
processes:
  description: The processes that were ended, and those that are left and keep the namespace alive.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    pid:
      description: The process; none for a mount.
      type: int
    command:
      description: Its command line.
      type: str
    why:
      description: What it had to do with the namespace.
      type: str
    outcome:
      description: V(ended) or V(left).
      type: str
  sample:
    - {pid: 4242, command: ping 10.0.0.2, why: runs inside, outcome: ended}
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: ["create namespace red, loopback up"]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 1
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.netns import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "loopback": {"type": "bool", "default": True},
            "nsid": {"type": "int"},
            "sysctls": {"type": "dict"},
            "etc": {"type": "dict"},
            "processes": {"type": "str", "choices": ["kill", "fail", "keep"], "default": "kill"},
            "holders": {"type": "str", "choices": ["report", "kill"], "default": "report"},
            "kill_timeout": {"type": "float", "default": 5},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

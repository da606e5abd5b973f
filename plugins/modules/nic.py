#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A NIC that is lent to a namespace. Its body is in module_utils/_door and module_utils/_engine."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: nic
short_description: Lend a NIC to a namespace, and take it back with all that it had
version_added: 0.1.0
description:
  - Moves a NIC of the machine, or any other link that stands there, into a network namespace, and back.
  - What it has on the machine is written down before it goes, and given back when it comes home - name, altnames, MAC
    address, MTU, bridge, bond or VRF, whether it is up, its addresses with lifetimes, flags and labels, the routes over
    it in all tables, the policy rules that name it, and its sysctls of IPv4 and IPv6. Lifetimes go on while it is away.
  - It comes home with O(state=home), when its namespace is removed with M(netns.lab.netns) or the lab of that with
    M(netns.lab.topology), and with the next run of any of these if one was killed in the middle of it. A NIC is found
    by its hardware then, even if somebody has given it another name.
  - Links that are lent by M(netns.lab.link), or by an end C(@NAME) of a lab, come home in the same way.
  - A bridge, a VRF or a bond can't be lent, nor can a radio. The kernel lets them nowhere.
notes:
  - Lifetimes may have ended by then. Routes that need an address that has expired are left out, with a warning. An
    address whose subnet had a route by other hands (NetworkManager) comes with the kernel's own.
  - What comes by itself when a link is up isn't written down - link-local addresses, and what router advertisements
    bring. Neither are queueing disciplines, neighbours, or the settings that a port has in its bridge.
  - A reboot ends all loans, as it ends all namespaces. The NIC is set up by the machine then, as always.
  - Runs that lend or give back something take turns, and so do those that work in a namespace to which something is
    lent, and all labs as long as something is.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
options:
  name:
    description:
      - The name of the link on the machine. It keeps it in the namespace.
    type: str
    required: true
  netns:
    description:
      - The namespace that gets it. Needed with O(state=lent).
      - With O(state=home) the namespace in which it is, for a link that was moved there by other means. What that had
        before isn't known; it comes home as it is.
    type: str
  state:
    description:
      - V(lent) lends it, V(home) takes it back. One that is lent to another namespace is lent on, and comes home from
        there with what it had at first.
    type: str
    choices: [lent, home]
    default: lent
  addresses:
    description:
      - Addresses in the namespace, with prefix length. Others that the link has there are removed, unless
        O(keep_config=true).
    type: list
    elements: str
  up:
    description:
      - Whether it is up in the namespace.
    type: bool
    default: true
  keep_config:
    description:
      - Whether its addresses, and the routes that lead over nothing else, go along into the namespace.
    type: bool
    default: false
  confirm:
    description:
      - For a NIC that this very connection may come by. The move is undone after so many seconds, unless the controller
        reaches the machine by a new connection before. It tries by itself, right after the move.
      - The task fails if the move was undone. What undoes it is a process of its own on the machine, which outlives
        this connection; and should that be ended, too, the next run of this collection does it.
      - Can't be together with C(async). Does nothing in check mode.
    type: float
    default: 0
  confirmed:
    description:
      - Ends the wait of an earlier task with O(confirm), and does nothing else. RV(loan) says what came of that loan.
      - That is what the controller does by itself over a new connection. Needed only where something else does.
    type: bool
    default: false
  force:
    description:
      - Also lend what carries the machine's default route or Ansible's own connection, which is refused otherwise, in
        check mode too; and act in a namespace that a lab owns.
    type: bool
    default: false
seealso:
  - module: netns.lab.link
  - module: netns.lab.netns
"""

EXAMPLES = r"""
- name: Lend a NIC, with an address in the namespace
  netns.lab.nic:
    name: ens4
    netns: red
    addresses: [198.51.100.1/24]

- name: Lend it with the addresses and routes that it has
  netns.lab.nic:
    name: ens4
    netns: red
    keep_config: true

- name: Take it back
  netns.lab.nic:
    name: ens4
    state: home

- name: Lend the NIC by which Ansible may have come, and have it back in half a minute if that was the only way
  netns.lab.nic:
    name: ens3
    netns: red
    keep_config: true
    force: true
    confirm: 30
"""

RETURN = r"""
nic:
  description: The link as it stands, or in check mode would stand.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    netns:
      description: The namespace that it is lent to; none for one that is home.
      type: str
    state:
      description: V(lent) or V(home); V(absent) if it isn't anywhere any more.
      type: str
    kind:
      description: Its kind; empty for a NIC.
      type: str
    addresses:
      description: Its addresses.
      type: list
      elements: str
    mac:
      description: Its MAC address.
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
  sample:
    name: ens4
    netns: red
    state: lent
    kind: ""
    addresses: [198.51.100.1/24]
    mac: "52:54:00:00:00:04"
    mtu: 1500
    up: true
    bridge: null
confirmed:
  description: Whether the controller has reached the machine again, so that the loan stands.
  returned: with O(confirm), except in check mode
  type: bool
  sample: true
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: ["move link @ens4 to red:ens4", "set red:ens4 up", "add address 198.51.100.1/24 to red:ens4"]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 3
loan:
  description: V(confirmed), V(overdue) where the deadline has passed, V(none) where nothing waits.
  returned: with O(confirmed=true)
  type: str
  sample: confirmed
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.nic import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "netns": {"type": "str"},
            "state": {"type": "str", "choices": ["lent", "home"], "default": "lent"},
            "addresses": {"type": "list", "elements": "str"},
            "up": {"type": "bool", "default": True},
            "keep_config": {"type": "bool", "default": False},
            "confirm": {"type": "float", "default": 0},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
            # The action plugin's, for the second run of the module.
            "confirmed": {"type": "bool", "default": False},
        },
        required_if=[("state", "lent", ["netns"])],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A link of any kind but veth. Its body is in module_utils/_door and module_utils/_engine."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: link
short_description: Make, change, move and remove links of any kind
version_added: 0.1.0
description:
  - Makes a link of the given O(kind) in a namespace or on the machine, or changes one that stands.
  - Without O(kind) it changes a link that stands, whatever it is. If it stands on the machine and not in O(netns), it
    is moved there; that is how a physical NIC gets into a namespace. It comes back when the namespace is removed with
    M(netns.lab.netns).
  - Options that are changed on a standing link are changed in place where the kernel can do that. Otherwise the link is
    made anew, and RV(steps) says so.
  - For veth pairs there is M(netns.lab.veth).
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
  - netns.lab.object.state
  - netns.lab.link
options:
  kind:
    description:
      - What it is, in the words of C(ip link). Required to make one.
      - On a machine without systemd, the kernel's module C(bonding) makes a link C(bond0) of its own when it is loaded
        by the first bond that is asked for. The role P(netns.lab.prepare#role) loads it without that.
      - A new bond without O(mac) has the MAC address of its first port; one whose last port leaves gets another one by
        chance.
    type: str
    choices: [bond, bridge, dummy, ifb, ipvlan, macvlan, vlan, vrf, vxlan]
  link:
    description:
      - The link that it stands on. Required for V(vlan), V(macvlan) and V(ipvlan), possible for V(vxlan).
    type: str
  link_netns:
    description:
      - The namespace in which O(link) is, if it isn't in O(netns). V(@) is the machine itself.
    type: str
  up:
    description:
      - Whether it is up. Without this option it is left alone; a new link is down.
    type: bool
  bond:
    description:
      - The bond, in the same namespace, that it is a port of. An empty string takes it out of any.
      - A bond only takes links that are down, so one that is up is taken down first, by which it loses routes and IPv6
        addresses. As a port it is up, and has the MTU and the MAC address of the bond and no addresses. When it leaves
        it is down, and has its own MTU and MAC address again. O(mac) is that of its own, and
        can't be changed while it is a port.
    type: str
  vrf:
    description:
      - The VRF, in the same namespace, that it belongs to. An empty string takes it out of any.
    type: str
  id:
    description:
      - Of a V(vlan), its tag, from 1 to 4094. Of a V(vxlan), its network identifier, from 0 to 16777215.
      - Required with these kinds.
    type: int
  protocol:
    description:
      - Of a V(vlan), the kind of tag.
    type: str
    choices: [802.1q, 802.1ad]
  mode:
    description:
      - Of a V(bond), one of V(balance-rr) (the kernel's default), V(active-backup), V(balance-xor), V(broadcast),
        V(802.3ad), V(balance-tlb), V(balance-alb). It is changed in place, but that takes its ports out and the bond
        down, and then brings all of it back. Routes over the bond and its IPv6 addresses don't survive that, unless the
        task asks for them.
      - Of a V(macvlan), one of V(bridge), V(private), V(vepa), V(passthru), V(source).
      - Of an V(ipvlan), one of V(l2), V(l3), V(l3s).
    type: str
    choices:
      - balance-rr
      - active-backup
      - balance-xor
      - broadcast
      - 802.3ad
      - balance-tlb
      - balance-alb
      - bridge
      - private
      - vepa
      - passthru
      - source
      - l2
      - l3
      - l3s
  miimon:
    description:
      - Of a V(bond), every how many milliseconds it looks whether its ports have a carrier; 0 for never. Turns
        O(arp_interval) off.
    type: int
  updelay:
    description:
      - Of a V(bond), how many milliseconds it waits before it uses a port whose carrier came back. A multiple of
        O(miimon).
    type: int
  downdelay:
    description:
      - Of a V(bond), how many milliseconds it waits before it gives up a port whose carrier went. A multiple of
        O(miimon).
    type: int
  arp_interval:
    description:
      - Of a V(bond), every how many milliseconds it asks for O(arp_ip_target) by ARP, to find out which ports are of
        use; 0 for never. Turns O(miimon) off. Not with the modes V(802.3ad), V(balance-tlb) and V(balance-alb).
    type: int
  arp_ip_target:
    description:
      - Of a V(bond), the IPv4 addresses that it asks for, at most 16.
    type: list
    elements: str
  primary:
    description:
      - Of a V(bond) of one of the modes V(active-backup), V(balance-tlb) and V(balance-alb), the port that carries the
        traffic whenever it can. It has to be a port already. An empty string for none.
    type: str
  min_links:
    description:
      - Of a V(bond) of mode V(802.3ad), how many ports have to be of use before the bond has a carrier.
    type: int
  xmit_hash_policy:
    description:
      - Of a V(bond) of one of the modes V(balance-xor), V(802.3ad) and V(balance-tlb), what decides which port carries
        a packet.
    type: str
    choices: [layer2, layer3+4, layer2+3, encap2+3, encap3+4, vlan+srcmac]
  lacp_rate:
    description:
      - Of a V(bond) of mode V(802.3ad), how often the other side shall send its LACP messages, V(slow) for every 30
        seconds, V(fast) for every second. A change takes the bond down for a moment, with what O(mode) says of that.
    type: str
    choices: [slow, fast]
  ad_select:
    description:
      - Of a V(bond) of mode V(802.3ad), what decides which group of ports is used. A change takes the bond down for a
        moment.
    type: str
    choices: [stable, bandwidth, count]
  table:
    description:
      - Of a V(vrf), the number of its routing table. Required with that kind.
    type: int
  local:
    description:
      - Of a V(vxlan), the address that it sends from.
    type: str
  remote:
    description:
      - Of a V(vxlan), the address that it sends to, a single one or a multicast group.
    type: str
  dstport:
    description:
      - Of a V(vxlan), the UDP port that it sends to. The kernel's own default is 8472; IANA assigned 4789.
    type: int
  ttl:
    description:
      - Of a V(vxlan), the time to live of what it sends; 0 takes that of the packet inside.
    type: int
  learning:
    description:
      - Of a V(vxlan), whether it learns where addresses are from what it receives.
    type: bool
  stp:
    description:
      - Of a V(bridge), whether it takes part in the spanning tree protocol.
    type: bool
  vlan_filtering:
    description:
      - Of a V(bridge), whether it keeps VLANs apart.
    type: bool
  forward_delay:
    description:
      - Of a V(bridge), how many seconds a port listens, and then learns, before it forwards.
      - A bridge that follows another one in the spanning tree shows the root's O(forward_delay), O(hello_time) and
        O(max_age). So long nobody can tell its own, and they are taken to be as they are asked for.
    type: float
  hello_time:
    description:
      - Of a V(bridge), the seconds between its spanning tree messages.
    type: float
  max_age:
    description:
      - Of a V(bridge), after how many seconds without spanning tree messages it takes a neighbour for gone.
    type: float
  ageing_time:
    description:
      - Of a V(bridge), for how many seconds it remembers where an address is.
      - While the spanning tree changes, it forgets sooner, and doesn't tell this time.
    type: float
  priority:
    description:
      - Of a V(bridge), its priority in the spanning tree, from 0 to 65535.
    type: int
seealso:
  - module: netns.lab.veth
  - module: netns.lab.netns
"""

EXAMPLES = r"""
- name: A bridge in a namespace
  netns.lab.link:
    name: br0
    netns: sw1
    kind: bridge
    up: true

- name: A VXLAN tunnel from a namespace
  netns.lab.link:
    name: vx10
    netns: red
    kind: vxlan
    id: 10
    local: 10.0.0.1
    remote: 10.0.0.2
    dstport: 4789
    addresses: [192.0.2.1/24]
    up: true

- name: A macvlan on a bridge of the machine, in a namespace
  netns.lab.link:
    name: mv0
    netns: red
    kind: macvlan
    link: br0
    link_netns: "@"
    mode: bridge
    up: true

- name: A bond in a namespace
  netns.lab.link:
    name: bond0
    netns: red
    kind: bond
    mode: active-backup
    miimon: 100
    addresses: [10.0.0.1/24]
    up: true

- name: Two links that stand become its ports
  netns.lab.link:
    name: "{{ item }}"
    netns: red
    bond: bond0
  loop: [eth0, eth1]

- name: The first one is preferred
  netns.lab.link:
    name: bond0
    netns: red
    kind: bond
    primary: eth0

- name: Another MTU for a link that stands
  netns.lab.link:
    name: br0
    netns: sw1
    mtu: 1400

- name: Remove it
  netns.lab.link:
    name: vx10
    netns: red
    state: absent
"""

RETURN = r"""
link:
  description: The link as it stands, or in check mode would stand. The options of its kind that were asked for are
    there too.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    netns:
      description: Its namespace; none for the machine's own.
      type: str
    state:
      description: V(present) or V(absent).
      type: str
    kind:
      description: Its kind; empty for a NIC.
      type: str
    addresses:
      description: Its addresses.
      type: list
      elements: str
    mac:
      description: Its MAC address; of a port of a bond, its own. In check mode none, if the kernel is still to choose
        it.
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
    link:
      description: The link that it stands on.
      type: str
    link_netns:
      description: The namespace of RV(link.link), if it is another one; V(@) is the machine itself.
      type: str
  sample:
    name: br0
    netns: sw1
    state: present
    kind: bridge
    addresses: []
    mac: "8a:4e:0c:d4:a1:5e"
    mtu: 1500
    up: true
    bridge: null
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: ["create bridge sw1:br0", "set sw1:br0 up"]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 2
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.link import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "netns": {"type": "str"},
            "kind": {
                "type": "str",
                "choices": ["bond", "bridge", "dummy", "ifb", "ipvlan", "macvlan", "vlan", "vrf", "vxlan"],
            },
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "link": {"type": "str"},
            "link_netns": {"type": "str"},
            "mac": {"type": "str"},
            "mtu": {"type": "int"},
            "up": {"type": "bool"},
            "addresses": {"type": "list", "elements": "str"},
            "bridge": {"type": "str"},
            "bond": {"type": "str"},
            "vrf": {"type": "str"},
            "id": {"type": "int"},
            "protocol": {"type": "str", "choices": ["802.1q", "802.1ad"]},
            "mode": {
                "type": "str",
                "choices": [
                    "balance-rr",
                    "active-backup",
                    "balance-xor",
                    "broadcast",
                    "802.3ad",
                    "balance-tlb",
                    "balance-alb",
                    "bridge",
                    "private",
                    "vepa",
                    "passthru",
                    "source",
                    "l2",
                    "l3",
                    "l3s",
                ],
            },
            "miimon": {"type": "int"},
            "updelay": {"type": "int"},
            "downdelay": {"type": "int"},
            "arp_interval": {"type": "int"},
            "arp_ip_target": {"type": "list", "elements": "str"},
            "primary": {"type": "str"},
            "min_links": {"type": "int"},
            "xmit_hash_policy": {
                "type": "str",
                "choices": ["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"],
            },
            "lacp_rate": {"type": "str", "choices": ["slow", "fast"]},
            "ad_select": {"type": "str", "choices": ["stable", "bandwidth", "count"]},
            "table": {"type": "int"},
            "local": {"type": "str"},
            "remote": {"type": "str"},
            "dstport": {"type": "int"},
            "ttl": {"type": "int"},
            "learning": {"type": "bool"},
            "stp": {"type": "bool"},
            "vlan_filtering": {"type": "bool"},
            "forward_delay": {"type": "float"},
            "hello_time": {"type": "float"},
            "max_age": {"type": "float"},
            "ageing_time": {"type": "float"},
            "priority": {"type": "int"},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

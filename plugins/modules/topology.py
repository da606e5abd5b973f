# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole lab in one call. Its body is in module_utils/_door, its keys in module_utils/_engine/schema.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: topology
short_description: Build, change and remove a whole network-namespace lab
version_added: 0.1.0
description:
  - Brings a lab to what its lab file says, in one call, however many nodes and links it has.
  - The lab is given as the options O(name), O(nodes), O(links) and so on, or as a O(file) that holds the same keys.
  - Addresses, MTUs, routes and sysctls are changed in place; a link that changed touches that link only.
  - If a step fails, everything that this run changed is put back.
  - What the lab made is recorded, so that O(state=absent) needs only its O(name).
  - It never removes what it did not make, except inside its own namespaces with O(exact=true).
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
options:
  file:
    description:
      - A lab file, whose keys are those of this module from O(name) to O(prefix).
      - It is looked for on the controller, first from the directory in which Ansible was started, then where a play
        looks for its C(files), then, if it is only a name, among the labs that come with the collection
        (V(red-blue), V(switched-lan), V(three-routers), V(web-server) and V(containers)).
      - The file is not templated. Where it lies is kept for M(netns.lab.topology_info).
      - O(nodes), O(links), O(groups) and O(defaults) can't stand beside it. O(name) and O(prefix) can, and
        override those in the file, so that one file makes several labs.
    type: str
  # Made from the table in plugins/module_utils/_engine/schema.py by tests/generate_docs.py: begin
  name:
    description:
      - The name of the lab, which marks what belongs to it.
      - 1 to 31 of C(a-z), C(0-9) and C(-), starting with a letter.
    type: str
  nodes:
    description:
      - The nodes by name, each a network namespace of that name.
      - The keys below are those of each node.
    type: dict
    suboptions:
      kind:
        description:
          - What the node is.
          - V(host) doesn't forward, V(router) forwards IPv4 and IPv6.
          - V(switch) is a namespace with one bridge, called C(br0), whose ports are the links that end here.
          - 'V(container) is a host whose namespace an LXC container shares: see O(nodes.container).'
          - The default is V(host).
        type: str
        choices:
          - host
          - router
          - switch
          - container
      stp:
        description:
          - 'For O(nodes.kind=switch): whether its bridge speaks the spanning tree protocol, which blocks what would
            close a loop of switches.'
          - Each port then lets nothing through for 30 seconds after it has come up.
          - 'What is broadcast goes round for ever in a loop without, and takes the machine''s processors: the module
            warns of one.'
          - The default is V(false).
        type: bool
      loopback:
        description:
          - Whether the node's loopback is up.
          - The default is V(true).
        type: bool
      sysctls:
        description:
          - Sysctls of the node's namespace, by name with dots, or with slashes where the name of a link has a dot.
          - They override those that every node gets so that a lab is the same on every machine. These are forwarding
            by O(nodes.kind), C(rp_filter) 0, C(promote_secondaries) 1 and IPv6's C(accept_dad) 0.
        type: dict
      etc:
        description:
          - Files under C(/etc/netns/NAMESPACE), by name, which C(ip netns exec) puts in the place of those in C(/etc).
        type: dict
      routes:
        description:
          - Static routes, in order.
        type: list
        elements: dict
        suboptions:
          to:
            description:
              - 'Where the route leads: V(default), a network like V(10.0.0.0/8) or V(fd00::/8), or a single address.'
            required: true
            type: str
          via:
            description:
              - The gateway. A list of gateways shares the traffic among them (ECMP).
            type: raw
          dev:
            description:
              - The link it leaves by, by its name in this node.
              - Needed only where the gateway doesn't tell it.
            type: str
          hops:
            description:
              - Next hops one by one, each with O(nodes.routes[].hops[].via), O(nodes.routes[].hops[].dev) or both,
                instead of O(nodes.routes[].via).
            type: list
            elements: dict
            suboptions:
              via:
                description:
                  - The gateway.
                type: str
              dev:
                description:
                  - The link it leaves by, by its name in this node.
                  - Needed only where the gateway doesn't tell it.
                type: str
              weight:
                description:
                  - The share of this hop.
                type: int
          table:
            description:
              - The routing table, by number or V(main).
              - The default is V(main).
            type: raw
          metric:
            description:
              - Of two routes to one destination, that with the lower metric is used.
              - The kernel's default is 0 for IPv4 and 1024 for IPv6.
            type: int
          src:
            description:
              - The address that the node speaks from, one of its own.
            type: str
          type:
            description:
              - V(unicast) leads somewhere; the others drop what matches or, V(throw), end the look-up in this table.
              - The default is V(unicast).
            type: str
            choices:
              - unicast
              - blackhole
              - unreachable
              - prohibit
              - throw
          onlink:
            description:
              - Take the gateway for reachable on O(nodes.routes[].dev) though no address of the node says so.
            type: bool
      processes:
        description:
          - Programs that are kept running in the node's namespace, on the machine's own file system.
          - They are started side by side when the network stands, and a lab that is brought up again starts those
            that have ended, and restarts those of which something else is said.
          - They end with the lab, with everything that they have started.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - What it is called, in this node.
              - Up to 63 letters, digits, C(.), C(_) and C(-).
            required: true
            type: str
          argv:
            description:
              - The program and its arguments, one an element.
              - No shell is involved.
            required: true
            type: list
            elements: raw
          ready:
            description:
              - When it counts as started. What is given here has to be so, all of it.
              - Without it, it counts as started when it hasn't ended after a fifth of a second.
            type: dict
            suboptions:
              tcp:
                description:
                  - It listens at this TCP port, at whatever address.
                type: int
              udp:
                description:
                  - It waits at this UDP port, at whatever address.
                type: int
              command:
                description:
                  - This command, run as the program is, ends with return code 0.
                type: list
                elements: raw
              timeout:
                description:
                  - How long that may take, in seconds, before the start has failed.
                  - The default is V(10).
                type: float
          log:
            description:
              - The file that gets all its output.
              - The default is C(/var/log/netns-lab/NAMESPACE/NAME.log), which goes with the process; a file that
                is named here stays.
            type: str
          environment:
            description:
              - Environment variables, besides C(PATH), C(LANG), C(HOME), C(SHELL), C(USER) and C(LOGNAME).
            type: dict
          chdir:
            description:
              - The directory in which it runs.
              - The default is V(/).
            type: str
          user:
            description:
              - The user of the machine whom it runs as.
              - The default is V(root).
            type: str
          kill_timeout:
            description:
              - How long it has to end when it is stopped, in seconds, before it is killed.
              - The default is V(5).
            type: float
      container:
        description:
          - The container of a node with O(nodes.kind=container), which is called as the node's namespace is, and
            goes with it. It is started when the node's network is there.
        type: dict
        suboptions:
          state:
            description:
              - Whether it runs.
              - The default is V(started).
            type: str
            choices:
              - started
              - stopped
              - frozen
          template:
            description:
              - What the container is made from.
              - V(busybox) needs no network and takes no time.
              - V(debian) is made by C(mmdebstrap) or C(debootstrap), on Debian from the machine's own package sources,
                elsewhere from the C(mirror) of its options.
              - V(download), V(local) and V(oci) are LXC's own, and V(none) takes a root file system that stands.
              - The default is V(busybox). It matters only when the container is made.
            type: str
            choices:
              - busybox
              - debian
              - download
              - local
              - oci
              - none
          template_options:
            description:
              - What the template is told, by the names of its long options.
              - V(debian) has C(release), C(arch), C(mirror) and C(packages), a list; V(none) has C(rootfs), a path.
            type: dict
          lxc_path:
            description:
              - The directory that holds the container.
              - The default is LXC's own, as a rule C(/var/lib/lxc).
            type: str
          backing_store:
            description:
              - What its root file system is kept in.
              - The default is V(dir).
            type: str
            choices:
              - dir
              - btrfs
              - lvm
              - loop
              - overlay
              - rbd
              - zfs
              - best
          backing_store_options:
            description:
              - What the backing store needs, by the names of C(lxc-create), like C(fssize).
            type: dict
          config:
            description:
              - Keys of C(lxc.container.conf), each with a value or a list of values, which replace all that the key
                has.
              - A key without a value is removed; keys that aren't named stay as they are.
            type: dict
          limits:
            description:
              - Limits, for either version of control groups.
            type: dict
            suboptions:
              memory:
                description:
                  - Memory, in bytes or like V(512M).
                type: raw
              cpus:
                description:
                  - 'Processor time, in processors: V(1.5) is one and a half.'
                type: float
              pids:
                description:
                  - How many processes and threads.
                type: int
              cpuset:
                description:
                  - The processors that it may use, like V(0-1).
                type: str
          mounts:
            description:
              - What is mounted into it, besides what its template mounts.
            type: list
            elements: dict
            suboptions:
              source:
                description:
                  - 'What is mounted: a path of the machine, or a name like tmpfs.'
                required: true
                type: str
              target:
                description:
                  - Where in the container, as a path from its root.
                required: true
                type: str
              type:
                description:
                  - The type of file system.
                  - The default is V(none), for a bind mount.
                type: str
              options:
                description:
                  - Mount options, with commas.
                  - The default is V(bind), and C(create=dir) is always added unless a C(create=) stands here.
                type: str
              readonly:
                description:
                  - Whether nothing can be written there.
                type: bool
          environment:
            description:
              - Environment variables of its init.
            type: dict
          idmap:
            description:
              - 'Ranges of user and group ids, like V(u 0 100000 65536): the container is unprivileged.'
              - 'It matters when the container is made: later its files would belong to others.'
            type: list
            elements: str
          restart:
            description:
              - 'Whether a running container is started anew for a change of its configuration: V(never), V(if_needed)
                (not for limits, which it takes on as it runs), V(always).'
              - The default is V(if_needed).
            type: str
            choices:
              - never
              - if_needed
              - always
          wait:
            description:
              - 'What a start waits for: V(running), V(init) (its start scripts are through), V(network) (it has an
                address).'
              - The default is V(running).
            type: str
            choices:
              - running
              - init
              - network
          timeout:
            description:
              - Seconds for a start, and for a shutdown before it is killed.
              - The default is 60.
            type: float
          create_timeout:
            description:
              - Seconds for making it.
              - The default is 1200.
            type: float
      groups:
        description:
          - Groups of O(groups) whose settings the node takes; of two groups the later wins.
        type: list
        elements: str
  links:
    description:
      - The links, each a veth pair.
      - A link is a list of two ends, or a mapping with O(links[].endpoints) and settings.
    type: list
    elements: raw
    suboptions:
      endpoints:
        description:
          - The two ends.
          - Each is C(NODE:LINK), the name of a switch (which names its own ports), C(@NAME) for a link of the machine
            itself, or a mapping.
          - 'A bridge of the machine gets a port. Any other link of it, such as a NIC, is lent: it comes home with
            all that it had when the lab goes (M(netns.lab.nic)).'
        required: true
        type: list
        elements: raw
        suboptions:
          node:
            description:
              - The node, or C(@NAME).
            required: true
            type: str
          name:
            description:
              - The name of the link in this node, at most 15 bytes.
              - Needed unless the node is a switch or C(@NAME).
            type: str
          addresses:
            description:
              - IPv4 and IPv6 addresses with their prefix length, in order.
            type: list
            elements: str
          mac:
            description:
              - The MAC address of this end.
              - Quote it, or YAML may take it for a number.
            type: str
          mtu:
            description:
              - The MTU of this end, in bytes, where it differs from that of the link.
            type: int
      mtu:
        description:
          - The MTU of both ends, in bytes.
          - The default is V(1500).
        type: int
  groups:
    description:
      - Settings for several nodes, by the name of the group, which the nodes give in O(nodes.groups).
    type: dict
  defaults:
    description:
      - 'Settings that hold where nothing nearer does: a group overrides these, and a node overrides its groups.'
      - Mappings are merged, lists replaced.
    type: dict
    suboptions:
      node:
        description:
          - Settings for all nodes, as in O(nodes).
        type: dict
      link:
        description:
          - Settings for all links, as in O(links).
        type: dict
  prefix:
    description:
      - Put before the name of every namespace, when several copies of a lab share a machine.
      - Each copy is a lab of its own, so O(state=absent) needs it together with O(name).
    type: str
  # Made from the table: end
  state:
    description:
      - V(present) makes the lab what the lab file says.
      - V(absent) removes all that the lab made; it needs only O(name).
    type: str
    choices: [present, absent]
    default: present
  exact:
    description:
      - Also remove links, addresses and routes, and stop programs of M(netns.lab.process), that are in the lab's own
        namespaces but not in the lab file. That makes it a reset. Without it they are left, and
        M(netns.lab.topology_info) tells of them.
      - What routing daemons and the kernel make by themselves stays, and so do physical NICs and sysctls that the lab
        file doesn't name.
      - Policy rules and firewall tables stay, too, with a warning.
    type: bool
    default: false
  adopt:
    description:
      - Take over namespaces and containers of the lab's names, and programs that run under its names, that are there
        already but belong to no lab, instead of refusing them.
    type: bool
    default: false
  force:
    description:
      - Act also on links of the machine that this lab didn't make, and where the machine's default route or Ansible's
        own connection may be cut.
      - Namespaces, containers and programs of another lab are refused all the same. Take that lab down, or give one of
        the two a O(prefix).
    type: bool
    default: false
  rollback:
    description:
      - Put everything back that this run changed if a step fails.
      - With V(false) the state at the failure stays, to be looked at.
    type: bool
    default: true
  lock_timeout:
    description:
      - How long to wait, in seconds, while another run works on the same lab or on the same machine's links.
    type: float
    default: 60
seealso:
  - module: netns.lab.topology_info
  - module: netns.lab.netns
  - module: netns.lab.veth
  - module: netns.lab.route
notes:
  - Names and addresses that YAML takes for something else have to be quoted, such as a node V('on') or a MAC address.
  - The JSON Schema of lab files, for editors, is C(docs/lab.schema.json) in the collection.
"""

EXAMPLES = r"""
- name: Bring up a lab that comes with the collection
  netns.lab.topology:
    file: red-blue

- name: Two hosts and the link between them
  netns.lab.topology:
    name: pair
    nodes:
      left: {}
      right: {}
    links:
      - endpoints:
          - {node: left, name: eth0, addresses: [10.0.0.1/24, "fd00::1/64"]}
          - {node: right, name: eth0, addresses: [10.0.0.2/24, "fd00::2/64"]}
        mtu: 9000

- name: A router between two switches
  netns.lab.topology:
    name: office
    nodes:
      gw: {kind: router}
      lan1: {kind: switch}
      lan2: {kind: switch}
      pc1: {groups: [first-floor]}
      pc2: {groups: [first-floor]}
      printer:
        routes: [{to: default, via: 10.2.0.1}]
        sysctls: {net.ipv4.icmp_echo_ignore_all: 1}
        etc: {resolv.conf: "nameserver 10.2.0.1\n"}
    groups:
      first-floor:
        routes: [{to: default, via: 10.1.0.1}]
    links:
      - [{node: gw, name: lan1, addresses: [10.1.0.1/24]}, lan1]
      - [{node: gw, name: lan2, addresses: [10.2.0.1/24]}, lan2]
      - [{node: pc1, name: eth0, addresses: [10.1.0.11/24]}, lan1]
      - [{node: pc2, name: eth0, addresses: [10.1.0.12/24]}, lan1]
      - [{node: printer, name: eth0, addresses: [10.2.0.13/24]}, lan2]

- name: See what a changed lab file would do, without doing it
  netns.lab.topology:
    file: labs/office.yml
  check_mode: true
  diff: true

- name: Reset a lab to what its file says, whatever somebody did in it
  netns.lab.topology:
    file: labs/office.yml
    exact: true

- name: A second copy of a lab on the same machine
  netns.lab.topology:
    file: labs/office.yml
    name: office-b
    prefix: b-

- name: Remove a lab
  netns.lab.topology:
    name: office
    state: absent
"""

RETURN = r"""
topology:
  description: The lab as it stands, or in check mode would stand. Of one that is absent only its name.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the lab.
      type: str
    nodes:
      description:
        - The nodes by name. The keys below are those of each node.
      type: dict
      contains:
        netns:
          description: The name of its namespace.
          type: str
        kind:
          description: V(host), V(router), V(switch) or V(container).
          type: str
        links:
          description:
            - Its links by name, without the loopback. The keys below are those of each link.
          type: dict
          contains:
            addresses:
              description: Its addresses with their prefix length, in order.
              type: list
              elements: str
            bridge:
              description: The bridge that it is a port of, if it is one.
              type: str
            kind:
              description: The kind of link, if it isn't a veth.
              type: str
            mac:
              description: Its MAC address.
              type: str
            mtu:
              description: Its MTU in bytes.
              type: int
            peer:
              description: The other end, as C(NODE:LINK), or C(@BRIDGE:LINK) if it is on the machine itself.
              type: str
            up:
              description: Whether it is set up.
              type: bool
        routes:
          description: Its routes, apart from those that the kernel makes, in the words of O(nodes.routes).
          type: list
          elements: dict
        container:
          description: The state of its container, in the words of O(nodes.container).
          returned: if it has one
          type: dict
        processes:
          description: The programs that run in it, in the words of O(nodes.processes).
          returned: if there are any
          type: list
          elements: dict
    links:
      description: The two ends of each link of the lab file, as C(NODE:LINK).
      type: list
      elements: list
  sample:
    name: red-blue
    nodes:
      red:
        netns: red
        kind: host
        links:
          eth0: {addresses: [10.0.0.1/24], mac: "8a:4e:0c:d4:a1:5e", mtu: 1500, peer: "blue:eth0", up: true}
        routes: []
    links:
      - ["red:eth0", "blue:eth0"]
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
problems:
  description: What is wrong with the lab file, one by one, each with its place in it.
  returned: when more than one thing is wrong
  type: list
  elements: str
  sample: ["links[0].endpoints[1].mtu: 70000: expected an MTU, a number from 68 to 65535"]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.topology import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "file": {"type": "str"},
            "nodes": {"type": "dict"},
            "links": {"type": "list", "elements": "raw"},
            "groups": {"type": "dict"},
            "defaults": {"type": "dict"},
            "prefix": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "exact": {"type": "bool", "default": False},
            "adopt": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            "rollback": {"type": "bool", "default": True},
            "lock_timeout": {"type": "float", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An LXC container. Its body is in module_utils/_door, module_utils/_engine and module_utils/_lxc."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lxc_container
short_description: Make, configure, start, stop, copy and remove an LXC container
version_added: 0.1.0
description:
  - Brings a system container of LXC to the state, and its configuration file to the content, that the task describes.
  - The configuration is written before the first start, and is compared with the file each time. What the task doesn't
    name stays as it is, comments and includes too.
  - Every call of LXC's tools has a time limit, and a failure carries what LXC wrote into its log.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
  - netns.lab.lxc
  - netns.lab.lxc.tools
attributes:
  idempotent:
    support: partial
    details: Not so O(state=restarted) and O(snapshot.state=restored), which are done each time.
options:
  name:
    description:
      - The name of the container. Up to 63 letters, digits, C(.), C(_) and C(-), beginning with a letter or digit.
    type: str
    required: true
  state:
    description:
      - V(present) makes the container if it isn't there and leaves it running or stopped as it is.
      - V(started), V(stopped) and V(frozen) also bring it to that state, V(restarted) stops and starts it each time.
      - V(absent) stops it, and removes it with its snapshots.
      - A shutdown is asked for first; what still runs after O(timeout) is killed.
    type: str
    choices: [present, started, stopped, frozen, restarted, absent]
    default: present
  template:
    description:
      - What the container is made from, V(busybox) if nothing is said. It matters only when the container is made.
      - V(busybox) needs no network and takes no time. V(debian) is made by C(mmdebstrap) or C(debootstrap),
        on Debian from the machine's own package sources, elsewhere from C(mirror), which has to be said there; it is
        kept as an archive under C(/var/cache/netns-lab). Where neither is there, the distribution's template of that
        name makes it. V(download), V(local) and V(oci) are LXC's own templates.
        V(none) takes a root file system that stands already, which is never removed with the container.
    type: str
    choices: [busybox, debian, download, local, oci, none]
  template_options:
    description:
      - What the template is told, by the names of its long options, such as C(dist), C(release) and C(arch) for
        V(download), C(metadata) and C(fstree) for V(local), C(url) for V(oci).
      - V(debian) has C(release), C(arch), C(mirror) and C(packages), a list; V(none) has C(rootfs), a path.
    type: dict
  backing_store:
    description:
      - What the root file system is kept in, V(dir) if nothing is said.
    type: str
    choices: [dir, btrfs, lvm, loop, overlay, rbd, zfs, best]
  backing_store_options:
    description:
      - What the backing store needs, by the names of C(lxc-create), such as C(fssize), C(fstype), C(vgname),
        C(thinpool), C(zfsroot).
    type: dict
  clone_from:
    description:
      - Another container in the same O(lxc_path), of which this one is a copy if it has to be made. LXC copies only
        a container that is stopped.
    type: str
  clone_snapshot:
    description:
      - Whether the copy shares the root file system of the original and holds only what differs (overlay, or the
        means of the backing store). The original can't be removed as long as it is there.
    type: bool
  netns:
    description:
      - The named network namespace that the container shares. It then has the links, addresses and routes of that
        namespace, and no network of its own.
      - The module M(netns.lab.netns) makes one, M(netns.lab.veth) and M(netns.lab.link) what is in it.
    type: str
  networks:
    description:
      - The networks of the container, all of them. An empty list leaves it with its loopback only; without this option
        and O(netns), its networks stay as they are.
    type: list
    elements: dict
    suboptions:
      type:
        description: What kind of network it is.
        type: str
        choices: [veth, macvlan, ipvlan, vlan, phys, empty, none]
        default: veth
      link:
        description: The link of the machine that it is on, such as a bridge.
        type: str
      name:
        description: What it is called in the container.
        type: str
      hwaddr:
        description: Its MAC address.
        type: str
      mtu:
        description: Its MTU, in bytes.
        type: int
      ipv4_addresses:
        description: IPv4 addresses with prefix length.
        type: list
        elements: str
      ipv4_gateway:
        description: The IPv4 gateway, or V(auto), or V(dev).
        type: str
      ipv6_addresses:
        description: IPv6 addresses with prefix length.
        type: list
        elements: str
      ipv6_gateway:
        description: The IPv6 gateway, or V(auto), or V(dev).
        type: str
      veth_pair:
        description: What the machine's end of a veth pair is called.
        type: str
      macvlan_mode:
        description: The mode of a macvlan.
        type: str
      ipvlan_mode:
        description: The mode of an ipvlan.
        type: str
      vlan_id:
        description: The id of a VLAN.
        type: int
      up:
        description: Whether it is brought up.
        type: bool
        default: true
  config:
    description:
      - Keys of C(lxc.container.conf), each with a value or a list of values. They replace all that the key has in the
        file, in the place where it stands. A key with null is removed. Keys that aren't named stay as they are.
    type: dict
  limits:
    description:
      - Limits of its control group, all of them. They are written in the keys of the version that this machine has.
        A container that runs takes a changed limit on as it runs.
    type: dict
    suboptions:
      memory:
        description: Memory, in bytes or like V(512M).
        type: str
      cpus:
        description: Processor time, in processors. V(1.5) is one and a half.
        type: float
      pids:
        description: How many processes and threads.
        type: int
      cpuset:
        description: The processors that it may use, like V(0-1).
        type: str
  mounts:
    description:
      - What is mounted into it by this task, all of it. What its template mounts stays.
    type: list
    elements: dict
    suboptions:
      source:
        description: A path of the machine, or a name like V(tmpfs).
        type: str
        required: true
      target:
        description: Where in the container, as a path from its root. It is made if it isn't there.
        type: str
        required: true
      type:
        description: The type of file system; V(none) for a bind mount, which is the default.
        type: str
      options:
        description: Mount options, with commas. V(bind) if nothing is said. C(create=dir) is always added unless a
          C(create=) stands here.
        type: str
      readonly:
        description: Whether nothing can be written there.
        type: bool
  environment:
    description:
      - Environment variables of its init, all that a task has set.
    type: dict
  idmap:
    description:
      - Ranges of user and group ids, such as V(u 0 100000 65536) and V(g 0 100000 65536). With them the container is
        unprivileged - root in it is nobody outside. It has to be said when the container is made.
    type: list
    elements: str
  autostart:
    description:
      - Whether it is started when the machine boots.
    type: bool
  autostart_delay:
    description:
      - How many seconds to wait after its start before the next one is started.
    type: int
  autostart_order:
    description:
      - Its place in the order of starting. Those with a higher number come first.
    type: int
  groups:
    description:
      - The groups it belongs to, for C(lxc-autostart).
    type: list
    elements: str
  snapshot:
    description:
      - A snapshot of the container, which has to be stopped to take one or to go back to it (O(state=stopped)).
    type: dict
    suboptions:
      name:
        description: What it is called. LXC numbers snapshots; the name is kept as its comment.
        type: str
        required: true
      state:
        description:
          - V(present) takes it if there is none of that name, V(absent) removes it.
          - V(restored) puts the container back to what it holds, each time.
        type: str
        choices: [present, absent, restored]
        default: present
  restart:
    description:
      - What happens when the container runs and hasn't seen its present configuration, be it changed now or earlier.
      - V(never) leaves it running and warns; RV(lxc_container.pending_restart) says so. V(if_needed) restarts it unless
        it takes the change on as it runs (limits). V(always) restarts it for any change that it hasn't seen.
    type: str
    choices: [never, if_needed, always]
    default: never
  wait:
    description:
      - What the task waits for when the container runs. V(running) is that LXC has started its init, V(init) that
        its start scripts are through, V(network) that it has an address, too.
    type: str
    choices: [running, init, network]
    default: running
  timeout:
    description:
      - How many seconds a start may take, being ready after O(wait), and a shutdown before what still runs is killed.
    type: float
    default: 60
  create_timeout:
    description:
      - How many seconds making, copying or restoring it may take.
    type: float
    default: 1200
  rollback:
    description:
      - Whether everything is put back when a step fails, such as a start. Without it a container that was made and
        configured stays, to be looked at and to be started when the cause is mended.
      - Snapshots that were taken or removed, and what a restored one has replaced, are not put back.
    type: bool
    default: false
seealso:
  - module: netns.lab.lxc_container_info
  - module: netns.lab.lxc_exec
  - module: netns.lab.topology
    description: A node of the kind container is a namespace that a container shares, with links like any other.
  - name: lxc.container.conf(5)
    description: All keys of the configuration.
    link: https://linuxcontainers.org/lxc/manpages/man5/lxc.container.conf.5.html
"""

EXAMPLES = r"""
- name: A container that shares the namespace red
  netns.lab.lxc_container:
    name: web
    state: started
    netns: red

- name: A Debian system of its own, with limits, on a bridge
  netns.lab.lxc_container:
    name: db
    state: started
    template: debian
    template_options: {release: trixie, packages: [python3]}
    networks:
      - {link: lxcbr0, name: eth0}
    limits: {memory: 512M, cpus: 1.5, pids: 200}
    wait: network

- name: Some keys of its configuration, another one removed
  netns.lab.lxc_container:
    name: web
    state: started
    config:
      lxc.cap.drop: [sys_module, sys_time]
      lxc.tty.max: 4
      lxc.pty.max:
    restart: if_needed

- name: A file of the machine in the container
  netns.lab.lxc_container:
    name: web
    mounts:
      - {source: /etc/hosts, target: /etc/hosts, options: "bind,create=file", readonly: true}

- name: Take a snapshot before something risky
  netns.lab.lxc_container:
    name: web
    state: stopped
    snapshot: {name: before}

- name: A copy
  netns.lab.lxc_container:
    name: web2
    clone_from: web

- name: Remove it
  netns.lab.lxc_container:
    name: web2
    state: absent
"""

RETURN = r"""
lxc_container:
  description: The container as it stands, or in check mode would stand.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    lxc_path:
      description: The directory that holds it.
      type: str
    state:
      description: V(running), V(stopped), V(frozen) or V(absent); with O(state=present) also V(stuck), see
        M(netns.lab.lxc_container_info).
      type: str
    pid:
      description: Its init, as the machine numbers it.
      type: int
    netns:
      description: The named namespace that it shares.
      type: str
    config:
      description: Its configuration, each key with all its values in order. In check mode, of a container that is
        still to be made, what is known of it.
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
  sample:
    name: web
    lxc_path: /var/lib/lxc
    state: running
    pid: 4711
    netns: red
    config: {lxc.uts.name: [web], lxc.namespace.share.net: [/run/netns/red]}
    autostart: false
    groups: []
    snapshots: []
    lab: ""
    pending_restart: false
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: ["create container web from template busybox", "start container web"]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 2
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.lxc_container import run

_NETWORK = {
    "type": {
        "type": "str",
        "choices": ["veth", "macvlan", "ipvlan", "vlan", "phys", "empty", "none"],
        "default": "veth",
    },
    "link": {"type": "str"},
    "name": {"type": "str"},
    "hwaddr": {"type": "str"},
    "mtu": {"type": "int"},
    "ipv4_addresses": {"type": "list", "elements": "str"},
    "ipv4_gateway": {"type": "str"},
    "ipv6_addresses": {"type": "list", "elements": "str"},
    "ipv6_gateway": {"type": "str"},
    "veth_pair": {"type": "str"},
    "macvlan_mode": {"type": "str"},
    "ipvlan_mode": {"type": "str"},
    "vlan_id": {"type": "int"},
    "up": {"type": "bool", "default": True},
}
_LIMITS = {
    "memory": {"type": "str"},
    "cpus": {"type": "float"},
    "pids": {"type": "int"},
    "cpuset": {"type": "str"},
}
_MOUNT = {
    "source": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "type": {"type": "str"},
    "options": {"type": "str"},
    "readonly": {"type": "bool"},
}
_SNAPSHOT = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "restored"], "default": "present"},
}


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["present", "started", "stopped", "frozen", "restarted", "absent"],
                "default": "present",
            },
            "lxc_path": {"type": "path"},
            "template": {"type": "str", "choices": ["busybox", "debian", "download", "local", "oci", "none"]},
            "template_options": {"type": "dict"},
            "backing_store": {
                "type": "str",
                "choices": ["dir", "btrfs", "lvm", "loop", "overlay", "rbd", "zfs", "best"],
            },
            "backing_store_options": {"type": "dict"},
            "clone_from": {"type": "str"},
            "clone_snapshot": {"type": "bool"},
            "netns": {"type": "str"},
            "networks": {"type": "list", "elements": "dict", "options": _NETWORK},
            "config": {"type": "dict"},
            "limits": {"type": "dict", "options": _LIMITS},
            "mounts": {"type": "list", "elements": "dict", "options": _MOUNT},
            "environment": {"type": "dict"},
            "idmap": {"type": "list", "elements": "str"},
            "autostart": {"type": "bool"},
            "autostart_delay": {"type": "int"},
            "autostart_order": {"type": "int"},
            "groups": {"type": "list", "elements": "str"},
            "snapshot": {"type": "dict", "options": _SNAPSHOT},
            "restart": {"type": "str", "choices": ["never", "if_needed", "always"], "default": "never"},
            "wait": {"type": "str", "choices": ["running", "init", "network"], "default": "running"},
            "timeout": {"type": "float", "default": 60},
            "create_timeout": {"type": "float", "default": 1200},
            "rollback": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network namespace as a host. Its body is in plugin_utils/node_connection.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: netns
short_description: Run tasks in a network namespace, on this machine or on another
version_added: 0.1.0
description:
  - Makes a named network namespace an Ansible host. Every module, and C(raw), C(copy) and C(fetch), then run in it, as
    C(ip netns exec) runs commands, with its links, its C(/sys) and its files of C(/etc/netns/NAME).
  - Nothing has to run in the namespace, and it needs no address. The way there is another connection of Ansible's,
    P(ansible.builtin.local#connection) or P(ansible.builtin.ssh#connection), with all of its options, pipelining and
    C(ControlPersist) too. All namespaces of a machine share one connection to it.
  - The user in the namespace is root, whoever connects to the machine. C(become) starts from there.
  - Files travel through the namespace. So C(/etc/hosts) is the namespace's own one if it has one.
  - A namespace that isn't there, or can't be entered, makes its host unreachable, with a sentence that says why.
author:
  - The netns.lab authors (@netns-lab)
requirements:
  - The command C(ip) on the machine
extends_documentation_fragment: [netns.lab.connection]
options:
  name:
    description:
      - The namespace. C(ansible_host) comes before the name of the host in the inventory, and C(ansible_netns_name)
        before both.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_netns_name
  machine:
    vars:
      - name: ansible_netns_machine
  transport:
    vars:
      - name: ansible_netns_transport
  sudo:
    vars:
      - name: ansible_netns_sudo
notes:
  - Processes in all namespaces of a machine share its file system, its users and its packages. Only what is below
    C(/etc/netns/NAME) is a namespace's own.
seealso:
  - plugin: netns.lab.lxc
    plugin_type: connection
  - module: netns.lab.netns_exec
  - module: netns.lab.topology
"""

EXAMPLES = r"""
# An inventory: two namespaces of this machine, and two of the machine vm1, which is reached by ssh.
all:
  vars:
    ansible_pipelining: true
  children:
    here:
      hosts:
        red:
        blue:
      vars:
        ansible_connection: netns.lab.netns
    there:
      hosts:
        vm1-red:
          ansible_netns_name: red
        vm1-blue:
          ansible_netns_name: blue
      vars:
        ansible_connection: netns.lab.netns
        ansible_netns_machine: vm1
    lab_machines:
      hosts:
        vm1:
          ansible_host: 192.0.2.11
          ansible_user: student
"""

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netns.lab.plugins.plugin_utils.node_connection import NodeConnection, Refusal


class Connection(NodeConnection):
    """Loaded by Ansible."""

    transport = "netns.lab.netns"
    kind = "netns"
    refusals = (
        Refusal(
            r"Cannot open network namespace .*: No such file or directory",
            "there is no namespace {name} on {machine}: make it with netns.lab.netns, or bring its lab up",
        ),
        Refusal(
            r"setting the network namespace .* failed: Invalid argument",
            "namespace {name} on {machine} is broken (no namespace is mounted on its file): netns.lab.netns repairs it",
        ),
        Refusal(
            r"(?:network namespace|mount|unshare) .*: (?:Operation not permitted|Permission denied)",
            "namespace {name} on {machine} can be entered by root only: connect as root, or give {user} sudo or doas "
            "without a password",
        ),
        Refusal(
            r"(?:^|\W)ip: (?:command )?not found|sudo: ip: command not found|doas: ip: ",
            "the command ip isn't found on {machine}: install iproute2 there, as the role netns.lab.prepare does",
        ),
    )

    def entry(self) -> list[str]:
        """The words that run what follows them in the namespace."""
        name = self.get_option("name")
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise AnsibleConnectionFailure(f"{name!r} can't be the name of a namespace, which is also a file name")
        return ["ip", "netns", "exec", name]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An LXC container as a host. Its body is in plugin_utils/node_connection.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: lxc
short_description: Run tasks in an LXC container, on this machine or on another
version_added: 0.1.0
description:
  - Makes an LXC container an Ansible host. Every module, and C(raw), C(copy) and C(fetch), then run in it, as
    C(lxc-attach --clear-env) runs commands, in all of its namespaces and control groups.
  - No C(sshd) has to run in the container, and it needs no address. The way there is another connection of Ansible's,
    P(ansible.builtin.local#connection) or P(ansible.builtin.ssh#connection), with all of its options, pipelining and
    C(ControlPersist) too. All containers of a machine share one connection to it.
  - The user in the container is root, whoever connects to the machine. C(become) starts from there.
  - Files travel through the container, and needn't be seen from the machine.
  - A container that isn't there, doesn't run or can't be entered makes its host unreachable, with a sentence that says
    why. A frozen one does so too, for what is started in it would wait.
author:
  - The netns.lab authors (@netns-lab)
requirements:
  - LXC 4.0 or newer on the machine
  - Python in the container, for all but C(raw), C(script) and files
extends_documentation_fragment: [netns.lab.connection]
options:
  name:
    description:
      - The container. C(ansible_host) comes before the name of the host in the inventory, and C(ansible_lxc_name)
        before both.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_lxc_name
  path:
    description:
      - The directory that holds the container. Without it, it is LXC's own, as a rule C(/var/lib/lxc).
    type: str
    vars:
      - name: ansible_lxc_path
  machine:
    vars:
      - name: ansible_lxc_machine
  transport:
    vars:
      - name: ansible_lxc_transport
  sudo:
    vars:
      - name: ansible_lxc_sudo
notes:
  - The environment in the container is not that of the machine. C(PATH) is LXC's own.
  - Containers that belong to the user who connects are entered with O(sudo=none).
seealso:
  - plugin: netns.lab.netns
    plugin_type: connection
  - module: netns.lab.lxc_exec
  - module: netns.lab.lxc_container
"""

EXAMPLES = r"""
# An inventory: a container of this machine, and one of the machine vm1, which is reached by ssh.
all:
  hosts:
    web:
      ansible_connection: netns.lab.lxc
    vm1-web:
      ansible_connection: netns.lab.lxc
      ansible_lxc_name: web
      ansible_lxc_machine: vm1
  children:
    lab_machines:
      hosts:
        vm1:
          ansible_host: 192.0.2.11
          ansible_user: student
"""

import shlex

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netns.lab.plugins.plugin_utils.node_connection import NodeConnection, Refusal

_GATE = (
    "state=$(timeout 10 lxc-info {which} -s -H 2>&1) || state=${{state:-TIMEOUT}}; "
    '[ "$state" = RUNNING ] && exec lxc-attach {which} --clear-env -- "$@"; '
    'echo "netns.lab.lxc: state: $state" >&2; exit 1'
)
"""lxc-attach would wait for ever in front of a frozen container, and says little of one that doesn't run."""

_START = "start it with netns.lab.lxc_container"


class Connection(NodeConnection):
    """Loaded by Ansible."""

    transport = "netns.lab.lxc"
    kind = "lxc"
    refusals = (
        Refusal(r"netns\.lab\.lxc: state: STOPPED", "container {name} on {machine} is stopped: " + _START),
        Refusal(
            r"netns\.lab\.lxc: state: FROZEN",
            "container {name} on {machine} is frozen, and nothing moves in it: " + _START,
        ),
        Refusal(
            r"netns\.lab\.lxc: state: .*doesn't exist",
            "there is no container {name} on {machine}: make it with netns.lab.lxc_container",
        ),
        Refusal(
            r"netns\.lab\.lxc: state: .*lxc-info.*not found",
            "LXC isn't found on {machine}: the role netns.lab.lxc installs it",
        ),
        Refusal(
            r"netns\.lab\.lxc: state: .*(?:Insufficient privileges|Failed to create lock|Failure to retrieve)",
            "container {name} on {machine} can be entered by root only: connect as root, or give {user} sudo or doas "
            "without a password",
        ),
        Refusal(r"netns\.lab\.lxc: state: TIMEOUT", "lxc-info on {machine} didn't say within 10 s how {name} is"),
        Refusal(r"netns\.lab\.lxc: state: ([A-Z]+)", "container {name} on {machine} is {0}: wait until it runs"),
    )

    def entry(self) -> list[str]:
        """The words that run what follows them in the container."""
        name, path = self.get_option("name"), self.get_option("path")
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise AnsibleConnectionFailure(f"{name!r} can't be the name of a container, which is also a directory")
        which = shlex.join(["-n", name, *(["-P", path] if path else [])])
        return ["/bin/sh", "-c", _GATE.format(which=which), "sh"]

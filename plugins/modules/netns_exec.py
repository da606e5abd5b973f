#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command in a namespace. Its body is in module_utils/_command.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: netns_exec
short_description: Run a command in a network namespace
version_added: 0.1.0
description:
  - Runs a command as C(ip netns exec) does, with the C(/sys) of the namespace, and with the files of
    C(/etc/netns/NAME) in the place of those in C(/etc).
  - With C(async) it goes on in the background, and ends with the namespace.
author:
  - The netns.lab authors (@netns-lab)
requirements:
  - iproute2 on the managed machine
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.command
options:
  netns:
    description:
      - The namespace.
    type: str
    required: true
seealso:
  - module: netns.lab.netns
  - module: ansible.builtin.command
"""

EXAMPLES = r"""
- name: Ping the loopback inside
  netns.lab.netns_exec:
    netns: red
    argv: [ping, -c, "1", 127.0.0.1]
  changed_when: false

- name: A pipe needs a shell
  netns.lab.netns_exec:
    netns: red
    argv: [sh, -c, "ip route | wc -l"]
  register: routes
  changed_when: false

- name: A long ping in the background
  netns.lab.netns_exec:
    netns: red
    cmd: ping 10.0.0.2
  async: 3600
  poll: 0

- name: Give up after two seconds
  netns.lab.netns_exec:
    netns: red
    argv: [ping, 192.0.2.99]
    timeout: 2
  register: result
  failed_when: not result.timed_out
  changed_when: false
"""

RETURN = r"""
netns:
  description: The namespace.
  returned: always
  type: str
  sample: red
cmd:
  description: The command and its arguments.
  returned: always
  type: list
  elements: str
  sample: [ping, -c, "1", 127.0.0.1]
rc:
  description: Its return code; a negative number is the signal that ended it.
  returned: always
  type: int
  sample: 0
stdout:
  description: What it wrote to its output.
  returned: always
  type: str
  sample: "1 packets transmitted, 1 received"
stdout_lines:
  description: The same by line.
  returned: with O(encoding=utf-8)
  type: list
  elements: str
stderr:
  description: What it wrote to its error stream.
  returned: always
  type: str
  sample: ""
stderr_lines:
  description: The same by line.
  returned: with O(encoding=utf-8)
  type: list
  elements: str
timed_out:
  description: Whether it was ended because its time ran out.
  returned: always
  type: bool
  sample: false
start:
  description: When it began.
  returned: when it ran
  type: str
  sample: "2026-11-23 16:00:00.000000"
end:
  description: When it ended.
  returned: when it ran
  type: str
  sample: "2026-11-23 16:00:00.010000"
delta:
  description: How long it took.
  returned: when it ran
  type: str
  sample: "0:00:00.010000"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.netns_exec import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "netns": {"type": "str", "required": True},
            "argv": {"type": "list", "elements": "str"},
            "cmd": {"type": "str"},
            "stdin": {"type": "str"},
            "encoding": {"type": "str", "choices": ["utf-8", "base64"], "default": "utf-8"},
            "chdir": {"type": "path"},
            "creates": {"type": "path"},
            "removes": {"type": "path"},
            "timeout": {"type": "float"},
        },
        mutually_exclusive=[("argv", "cmd")],
        required_one_of=[("argv", "cmd")],
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

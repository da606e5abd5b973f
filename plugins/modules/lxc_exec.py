#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command in a container. Its body is in module_utils/_command.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lxc_exec
short_description: Run a command in an LXC container
version_added: 0.1.0
description:
  - Runs a command in a container that runs, as C(lxc-attach --clear-env) does, in its namespaces and control groups.
  - The return code is that of the command, and a container that doesn't run is an error that says so.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.command
  - netns.lab.lxc
  - netns.lab.lxc.tools
options:
  name:
    description:
      - The container.
    type: str
    required: true
  environment:
    description:
      - Environment variables for the command.
    type: dict
seealso:
  - module: netns.lab.lxc_container
  - module: netns.lab.netns_exec
  - module: ansible.builtin.command
"""

EXAMPLES = r"""
- name: Look at the processes of a container
  netns.lab.lxc_exec:
    name: web
    argv: [ps]
  changed_when: false

- name: Make something once
  netns.lab.lxc_exec:
    name: web
    cmd: mkdir -p /srv/www
    creates: /srv/www

- name: A pipe needs a shell
  netns.lab.lxc_exec:
    name: web
    argv: [sh, -c, "ip -o addr | wc -l"]
    timeout: 10
  register: addresses
  changed_when: false
"""

RETURN = r"""
name:
  description: The container.
  returned: always
  type: str
  sample: web
lxc_path:
  description: The directory that holds it.
  returned: always
  type: str
  sample: /var/lib/lxc
cmd:
  description: The command and its arguments.
  returned: always
  type: list
  elements: str
  sample: [ps]
rc:
  description: Its return code; a negative number is the signal that ended it.
  returned: always
  type: int
  sample: 0
stdout:
  description: What it wrote to its output.
  returned: always
  type: str
  sample: "PID   USER     COMMAND"
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

from ansible_collections.netns.lab.plugins.module_utils._door.lxc_exec import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "lxc_path": {"type": "path"},
            "environment": {"type": "dict"},
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

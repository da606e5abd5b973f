#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that is kept running in a namespace. Its body is in module_utils/_engine: programs.py, program_steps.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: process
short_description: Keep a program running in a network namespace
version_added: 0.1.0
description:
  - Starts a program as C(ip netns exec) does and lets it run on, with a session of its own, no terminal, no input, and
    its output in a file. A second run finds it running and changes nothing. One that has ended is started again.
  - If the command, environment, directory, user or log differ from those it runs with, it is restarted.
  - Whatever it starts belongs to it and is stopped with it, also what has gone into the background. For that it has a
    control group of its own, below C(netns-lab) in the hierarchy of version 2, else in that of version 1's freezer.
    On a machine that has neither, its children are told by parents, session and an environment variable.
  - It is running as long as anything of it runs. A program that goes into the background itself will do, too.
  - It ends with its namespace, as everything does that runs there. It isn't started again after a reboot.
  - A lab does the same for the C(processes) of its nodes.
author:
  - The netns.lab authors (@netns-lab)
requirements:
  - iproute2 on the managed machine, and C(setpriv) (util-linux) for O(user)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.change
  - netns.lab.object
attributes:
  idempotent:
    support: partial
    details: Not so O(state=restarted), which is done each time.
options:
  name:
    description:
      - What it is called, in this namespace. Up to 63 letters, digits, C(.), C(_) and C(-).
    type: str
    required: true
  netns:
    description:
      - The namespace.
    type: str
    required: true
  argv:
    description:
      - The program and its arguments, one an element. No shell is involved.
      - Needed for V(started) and V(restarted).
    type: list
    elements: str
  state:
    description:
      - V(started) is running.
      - V(stopped) isn't. Its log stays for you to read, until it is V(absent) or the namespace goes.
      - V(restarted) is running, and was started anew by this task, which is therefore always changed.
      - V(absent) isn't running, and nothing is left of it but a log that you named yourself.
    type: str
    choices: [started, stopped, restarted, absent]
    default: started
  ready:
    description:
      - When it counts as started. What is given here has to be so, all of it. If it isn't in time, or if the program
        ends before, it is stopped, and the task fails with the end of the log.
      - Without it, it counts as started when it hasn't ended after a fifth of a second.
      - A program that runs already isn't asked again.
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
        elements: str
      timeout:
        description:
          - How long that may take, in seconds.
        type: float
        default: 10
  log:
    description:
      - The file that gets all its output. New output goes to its end.
      - The default is C(/var/log/netns-lab/NAMESPACE/NAME.log). A file that is named here is never removed.
    type: path
  environment:
    description:
      - Environment variables, besides C(PATH), C(LANG), C(HOME), C(SHELL), C(USER) and C(LOGNAME).
        Nothing is taken over from the task.
    type: dict
  chdir:
    description:
      - The directory in which it runs. The default is V(/).
    type: path
  user:
    description:
      - The user whom it runs as. The default is V(root).
    type: str
  kill_timeout:
    description:
      - How long it has to end when it is stopped, in seconds after TERM to all of its processes, before what is left is
        killed. The default is V(5).
    type: float
notes:
  - Programs that are started stand in C(/run/netns-lab/processes), with their arguments and environment, readable by
    root. Secrets don't belong into arguments, which everybody on the machine can see.
seealso:
  - module: netns.lab.netns_exec
  - module: netns.lab.topology
"""

EXAMPLES = r"""
- name: Keep a ping going, so that something is to be seen
  netns.lab.process:
    name: ping
    netns: red
    argv: [ping, 10.0.0.2]

- name: A web server, which is there when the task is over
  netns.lab.process:
    name: web
    netns: blue
    argv: [python3, -m, http.server, "80"]
    chdir: /srv
    user: nobody
    environment: {PYTHONUNBUFFERED: "1"}
    ready: {tcp: 80}

- name: A name server that goes into the background by itself
  netns.lab.process:
    name: dns
    netns: blue
    argv: [dnsmasq, --conf-file=/etc/dnsmasq.conf]
    ready: {udp: 53, timeout: 5}

- name: Have it read its files again
  netns.lab.process:
    name: web
    netns: blue
    argv: [python3, -m, http.server, "80"]
    chdir: /srv
    state: restarted

- name: Stop it; the log stays
  netns.lab.process:
    name: ping
    netns: red
    state: stopped

- name: Nothing is left
  netns.lab.process:
    name: ping
    netns: red
    state: absent
"""

RETURN = r"""
process:
  description: The program as it stands, or in check mode would stand.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    netns:
      description: Its namespace.
      type: str
    state:
      description: V(started), V(stopped) or V(absent).
      type: str
    pid:
      description: Its process, as the machine counts; V(null) if none runs, and in check mode if it would be started.
      type: int
    argv:
      description: The command that it runs.
      type: list
      elements: str
    log:
      description: The file with its output.
      type: str
    lab:
      description: The lab that it belongs to; empty if to none.
      type: str
  sample:
    {name: ping, netns: red, state: started, pid: 4711, argv: [ping, 10.0.0.2],
     log: /var/log/netns-lab/red/ping.log, lab: ""}
steps:
  description: What was done or, in check mode, would be done, in words and in order. At most 100 of them.
  returned: success
  type: list
  elements: str
  sample: [start process ping of red]
steps_total:
  description: How many steps there were.
  returned: success
  type: int
  sample: 1
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.process import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "netns": {"type": "str", "required": True},
            "argv": {"type": "list", "elements": "str"},
            "state": {
                "type": "str",
                "choices": ["started", "stopped", "restarted", "absent"],
                "default": "started",
            },
            "ready": {
                "type": "dict",
                "options": {
                    "tcp": {"type": "int"},
                    "udp": {"type": "int"},
                    "command": {"type": "list", "elements": "str"},
                    "timeout": {"type": "float", "default": 10},
                },
            },
            "log": {"type": "path"},
            "environment": {"type": "dict"},
            "chdir": {"type": "path"},
            "user": {"type": "str"},
            "kill_timeout": {"type": "float"},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "float", "default": 60},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

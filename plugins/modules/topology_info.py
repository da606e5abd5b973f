#!/usr/bin/python
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs as they stand. Its body is in module_utils/_door and module_utils/_engine/lab_information.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: topology_info
short_description: Show labs as they stand, as lab files, and in what they differ from what was asked for
version_added: 0.1.0
description:
  - Looks at the labs of the machine that M(netns.lab.topology) made, and changes nothing.
  - Says of each how it stands, in the words of the lab file, and what isn't as the last run had been asked for.
  - Labs are known from the registry under C(/var/lib/netns-lab). If that is lost, they are still known by the marks of
    their namespaces; only what was asked for is unknown then.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - netns.lab.attributes
  - netns.lab.attributes.info_module
options:
  name:
    description:
      - The name of a lab, as in its file. A copy under a prefix has the name C(NAME@PREFIX), or is told by O(prefix).
      - A lab that isn't there is left out of the result. Without this option, all labs.
    type: str
  prefix:
    description:
      - Only labs with this prefix.
    type: str
  asked:
    description:
      - Also return what was asked for, RV(labs[].asked).
    type: bool
    default: false
seealso:
  - module: netns.lab.topology
  - module: netns.lab.netns_info
notes:
  - No lock is taken. Of a lab that a run is at while it is looked at, half may be seen; RV(labs[].run) then says so.
  - Sysctls that the lab file doesn't name are not looked at.
"""

EXAMPLES = r"""
- name: Look at all labs of the machine
  netns.lab.topology_info:
  register: found

- name: Fail if somebody has changed one of them
  ansible.builtin.assert:
    that: found.labs | map(attribute='drift_total') | sum == 0
    fail_msg: "{{ found.labs | map(attribute='drift') | flatten | map(attribute='text') | join('\n') }}"

- name: Look at one
  netns.lab.topology_info:
    name: office
  register: office

- name: Take it home, as a lab file on the controller
  ansible.builtin.copy:
    content: "{{ office.labs[0].topology | to_nice_yaml(sort_keys=false) }}"
    dest: "{{ playbook_dir }}/office.yml"
    mode: "0644"
  delegate_to: localhost
  become: false

- name: And have it stand elsewhere
  netns.lab.topology:
    file: "{{ playbook_dir }}/office.yml"
"""

RETURN = r"""
labs:
  description: The labs, sorted by RV(labs[].id).
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What tells the lab from all others on the machine, its name or C(NAME@PREFIX).
      type: str
    name:
      description: Its name.
      type: str
    prefix:
      description: What is put before the names of its namespaces; mostly empty.
      type: str
    state:
      description:
        - V(complete) if all of its namespaces stand.
        - V(incomplete) if a run that was to change it didn't come to its end, because it was killed or is still under
          way. The next run completes it.
        - V(broken) if some of its namespaces are gone, or have no namespace mounted on their file.
        - V(gone) if none of them stands, as after a reboot.
      type: str
    run:
      description: The process of a run that is at the lab just now, in words; empty if there is none.
      type: str
    recorded:
      description: Whether it is known what was asked for. Without it there is no RV(labs[].drift) to tell.
      type: bool
    this_boot:
      description: Whether it was made since the machine was started.
      type: bool
    built:
      description: When a run last changed it or what was asked for, in UTC; null if that isn't known.
      type: str
    file:
      description: The lab file that it was built from, on the controller; empty if it was given as options.
      type: str
    drift:
      description: What isn't as it was asked for. At most 100 differences.
      type: list
      elements: dict
      contains:
        text:
          description: The difference as a sentence.
          type: str
        node:
          description: The node; V(@) for the machine itself.
          type: str
        netns:
          description: The node's namespace.
          type: str
        object:
          description: What kind of thing it is, such as V(namespace), V(link), V(address), V(route), V(sysctl).
          type: str
        name:
          description: Which one.
          type: str
        change:
          description: V(missing), V(changed), or V(added) by somebody else, inside the lab's namespaces.
          type: str
        asked:
          description: What was asked for.
          type: raw
        stands:
          description: What stands.
          type: raw
    drift_total:
      description: How many differences there are.
      type: int
    untouched:
      description:
        - Policy rules and tables of nftables in the lab's namespaces, as sentences.
        - No run takes them away, not even with O(netns.lab.topology#module:exact=true).
      type: list
      elements: str
    topology:
      description:
        - The lab as it stands, as a lab file. Given to M(netns.lab.topology) again it changes nothing.
        - Settings are spelled out at each node and link. What a lab file can't say, such as a link that is down, is
          only in RV(labs[].drift).
      type: dict
    asked:
      description: What the last run was asked for, as it was given; null if that isn't known.
      returned: with O(asked=true)
      type: dict
  sample:
    - id: red-blue
      name: red-blue
      prefix: ""
      state: complete
      run: ""
      recorded: true
      this_boot: true
      built: "2026-11-25T10:05:13Z"
      file: /home/student/red-blue.yml
      drift:
        - text: "red: link eth0 has the MTU 1400, asked was 1500"
          node: red
          netns: red
          object: link
          name: eth0
          change: changed
          asked: 1500
          stands: 1400
      drift_total: 1
      untouched: []
      topology:
        name: red-blue
        nodes: {red: {}, blue: {}}
        links:
          - endpoints:
              - {node: red, name: eth0, addresses: [10.0.0.1/24], mtu: 1400}
              - {node: blue, name: eth0, addresses: [10.0.0.2/24]}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netns.lab.plugins.module_utils._door.topology_info import run


def main() -> None:
    """Called by Ansible."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str"},
            "prefix": {"type": "str"},
            "asked": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    run(module)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the connections to nodes share. Ansible also reads it when it loads one: it defines their options."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment `netns.lab.connection`. Each option has a variable of its own in each connection."""

    DOCUMENTATION = r"""
requirements:
  - Linux on the machine, and root there or C(sudo) or C(doas) without a password
options:
  machine:
    description:
      - The machine that has the node, by its name in the inventory. Its variables say how it is reached, by which user
        and with which key, as for tasks on the machine itself.
      - Without it, it is the machine on which Ansible runs.
    type: str
  transport:
    description:
      - The connection plugin for the way to the machine. Without it, it is the machine's own one, and
        P(ansible.builtin.local#connection) if there is no O(machine).
      - It can be set without O(machine). C(ansible_host), C(ansible_user) and so on of the host are then those of the
        machine, and C(ansible_netns_name) or C(ansible_lxc_name) says what the node is called.
    type: str
  sudo:
    description:
      - How the user who connects to the machine gets to be root there.
      - V(auto) does nothing for root, and otherwise takes C(sudo) or C(doas), whichever is there.
      - V(none) does nothing, V(sudo) is C(sudo -n -H), and V(doas) is C(doas -n). Nobody is asked for a password.
      - This has nothing to do with C(become), which is about the user inside.
    type: str
    choices: [auto, none, sudo, doas]
    default: auto
notes:
  - ssh serves at most ten tasks at a time over one connection unless C(MaxSessions) of the machine's C(sshd) says more.
    More C(forks) than that make connections of their own, and some may have to try several times. With C(prepare_sshd)
    the role P(netns.lab.prepare#role) lets them share one.
"""

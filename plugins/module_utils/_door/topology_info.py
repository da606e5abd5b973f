# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `topology_info`."""

from __future__ import annotations

import typing as t

from .._engine import lab_information
from .readable import need_root, readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> None:
    """Called by the module."""
    with readable(module):
        need_root(module)
        options = module.params
        found = lab_information.gather(options["name"], options["prefix"], asked=options["asked"])
        module.exit_json(changed=False, labs=found)

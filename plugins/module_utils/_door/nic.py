# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `nic`. Its action plugin runs it a second time, over a new connection, to confirm a loan."""

from __future__ import annotations

import typing as t

from .._engine import loans, objects_nic
from .converged import one_object
from .readable import need_root, readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> None:
    """Called by the module."""
    if not module.params["confirmed"]:
        one_object(module, "nic", objects_nic.nic, objects_nic.nic_result)
        return
    with readable(module):
        need_root(module)
        options = module.params
        if module.check_mode:
            module.exit_json(changed=False, skipped=True, msg="in check mode nothing was lent that waits")
        module.exit_json(changed=False, loan=loans.confirm(options["name"], options["netns"], options["lock_timeout"]))

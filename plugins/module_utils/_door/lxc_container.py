# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `lxc_container`."""

from __future__ import annotations

import typing as t

from .._engine import container_steps, objects_container
from .converged import converge, leave
from .readable import readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> None:
    """Called by the module."""
    with readable(module):
        request = objects_container.container(module.params)
        outcome = converge(module, request)
        if not module.check_mode:
            container_steps.await_ready(request, outcome.after)
        result = objects_container.container_result(request, outcome.after.get)
        if result.get("pending_restart"):
            outcome.warnings.append(
                f"container {result['name']} runs with a configuration that has changed since it was started; "
                "`restart: if_needed` starts it anew"
            )
        leave(module, outcome, lxc_container=result)

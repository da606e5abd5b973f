# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `process`."""

from __future__ import annotations

import typing as t

from .._engine import objects_process
from .converged import one_object

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule) -> None:
    """Called by the module."""
    one_object(module, "process", objects_process.process, objects_process.process_result)

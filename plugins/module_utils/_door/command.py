# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is common to the modules that run a command inside."""

from __future__ import annotations

import typing as t

from .readable import need_root, readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run_command(module: AnsibleModule, execute: t.Callable[..., dict[str, t.Any]]) -> None:
    """The whole of such a module; `execute` is one of those of `_command`."""
    with readable(module):
        need_root(module)
        result = execute(module.params, check=module.check_mode)
        if result.pop("failed"):
            module.fail_json(**result)
        module.exit_json(**result)

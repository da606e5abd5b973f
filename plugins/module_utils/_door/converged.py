# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is common to the modules that change something: from a request to the module's result."""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

from .._engine import converge as engine
from .._kernel.errors import MissingLibrary
from .readable import need_root, readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from .._engine.asking import Options
    from .._engine.converge import Outcome
    from .._engine.records import Request
    from .._engine.state import State

_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
"""Where the distribution's pyroute2 would be, when Ansible was told to use another interpreter."""


def one_object(
    module: AnsibleModule,
    name: str,
    ask: t.Callable[[Options], Request],
    result: t.Callable[[Options, State], dict[str, t.Any]],
) -> None:
    """The whole of a module about one object: what it asks for, and its result under the object's name."""
    with readable(module):
        outcome = converge(module, ask(module.params))
        leave(module, outcome, **{name: result(module.params, outcome.after)})


def converge(module: AnsibleModule, request: Request) -> Outcome:
    """Bring about what is wanted, or say in check mode what that would take. Raises LabError and KernelError."""
    need_root(module)
    patience = module.params.get("lock_timeout")
    try:
        return engine.converge(request, check=module.check_mode, lock_timeout=60.0 if patience is None else patience)
    except MissingLibrary:
        # Nothing has been touched so far. Another Python may have what is missing in this one.
        if not has_respawned():
            interpreter = probe_interpreters_for_module(list(_SYSTEM_PYTHONS), "pyroute2")
            if interpreter:
                respawn_module(interpreter)
        raise


def leave(module: AnsibleModule, outcome: Outcome, **result: t.Any) -> None:
    """End with this result, and what was done."""
    for warning in outcome.warnings:
        module.warn(warning)
    steps: list[str] = []
    diff: list[dict[str, str]] = []
    if outcome.plan:
        from .._engine.plan import sentences

        steps = sentences(outcome.plan)
    if outcome.plan and module._diff:
        from .._engine import render

        diff = render.diff(outcome.plan)
    if module._diff:
        result["diff"] = diff
    module.exit_json(changed=outcome.changed, steps=steps, steps_total=len(outcome.plan.steps), **result)

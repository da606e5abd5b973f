# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of the module `nic`: confirms a loan by reaching the machine over a new connection.

Without the option `confirm` it only runs the module.
"""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

_MODULE = "netns.lab.nic"
_GRACE_SECONDS = 5.0
"""What taking the link home may take once the deadline has passed."""
_POLL_SECONDS = 1.0


class ActionModule(ActionBase):  # type: ignore[misc]
    """Called by Ansible in the place of the module, which it runs in turn."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The module's result, and whether the loan was confirmed."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        try:
            seconds = float(self._task.args.get("confirm") or 0)
        except (TypeError, ValueError):
            seconds = 0.0  # the module says what is wrong with it
        if self._task.check_mode or seconds <= 0:
            result.update(self._module(task_vars, self._task.args, self._task.async_val))
            return result
        if self._task.async_val:
            return {**result, "failed": True, "msg": "confirm: can't be together with `async`: who would confirm it?"}
        begun = time.monotonic()
        try:
            done = self._module(task_vars, self._task.args)
        except AnsibleConnectionFailure as error:
            done = {"unreachable": True, "msg": str(error)}
        result.update(done)
        if result.get("failed") and not result.get("unreachable"):
            return result
        # The deadline counts from the move, which can't have been later than the module's end.
        loan = self._confirm(task_vars, time.monotonic() + seconds + _GRACE_SECONDS)
        if loan == "confirmed":
            result.pop("unreachable", None)
            result["confirmed"] = True
            if "nic" not in result:  # it stands, though the answer was lost: ask how
                result.update(self._module(task_vars, {**self._task.args, "confirm": 0}), changed=True)
            return result
        if loan == "none" and "nic" in result and not result.get("changed"):
            return result
        result.pop("unreachable", None)
        waited = time.monotonic() - begun
        name = self._task.args.get("name")
        if loan == "none":
            what = f"the move of {name} was undone: the machine couldn't be reached within {seconds:g} s after it"
        else:
            what = (
                f"the machine couldn't be reached for {waited:.0f} s after the move of {name}. It should have been "
                f"undone after {seconds:g} s; whether it was can't be seen from here"
            )
        return {**result, "failed": True, "changed": False, "confirmed": False, "msg": what}

    def _module(self, task_vars: t.Any, args: dict[str, t.Any], wrap_async: int = 0) -> dict[str, t.Any]:
        found: dict[str, t.Any] = self._execute_module(
            module_name=_MODULE, module_args=dict(args), task_vars=task_vars, wrap_async=wrap_async
        )
        return found

    def _confirm(self, task_vars: t.Any, limit: float) -> str:
        """Reach the machine anew: ``confirmed``; ``none`` where the loan was undone; ``lost`` where nobody answers.

        As long as a loan is overdue, or nobody answers, it is tried again.
        """
        args = {name: self._task.args[name] for name in ("name", "netns") if name in self._task.args}
        while True:
            with contextlib.suppress(AnsibleError):
                self._connection.reset()
            try:
                answer = self._module(task_vars, {**args, "confirmed": True})
            except AnsibleConnectionFailure:
                answer = {}
            loan = str(answer.get("loan", ""))
            if loan in ("confirmed", "none"):
                return loan
            if boolean(answer.get("failed", False), strict=False) and not answer.get("unreachable"):
                return "lost"
            if time.monotonic() > limit:
                return "lost"
            time.sleep(_POLL_SECONDS)

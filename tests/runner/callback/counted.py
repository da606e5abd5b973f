# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A callback for the runner: what became of each assertion of a playbook, a line each, as it comes."""

from __future__ import annotations

import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: counted
type: notification
short_description: Tells what became of each assertion
description: Prints a line for each task with ansible.builtin.assert, also where a block rescues it.
requirements: [to be enabled]
"""

ASSERTS = ("assert", "ansible.builtin.assert")


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "counted"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.started = time.monotonic()
        self.count = 0

    def _tell(self, word: str, result, item: bool = False) -> None:
        task, fields = result._task, result._result
        if task.action not in ASSERTS or (task.loop and not item):
            return
        self.count += 1
        name = " ".join(task.get_name().split())
        if item:
            name += f": {fields.get('_ansible_item_label', fields.get('item'))}"
        if word == "FAILED":
            name += f": {fields.get('assertion', '')} {' '.join(str(fields.get('msg', '')).split())}"
        seconds = time.monotonic() - self.started
        self._display.display(f"assertion {self.count:3} {seconds:4.0f} s  {word:<7} {name[:500]}")

    def v2_runner_on_ok(self, result) -> None:
        self._tell("ok", result)

    def v2_runner_on_failed(self, result, ignore_errors: bool = False) -> None:  # noqa: ARG002
        self._tell("FAILED", result)

    def v2_runner_on_skipped(self, result) -> None:
        self._tell("skipped", result)

    def v2_runner_item_on_ok(self, result) -> None:
        self._tell("ok", result, item=True)

    def v2_runner_item_on_failed(self, result) -> None:
        self._tell("FAILED", result, item=True)

    def v2_runner_item_on_skipped(self, result) -> None:
        self._tell("skipped", result, item=True)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's part of the module `topology`: reads the lab file and checks it, before any machine is asked.

Only here can it be seen what YAML did to keys without quotes: on the way to the module a key becomes text, so that a
node called ``on`` would be ``true``.
"""

from __future__ import annotations

import os
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.netns.lab.plugins.module_utils._door.readable import several
from ansible_collections.netns.lab.plugins.module_utils._engine import schema, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.plugin_utils.lab_file import LabFile, shipped_lab, shipped_labs

_CONTENT = ("nodes", "links", "groups", "defaults")
_OPTIONS = ("file", "state", "exact", "adopt", "force", "rollback", "lock_timeout")


class ActionModule(ActionBase):  # type: ignore[misc]
    """Called by Ansible in the place of the module, which it runs in turn."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The module's result, or why the lab can't be what was given."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        try:
            args = self._arguments()
        except LabError as error:
            return {**result, "failed": True, "changed": False, "msg": str(error), **several(error)}
        result.update(
            self._execute_module(
                module_name="netns.lab.topology",
                module_args=args,
                task_vars=task_vars,
                wrap_async=self._task.async_val,
            )
        )
        return result

    def _arguments(self) -> dict[str, t.Any]:
        """The module's arguments, checked, with the content of the file in the file's place. Raises `LabError`."""
        args = {name: value for name, value in self._task.args.items() if value is not None}
        name = args.pop("file", None)
        absent = args.get("state") == "absent"
        if name is None:
            if not absent:
                topology.load({key: args[key] for key in schema.LAB.keys if key in args})
            return args
        if absent and "name" in args:
            return args
        beside = [option for option in _CONTENT if option in args]
        if beside:
            raise LabError(f"a lab comes from a file or from options, not both: leave out {', '.join(beside)}", "file")
        if not isinstance(name, str) or not name:
            raise LabError(f"{name!r}: expected the path of a lab file, or the name of one that netns.lab has", "file")
        path = self._find(name)
        lab_file = LabFile(path, name)
        lab = {**lab_file.content, **{key: args[key] for key in ("name", "prefix") if key in args}}
        try:
            misplaced = [key for key in lab if key in _OPTIONS]
            if misplaced:
                raise LabError("this is an option of the task, not a key of a lab file", misplaced[0])
            if absent:
                topology.lab_id(lab.get("prefix"), lab.get("name"))
                lab = {key: lab[key] for key in ("name", "prefix") if key in lab}
            else:
                topology.load(lab)
        except LabError as error:
            raise lab_file.placed(error) from None
        if absent:
            return {**lab, **args}
        # The module doesn't read the file: it writes down where the lab came from, in words that find it again.
        return {**lab, **args, "file": name if path == shipped_lab(name) else path}

    def _find(self, name: str) -> str:
        """The path of a lab file. Raises `LabError`."""
        here = os.path.abspath(os.path.expanduser(name))
        if os.path.isfile(here):
            return here
        try:
            found = str(self._find_needle("files", name))
            if os.path.isfile(found):
                return found
        except AnsibleError:
            pass
        shipped = shipped_lab(name)
        if shipped is not None:
            return shipped
        raise LabError(
            f"{name!r}: there is no such lab file in {os.getcwd()} or where the play looks for its files, "
            f"and no such lab comes with netns.lab (it has {', '.join(shipped_labs())})",
            "file",
        )

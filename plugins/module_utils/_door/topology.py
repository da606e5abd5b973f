# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `topology`. Its action plugin has read the lab file by now."""

from __future__ import annotations

import typing as t

from .._engine import described, switch_loops, topology
from .._engine.records import Request
from .converged import converge, leave
from .readable import readable

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

_CONTENT = ("name", "nodes", "links", "groups", "defaults", "prefix")
"""The options that are a lab; the others say what to do with it."""


def run(module: AnsibleModule) -> None:
    """Called by the module."""
    with readable(module):
        options = module.params
        definition = {key: options[key] for key in _CONTENT if options.get(key) is not None}
        policy = {key: options[key] for key in ("exact", "adopt", "force", "rollback")}
        if options["state"] == "absent":
            name = topology.lab_id(options.get("prefix"), options.get("name"))
            outcome = converge(module, Request({}, lab=name, force=policy["force"], rollback=policy["rollback"]))
            leave(module, outcome, topology={"name": name, "nodes": {}, "links": []})
        lab = topology.load(definition)
        outcome = converge(module, lab.request(**policy, source=options.get("file") or ""))
        outcome.warnings = switch_loops.warnings(lab) + outcome.warnings
        # Ansible returns the options along with the result. A lab has said it all already, and so is half of that.
        told = {key: value for key, value in options.items() if key not in ("nodes", "links")}
        leave(module, outcome, topology=described.describe(lab, outcome.after), invocation={"module_args": told})

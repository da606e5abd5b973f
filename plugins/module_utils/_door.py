# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between Ansible and the engine: a module's options go in, its result comes out. Only this file knows Ansible.

Each module's `main` is one call of a function of this file. Nothing that goes wrong reaches the user as a traceback.

Every function imports what its module needs, and nothing is imported for the others: Ansible's module archive holds no
compiled code, so a module that loads all of the engine takes twice as long as one that loads what it uses.
"""

from __future__ import annotations

import contextlib
import gc
import os
import traceback
import typing as t

from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

from . import _archive
from ._engine.errors import LabError
from ._kernel.errors import KernelError, MissingLibrary

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

    from ._engine.asking import Options
    from ._engine.converge import Outcome
    from ._engine.records import Request
    from ._engine.state import State

_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python", "/usr/local/bin/python3")
"""Where the distribution's pyroute2 would be, when Ansible was told to use another interpreter."""
_archive.compile_once(__name__.rpartition(".")[0])

_LAB_CONTENT = ("name", "nodes", "links", "groups", "defaults", "prefix")


def run_netns(module: AnsibleModule) -> None:
    """The module `netns`."""
    from ._engine import objects_netns

    with _readable(module):
        outcome = _converge(module, objects_netns.netns(module.params))
        extra: dict[str, t.Any] = {}
        if module.params["state"] == "absent":
            name = module.params["name"]
            extra["processes"] = _processes(outcome.ended.get(name, ()), "ended")
            extra["processes"] += _processes(outcome.held.get(name, ()), "left")
        _leave(module, outcome, netns=objects_netns.netns_result(module.params, outcome.after), **extra)


def run_veth(module: AnsibleModule) -> None:
    """The module `veth`."""
    from ._engine import objects

    _run_object(module, "veth", objects.veth, objects.veth_result)


def run_link(module: AnsibleModule) -> None:
    """The module `link`."""
    from ._engine import objects

    _run_object(module, "link", objects.link, objects.link_result)


def run_nic(module: AnsibleModule) -> None:
    """The module `nic`. Its action plugin runs it a second time, over a new connection, to confirm a loan."""
    from ._engine import objects_nic

    if not module.params["confirmed"]:
        _run_object(module, "nic", objects_nic.nic, objects_nic.nic_result)
        return
    from ._engine import loans

    with _readable(module):
        _need_root(module)
        options = module.params
        if module.check_mode:
            module.exit_json(changed=False, skipped=True, msg="in check mode nothing was lent that waits")
        module.exit_json(changed=False, loan=loans.confirm(options["name"], options["netns"], options["lock_timeout"]))


def run_route(module: AnsibleModule) -> None:
    """The module `route`."""
    from ._engine import objects

    _run_object(module, "route", objects.route, objects.route_result)


def run_process(module: AnsibleModule) -> None:
    """The module `process`."""
    from ._engine import objects_process

    _run_object(module, "process", objects_process.process, objects_process.process_result)


def run_topology(module: AnsibleModule) -> None:
    """The module `topology`. Its action plugin has read the lab file by now."""
    from ._engine import described, topology
    from ._engine.records import Request

    with _readable(module):
        options = module.params
        definition = {key: options[key] for key in _LAB_CONTENT if options.get(key) is not None}
        policy = {key: options[key] for key in ("exact", "adopt", "force", "rollback")}
        if options["state"] == "absent":
            name = topology.lab_id(options.get("prefix"), options.get("name"))
            outcome = _converge(module, Request({}, lab=name, force=policy["force"], rollback=policy["rollback"]))
            _leave(module, outcome, topology={"name": name, "nodes": {}, "links": []})
        lab = topology.load(definition)
        outcome = _converge(module, lab.request(**policy, source=options.get("file") or ""))
        # Ansible returns the options along with the result. A lab has said it all already, and so is half of that.
        told = {key: value for key, value in options.items() if key not in ("nodes", "links")}
        _leave(module, outcome, topology=described.describe(lab, outcome.after), invocation={"module_args": told})


def run_topology_info(module: AnsibleModule) -> None:
    """The module `topology_info`."""
    from ._engine import lab_information

    with _readable(module):
        _need_root(module)
        options = module.params
        found = lab_information.gather(options["name"], options["prefix"], asked=options["asked"])
        module.exit_json(changed=False, labs=found)


def run_netns_info(module: AnsibleModule) -> None:
    """The module `netns_info`."""
    from ._engine import information

    with _readable(module):
        _need_root(module)
        found = information.gather(module.params["names"])
        module.exit_json(changed=False, namespaces=found)


def run_netns_exec(module: AnsibleModule) -> None:
    """The module `netns_exec`."""
    from . import _command

    _run_command(module, _command.run)


def run_lxc_exec(module: AnsibleModule) -> None:
    """The module `lxc_exec`."""
    from . import _command

    _run_command(module, _command.run_in_container)


def run_lxc_container(module: AnsibleModule) -> None:
    """The module `lxc_container`."""
    from ._engine import container_steps, objects_container

    with _readable(module):
        request = objects_container.container(module.params)
        outcome = _converge(module, request)
        if not module.check_mode:
            container_steps.await_ready(request, outcome.after)
        result = objects_container.container_result(request, outcome.after.get)
        if result.get("pending_restart"):
            outcome.warnings.append(
                f"container {result['name']} runs with a configuration that has changed since it was started; "
                "`restart: if_needed` starts it anew"
            )
        _leave(module, outcome, lxc_container=result)


def run_lxc_container_info(module: AnsibleModule) -> None:
    """The module `lxc_container_info`."""
    from ._engine import container_information

    with _readable(module):
        _need_root(module)
        found = container_information.gather(module.params["names"], module.params["lxc_path"])
        module.exit_json(changed=False, containers=found)


def _run_object(
    module: AnsibleModule,
    name: str,
    ask: t.Callable[[Options], Request],
    result: t.Callable[[Options, State], dict[str, t.Any]],
) -> None:
    with _readable(module):
        outcome = _converge(module, ask(module.params))
        _leave(module, outcome, **{name: result(module.params, outcome.after)})


def _run_command(module: AnsibleModule, run: t.Callable[..., dict[str, t.Any]]) -> None:
    with _readable(module):
        _need_root(module)
        result = run(module.params, check=module.check_mode)
        if result.pop("failed"):
            module.fail_json(**result)
        module.exit_json(**result)


def _converge(module: AnsibleModule, request: Request) -> Outcome:
    from ._engine.converge import converge

    _need_root(module)
    patience = module.params.get("lock_timeout")
    try:
        return converge(request, check=module.check_mode, lock_timeout=60.0 if patience is None else patience)
    except MissingLibrary:
        # Nothing has been touched so far. Another Python may have what is missing in this one.
        if not has_respawned():
            interpreter = probe_interpreters_for_module(list(_SYSTEM_PYTHONS), "pyroute2")
            if interpreter:
                respawn_module(interpreter)
        raise


def _need_root(module: AnsibleModule) -> None:
    if os.geteuid() != 0:
        module.fail_json(msg="network namespaces need root: set `become: true` for this task, or run the play as root")


def _leave(module: AnsibleModule, outcome: Outcome, **result: t.Any) -> None:
    for warning in outcome.warnings:
        module.warn(warning)
    steps: list[str] = []
    diff: list[dict[str, str]] = []
    if outcome.plan:
        from ._engine import render

        steps = render.steps(outcome.plan)
        diff = render.diff(outcome.plan) if module._diff else diff
    if module._diff:
        result["diff"] = diff
    module.exit_json(changed=outcome.changed, steps=steps, steps_total=len(outcome.plan.steps), **result)


def _processes(some: t.Iterable[t.Any], outcome: str) -> list[dict[str, t.Any]]:
    return [{"pid": p.pid or None, "command": p.command, "why": p.why, "outcome": outcome} for p in some]


def several(error: LabError) -> dict[str, list[str]]:
    """The single problems, where there is more than one: else the message says it all."""
    problems = list(error.problems)
    return {"problems": problems} if len(problems) > 1 else {}


@contextlib.contextmanager
def _readable(module: AnsibleModule) -> t.Iterator[None]:
    """Turn what goes wrong into a sentence for the person who wrote the task."""
    gc.disable()  # a module lives for a second; searching the records of a big lab for garbage takes a twentieth of it
    try:
        yield
    except LabError as error:
        module.fail_json(msg=str(error), **several(error))
    except KernelError as error:
        module.fail_json(msg=str(error))
    except Exception as error:  # pylint: disable=broad-except
        module.fail_json(
            msg=f"a fault in netns.lab, please report it: {type(error).__name__}: {error}",
            exception=traceback.format_exc(),
        )

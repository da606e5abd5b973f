# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom things belong to, and the plans that this rules out.

A lab takes over nothing that stands already unless it is told to; single modules keep their hands off what a lab owns
unless they are forced.
"""

from __future__ import annotations

from .._kernel import namespaces
from .derived_names import LAB_ALTNAME, machine_altname
from .errors import LabError
from .plan import Plan, touched
from .records import MACHINE, Container, File, Key, Link, Namespace, Program, Request
from .resources.base import at
from .steps import Step

_OWNED_BY_THEMSELVES = ("container", "process")
"""What may be put into a namespace of somebody else's: each of these says whose it is."""


def check(request: Request, recorded: set[Key], made: Plan) -> None:
    """Raise LabError if the plan touches what isn't the request's to touch."""
    if not made:
        return
    for step in made.steps:
        if step.key[0] == "container":
            _check_container(request, step.key, made.before.get(step.key), recorded)
        elif step.key[0] == "process":
            _check_program(request, step.key, made.before.get(step.key), recorded)
    own = [
        step
        for step in made.steps
        if step.key[0] not in _OWNED_BY_THEMSELVES
        and not _fetches(request, step)
        and not _clears_away(request, step, recorded)
    ]
    for ns in touched(own):
        if ns == MACHINE:
            continue
        if namespaces.is_machine(ns):
            raise LabError(
                f"{ns} is a second name of the machine's own namespace (as `ip netns attach` makes them): "
                f"nothing is changed by that name. `ip netns delete {ns}` takes the name away",
                request.origin.get(("namespace", ns)),
            )
        standing = made.before.get(("namespace", ns))
        if isinstance(standing, Namespace) and not standing.broken:
            _check_namespace(request, ns, standing.owner or "", recorded)
    if not request.force:
        for step in own:
            # What stood before the first step: a later step may be about a link that this plan makes.
            standing = made.before.get(step.key) if step.key[0] == "link" and step.key[1] == MACHINE else None
            if standing is not None and not _leads_into(request.lab, standing, made):
                _check_machine_link(request, step.key, standing, recorded)


def _fetches(request: Request, step: Step) -> bool:
    """Whether a step only brings a lab's link back that somebody moved elsewhere: the other end of a veth that is in a
    namespace of the lab is the lab's, wherever it is."""
    if request.lab is None or step.verb != "move" or step.other is None or not isinstance(step.before, Link):
        return False
    ends = (step.other[1], (step.before.peer or ("?", ""))[0])
    return all(isinstance(request.want.get(("namespace", ns)), Namespace) for ns in ends)


def _clears_away(request: Request, step: Step, recorded: set[Key]) -> bool:
    """Whether a step deletes a file of the lab's: whoever has made a namespace of that name since doesn't need it."""
    if request.lab is None or step.verb != "delete" or not isinstance(step.before, File):
        return False
    return step.before.owner == request.lab or step.key in recorded


def _check_namespace(request: Request, ns: str, owner: str, recorded: set[Key]) -> None:
    where = request.origin.get(("namespace", ns))
    if request.lab is None:
        if owner and not request.force:
            raise LabError(f"namespace {ns} belongs to the lab {owner}: change its file, or say `force: true`", where)
        return
    if owner == request.lab:
        return
    if owner:
        raise LabError(
            f"namespace {ns} belongs to the lab {owner}: take other names or a `prefix`, or take that lab down", where
        )
    if ("namespace", ns) not in recorded and not request.adopt:
        raise LabError(f"namespace {ns} stands already, and no lab made it: `adopt: true` takes it over", where)


def _check_container(request: Request, key: Key, standing: object, recorded: set[Key]) -> None:
    if not isinstance(standing, Container) or (standing.state == "broken" and request.lab is None):
        return
    from .._lxc import config

    owner, where = config.owner(standing.text), request.origin.get(key)
    if request.lab is None:
        if owner and not request.force:
            raise LabError(
                f"container {key[3]} belongs to the lab {owner}: change its file, or say `force: true`", where
            )
    elif owner and owner != request.lab:
        raise LabError(f"container {key[3]} belongs to the lab {owner}: take other names, or a `prefix`", where)
    elif not owner and key not in recorded and not request.adopt:
        raise LabError(f"container {key[3]} stands already, and no lab made it: `adopt: true` takes it over", where)


def _check_program(request: Request, key: Key, standing: object, recorded: set[Key]) -> None:
    leaves = ("namespace", key[1]) in request.want and request.want["namespace", key[1]] is None
    if not isinstance(standing, Program) or leaves or request.exact:
        return  # with a namespace everything in it goes, and that is checked
    owner, where = standing.owner, request.origin.get(key)
    if request.lab is None:
        if owner and not request.force:
            raise LabError(
                f"process {key[2]} of {key[1]} belongs to the lab {owner}: change its file, or say `force: true`", where
            )
    elif standing.state in ("running", "unfinished") and owner != request.lab and key not in recorded:
        if not owner and request.adopt:
            return
        whose = f"belongs to the lab {owner}" if owner else "runs already, and no lab started it"
        raise LabError(f"process {key[2]} of {key[1]} {whose}: stop it, or say `adopt: true`", where)


def _leads_into(lab: str | None, link: object, made: Plan) -> bool:
    """Whether the other end of a veth is in a namespace with the lab's mark. Then it is the lab's, also where a kill
    came before it was marked itself and then the registry was lost."""
    if lab is None or not isinstance(link, Link) or link.peer is None:
        return False
    there = made.before.get(("namespace", link.peer[0]))
    return isinstance(there, Namespace) and there.owner == lab


def _check_machine_link(request: Request, key: Key, link: object, recorded: set[Key]) -> None:
    owner = next((name for name in getattr(link, "altnames", None) or () if name.startswith(LAB_ALTNAME)), "")
    if request.lab is None:
        if owner:
            raise LabError(
                f"link {at(*key[1:])} belongs to a lab ({owner}): change its file, or say `force: true`",
                request.origin.get(key),
            )
    elif key not in recorded and key not in request.borrowed and owner != machine_altname(request.lab, key[2]):
        raise LabError(f"link {at(*key[1:])} stands already and this lab didn't make it", request.origin.get(key))

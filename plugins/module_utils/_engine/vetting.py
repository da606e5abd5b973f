# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan has to pass before anything is done. Called by `converge` for a plan that isn't empty."""

from __future__ import annotations

from .._kernel import codec, namespaces
from .._kernel.errors import MissingLibrary
from .._kernel.visit import Visit
from . import consent, memory
from .errors import LabError
from .plan import Plan, say
from .records import MACHINE, Key, Link, Request
from .steps import Step


def _reaches_machine(made: Plan) -> bool:
    """Whether anything in the machine's own namespace changes, or the other end of a link that is there."""
    if all(step.key[0] in ("container", "process") for step in made.steps):
        return False
    if made.before.space(MACHINE) is not made.after.space(MACHINE):
        return True
    for step in made.steps:
        if step.place == MACHINE:
            return True
        link = step.before
        if isinstance(link, Link) and MACHINE in ((link.peer or ("",))[0], (link.lower or ("",))[0]):
            return True
    return False


def _is_about_a_whole_link(step: Step) -> bool:
    return step.key[0] == "link" and step.verb != "change"


def _check_lxc(made: Plan) -> None:
    """Raise LabError if there is no LXC, unless what is to be done needs none."""
    from .._lxc import tools
    from .._lxc.errors import LxcError

    step = next(step for step in made.steps if step.key[0] == "container")
    try:
        tools.find("lxc-start")
    except LxcError as error:
        raise LabError(f"{say(step)}: {error}") from error


def vet(visit: Visit, request: Request, recorded: set[Key], made: Plan) -> list[str]:
    """Warnings about a plan that may be done. `recorded` is what its owner made, as its ledger says.

    Raises LabError for one that touches what isn't the request's to touch, that would cut the machine off, or for which
    the kernel lacks something; MissingLibrary where pyroute2 isn't there.
    """
    consent.check(request, recorded, made)
    found: list[str] = []
    if not request.force and _reaches_machine(made):
        from . import safety

        found += safety.check(visit, made)
    if any(_is_about_a_whole_link(step) for step in made.steps):
        from . import features

        features.check(visit, made)
        found += features.warnings(made)
    if any(step.key[0] == "container" for step in made.steps):
        _check_lxc(made)
    if any(step.key[0] == "process" for step in made.steps):
        from .program_steps import check as check_program

        for step in made.steps:
            if step.key[0] == "process":
                check_program(step, request.origin.get(step.key))
    if request.rollback:
        found += memory.warnings(visit, made)
    trouble = namespaces.mount_trouble()
    if trouble:
        found.append(trouble)
    others = [step for step in made.steps if step.key[0] not in ("container", "process")]
    if others and not codec.available():
        raise MissingLibrary(say(others[0]))
    return found

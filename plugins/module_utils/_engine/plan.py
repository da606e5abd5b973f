# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is wanted and what stands to the ordered steps between. Pure: nothing here touches the machine.

The planner lets every resource propose its steps, phase by phase, on a fork of the state, and applies the effect of
each step to the fork at once. So a later phase sees what an earlier one disturbs, and proposes to put it back. It goes
on until nobody has anything left to propose: the effect of the plan equals what was wanted.
"""

from __future__ import annotations

import typing as t

from .errors import LabError
from .frozen import dataclass
from .records import MACHINE, Container, Key, Namespace, Program, Request
from .resources import BY_KIND, KINDS
from .resources.base import Item, Proposal, Question, differing
from .state import State
from .steps import Step, in_order, ranks

MOST_SENTENCES = 100
"""Steps that a result lists; it says the total as well."""
ROUNDS = 4
"""Effects of effects are rare; a plan that doesn't settle by then contradicts itself."""


@dataclass(frozen=True)
class Plan:
    """What will be done, and what will stand afterwards."""

    steps: t.Sequence[Step]
    before: State
    after: State

    def __bool__(self) -> bool:
        return bool(self.steps)


def plan(request: Request, have: State) -> Plan:
    """The steps from `have` to what is wanted, in the order of their execution.

    Raises LabError where what is wanted can't be had.
    """
    state = have.fork()
    items: dict[str, list[Item]] = {"namespace": [], "link": []}  # what goes may hold links that nobody names
    if request.complete:
        items["address"] = []
    for key, record in request.want.items():
        if key[0] not in items:
            items[key[0]] = []
        items[key[0]].append((key, record))
    schedule = _schedule(items)
    _check_places(request, have)
    gone = tuple(key[1] for key, record in items["namespace"] if record is None)
    order = ranks(request.want)
    steps: list[Step] = []
    for _round in range(ROUNDS):
        proposed = _propose(schedule, items, gone, state, request, have)
        if not proposed:
            return Plan(steps, have, state)
        steps += in_order(proposed, order)
        items = _concerned(items, state.touched())
    left = "; ".join(say(step) for step in steps[-3:])
    raise LabError(f"what is wanted contradicts itself: these steps undo each other: {left}")


def stands(request: Request, have: State) -> bool:
    """Whether all that is wanted is there already, told from the records alone, without loading what makes proposals.

    False says nothing: then `plan` tells.
    """
    for key, wanted in request.want.items():
        record = have.get(key)
        if wanted is None or record is None or getattr(record, "broken", False) or differing(wanted, record):
            return False
    return True


def _check_places(request: Request, have: State) -> None:
    """Raise LabError if something is wanted in a namespace that neither stands nor is wanted."""
    checked = {MACHINE}
    for key, record in request.want.items():
        ns = key[1]
        if ns in checked or record is None or key[0] in ("file", "occupants"):
            continue
        if isinstance(record, Container) and record.state not in ("running", "frozen"):
            continue  # what doesn't run needs no network
        if isinstance(record, Program) and record.state != "running":
            continue
        checked.add(ns)
        if request.want.get(("namespace", ns)) is not None:
            continue
        standing = have.get(("namespace", ns))
        if not isinstance(standing, Namespace) or standing.broken:
            how = "is broken (no namespace is mounted on its file)" if standing else "doesn't exist"
            where = request.origin.get(("namespace", ns)) or request.origin.get(key)
            raise LabError(f"namespace {ns} {how}: make it with the module netns.lab.netns", where)


def _schedule(kinds: t.Container[str]) -> list[tuple[str, Proposal]]:
    """The proposals of these kinds, phase by phase."""
    found = [(phase, kind, propose) for kind in KINDS if kind in kinds for phase, propose in BY_KIND[kind].proposals]
    return [(kind, propose) for _phase, kind, propose in sorted(found, key=lambda entry: entry[0])]


def _concerned(items: t.Mapping[str, list[Item]], touched: t.Container[str]) -> dict[str, list[Item]]:
    """The items in namespaces in which a step has changed something.

    Elsewhere all is as it was when nobody had anything to propose: what a step does to the other end of a link, or to
    what stands on it, is a change there.
    """
    return {kind: [item for item in some if item[0][1] in touched] for kind, some in items.items()}


def _propose(
    schedule: t.Sequence[tuple[str, Proposal]],
    items: t.Mapping[str, t.Sequence[Item]],
    gone: tuple[str, ...],
    state: State,
    request: Request,
    have: State,
) -> list[Step]:
    proposed: list[Step] = []
    for kind, propose in schedule:
        for step in propose(Question(items[kind], state, request, have, gone)):
            proposed.append(step)
            BY_KIND[step.key[0]].effect(step, state)
    return proposed


def say(step: Step) -> str:
    """A step in words."""
    return BY_KIND[step.key[0]].say(step)


def sentences(made: Plan) -> list[str]:
    """The steps in words, at most `MOST_SENTENCES`."""
    return [say(step) for step in made.steps[:MOST_SENTENCES]]


def touched(steps: t.Iterable[Step]) -> dict[str, None]:
    """The namespaces in which steps change something, in order."""
    places: dict[str, None] = {}
    for step in steps:
        places[step.key[1]] = None
        if step.other is not None:
            places[step.other[1]] = None
    return places


def reached(made: Plan) -> dict[str, None]:
    """Every namespace that a step names or an effect reaches."""
    found = touched(made.steps)
    for ns in made.before.spaces():
        if made.after.space(ns) is not made.before.space(ns):
            found[ns] = None
    return found


def changed_keys(made: Plan) -> dict[str, list[Key]]:
    """By namespace, the keys whose records differ before and after, side effects included."""
    found: dict[str, list[Key]] = {}
    for ns in dict.fromkeys([*made.before.spaces(), *made.after.spaces()]):
        before, after = made.before.space(ns), made.after.space(ns)
        if before is after:
            continue
        keys = [key for key, record in before.items() if after.get(key) != record]
        keys += [key for key in after if key not in before]
        if keys:
            found[ns] = keys
    return found

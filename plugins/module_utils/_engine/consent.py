# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom things belong to: what a request adds to itself from that, and the plans that it rules out.

A lab removes what it made and no longer wants; it takes over nothing that stands already unless it is told to; single
modules keep their hands off a lab's namespaces unless forced.
"""

from __future__ import annotations

from dataclasses import replace

from .._kernel import decode, namespaces, netlink
from .._kernel.errors import KernelError
from .._kernel.visit import Visit
from .derived_names import LAB_ALTNAME, machine_altname
from .errors import LabError
from .ownership import Entry
from .plan import Plan, touched
from .records import MACHINE, Key, Link, Namespace, Occupants, Request, Route, Want
from .resources.base import at
from .resources.namespace import owner_of
from .resources.route import DYNAMIC
from .state import State


def with_what_is_left(visit: Visit, request: Request, entry: Entry | None) -> Request:
    """The request, with everything that its owner made earlier and doesn't want any more wanted gone.

    Of a lab that is everything that the new file doesn't name; of single modules, the files of a namespace that goes.
    """
    want: Want = dict(request.want)
    keys = list(entry.keys) if entry is not None else []
    if request.lab is None:
        gone = {key[1] for key, record in want.items() if key[0] == "namespace" and record is None}
        want.update({key: None for key in keys if key[1] in gone and key not in want})
        return replace(request, want=want)
    if entry is not None and not entry.is_from_this_boot:
        keys = [key for key in keys if key[0] in ("file", "namespace")]
    leaving = [key for key in keys if key not in want]
    if not any(record is not None for record in want.values()):
        known = {key[1] for key in leaving}
        leaving += [("namespace", ns) for ns in marked(visit, request.lab) if ns not in known]
    gone = {key[1] for key in leaving if key[0] == "namespace"}
    for key in leaving:
        if key[1] in gone and key[0] not in ("namespace", "file"):
            continue
        want[key] = None
        if key[0] == "namespace":
            want["occupants", key[1]] = Occupants(processes="kill", holders="report")
    return replace(request, want=want)


def marked(visit: Visit, lab: str) -> list[str]:
    """The namespaces whose loopback carries the lab's mark, whatever the registry says."""
    found = []
    for ns in namespaces.names():
        try:
            visit.enter(ns)
            row = decode.links([visit.socket().get(netlink.link_get_request(1))])[0]
        except KernelError:
            continue
        if owner_of(row.alias) == lab:
            found.append(ns)
    visit.enter(MACHINE)
    return found


def completed(request: Request, have: State) -> Request:
    """The request, with the standing addresses of completely listed links wanted gone where they aren't listed."""
    want: Want = dict(request.want)
    for ns, link in request.complete:
        for key, _record in have.of(ns, "address"):
            if key[2] == link and key not in want:
                want[key] = None
    return replace(request, want=want)


def exactly(request: Request, have: State) -> Request:
    """The request, with everything else inside the lab's own namespaces wanted gone; what is derived stays."""
    want: Want = dict(request.want)
    own = [key[1] for key, record in request.want.items() if isinstance(record, Namespace)]
    for ns in own:
        for key, record in have.space(ns).items():
            if key not in want and _is_foreign(key, record):
                want[key] = None
    return replace(request, want=want)


def _is_foreign(key: Key, record: object) -> bool:
    if isinstance(record, Link):
        return key[2] != "lo" and record.kind != ""
    if isinstance(record, Route):
        return record.protocol not in DYNAMIC
    return bool(key[0] == "address")


def check(request: Request, recorded: set[Key], made: Plan) -> None:
    """Raise LabError if the plan touches what isn't the request's to touch."""
    if not made:
        return
    for ns in touched(made.steps):
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
        for step in made.steps:
            # What stood before the first step: a later step may be about a link that this plan makes.
            standing = made.before.get(step.key) if step.key[0] == "link" and step.key[1] == MACHINE else None
            if standing is not None:
                _check_machine_link(request, step.key, standing, recorded)


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


def _check_machine_link(request: Request, key: Key, link: object, recorded: set[Key]) -> None:
    owner = next((name for name in getattr(link, "altnames", None) or () if name.startswith(LAB_ALTNAME)), "")
    if request.lab is None:
        if owner:
            raise LabError(
                f"link {at(*key[1:])} belongs to a lab ({owner}): change its file, or say `force: true`",
                request.origin.get(key),
            )
    elif key not in recorded and owner != machine_altname(request.lab, key[2]):
        raise LabError(f"link {at(*key[1:])} stands already and this lab didn't make it", request.origin.get(key))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a request means besides what it says: what its owner made earlier and no longer wants, what isn't on a list.

Called by `converge` before and after looking. Each function gives a wider request.
"""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

from .._kernel import decode, namespaces, netlink
from .._kernel.errors import KernelError
from .._kernel.sysctls import Sysctls
from .._kernel.visit import Visit
from .kinds import FALLBACK_TUNNELS
from .ownership import Entry
from .records import (
    MACHINE,
    OUTLASTING,
    Address,
    Key,
    Link,
    Namespace,
    Occupants,
    Program,
    Request,
    Route,
    Sysctl,
    Want,
)
from .resources.file import marked as marked_files
from .resources.namespace import owner_of
from .state import State
from .sysctl_names import link_of

_LXC = "/var/lib/lxc"
"""Stands wherever LXC does; without it nothing of LXC's has to be loaded."""


def with_what_is_left(visit: Visit, request: Request, entry: Entry | None) -> Request:
    """The request, with everything that its owner made earlier and doesn't want any more wanted gone.

    Of a lab that is everything that the new file doesn't name; of single modules, the files of a namespace that goes.
    """
    want: Want = dict(request.want)
    keys = list(entry.keys) if entry is not None else []
    if request.lab is None:
        gone = {key[1] for key, record in want.items() if key[0] == "namespace" and record is None}
        want.update({key: None for key in keys if key[1] in gone and key not in want})
        want.update({key: None for key in programs_of(gone) if key not in want and not _stays(want, key[1])})
        return replace(request, want=want)
    if entry is not None and not entry.is_from_this_boot:
        keys = [key for key in keys if key[0] in OUTLASTING or _is_dead(key)]
    leaving = [key for key in keys if key not in want]
    if not any(record is not None for record in want.values()):
        known = {key[1] for key in leaving}
        leaving += [("namespace", ns) for ns in marked(visit, request.lab, besides=known)]
        leaving += [key for key in marked_containers(request.lab) if key not in leaving]
        if entry is None:
            leaving += marked_files(request.lab)
    gone = {key[1] for key in leaving if key[0] == "namespace"}
    for key in leaving:
        if key[0] == "sysctl" or (key[1] in gone and key[0] != "namespace" and key[0] not in OUTLASTING):
            continue
        want[key] = None
        if key[0] == "namespace":
            want["occupants", key[1]] = Occupants(processes="kill", holders="report")
    want.update({key: None for key in programs_of(gone) if key not in want})
    resets = _resets(visit, want, [key for key in leaving if key[0] == "sysctl" and key[1] not in gone])
    want.update(resets)
    return replace(request, want=want, passing=set(resets))


def _is_dead(key: Key) -> bool:
    """Whether nothing but a file is left of a namespace, which a boot may leave where /run is on a disk. If one stands
    under the name it is somebody else's, or its mark tells."""
    return key[0] == "namespace" and namespaces.condition(key[1]) == namespaces.BROKEN


def _resets(visit: Visit, want: Want, keys: list[Key]) -> dict[Key, Sysctl]:
    """What sysctls go back to that a lab set once: what they would be had it never done so.

    That of a namespace is what a new one has on this machine, so one is made for a moment, without a name. That of a
    link is what its namespace gives to new links.
    """
    values: dict[Key, Sysctl] = {}
    if not keys:
        return values
    sysctls = Sysctls(visit)
    for key in keys:
        name, link = key[2], link_of(key[2])
        if link is not None:
            if want.get(("link", key[1], link)) is None or namespaces.condition(key[1]) != namespaces.OK:
                continue
            name = name.replace(f"/{link}/", "/default/", 1)
            wanted = want.get(("sysctl", key[1], name))
            if isinstance(wanted, Sysctl):
                values[key] = wanted
                continue
            visit.enter(key[1])
        elif visit.current != "":
            visit.enter_new()
        value = sysctls.read(name)
        if value is not None:
            values[key] = Sysctl(value)
    visit.come_home()
    return values


def marks(visit: Visit, besides: t.Container[str] = ()) -> dict[str, str]:
    """The labs that the loopbacks of namespaces name, and the files on which one was about to be mounted, by namespace,
    whatever the registry says; not those of `besides`."""
    found = {}
    for ns in namespaces.names():
        if ns in besides:
            continue
        if namespaces.condition(ns) == namespaces.BROKEN:
            owner = owner_of(namespaces.mark_of_broken(ns))
            if owner:
                found[ns] = owner
            continue
        try:
            visit.enter(ns)
            row = decode.links([visit.socket().get(netlink.link_get_request(1))])[0]
        except KernelError:
            continue
        owner = owner_of(row.alias)
        if owner:
            found[ns] = owner
    visit.enter(MACHINE)
    return found


def marked(visit: Visit, lab: str, besides: t.Container[str] = ()) -> list[str]:
    """The namespaces that carry the lab's mark; not those of `besides`."""
    return [ns for ns, owner in marks(visit, besides).items() if owner == lab]


def marked_containers(lab: str) -> list[Key]:
    """The containers whose configuration names the lab, whatever the registry says."""
    if not os.path.isdir(_LXC):
        return []
    from .container_steps import marked as found

    return found(lab)


def programs_of(spaces: t.Collection[str]) -> list[Key]:
    """The programs that are kept running in these namespaces, whoever started them, and what others have left."""
    if not spaces:
        return []
    from . import program_register

    return [("process", *one) for one in program_register.within(spaces)]


def _stays(want: Want, ns: str) -> bool:
    """Whether what runs in a namespace that goes is left alone."""
    policy = want.get(("occupants", ns))
    return isinstance(policy, Occupants) and policy.processes == "keep"


def exactly(request: Request, have: State, lent: t.Container[tuple[str, str]] = ()) -> Request:
    """The request, with everything else inside the lab's own namespaces wanted gone; what is derived stays, and what
    was lent there: (namespace, name)."""
    own = _own(request)
    added = [key for key in additions(request, have) if key[0] != "address" and key[1:] not in lent]
    want = {**request.want, **dict.fromkeys(added)}
    complete = {(key[1], key[2]) for key in request.want if key[0] == "link" and key[1] in own}
    return replace(request, want=want, complete=request.complete | complete)


def additions(request: Request, have: State) -> list[Key]:
    """What stands in the lab's own namespaces though the lab doesn't ask for it, and isn't derived from what it asks
    for. What is on an added link goes with that."""
    want = request.want
    return [
        key
        for ns in _own(request)
        for key, record in have.space(ns).items()
        if key not in want and _is_foreign(key, record, want)
    ]


def untouched(visit: Visit, request: Request) -> list[str]:
    """In words, what somebody put into the lab's own namespaces that no run takes away, since nothing here knows how to
    give it back. Raises KernelError."""
    from .._kernel import filters

    found = []
    for ns in _own(request):
        try:
            visit.enter(ns)
        except KernelError:
            continue  # still to be made, or just gone
        what = filters.seen(visit)
        if what:
            found.append(f"{ns} has {' and '.join(what)}, which no run touches")
    visit.enter(MACHINE)
    return found


def _own(request: Request) -> dict[str, None]:
    return {key[1]: None for key, record in request.want.items() if isinstance(record, Namespace)}


def _is_foreign(key: Key, record: object, want: Want) -> bool:
    if isinstance(record, Link):
        return key[2] != "lo" and record.kind not in ("", FALLBACK_TUNNELS.get(str(key[2])))
    if isinstance(record, Program):
        return True
    if isinstance(record, Address):
        return want.get(("link", key[1], key[2])) is not None
    from .resources.route import DYNAMIC

    return isinstance(record, Route) and record.protocol not in DYNAMIC

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who lives in namespaces: containers that share them, programs that are kept running in them, whatever else runs
there, and who holds them open.

The last part of an observation (`observe.py`), loaded where somebody asks for one of these. The worker is at home then:
LXC's command sockets are there, and inside a namespace the worker itself would be found in it.
"""

from __future__ import annotations

import typing as t

from .._kernel import namespaces, processes
from .._kernel.errors import KernelError
from .._kernel.holders import holders
from .._kernel.procfs import namespace_link, status
from .records import MACHINE, Container, Key, Occupants, Request

Spaces = t.Dict[str, t.Dict[Key, t.Any]]
Wanted = t.Mapping[str, t.Mapping[str, t.Sequence[Key]]]


def look(spaces: Spaces, wanted: Wanted, request: Request, kept: t.Container[str]) -> None:
    """Put the wanted containers and programs, and the occupants of namespaces that go, into `spaces`.

    Where everything else is to be removed (`Request.exact`) all programs are looked for. Raises KernelError, LabError.
    `kept` are namespaces of which it is known what stands there.
    """
    leaving = _Leaving()
    keys = [key for ns, kinds in wanted.items() if ns not in kept for key in kinds.get("container", ())]
    if keys:
        _find_containers(spaces, keys, request, leaving)
    _find_programs(spaces, wanted, request, kept, leaving)
    going = [ns for ns, kinds in wanted.items() if "occupants" in kinds]
    if going:
        _find_occupants(spaces, going, leaving)


class _Leaving:
    """The containers and programs that go: what runs in a container ends with it, and so does who watches over it."""

    def __init__(self) -> None:
        self.process_namespaces: set[str | None] = set()
        self.monitors: set[int] = set()
        self.members: set[int] = set()
        """The processes of programs."""

    def add(self, pid: int) -> None:
        """A container by its init."""
        self.process_namespaces.add(namespace_link(pid, "pid"))
        known = status(pid)
        if known is not None:
            self.monitors.add(known.parent)


def _find_containers(spaces: Spaces, keys: t.Iterable[Key], request: Request, leaving: _Leaving) -> None:
    from .container_steps import concerns
    from .container_steps import look as look_at

    for key in dict.fromkeys(keys):
        found = look_at(key)
        want = request.want.get(key)
        if found is not None:
            spaces[key[1]][key] = found
            if want is None and found.pid:
                leaving.add(found.pid)
            continue
        for other in concerns(want.wish) if isinstance(want, Container) and want.wish else ():
            original = look_at(other)
            if original is not None:
                spaces.setdefault(MACHINE, {})[other] = original


def _find_programs(spaces: Spaces, wanted: Wanted, request: Request, kept: t.Container[str], leaving: _Leaving) -> None:
    looked_at = [ns for ns in wanted if ns not in kept and ns != MACHINE]
    keys = dict.fromkeys(key for ns in looked_at for key in wanted[ns].get("process", ()))
    if request.exact:
        from . import program_register

        keys.update((("process", *one), None) for one in program_register.within(looked_at))
    if not keys:
        return
    from .._kernel.launch import Search
    from .program_steps import look as look_at

    search = Search()
    for key in keys:
        found = look_at(key, search)
        if found is None:
            continue
        spaces[key[1]][key] = found
        if key in request.want and request.want[key] is None and _ends(request, key[1]):
            leaving.members.update(process.pid for process in found.members)


def _ends(request: Request, ns: str) -> bool:
    """Whether what runs in a namespace is to be ended before that goes."""
    policy = request.want.get(("occupants", ns))
    return not isinstance(policy, Occupants) or policy.processes == "kill"


def _find_occupants(spaces: Spaces, going: t.Iterable[str], leaving: _Leaving) -> None:
    identities = {}
    for ns in going:
        try:
            identities[namespaces.identity(ns)] = ns
        except KernelError:
            continue
    if not identities:
        return
    inside = processes.inside(identities)
    holding = holders(identities)
    for ns, some in inside.items():  # with one of its threads only, it doesn't live there
        holding.setdefault(ns, []).extend(process for process in some if process.why != processes.INSIDE)
        inside[ns] = [
            process
            for process in some
            if process.why == processes.INSIDE
            and process.pid not in leaving.members
            and namespace_link(process.pid, "pid") not in leaving.process_namespaces
        ]
    for ns in identities.values():
        known = {process.pid for process in inside.get(ns, ())} | leaving.monitors | leaving.members
        others = tuple(process for process in holding.get(ns, ()) if process.pid not in known)
        if inside.get(ns) or others:
            spaces[ns]["occupants", ns] = Occupants(inside=tuple(inside.get(ns, ())), holding=others)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sysctls that a plan disturbs though nobody asked for it. Called by `memory`.

A link that is deleted, moved, or too narrow for IPv6 for a moment loses all of its own; the switch of forwarding, and
some values of default and all, are handed on to every link.
"""

from __future__ import annotations

import typing as t

from .._kernel.errors import KernelError
from .._kernel.sysctls import Sysctls
from .._kernel.visit import Visit
from .names import IPV6_LEAST_MTU
from .plan import Plan
from .records import Key, Link, Sysctl
from .resources import BY_KIND
from .state import State
from .steps import POINT_OF_NO_RETURN, Step
from .sysctl_names import FORWARDING, link_of

_MTU = "/mtu"
"""IPv6's own; follows that of the link until somebody sets it."""
_SECRET = "/stable_secret"
"""Can't be read before it was set, and reads as an error then."""
_FINER = "_ms"
"""Ends the name of what is another one in milliseconds: the finer one of the two says it all."""
_FAMILIES = ("ipv4", "ipv6")
_TRACER = "netns-lab"
"""No sysctl is called so."""


def remember(before: State, visit: Visit, made: Plan) -> None:
    """Add their values to what stood before the plan. Raises KernelError."""
    sysctls = Sysctls(visit)
    for ns, link, family in of_links(made):
        visit.enter(ns)
        for table in (f"net/{family}/conf", f"net/{family}/neigh"):
            names = sysctls.names(f"{table}/{link}")
            for name in names:
                if name == f"net/ipv6/conf/{link}{_MTU}":
                    _keep(before, sysctls, ns, name, str(before.get(("link", ns, link)).mtu))
                elif not name.endswith(_SECRET) and f"{name}{_FINER}" not in names:
                    default = f"{table}/default/{name.rpartition('/')[2]}"
                    _keep(before, sysctls, ns, name, sysctls.read(default))
    for ns, name in _under_old_names(made):
        visit.enter(ns)
        _keep(before, sysctls, ns, name, None)
    for ns, family, tail in _handed_on(made):
        visit.enter(ns)
        for directory in sysctls.names(f"net/{family}/conf"):
            _keep(before, sysctls, ns, f"{directory}/{tail}", None)
        if tail == "forwarding":
            _keep(before, sysctls, ns, f"net/{family}/conf/all/accept_redirects", None)


def _keep(before: State, sysctls: Sysctls, ns: str, name: str, usual: str | None) -> None:
    """Note a value unless it is the usual one of a new link."""
    try:
        value = sysctls.read(name)
    except KernelError:
        return  # some can only be written
    if value is not None and value != usual:
        before.put(("sysctl", ns, name), Sysctl(value))


def of_links(made: Plan) -> list[tuple[str, str, str]]:
    """The links that lose their sysctls before the point up to which the plan can be put back: (namespace, name,
    family).

    The effects of the steps tell: each link gets a sysctl that says whose it is, and afterwards those are missing that
    went.
    """
    steps = [step for step in made.steps if step.phase < POINT_OF_NO_RETURN and step.key[0] in ("namespace", "link")]
    if not any(_disturbs(step) for step in steps):
        return []
    state = made.before.fork()
    left: dict[tuple[str, str, str], None] = {}
    for key in made.before:
        if key[0] == "link":
            for family in _FAMILIES:
                left[key[1], key[2], family] = None
                state.put(("sysctl", key[1], f"net/{family}/conf/{key[2]}/{_TRACER}"), Sysctl(f"{key[1]}/{key[2]}"))
    for step in steps:
        BY_KIND[step.key[0]].effect(step, state)
    for key in state:
        if key[0] == "sysctl" and key[2].endswith(f"/{_TRACER}"):
            ns, _slash, name = t.cast(str, t.cast(Sysctl, state.get(key)).value).partition("/")
            left.pop((ns, name, key[2].split("/")[1]), None)
    return list(left)


def _disturbs(step: Step) -> bool:
    """Whether a step can end the sysctls of a link that stands."""
    if step.key[0] != "link" or step.verb == "create":
        return False
    return step.verb != "change" or _is_narrow(t.cast(Link, step.before), step.after)


def _under_old_names(made: Plan) -> list[tuple[str, str]]:
    """The sysctls that the plan sets on links that it has renamed, by the names that these had."""
    names: dict[Key, str] = {}
    found = []
    for step in made.steps:
        if step.verb == "move" and step.other is not None and step.other[1] == step.key[1]:
            names[step.other] = names.pop(step.key, step.key[2])
        elif names and step.key[0] == "sysctl":
            link = link_of(step.key[2])
            old = names.get(("link", step.key[1], link))
            if old is not None:
                found.append((step.key[1], step.key[2].replace(f"/{link}/", f"/{old}/", 1)))
    return found


def _is_narrow(before: Link, after: t.Any) -> bool:
    """Whether IPv6 has no place on a link before or after."""
    return any((link.mtu or IPV6_LEAST_MTU) < IPV6_LEAST_MTU for link in (before, after))


def _handed_on(made: Plan) -> list[tuple[str, str, str]]:
    """The sysctls that set those of links as well, of namespaces that stood before: (namespace, family, last part)."""
    found: dict[tuple[str, str, str], None] = {}
    for step in made.steps:
        if step.key[0] != "sysctl" or not made.before.lives(step.key[1]):
            continue
        parts = step.key[2].split("/")
        if step.key[2] in FORWARDING:
            found[step.key[1], FORWARDING[step.key[2]], "forwarding"] = None
        elif parts[2:4] in (["conf", "default"], ["conf", "all"]):
            found[step.key[1], parts[1], parts[4]] = None
    return list(found)

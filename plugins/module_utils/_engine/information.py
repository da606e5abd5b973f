# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What namespaces hold, for people: the result of the module `netns_info`."""

from __future__ import annotations

import typing as t

from .._kernel import namespaces, processes
from .._kernel.visit import Visit, in_worker
from . import leases
from . import names as rules
from .errors import LabError
from .observe import observe
from .records import MACHINE, Address, Link, Namespace, Request, Route
from .resources import route as routes
from .resources.address import text as address_text
from .resources.base import at
from .state import State


def gather(names: t.Sequence[str] | None) -> list[dict[str, t.Any]]:
    """Each named namespace, or all of them, sorted by name. One that doesn't stand is left out.

    Raises LabError for a name that none can have, KernelError.
    """
    for index, name in enumerate(names or ()):
        try:
            rules.namespace_name(name)
        except LabError as error:
            raise LabError(error.message, f"names[{index}]") from error
    wanted = sorted(set(namespaces.names() if names is None else names))
    return in_worker(lambda visit: _look(visit, wanted))


def _look(visit: Visit, wanted: t.Sequence[str]) -> list[dict[str, t.Any]]:
    # Wanting what stands makes the observation search for far ends wherever they are.
    first = observe(visit, Request({}, look={*wanted, *namespaces.names(), MACHINE}))
    links = {key: None for ns in wanted for key, link in first.of(ns, "link") if link.peer and link.peer[0] == "?"}
    have = observe(visit, Request({key: Link() for key in links}, look=set(first.spaces()))) if links else first
    identities = {}
    for ns in wanted:
        record = have.get(("namespace", ns))
        if isinstance(record, Namespace) and not record.broken:
            identities[namespaces.identity(ns)] = ns
    inside = processes.inside(identities) if identities else {}
    homes = {lease.place: lease.home for lease in leases.standing()}
    return [_one(ns, have, inside.get(ns, ()), homes) for ns in wanted if ("namespace", ns) in have]


def _one(ns: str, have: State, inside: t.Iterable[t.Any], homes: t.Mapping[tuple[str, str], str]) -> dict[str, t.Any]:
    record = t.cast(Namespace, have.get(("namespace", ns)))
    addresses: dict[str, list[str]] = {}
    for key, address in have.of(ns, "address"):
        addresses.setdefault(key[2], []).append(address_text(key, t.cast(Address, address)))
    return {
        "name": ns,
        "state": "broken" if record.broken else "ok",
        "owner": record.owner or "",
        "links": [
            {**_link(key[2], link, addresses.get(key[2], [])), "home": homes.get((ns, key[2]))}
            for key, link in have.of(ns, "link")
        ],
        "routes": [routes.text(key, t.cast(Route, route)) for key, route in have.of(ns, "route")],
        "processes": [{"pid": process.pid, "command": process.command} for process in inside],
    }


def _link(name: str, link: Link, addresses: list[str]) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {
        "name": name,
        "kind": link.kind or "",
        "up": link.up,
        "mtu": link.mtu,
        "mac": link.mac,
        "addresses": addresses,
        "bridge": link.master or None,
        "peer": None,
    }
    if link.peer is not None:
        found["peer"] = at(*link.peer) if link.peer[0] != "?" else "out of sight"
    if link.lower is not None and link.lower[0] != "?":
        found["link"] = at(*link.lower)
    return found

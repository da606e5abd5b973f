# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What labs there are, as they stand and as they were asked for: the result of the module `topology_info`.

The registry says which labs there are and what was asked of them, and where it is lost the marks of namespaces say the
first. Nothing is changed, and no lock is taken: what is seen of a lab while a run is at it may be half of either.
"""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import replace

from .._kernel import namespaces
from .._kernel.visit import Visit, in_worker
from . import drift, leftovers, locks, names, ownership, program_options, program_register, read_back, topology
from .derived_names import BRIDGE
from .errors import LabError
from .lab import Lab
from .observe import observe
from .records import MACHINE, File, Key, Link, Want
from .resources.file import ETC
from .state import State

MOST_DIFFERENCES = 100
"""Differences that a result lists; it says the total as well."""

COMPLETE, INCOMPLETE, BROKEN, GONE = "complete", "incomplete", "broken", "gone"


def gather(name: str | None, prefix: str | None, *, asked: bool = False) -> list[dict[str, t.Any]]:
    """Each lab of the machine, or those of this name and prefix, sorted. One that isn't there is left out.

    A name without a prefix is that of the lab without one, or all of it: ``NAME@PREFIX``. Raises LabError for a name
    that no lab can have, KernelError.
    """
    if name is not None and "@" in name and prefix is None:
        name, _at, prefix = name.partition("@")
    for option, check, value in (("name", names.lab_name, name), ("prefix", names.prefix, prefix)):
        try:
            if value is not None:
                check(value)
        except LabError as error:
            raise LabError(error.message, option) from error
    return in_worker(lambda visit: _look(visit, name, prefix, asked))


def _look(visit: Visit, name: str | None, prefix: str | None, asked: bool) -> list[dict[str, t.Any]]:
    marks = leftovers.marks(visit)
    ids = [one for one in ownership.labs() if not one.startswith("@")]
    found = []
    for lab_id in sorted({*ids, *marks.values()}):
        its_name, _at, its_prefix = lab_id.partition("@")
        wanted_prefix = prefix if prefix is not None or name is None else ""
        if not _is_legal(names.lab_name, its_name) or not _is_legal(names.prefix, its_prefix):
            continue  # a file or a mark that looks like ours
        if name not in (None, its_name) or wanted_prefix not in (None, its_prefix):
            continue
        seen = _Seen(visit, lab_id, [ns for ns, owner in marks.items() if owner == lab_id])
        if seen.is_there:
            found.append(seen.told(asked))
    return found


class _Seen:
    """One lab, looked at."""

    def __init__(self, visit: Visit, lab_id: str, marked: list[str]) -> None:
        self._id = lab_id
        self._entry = ownership.load(lab_id)
        self._asked = _as_asked(self._entry, lab_id)
        self._containers = {key[1] for key in leftovers.marked_containers(lab_id)}
        self._marked = marked
        asked = [node.ns for node in self._asked.nodes.values()] if self._asked is not None else []
        self._unasked = [ns for ns in marked if ns not in asked]
        """Namespaces of the lab that its file, as far as it is known, doesn't name."""
        self._lab = self._with_unasked()
        self._have = self._observed(visit)
        conditions = namespaces.conditions([*asked, *self._unasked])
        self._stands = {ns: one == namespaces.OK and self._is_its_own(ns) for ns, one in conditions.items()}
        self._untouched = leftovers.untouched(visit, self._lab.request())

    def _with_unasked(self) -> Lab:
        """The lab that stands: what was asked for, and what the marks know of besides."""
        name, _at, prefix = self._id.partition("@")
        standing = [
            ns for ns in self._unasked if ns.startswith(prefix) and _is_legal(names.node_name, ns[len(prefix) :])
        ]
        if self._asked is not None and not standing:
            return self._asked
        given: dict[str, t.Any] = {"name": name, "prefix": prefix, "nodes": {}}
        if self._asked is not None:
            given = self._asked.given
        more = {ns[len(prefix) :]: self._known_of(ns) for ns in standing}
        lab = topology.load({**given, "nodes": {**(given.get("nodes") or {}), **more}})
        for ns in standing:
            for file in _files(ns):
                lab.want["file", ns, file] = File()
        return lab

    def _known_of(self, ns: str) -> dict[str, t.Any]:
        """What is known of a node whose namespace only carries the mark."""
        found: dict[str, t.Any] = {"kind": "container"} if ns in self._containers else {}
        programs = _programs(ns, self._id)
        return {**found, "processes": programs} if programs else found

    def _observed(self, visit: Visit) -> State:
        request = self._lab.request()
        have = observe(visit, request)
        # Links that nobody asked for: wanting them makes the observation see more of them.
        own = [node.ns for node in self._lab.nodes.values()]
        more: Want = {
            key: unasked
            for ns in own
            for key, link in have.of(ns, "link")
            if key not in request.want and (unasked := _unasked(key, link)) is not None
        }
        if more:
            have = observe(visit, replace(request, want={**request.want, **more}, look={MACHINE}))
        for ns in own:
            if not self._is_its_own(ns):
                have.clear(ns)
        return have

    def _is_its_own(self, ns: str) -> bool:
        """Whether a namespace of that name is the lab's. Namespaces don't outlive a boot, so without the mark it is
        somebody else's then."""
        return ns in self._marked or (self._entry is not None and self._entry.is_from_this_boot)

    @property
    def is_there(self) -> bool:
        return self._entry is not None or bool(self._unasked)

    def _state(self) -> str:
        entry = self._entry
        if entry is not None and not entry.complete and entry.is_from_this_boot:
            return INCOMPLETE
        if self._stands and not any(self._stands.values()):
            return GONE
        return COMPLETE if all(self._stands.values()) else BROKEN

    def _drift(self) -> list[drift.Difference]:
        if self._asked is None:
            return []
        found = drift.differences(self._asked.request(), self._have)
        for ns in self._unasked:
            text = f"namespace {ns} belongs to the lab, and its lab file doesn't name it"
            found.append(drift.Difference(ns, "namespace", ns, drift.ADDED, text))
        return found

    def told(self, asked: bool) -> dict[str, t.Any]:
        """The lab in the words of the module's result."""
        entry, differences = self._entry, self._drift()
        prefix = self._lab.prefix
        found: dict[str, t.Any] = {
            "id": self._id,
            "name": self._lab.name,
            "prefix": prefix,
            "state": self._state(),
            "recorded": self._asked is not None,
            "this_boot": entry.is_from_this_boot if entry is not None and entry.boot else True,
            "built": None,
            "file": entry.source if entry is not None else "",
            "run": locks.holder(self._id),
            "drift": [
                {"node": one.netns[len(prefix) :] if one.netns.startswith(prefix) else one.netns, **one._asdict()}
                for one in differences[:MOST_DIFFERENCES]
            ],
            "drift_total": len(differences),
            "untouched": self._untouched[:MOST_DIFFERENCES],
        }
        if entry is not None and entry.written:
            found["built"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.written))
        unknown = {ns[len(prefix) :] for ns in self._unasked}
        found["topology"] = read_back.lab_file(self._lab, self._have, unknown)
        if asked:
            found["asked"] = self._asked.given if self._asked is not None else None
        return found


def _as_asked(entry: ownership.Entry | None, lab_id: str) -> Lab | None:
    """The lab that the registry says was asked for; None where it doesn't, or an earlier version wrote it otherwise."""
    if entry is None or entry.asked is None:
        return None
    try:
        lab = topology.load(entry.asked)
    except LabError:
        return None
    return lab if lab.id == lab_id else None


def _is_legal(check: t.Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except LabError:
        return False
    return True


def _programs(ns: str, lab: str) -> list[dict[str, t.Any]]:
    """The programs that a lab keeps running in a namespace, as a lab file has them."""
    entries = {name: program_register.load(ns, name) for name in program_register.names(ns)}
    return [
        program_options.described(entry.program, ns, name)
        for name, entry in entries.items()
        if entry is not None and entry.state == "running" and entry.program.owner == lab
    ]


def _unasked(key: Key, link: Link) -> Link | None:
    """What to want of a link that nobody asked for: of a veth its far end, of a switch's bridge whether it has STP."""
    if link.peer is not None:
        return Link() if link.peer[0] == "?" else None
    is_switch = key[2] == BRIDGE and link.kind == "bridge"
    return Link(kind="bridge", options=(("stp", False),)) if is_switch else None


def _files(ns: str) -> list[str]:
    """The files that `ip netns exec` would put over those of /etc."""
    try:
        return [name for name in sorted(os.listdir(os.path.join(ETC, ns))) if not name.startswith(".")]
    except OSError:
        return []

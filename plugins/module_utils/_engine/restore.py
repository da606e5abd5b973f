# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going back is planning backwards: the request that asks for what stood before. Pure but for decoding options."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._kernel import codec
from . import kinds
from .plan import Plan, touched
from .records import Address, Key, Link, Namespace, Record, Request, Want
from .state import State


def request(made: Plan, now: State) -> Request:
    """What to ask for so that everything the failed plan may have changed is as it was.

    Only namespaces that the plan touches: what others do elsewhere meanwhile is none of its business.
    """
    want: Want = {}
    for ns in reached(made):
        before = made.before
        if ns != "@" and ("namespace", ns) not in before:
            for key, _record in now.of(ns, "file"):
                want[key] = before.get(key)
            want["namespace", ns] = None
            continue
        for key, record in before.space(ns).items():
            if key[0] != "occupants":
                want[key] = wanted(record)
                if _has_a_ports_mac(before, key, record):
                    want[key] = replace(t.cast(Link, want[key]), mac=None)
        for key in now.space(ns):
            if key not in want and _is_ours(key, now, made):
                want[key] = None
    return Request(want, lab=None, force=True, rollback=False)


def _has_a_ports_mac(state: State, key: Key, record: Record) -> bool:
    """A bridge takes its MAC address from its ports until it is given one, which would be the end of that."""
    if not isinstance(record, Link) or record.kind != "bridge":
        return False
    return any(link.master == key[2] and link.mac == record.mac for _port, link in state.of(key[1], "link"))


def reached(made: Plan) -> dict[str, None]:
    """Every namespace that a step names or an effect reaches."""
    found = touched(made.steps)
    for ns in made.before.spaces():
        if made.after.space(ns) is not made.before.space(ns):
            found[ns] = None
    return found


def _is_ours(key: Key, now: State, made: Plan) -> bool:
    """Whether something that stands now and didn't before comes from the plan: it was wanted, or lies on what was."""
    if key[0] not in ("link", "address", "route", "file"):
        return False
    if key in made.after:
        return True
    if key[0] == "address":
        return ("link", key[1], key[2]) not in made.before
    record = now.get(key)
    if isinstance(record, Link):  # halfway through names that change places
        return record.peer is not None and ("link", *record.peer) in made.after
    return False


def wanted(record: Record) -> Record:
    """An observed record as something to ask for: every field that the kernel lets us set."""
    if isinstance(record, Namespace):
        return Namespace(owner=record.owner or "")
    if isinstance(record, Address):
        return Address(prefix=record.prefix)
    if not isinstance(record, Link):
        return record
    if record.kind not in kinds.KINDS:
        return replace(record, kind=None, peer=None, lower=None, altnames=None, options=None)
    options = record.options
    if options is None and record.data and kinds.KINDS[record.kind].options:
        options = kinds.read_back(record.kind, codec.decode_options(record.kind, record.data))
    peer = record.peer if record.peer is not None and record.peer[0] != "?" else None
    lower = record.lower if record.lower is not None and record.lower[0] != "?" else None
    return replace(
        record,
        peer=peer,
        lower=lower,
        options=options,
        altnames=record.altnames or None,
        mac=record.mac if kinds.KINDS[record.kind].arp else None,
    )

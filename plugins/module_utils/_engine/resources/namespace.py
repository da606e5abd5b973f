# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Named network namespaces: created with their mark, repaired, adopted, removed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..._kernel import namespaces
from ..errors import LabError
from ..records import Key, Link, Namespace
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question

if t.TYPE_CHECKING:
    from ..ground import Ground

MARK = "netns-lab:"
"""What the alias of a lab namespace's loopback begins with; the name of the lab follows."""


def owner_of(alias: str | None) -> str:
    """The lab that an alias of lo names; empty: none."""
    return alias[len(MARK) :] if alias and alias.startswith(MARK) else ""


class NamespaceKind(Kind):
    """See the module's docstring."""

    kind = "namespace"
    netlink = False

    def __init__(self) -> None:
        self.proposals = ((Phase.CLEAR, self._repair), (Phase.NAMESPACE, self._make), (Phase.REMOVE, self._remove))

    def _repair(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is not None and isinstance(have, Namespace) and have.broken:
                yield Step(Phase.CLEAR, "delete", key, have, why="a dead file: no namespace is mounted on it")

    def _make(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            if want is None:
                continue
            have = question.state.get(key)
            if have is None:
                lo = question.request.want.get(("link", key[1], "lo"))
                loopback = isinstance(lo, Link) and bool(lo.up)
                yield Step(Phase.NAMESPACE, "create", key, None, want, ("loopback",) if loopback else ())
                continue
            if want.owner is not None and want.owner != have.owner:
                yield Step(Phase.NAMESPACE, "change", key, have, replace(have, owner=want.owner), ("owner",))
            if want.nsid is not None and want.nsid != have.nsid:
                if have.nsid is not None and have.nsid >= 0:
                    raise LabError(
                        f"namespace {key[1]} has the id {have.nsid} already, and the kernel lets it be set once only: "
                        f"wanted {want.nsid}. Leave `nsid` out, or remove the namespace first",
                        "nsid",
                    )
                yield Step(Phase.NAMESPACE, "change", key, have, replace(have, nsid=want.nsid), ("nsid",))

    def _remove(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is None and isinstance(have, Namespace):
                yield Step(Phase.REMOVE, "delete", key, have)

    def effect(self, step: Step, state: State) -> None:
        from .. import effects

        ns = step.key[1]
        if step.verb == "create":
            after = t.cast(Namespace, step.after)
            effects.namespace_made(state, ns, after.owner, "loopback" in step.fields)
            if after.nsid is not None:
                state.put(step.key, replace(t.cast(Namespace, state.get(step.key)), nsid=after.nsid))
        elif step.verb == "delete":
            effects.namespace_gone(state, ns)
        else:
            state.put(step.key, t.cast(Namespace, step.after))

    def perform(self, step: Step, ground: Ground) -> None:
        ns = step.key[1]
        if step.verb == "create":
            after = t.cast(Namespace, step.after)
            mark = MARK + after.owner if after.owner else None
            namespaces.create(ground.visit, ns, mark=mark, loopback="loopback" in step.fields, nsid=after.nsid)
            ground.made(ns)
        elif step.verb == "delete":
            ground.remove(ns)
        elif "owner" in step.fields:
            from ..._kernel import codec

            ground.visit.enter(ns)
            owner = t.cast(Namespace, step.after).owner
            alias = ("IFLA_IFALIAS", MARK + owner if owner else "")
            (refusal,) = ground.visit.socket().transact([codec.link_message("RTM_NEWLINK", index=1, attrs=[alias])])
            if refusal is not None:
                raise refusal
        else:
            namespaces.set_nsid(ground.visit, ns, t.cast(int, t.cast(Namespace, step.after).nsid))

    def say(self, step: Step) -> str:
        ns = step.key[1]
        if step.verb == "create":
            extra = ", loopback up" if "loopback" in step.fields else ""
            nsid = t.cast(Namespace, step.after).nsid
            return f"create namespace {ns}{extra}" + (f", nsid {nsid}" if nsid is not None else "")
        if step.verb == "delete":
            return f"delete namespace {ns}" + (f" ({step.why})" if step.why else "")
        after = t.cast(Namespace, step.after)
        if "owner" in step.fields:
            return f"hand namespace {ns} over to {f'lab {after.owner}' if after.owner else 'nobody'}"
        return f"set the nsid of {ns} to {after.nsid}"

    def show(self, key: Key, record: Namespace) -> tuple[tuple[str, ...], t.Any]:
        if record.broken:
            return ("state",), "broken"
        value: dict[str, t.Any] = {}
        if record.owner:
            value["lab"] = record.owner
        if record.nsid is not None and record.nsid >= 0:
            value["nsid"] = record.nsid
        return ("namespace",), value or "present"

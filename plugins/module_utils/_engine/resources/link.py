# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links of every kind in the table of `kinds`, and settings of links that stand already."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..records import Key, Link
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Proposal, at

if t.TYPE_CHECKING:
    from ..ground import Ground
    from ..view import View


class LinkKind(Kind):
    """See the module's docstring."""

    kind = "link"

    @property
    def proposals(self) -> t.Sequence[tuple[Phase, Proposal]]:
        from . import _link_proposals  # whoever finds at a glance that all stands as wanted, needs none

        return _link_proposals.PROPOSALS

    # -- looking

    def observe(self, view: View) -> None:
        ns, names = view.ns, view.names
        for row in view.links:
            kind = row.kind
            key: Key = ("link", ns, row.name)
            peer = lower = None
            below = row.link
            if kind == "veth":
                peer = (ns, names.get(row.link, "")) if row.link_nsid is None else ("?", "")
            elif kind:
                from .. import kinds  # a table that few need

                below = kinds.lower_index(row)
                if below:
                    lower = (ns, names.get(below, "")) if row.link_nsid is None else ("?", "")
            want = view.want(key)
            options = None
            if isinstance(want, Link) and want.options and kind == want.kind:
                options = view.options(row, want.options)
            master = names.get(row.master, "") if row.master else ""
            altnames = tuple(sorted(row.altnames)) if row.altnames else ()
            view.put(
                key,
                Link(
                    kind,
                    peer,
                    lower,
                    row.mtu,
                    row.own_mac or row.mac,
                    row.is_up,
                    master,
                    options,
                    altnames,
                    row.alias,
                    row.index,
                    None,
                    "an XDP program is attached" if row.xdp else None,
                    row.info_data,
                    None,
                    row.slave_kind,
                    None,
                    row.queues,
                ),
            )
            if row.link_nsid is not None and (peer or lower):
                view.far(key, below, row.link_nsid)

    # -- foreseeing

    def effect(self, step: Step, state: State) -> None:
        from .. import effects  # only steps have any, and most runs have no steps

        if step.verb == "delete":
            effects.link_gone(state, step.key)
        elif step.verb == "move":
            effects.link_moved(state, step.key, t.cast(Key, step.other))
        elif step.verb == "create":
            effects.link_made(state, step.key, t.cast(Link, step.after))
            if step.other is not None:
                effects.link_made(state, step.other, t.cast(Link, step.other_after))
        elif step.fields == ("up",):
            (effects.link_up if t.cast(Link, step.after).up else effects.link_down)(state, step.key)
        else:
            self._effect_of_settings(step, state)

    @staticmethod
    def _effect_of_settings(step: Step, state: State) -> None:
        from .. import effects, kinds

        wanted, have = t.cast(Link, step.after), t.cast(Link, state.get(step.key))
        changes: dict[str, t.Any] = {}
        if "mac" in step.fields:
            changes = {"mac": wanted.mac, "mac_floats": False}
            state.put(step.key, replace(have, **changes))
        # A bond gives its ports its MTU, and gives them back their own.
        bonded = kinds.BOND in (have.master_kind, wanted.master_kind)
        if "mtu" in step.fields and not bonded:
            effects.mtu_set(state, step.key, t.cast(int, wanted.mtu), asked=True)
        if "master" in step.fields:
            effects.master_set(state, step.key, t.cast(str, wanted.master))
        if "mtu" in step.fields and bonded:
            effects.mtu_set(state, step.key, t.cast(int, wanted.mtu), asked=True)
        have = t.cast(Link, state.get(step.key))
        if "options" in step.fields:
            found = {**dict(have.options or ()), **dict(wanted.options or ())}
            if have.kind == kinds.BOND:
                from .. import bonds

                found = bonds.after(dict(have.options or ()), dict(wanted.options or ()))
            changes["options"] = tuple(sorted(found.items()))
        if "altnames" in step.fields:
            changes["altnames"] = tuple(sorted({*(have.altnames or ()), *(wanted.altnames or ())}))
        state.put(step.key, replace(have, **changes))

    # -- doing and saying

    def messages(self, step: Step, ground: Ground) -> list[bytes]:

        from . import _link_messages

        return _link_messages.of(step, ground)

    def say(self, step: Step) -> str:

        from . import _link_messages

        return _link_messages.words(step)

    def show(self, key: Key, record: Link) -> tuple[tuple[str, ...], t.Any]:
        value: dict[str, t.Any] = {"kind": record.kind} if record.kind else {}
        for name in ("mtu", "mac", "up"):
            if getattr(record, name) is not None:
                value[name] = getattr(record, name)
        if record.master:
            value["bridge"] = record.master
        if record.peer:
            value["peer"] = at(*record.peer) if record.peer[0] != "?" else "out of sight"
        if record.lower:
            value["lower"] = at(*record.lower)
        value.update((name, list(it) if isinstance(it, tuple) else it) for name, it in record.options or ())
        if record.altnames:
            value["altnames"] = list(record.altnames)
        return ("links", key[2]), value

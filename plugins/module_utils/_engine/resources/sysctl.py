# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctls under net/ of a namespace."""

from __future__ import annotations

import typing as t

from .. import effects
from ..records import Key, Sysctl
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question, going, inside

if t.TYPE_CHECKING:
    from ..ground import Ground
    from ..view import View

_FORWARDING = {
    "net/ipv4/ip_forward": "ipv4",
    "net/ipv4/conf/all/forwarding": "ipv4",
    "net/ipv6/conf/all/forwarding": "ipv6",
}


def link_of(name: str) -> str | None:
    """The link that a sysctl belongs to, or None for one of the namespace as a whole."""
    parts = name.split("/")
    if len(parts) > 4 and parts[2] in ("conf", "neigh") and parts[3] not in ("all", "default"):
        return parts[3]
    return None


class SysctlKind(Kind):
    """See the module's docstring. A sysctl is never deleted: who stops wanting it leaves it as it is."""

    kind = "sysctl"
    netlink = False

    def __init__(self) -> None:
        self.proposals = ((Phase.CONF, self._whole), (Phase.LINK_CONF, self._of_links))

    def observe(self, view: View) -> None:
        for key in view.wanted("sysctl"):
            value = view.sysctls.read(key[2])
            if value is not None:
                view.put(key, Sysctl(value))

    def _whole(self, question: Question) -> t.Iterator[Step]:
        return self._changed(question, Phase.CONF, of_link=False)

    def _of_links(self, question: Question) -> t.Iterator[Step]:
        return self._changed(question, Phase.LINK_CONF, of_link=True)

    def _changed(self, question: Question, phase: Phase, *, of_link: bool) -> t.Iterator[Step]:
        get = question.state.get
        for key, want in question.items:
            have = get(key)
            if want is None or have == want or (link_of(key[2]) is not None) is not of_link or going(question, key[1]):
                continue
            yield Step(phase, "change", key, have, want, depth=0 if key[2] in _FORWARDING else 1)

    def effect(self, step: Step, state: State) -> None:
        after = t.cast(Sysctl, step.after)
        family = _FORWARDING.get(step.key[2])
        if family is not None:
            effects.forwarding_set(state, step.key[1], family, str(after.value))
        state.put(step.key, after)

    def perform(self, step: Step, ground: Ground) -> None:
        ground.visit.enter(step.key[1])
        ground.sysctls.write(step.key[2], str(t.cast(Sysctl, step.after).value))

    def say(self, step: Step) -> str:
        was = f" (was {t.cast(Sysctl, step.before).value})" if step.before else ""
        return f"set {step.key[2].replace('/', '.')} {inside(step.key[1])} to {t.cast(Sysctl, step.after).value}{was}"

    def show(self, key: Key, record: Sysctl) -> tuple[tuple[str, ...], t.Any]:
        return ("sysctls", key[2].replace("/", ".") if "." not in key[2] else key[2]), record.value

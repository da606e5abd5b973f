# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctls under net/ of a namespace."""

from __future__ import annotations

import functools
import typing as t

from ..records import Key, Sysctl
from ..state import State
from ..steps import Phase, Step
from ..sysctl_names import FORWARDING, link_of
from .base import Kind, Question, going, inside

if t.TYPE_CHECKING:
    from ..ground import Ground
    from ..view import View


@functools.lru_cache(maxsize=1024)
def _standing(value: str) -> Sysctl:
    """Most nodes have the same values: one record serves them all."""
    return Sysctl(value)


class SysctlKind(Kind):
    """See the module's docstring. A sysctl is never deleted: who stops wanting it leaves it as it is."""

    kind = "sysctl"
    netlink = False

    def __init__(self) -> None:
        self.proposals = ((Phase.CONF, self._whole), (Phase.LINK_CONF, self._of_links))

    def observe(self, view: View) -> None:
        keys = view.wanted("sysctl")
        if keys:
            values = view.sysctl_values([key[2] for key in keys])
            for key in keys:
                if key[2] in values:
                    view.put(key, _standing(values[key[2]]))

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
            if have is None and key in question.request.passing:
                continue  # it went with its link, so there is nothing to put back
            if have is None and _is_without_ipv6(question, key):
                continue
            yield Step(phase, "change", key, have, want, depth=0 if key[2] in FORWARDING else 1)

    def effect(self, step: Step, state: State) -> None:
        from ..effects_conf import default_set, forwarding_set
        from ..effects_ip import ipv6_switched

        after = t.cast(Sysctl, step.after)
        ns, name = step.key[1], step.key[2]
        if name in FORWARDING:
            forwarding_set(state, ns, FORWARDING[name], str(after.value))
        elif name.endswith("/disable_ipv6"):
            ipv6_switched(state, ns, name, str(after.value))
        else:
            default_set(state, ns, name, step.before.value if isinstance(step.before, Sysctl) else None)
        state.put(step.key, after)

    def perform(self, step: Step, ground: Ground) -> None:
        ground.visit.enter(step.key[1])
        ground.sysctls.write(step.key[2], str(t.cast(Sysctl, step.after).value))

    def say(self, step: Step) -> str:
        was = f" (was {t.cast(Sysctl, step.before).value})" if step.before else ""
        return f"set {step.key[2].replace('/', '.')} {inside(step.key[1])} to {t.cast(Sysctl, step.after).value}{was}"

    def show(self, key: Key, record: Sysctl) -> tuple[tuple[str, ...], t.Any]:
        return ("sysctls", key[2].replace("/", ".") if "." not in key[2] else key[2]), record.value


def _is_without_ipv6(question: Question, key: Key) -> bool:
    """Whether a sysctl is one of IPv6 that nobody asked for but the node's kind, and the kernel has no IPv6 (the boot
    parameter ipv6.disable=1)."""
    ns, name = key[1], key[2]
    is_known = question.have.lives(ns) or ns in question.have.at_birth
    return is_known and name.startswith("net/ipv6/") and link_of(name) is None and key not in question.request.origin

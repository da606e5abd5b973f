# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy rules: those that name a link of the machine, which come back with it if somebody took them away meanwhile."""

from __future__ import annotations

import typing as t

from ..records import Key, Rule
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question, going, inside

if t.TYPE_CHECKING:
    from ..ground import Ground
    from ..view import View


class RuleKind(Kind):
    """See the module's docstring. A rule has nothing that could change: its key says all."""

    kind = "rule"

    def __init__(self) -> None:
        self.proposals = ((Phase.ROUTE, self._settle),)

    def observe(self, view: View) -> None:
        if view.wanted("rule"):
            for body in view.rules():
                view.put(("rule", view.ns, body.hex()), Rule())

    def _settle(self, question: Question) -> t.Iterator[Step]:
        for key, wanted in question.items:
            have = question.state.get(key)
            if wanted is not None and have is None:
                yield Step(Phase.ROUTE, "create", key, None, wanted, depth=3)
            elif wanted is None and have is not None and not going(question, key[1]):
                yield Step(Phase.ROUTE, "delete", key, have, depth=3)

    def effect(self, step: Step, state: State) -> None:
        if step.verb == "delete":
            state.drop(step.key)
        else:
            state.put(step.key, t.cast(Rule, step.after))

    def messages(self, step: Step, ground: Ground) -> list[bytes]:
        from ..._kernel import kept

        return [kept.rule(bytes.fromhex(step.key[2]), delete=step.verb == "delete")]

    def say(self, step: Step) -> str:
        return f"{'delete' if step.verb == 'delete' else 'add'} rule {text(step.key)} {inside(step.key[1])}"

    def show(self, key: Key, record: Rule) -> tuple[tuple[str, ...], t.Any]:
        return ("rules",), [text(key)]


def text(key: Key) -> str:
    """A rule in the words of ``ip rule``."""
    from ..._kernel import kept

    return kept.rule_words(bytes.fromhex(key[2]))

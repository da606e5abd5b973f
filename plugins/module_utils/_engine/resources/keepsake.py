# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on a link and isn't modelled: queueing disciplines, static neighbours, entries of bridges, some settings.

Nobody asks for it but a run that failed and puts back what its links had (`memory`, `restore`).
"""

from __future__ import annotations

import typing as t

from ..records import Keepsake, Key, Link
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question, at

if t.TYPE_CHECKING:
    from ..ground import Ground
    from ..view import View


class KeepsakeKind(Kind):
    """See the module's docstring. It is what its key says, so there is nothing about it that could change."""

    kind = "keepsake"

    def __init__(self) -> None:
        self.proposals = ((Phase.ROUTE, self._give_back),)

    def observe(self, view: View) -> None:
        if view.wanted("keepsake"):
            for key in view.keepsakes():
                view.put(key, Keepsake())

    def _give_back(self, question: Question) -> t.Iterator[Step]:
        # Behind everything else, and those of one link in the kernel's order: a queueing discipline after its parent.
        for key, wanted in question.items:
            stands = isinstance(question.state.get(("link", key[1], key[2])), Link)
            if wanted is not None and stands and key not in question.state:
                yield Step(Phase.ROUTE, "create", key, None, wanted, depth=4)

    def effect(self, step: Step, state: State) -> None:
        state.put(step.key, t.cast(Keepsake, step.after))

    def messages(self, step: Step, ground: Ground) -> list[bytes]:
        from ..._kernel import keepsakes

        _kind, ns, link, what, body = step.key
        return keepsakes.requests(keepsakes.Keepsake(ground.index(ns, link), what, bytes.fromhex(body)))

    def say(self, step: Step) -> str:
        from ..._kernel import keepsakes

        _kind, ns, link, what, body = step.key
        return f"give {at(ns, link)} its {keepsakes.words(what, bytes.fromhex(body))} back"

    def show(self, key: Key, record: Keepsake) -> tuple[tuple[str, ...], t.Any]:
        from ..._kernel import keepsakes

        return ("links", key[2], "besides"), [keepsakes.words(key[3], bytes.fromhex(key[4]))]

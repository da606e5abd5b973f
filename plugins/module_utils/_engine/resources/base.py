# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine knows of a kind of kernel object: the shape of every file beside this one, and its shared parts."""

from __future__ import annotations

import typing as t
from dataclasses import fields

from ..records import MACHINE, Key, Record, Request
from ..state import State
from ..steps import Phase, Step

if t.TYPE_CHECKING:
    from ..._kernel.errors import KernelError
    from ..._kernel.netlink import Socket
    from ..ground import Ground
    from ..view import View

Item = t.Tuple[Key, t.Any]


class Question(t.NamedTuple):
    """What a proposal is made from: the wanted items of its own kind, the state so far, the whole request."""

    items: t.Sequence[Item]
    state: State
    request: Request
    have: State
    """What stood before the first step."""
    gone: tuple[str, ...] = ()
    """The namespaces that are removed as a whole: what is inside needs no step of its own."""


Proposal = t.Callable[[Question], t.Iterator[Step]]


class Resource(t.Protocol):
    """One kind of kernel object. Adding a kind is adding a class that has these, and its line in `__init__`."""

    @property
    def kind(self) -> str:
        """First element of its keys."""

    @property
    def proposals(self) -> t.Sequence[tuple[Phase, Proposal]]:
        """What it proposes, and in which phase."""

    @property
    def netlink(self) -> bool:
        """True: a step is messages, batched with others. False: a step is a call to `perform`."""

    def observe(self, view: View) -> None:
        """Put what stands in the namespace that the view is in into the state."""

    def effect(self, step: Step, state: State) -> None:
        """Change the state as the kernel would. Pure."""

    def messages(self, step: Step, ground: Ground) -> list[bytes]:
        """The netlink requests of a step, to be sent in ``step.place``."""

    def comes_yet(self, step: Step, refusal: KernelError, channel: Socket) -> bool:
        """Wait for what a refused step needs and what comes by itself; whether it is worth asking again."""

    def perform(self, step: Step, ground: Ground) -> None:
        """Do a step that isn't a netlink request."""

    @property
    def side_by_side(self) -> bool:
        """True: steps of several objects are performed at once, each in a thread, and `afterwards` once behind them."""

    def waits(self, step: Step) -> bool:
        """Of steps that are done side by side: whether this one is waiting rather than work."""

    def afterwards(self, steps: t.Sequence[Step]) -> None:
        """Clear up behind steps that were done side by side."""

    def say(self, step: Step) -> str:
        """The step in words."""

    def show(self, key: Key, record: t.Any) -> tuple[tuple[str, ...], t.Any]:
        """Where in a namespace's YAML the record stands, and its value there. A list value is extended."""


class Kind:
    """Defaults for what a resource doesn't need."""

    netlink = True
    side_by_side = False

    def waits(self, step: Step) -> bool:
        return False

    def afterwards(self, steps: t.Sequence[Step]) -> None:
        """Nothing to clear up."""

    def observe(self, view: View) -> None:
        """Nothing to look at."""

    def messages(self, step: Step, ground: Ground) -> list[bytes]:
        raise NotImplementedError(f"{self.__class__.__name__} sends no messages")

    def comes_yet(self, step: Step, refusal: KernelError, channel: Socket) -> bool:
        return False

    def perform(self, step: Step, ground: Ground) -> None:
        raise NotImplementedError(f"{self.__class__.__name__} performs nothing")


def differing(want: Record, have: Record) -> tuple[str, ...]:
    """Names of the compared fields that were asked for and stand otherwise."""
    return tuple(
        name
        for name in compared(type(want))
        if (wanted := getattr(want, name)) is not None and wanted != getattr(have, name)
    )


_COMPARED: dict[type, tuple[str, ...]] = {}


def compared(record: type) -> tuple[str, ...]:
    """The fields of a record class that count when two are compared."""
    names = _COMPARED.get(record)
    if names is None:
        names = _COMPARED[record] = tuple(f.name for f in fields(record) if f.compare)
    return names


def going(question: Question, ns: str) -> bool:
    """Whether the whole namespace goes."""
    return ns in question.gone


def inside(ns: str) -> str:
    """A namespace in words, as it follows on a thing that is in it."""
    return "on the machine" if ns == MACHINE else f"in {ns}"


def at(ns: str, name: str) -> str:
    """A link in words: ``red:eth0``, and a link of the machine by its bare name with an at sign, as in a lab file."""
    return f"@{name}" if ns == MACHINE else f"{ns}:{name}"

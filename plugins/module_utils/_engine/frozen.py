# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decorator of the engine's record classes: `dataclass(frozen=True)`, but three times as fast.

The standard one compiles six methods for each class, which costs every task some milliseconds, and its instances are
filled through `object.__setattr__`, which costs a big lab as much again. Here only `__init__` is compiled, and that
nobody changes an instance is the type checker's business: it is told that this is the standard one. Fields, defaults,
`compare`, `repr`, `replace` and `asdict` are those of dataclasses.
"""

from __future__ import annotations

import dataclasses
import operator
import typing as t

__all__ = ["dataclass"]


def _made(cls: type) -> type:
    dataclasses.dataclass(repr=False, eq=False)(cls)
    names = [field.name for field in dataclasses.fields(cls) if field.compare]
    values: t.Callable[[t.Any], t.Any] = operator.attrgetter(*names) if names else _nothing

    def __eq__(self: t.Any, other: t.Any) -> bool:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: t.Any) -> int:
        return hash(values(self))

    for method in (__eq__, __hash__, __repr__):
        setattr(cls, method.__name__, method)
    return cls


def _nothing(_record: t.Any) -> tuple[()]:
    return ()


def __repr__(self: t.Any) -> str:
    told = [f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr]
    return f"{self.__class__.__qualname__}({', '.join(told)})"


if t.TYPE_CHECKING:
    from dataclasses import dataclass  # what the type checker knows
else:

    def dataclass(*, frozen: bool) -> t.Callable[[type], type]:
        """Called like the standard one, always with ``frozen=True``."""
        if not frozen:
            raise TypeError("only for classes whose instances don't change")
        return _made

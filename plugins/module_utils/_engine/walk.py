# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of which the schema's table is made, and how each reads a value.

A shape's `read` returns the value in its checked, canonical form, or puts what is wrong into `Problems` and returns
None. It never raises, whatever the value is; dict, list, str, int, float, bool and None are told apart.
"""

from __future__ import annotations

import typing as t

from .errors import LabError, Path, Problems, show

_SWITCHES = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def _typed(value: object) -> str:
    """What kind of thing a value is, for messages about the wrong kind."""
    if value is None:
        return "nothing stands here"
    if isinstance(value, dict):
        return "a mapping stands here"
    if isinstance(value, (list, tuple)):
        return "a list stands here"
    return show(value)


def unquoted(value: object, expected: str) -> str | None:
    """The message for text that YAML turned into something else because it wasn't quoted; None for anything else."""
    given = show(value)
    if isinstance(value, bool):
        return f"{given}: expected {expected}, but YAML reads on, off, yes and no as true and false: quote it"
    if isinstance(value, int):
        sixty = ""
        if value >= 60**5:  # six parts: most likely a MAC address
            parts = []
            while value:
                value, part = divmod(value, 60)
                parts.append(f"{part:02}")
            sixty = f", and digits with colons as a number of base 60 (was it {':'.join(reversed(parts))}?)"
        elif value >= 60:
            sixty = ", and digits with a colon as a number of base 60"
        return f"{given}: expected {expected}, but YAML reads digits without quotes as a number{sixty}: quote it"
    if isinstance(value, float):
        return f"{given}: expected {expected}, but YAML reads digits without quotes as a number: quote it"
    return None


class Shape:
    """What a value has to look like. `description` is the documentation, a sentence a line."""

    def __init__(self, description: str = "") -> None:
        self.description = description

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        raise NotImplementedError


class Text(Shape):
    """Text, which `parse` checks and may turn into something better. `expected` is what messages call it."""

    def __init__(
        self,
        description: str = "",
        *,
        expected: str = "text",
        parse: t.Callable[[str], t.Any] | None = None,
        choices: t.Sequence[str] = (),
        pattern: str = "",
    ) -> None:
        super().__init__(description)
        self.expected = expected
        self.parse = parse
        self.choices = tuple(choices)
        self.pattern = pattern
        """For editors (JSON Schema) only; `parse` is what decides."""

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if not isinstance(value, str):
            problems.add(path, unquoted(value, self.expected) or f"{_typed(value)}: expected {self.expected}")
            return None
        if self.parse is not None:
            try:
                return self.parse(value)
            except LabError as error:
                problems.add(path, error.message)
                return None
        if self.choices and value not in self.choices:
            problems.add(path, f"{show(value)}: expected {' or '.join(self.choices)}{near(value, self.choices)}")
            return None
        return value


class Integer(Shape):
    """A whole number in a range, both ends included. Digits in quotes do as well: templates produce them."""

    def __init__(self, description: str = "", *, least: int, most: int, expected: str = "a whole number") -> None:
        super().__init__(description)
        self.least = least
        self.most = most
        self.expected = expected

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not self.least <= value <= self.most:
            problems.add(path, f"{_typed(value)}: expected {self.expected} from {self.least} to {self.most}")
            return None
        return value


class Number(Shape):
    """A number in a range, both ends included, which may have a fraction. Digits in quotes do as well."""

    def __init__(self, description: str = "", *, least: float, most: float, expected: str = "a number") -> None:
        super().__init__(description)
        self.least = least
        self.most = most
        self.expected = expected

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if isinstance(value, str) and len(value) < 20:
            try:
                value = float(value)
            except ValueError:
                pass
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not self.least <= value <= self.most:
            problems.add(path, f"{_typed(value)}: expected {self.expected} from {self.least:g} to {self.most:g}")
            return None
        return value


class Switch(Shape):
    """True or false. The words do as well: templates produce them."""

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if isinstance(value, str):
            value = _SWITCHES.get(value.lower(), value)
        if not isinstance(value, bool):
            problems.add(path, f"{_typed(value)}: expected true or false")
            return None
        return value


class Mapping(Shape):
    """A mapping with known keys. A key without a value counts as not given.

    With `may_be_empty`, nothing at all stands for an empty mapping (``red:`` alone on a line).
    """

    def __init__(
        self,
        keys: t.Mapping[str, Shape],
        description: str = "",
        *,
        what: str,
        required: t.Sequence[str] = (),
        may_be_empty: bool = False,
    ) -> None:
        super().__init__(description)
        self.keys = dict(keys)
        self.what = what
        self.required = tuple(required)
        self.may_be_empty = may_be_empty

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if not isinstance(value, dict):
            if value is None and self.may_be_empty:
                return {}
            examples = ", ".join(list(self.keys)[:3])
            problems.add(path, f"{_typed(value)}: expected {self.what}, a mapping with keys like {examples}")
            return None
        result = {}
        keys = self.keys
        for key, item in value.items():
            shape = keys.get(key)
            if shape is None:
                problems.add((path, key), self._unknown(key))
            elif item is not None:
                result[key] = shape.read(item, (path, key), problems)
        for key in self.required:
            if value.get(key) is None:
                problems.add(path, f"the key '{key}' is missing: {first_sentence(self.keys[key].description)}")
        return result

    def _unknown(self, key: object) -> str:
        trap = unquoted(key, "a key")
        if trap:
            return trap
        return f"this version knows no such key in {self.what}{near(key, self.keys)} (known: {', '.join(self.keys)})"


class MapOf(Shape):
    """A mapping from names to values that all look alike."""

    def __init__(self, key: Text, value: Shape, description: str = "", *, what: str) -> None:
        super().__init__(description)
        self.key = key
        self.value = value
        self.what = what

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if not isinstance(value, dict):
            problems.add(path, f"{_typed(value)}: expected {self.what}")
            return None
        result: dict[t.Any, t.Any] = {}
        for key, item in value.items():
            here = (path, key)
            name = self.key.read(key, here, problems)
            read = self.value.read(item, here, problems)
            if name in result:
                problems.add(here, "given twice, under two spellings")
            if name is not None:
                result[name] = read
        return result


class ListOf(Shape):
    """A list whose items all look alike. `least` and `most` limit their number."""

    def __init__(
        self, item: Shape, description: str = "", *, what: str, least: int = 0, most: int | None = None
    ) -> None:
        super().__init__(description)
        self.item = item
        self.what = what
        self.least = least
        self.most = most

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if not isinstance(value, list):
            problems.add(path, f"{_typed(value)}: expected {self.what}")
            return None
        if len(value) < self.least or (self.most is not None and len(value) > self.most):
            problems.add(path, f"{len(value)} items: expected {self.what}")
            return None
        read = self.item.read
        return [read(item, (path, index), problems) for index, item in enumerate(value)]


class OneOf(Shape):
    """A value of several forms, told apart by its YAML type. `expected` names the forms."""

    def __init__(
        self,
        description: str = "",
        *,
        text: Shape | None = None,
        number: Shape | None = None,
        mapping: Shape | None = None,
        items: Shape | None = None,
        nothing: bool = False,
        expected: str,
    ) -> None:
        super().__init__(description)
        self.expected = expected
        self.nothing = nothing
        """Whether nothing at all (null) is a value, too."""
        self.forms: tuple[tuple[type, Shape], ...] = tuple(
            (kind, shape)
            for kind, shape in ((str, text), (int, number), (dict, mapping), (list, items))
            if shape is not None
        )

    def read(self, value: t.Any, path: Path, problems: Problems) -> t.Any:
        if value is None and self.nothing:
            return None
        for kind, shape in self.forms:
            if isinstance(value, kind) and not isinstance(value, bool):
                return shape.read(value, path, problems)
        trap = None
        if isinstance(value, bool) and any(kind is int for kind, _shape in self.forms):
            trap = f"{show(value)}: expected {self.expected}: write 1 for on and 0 for off"
        elif any(kind is str for kind, _shape in self.forms):
            trap = unquoted(value, self.expected)
        problems.add(path, trap or f"{_typed(value)}: expected {self.expected}")
        return None


def near(given: object, known: t.Iterable[str]) -> str:
    """``; did you mean 'links'?`` or nothing."""
    import difflib  # only mistakes need it

    found = difflib.get_close_matches(given, list(known)) if isinstance(given, str) and len(given) < 100 else []
    return f"; did you mean '{found[0]}'?" if found else ""


def first_sentence(text: str) -> str:
    """The first line of a description, without its full stop."""
    return text.partition("\n")[0].rstrip(".")

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table that the benchmark prints, in Markdown: it goes into docs/benchmark.md as it is."""

from __future__ import annotations

from .measure import Times

HEAD = ("figure", "ours", "theirs", "ratio", "of processor time", "target", "met")


class Table:
    """Rows in the order in which they were measured, and remarks below them."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, ...]] = []
        self._notes: list[str] = []

    def ratio(self, figure: str, ours: Times, theirs: Times, target: float | None) -> None:
        """A row about how ours relates to theirs; without a target it only tells."""
        ratio, cpu = ours.against(theirs)
        met = "" if target is None else "yes" if ratio <= target else "no"
        self._add(figure, str(ours), str(theirs), _number(ratio), "" if cpu is None else _number(cpu),
                  "" if target is None else f"at most {target:g}", met)  # fmt: skip

    def amount(self, figure: str, ours: float, unit: str, target: float) -> None:
        """A row about a quantity."""
        self._add(
            figure, f"{ours:.0f} {unit}", "", "", "", f"at most {target:g} {unit}", "yes" if ours <= target else "no"
        )

    def fact(self, figure: str, ours: str, target: str, met: bool) -> None:
        """A row about something that holds or doesn't."""
        self._add(figure, ours, "", "", "", target, "yes" if met else "no")

    def missing(self, figure: str, why: str) -> None:
        """A row that could not be measured, and why not."""
        self._add(figure, "NOT MEASURED", "", "", "", "", "")
        self.note(f"NOT MEASURED: {figure}: {why}")

    def note(self, text: str) -> None:
        """A remark."""
        self._notes.append(text)

    def _add(self, *cells: str) -> None:
        self._rows.append(cells)
        print("... " + ", ".join(cell for cell in cells if cell), flush=True)

    def text(self) -> str:
        """The whole table."""
        widths = [max(len(row[column]) for row in (HEAD, *self._rows)) for column in range(len(HEAD))]
        lines = [_line(HEAD, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
        lines += [_line(row, widths) for row in self._rows]
        return "\n".join(["", *lines, *(f"\n{note}" for note in self._notes)])


def _number(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 0.1 else f"{ratio:.2f}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the parts of a test run count, and how it is told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


def heading(text: str) -> None:
    print(f"\n=== {text} {'=' * max(3, 100 - len(text))}", flush=True)


@dataclass
class Part:
    """The outcomes of one part."""

    name: str
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def ok(self, what: str, count: int = 1) -> None:
        self.passed += count
        print(f"ok      {what}", flush=True)

    def fail(self, what: str, why: str = "") -> None:
        self.failed.append(f"{what}: {why}" if why else what)
        print(f"FAILED  {self.failed[-1]}", flush=True)

    def skip(self, what: str, why: str) -> None:
        self.skipped.append(f"{what}: {why}")
        print(f"SKIPPED {self.skipped[-1]}", flush=True)


class Report:
    """All parts of a run."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def begin(self, name: str) -> Part:
        self.parts.append(Part(name))
        return self.parts[-1]

    def end(self, part: Part) -> None:
        part.seconds = time.monotonic() - part.started
        if not part.passed and not part.failed:
            part.fail(part.name, "nothing was run")

    def finish(self, seconds: float) -> int:
        """Prints the summary and returns the exit code."""
        heading("summary")
        for part in self.parts:
            print(
                f"{part.name:<12} {part.passed:5} passed {len(part.failed):5} failed {len(part.skipped):5} skipped"
                f" {part.seconds:7.1f} s"
            )
        for word, texts in (("SKIPPED", [p.skipped for p in self.parts]), ("FAILED", [p.failed for p in self.parts])):
            for part, lines in zip(self.parts, texts):
                for line in lines:
                    print(f"{word} {part.name}: {line}")
        failed = sum(len(part.failed) for part in self.parts)
        print(f"in {seconds:.0f} s")
        passed, skipped = (sum(p.passed for p in self.parts), sum(len(p.skipped) for p in self.parts))
        print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
        return 1 if failed else 0

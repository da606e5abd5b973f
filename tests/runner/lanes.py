# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs parts side by side, each in a process of its own, and tells which line of output is whose.

Half of a kernel test is waiting for the kernel, and a check of the source waits for nothing: two parts at a time
keep two cores busy, the longest ones first, so that none is left for the end.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

from .parts import PARTS, PartOf
from .place import CHECKOUT, environment
from .report import Part, Report, heading

ALONE = "--alone"
"""How the process of one part is called: with the part, a directory and the file for its result after it."""

AT_ONCE = 2
"""Parts at a time. Most start several programs of their own, by the number of cores."""

GRACE_SECONDS = 20.0
"""What a part gets to clear up behind itself when the run is given up."""

_processes: list[subprocess.Popen[str]] = []
"""Of all parts so far. Each leads a process group of its own, so that nothing of it is left when it has to end."""

QUIET_SECONDS = 60
"""After so long without a line, the parts that run are named, so that nobody thinks that all is over."""


def run(chosen: dict[str, PartOf], scratch: Path, options: list[str]) -> list[Part]:
    """Runs these parts; returns them with what they counted, in the order given."""
    progress = Progress(len(chosen))
    longest_first = sorted(chosen, key=lambda name: -chosen[name].seconds)
    results: dict[str, Part] = {}

    def watch(name: str) -> None:
        results[name] = _watched(name, scratch, options, progress)

    for at_once, names in (
        (AT_ONCE, [name for name in longest_first if not chosen[name].alone]),
        (1, [name for name in chosen if chosen[name].alone]),
    ):
        with concurrent.futures.ThreadPoolExecutor(at_once) as lanes, _ended_with_us(lanes):
            list(lanes.map(watch, names))
    progress.end()
    return [results[name] for name in chosen]


@contextlib.contextmanager
def _ended_with_us(lanes: concurrent.futures.Executor) -> t.Iterator[None]:
    """Within the block, Control-C and SIGTERM end the parts that run, with all that they have started."""

    def leave(*_unused: t.Any) -> t.NoReturn:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except BaseException:
        lanes.shutdown(wait=False, cancel_futures=True)
        running = [process for process in _processes if process.poll() is None]
        for number, patience in ((signal.SIGINT, GRACE_SECONDS), (signal.SIGKILL, 0.0)):
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and any(process.poll() is None for process in running):
                time.sleep(0.1)
        raise
    finally:
        signal.signal(signal.SIGTERM, old)


def run_alone(name: str, scratch: str, result: str, options: list[str]) -> int:
    """The process of one part."""
    module, _dot, function = PARTS[name].function.partition(".")
    report = Report()
    part = report.begin(name)
    try:
        getattr(importlib.import_module(f".{module}", __package__), function)(part, Path(scratch), options)
    except Exception as error:  # a broken part must not hide the result of the others
        part.fail("the part itself", f"{type(error).__name__}: {error}")
    report.end(part)
    Path(result).write_text(json.dumps(dataclasses.asdict(part)))
    return 0


class Progress:
    """What whoever waits sees: which parts run, how many are done, how long it has taken."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = 0
        self.running: dict[str, float] = {}
        self.started = time.monotonic()
        self._width = max(map(len, PARTS))
        self._lock = threading.Lock()
        self._last = time.monotonic()
        self._over = threading.Event()
        threading.Thread(target=self._remind, daemon=True).start()

    def begin(self, name: str) -> None:
        with self._lock:
            self.running[name] = time.monotonic()
            number = self.done + len(self.running)
            heading(f"{name} ({number} of {self.count}, {self._elapsed()})")

    def line(self, name: str, text: str) -> None:
        with self._lock:
            self._last = time.monotonic()
            print(f"{name:<{self._width}} | {text}" if self.count > 1 else text, end="", flush=True)

    def finish(self, part: Part) -> None:
        with self._lock:
            del self.running[part.name]
            self.done += 1
            heading(
                f"{part.name}: {part.passed} passed, {len(part.failed)} failed, {len(part.skipped)} skipped in "
                f"{part.seconds:.0f} s ({self.done} of {self.count} done, {self._elapsed()})"
            )

    def end(self) -> None:
        self._over.set()

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self.started:.0f} s so far"

    def _remind(self) -> None:
        while not self._over.wait(5):
            with self._lock:
                if time.monotonic() - self._last < QUIET_SECONDS or not self.running:
                    continue
                self._last = time.monotonic()
                for_ = ", ".join(f"{name} for {self._last - began:.0f} s" for name, began in self.running.items())
                print(f"... still running: {for_} ({self.done} of {self.count} done, {self._elapsed()})", flush=True)


def _watched(name: str, scratch: Path, options: t.Sequence[str], progress: Progress) -> Part:
    """The part as it comes back from its process."""
    progress.begin(name)
    own, result = scratch / name, scratch / f"{name}.json"
    own.mkdir()
    command = [sys.executable, str(CHECKOUT / "tests" / "run.py"), ALONE, name, str(own), str(result), *options]
    process = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    _processes.append(process)
    part = Part(name)
    assert process.stdout is not None
    for line in process.stdout:
        progress.line(name, line)
    code = process.wait()
    if result.exists():
        part = Part(**json.loads(result.read_text()))
    else:
        part.seconds = time.monotonic() - part.started
        part.failed.append(f"{name}: its process ended with {code} before it could tell how it went")
    progress.finish(part)
    return part

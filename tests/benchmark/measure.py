# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a process takes and how much memory it needs; and waiting until the kernel has cleaned up."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
import typing as t
from dataclasses import dataclass, field

_PATIENCE_SECONDS = 120.0


class Failed(Exception):
    """A measured process didn't do what it should."""


@dataclass
class Run:
    """One run of a process."""

    seconds: float
    peak_kb: int
    """Greatest resident set (VmHWM)."""
    output: bytes
    cpu: float = 0.0
    """Seconds of processor time, the kernel's included, of the process and all that it waited for."""

    def part(self, count: int) -> Run:
        """One of `count` equal parts."""
        return Run(self.seconds / count, self.peak_kb, self.output, self.cpu / count)


def run(
    command: t.Sequence[str],
    environment: t.Mapping[str, str] | None = None,
    prepare: t.Callable[[], None] | None = None,
) -> Run:
    """Run a process to its end. Raises Failed with the end of its output if it doesn't succeed.

    Its output goes to a file, so that nobody has to read while the clock runs. `prepare` runs in the child.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=prepare,
            env={**os.environ, **(environment or {})},
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise Failed(f"{' '.join(command)[:200]} (exit code {process.returncode}): {text[-2000:].decode()}")
    return Run(seconds, usage.ru_maxrss, text, usage.ru_utime + usage.ru_stime)


@dataclass
class Times:
    """Seconds of several runs of the same thing."""

    all: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of processor time; empty where that isn't known."""

    def add(self, run: Run | float) -> None:
        if isinstance(run, Run):
            self.all.append(run.seconds)
            self.cpu.append(run.cpu)
        else:
            self.all.append(run)

    def against(self, other: Times) -> tuple[float, float | None]:
        """The ratio to other times, and that of processor time: the latter says more where other work disturbs."""
        cpu = statistics.median(self.cpu) / statistics.median(other.cpu) if self.cpu and other.cpu else None
        return self.median / other.median, cpu

    @property
    def median(self) -> float:
        return statistics.median(self.all)

    def __str__(self) -> str:
        if len(self.all) == 1:
            return f"{self.median:.2f} s"
        return f"{self.median:.2f} s ({min(self.all):.2f} to {max(self.all):.2f})"


def settle() -> None:
    """Wait until the kernel has destroyed every namespace that has gone so far.

    It does so in one queue, a batch after the other (cleanup_net in net/core/net_namespace.c). So a probe that was put
    into a batch after theirs, and is gone with its veth, proves it: two in a row, as the first may share their batch.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for _unused in range(2):
        for words in ("netns add probe", "link add probe0 type veth peer probe1 netns probe", "netns delete probe"):
            subprocess.run(["ip", *words.split()], check=True)
        while _exists("probe0"):
            if time.monotonic() > deadline:
                raise Failed(f"the kernel hasn't taken away a namespace in {_PATIENCE_SECONDS:g} s")
            time.sleep(0.01)


def _exists(link: str) -> bool:
    try:
        socket.if_nametoindex(link)
    except OSError:
        return False
    return True

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that wait for other programs, done side by side: those of one object one after the other, objects beside each
other. Called by `apply`, for containers and for programs that are kept running.
"""

from __future__ import annotations

import contextlib
import os
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .steps import Step

_AT_ONCE = 32
"""Steps at once. Of those that are work a machine can do as many as it has cores; the others are waiting."""

Failure = t.Tuple[int, BaseException]


def together(
    steps: t.Sequence[tuple[int, Step]],
    do: t.Callable[[Step], None],
    go_on: t.Callable[[], bool],
    waits: t.Callable[[Step], bool] = lambda _step: False,
) -> Failure | None:
    """Do numbered steps of one phase; the first that failed, by its number in the plan.

    `waits` tells the steps that are waiting rather than work. After a failure nothing more is begun; what has begun is
    waited for. Threads begin in the network namespace of the thread that calls, which has to be the machine's own.
    """
    chains: dict[t.Any, list[tuple[int, Step]]] = {}
    for number, step in steps:
        chains.setdefault(step.key, []).append((number, step))
    failures: list[Failure] = []
    working = threading.Semaphore(os.cpu_count() or 1)

    def run(chain: t.Sequence[tuple[int, Step]]) -> None:
        for number, step in chain:
            with contextlib.nullcontext() if waits(step) else working:
                if failures or not go_on():
                    return
                try:
                    do(step)
                except BaseException as error:  # handed over to the thread that waits
                    failures.append((number, error))
                    return

    with ThreadPoolExecutor(min(_AT_ONCE, len(chains))) as pool:
        for future in [pool.submit(run, chain) for chain in chains.values()]:
            future.result()
    return min(failures, key=lambda failure: failure[0]) if failures else None

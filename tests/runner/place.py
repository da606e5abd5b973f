# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are, and how a part starts a program."""

from __future__ import annotations

import concurrent.futures
import glob
import os
import shutil
import signal
import subprocess
import sys
import threading
import typing as t
import uuid
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
CACHE = CHECKOUT / ".cache"
COLLECTIONS = CHECKOUT / ".collections"
BIN = Path(sys.executable).parent
_RUN = "NETNS_LAB_TEST_RUN"
MARK = f"{_RUN}={os.environ.get(_RUN) or uuid.uuid4()}"
"""Stands in the environment of everything that this run starts: so what is left of it can be told from the rest."""

THOROUGH = "NETNS_LAB_TEST_THOROUGH"
"""In the environment of a run that tries ten times as many random cases."""

COMPILED = CACHE / "pycache"
"""Where every Python of a run keeps what it compiles, and looks for it: a third of a module's time would go into that.
Beside the source it would be in the way of whoever looks at what is there."""

NOT_SOURCE = (
    ".git",
    ".venv",
    ".collections",
    ".cache",
    "__pycache__",
    ".ansible",
    ".hypothesis",
    ".*_cache",
    "*.tar.gz",
)


def environment(**more: str) -> dict[str, str]:
    """The environment for a program: .venv first on PATH, and behind the rest pyenv's Pythons themselves.

    pyenv's shims go: they stand for Pythons that aren't active, too, and then fail.
    """
    path = os.environ.get("PATH", os.defpath).split(":")
    shims = [directory for directory in path if Path(directory).name == "shims"]
    pythons = [found for shim in shims for found in sorted(glob.glob(f"{Path(shim).parent}/versions/3.*/bin"))]
    path = [str(BIN), *(directory for directory in path if directory not in shims), *pythons]
    name, value = MARK.split("=")
    found = {**os.environ, "PATH": ":".join(path), name: value, "PYTHONPYCACHEPREFIX": str(COMPILED), **more}
    found.pop("PYTHONDONTWRITEBYTECODE", None)
    return found


def run(
    *command: str | Path, cwd: Path = CHECKOUT, env: t.Mapping[str, str] | None = None, limit: float = 540
) -> tuple[int, str]:
    """Runs a program whose output shows at once; returns exit code and output. After `limit` seconds it is killed."""
    process = subprocess.Popen(
        [str(word) for word in command], cwd=cwd, env={**environment(), **(env or {})}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
    )  # fmt: skip
    lines: list[str] = []
    assert process.stdout is not None
    old = signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.alarm(int(limit))
    try:
        for line in process.stdout:
            lines.append(line)
            print(line, end="", flush=True)
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    return code, "".join(lines)


ALONE = [
    "unshare", "--mount", "--net", "--propagation", "private", "sh", "-c",
    'for on in /run /var/lib /var/log; do mount -t tmpfs tmpfs $on || exit; done; ip link set lo up; exec "$@"', "sh",
]  # fmt: skip
"""Before a command: it runs in network and mount namespaces of its own, and nothing on the machine is in its way."""


def run_together(
    commands: t.Sequence[tuple[t.Sequence[str], Path, t.Mapping[str, str]]],
    limit: float = 540,
    show: bool = True,
) -> list[tuple[int, str]]:
    """Runs programs at the same time, each in its directory and with what its environment has besides.

    Their output shows line by line, as it comes, unless `show` is false. Returns exit codes and outputs. After `limit`
    seconds all are killed.
    """
    processes = [
        subprocess.Popen(
            command, cwd=directory, env={**environment(), **env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        )
        for command, directory, env in commands
    ]  # fmt: skip

    def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
        lines = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if show:
                print(line, end="", flush=True)
        return process.wait(), "".join(lines)

    def end_all() -> None:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(limit, end_all)
    timer.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(len(processes)) as pool:
            return list(pool.map(finish, processes))
    except BaseException:
        end_all()
        raise
    finally:
        timer.cancel()


def shares(sizes: dict[str, int], count: int) -> list[list[str]]:
    """Names in so many parts that take about the same time, as their sizes tell."""
    parts: list[list[str]] = [[] for _unused in range(min(count, len(sizes)))]
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        min(parts, key=lambda part: sum(sizes[other] for other in part)).append(name)
    return parts


def copy(scratch: Path, name: str = "tree") -> Path:
    """A copy of the source at SCRATCH/NAME/ansible_collections/netns/lab, where Ansible's tools want to see it."""
    target = scratch / name / "ansible_collections" / "netns" / "lab"
    if not target.exists():
        shutil.copytree(CHECKOUT, target, ignore=shutil.ignore_patterns(*NOT_SOURCE), symlinks=True)
    return target

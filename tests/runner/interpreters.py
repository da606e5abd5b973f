# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of part versions: the Pythons of this machine, and environments of them with the releases that are asked for.

An environment has two layers, so that one Python with three releases of pyroute2 isn't installed three times: a base
with pytest, ansible-core and the newest pyroute2, and above it one with another pyroute2, which finds the rest below.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import time
import typing as t
from pathlib import Path

from .place import BIN, CACHE, CHECKOUT, environment

ENVIRONMENTS = CACHE / "versions"
WANTED = CHECKOUT / "tests" / "unit" / "requirements.txt"


_making = threading.Lock()


class Python(t.NamedTuple):
    """An interpreter: its release (3.13), where it is, and in full what it is."""

    release: str
    path: str
    build: str


class Unusable(Exception):
    """An environment that can't be made; says why."""


def find(release: str) -> Python | None:
    """An interpreter of this release that can make environments. It is run, not only looked up."""
    elsewhere = [place for place in environment()["PATH"].split(":") if place != str(BIN)]
    for place in elsewhere:
        path = shutil.which(f"python{release}", path=place)
        code = "import ensurepip, sys, venv; print(sys.version, sys.executable)"
        asked = path and subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
        if path and asked and asked.returncode == 0:
            return Python(release, path, asked.stdout)
    return None


def base(python: Python, core: str) -> Path:
    """An environment with what the tests need and an ansible-core (2.19); its directory.

    Where that ansible-core doesn't run on this Python, but sends modules to it, it is there for its module_utils.
    """
    requirements = [line for line in WANTED.read_text().splitlines() if line and not line.startswith("#")]
    needed = ["pytest>=8.3", *requirements]

    def fill(place: Path) -> None:
        _call(place, python.path, "-m", "venv", place)
        pip = [place / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _call(place, *pip, *needed)
        release = f"ansible-core~={core}.0"
        if runs_on(python.release, core):
            _call(place, *pip, release)
        else:
            _call(place, *pip, "--ignore-requires-python", "--no-deps", release)

    return _cached(f"{python.release}-core{core}", [python.build, *needed], fill)


def runs_on(release: str, core: str) -> bool:
    """Whether this ansible-core runs on this release of Python, and not only its modules."""
    least = (3, 11) if core in ("2.18", "2.19") else (3, 12)
    return tuple(map(int, release.split("."))) >= least


def layer(below: Path, pyroute2: str) -> Path:
    """An environment with this pyroute2 (or the newest of this week) above another; its directory."""

    def fill(place: Path) -> None:
        _call(place, below / "bin" / "python", "-m", "venv", "--without-pip", place)
        (own,) = place.glob("lib/python3.*/site-packages")
        (other,) = below.glob("lib/python3.*/site-packages")
        (own / "below.pth").write_text(f"{other}\n")
        _call(
            place, below / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
            "--target", own, "pyroute2" if pyroute2 == "newest" else f"pyroute2=={pyroute2}",
        )  # fmt: skip

    week = time.strftime("%G-%V") if pyroute2 == "newest" else ""
    return _cached(f"{below.name}-pyroute2-{pyroute2}", [(below / "whole").read_text(), week], fill)


def _cached(name: str, content: list[str], fill: t.Callable[[Path], None]) -> Path:
    """The directory of this name, which `fill` makes if it isn't there whole with this content."""
    place = ENVIRONMENTS / name
    stamp = place / "whole"
    key = hashlib.sha256("\n".join([str(place), *content]).encode()).hexdigest()
    with _making:
        if not stamp.exists() or stamp.read_text() != key:
            shutil.rmtree(place, ignore_errors=True)
            ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
            fill(place)
            stamp.write_text(key)
    return place


def _call(place: Path, *command: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=300, env=environment()
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unusable(f"{place.name} can't be made: {last}")

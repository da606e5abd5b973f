# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints how fast netns.lab is, as ratios to other ways of making the same lab: `./lab bench`.

It measures, and judges nothing: a missed target is a word in the table, not a failure. It runs in mount, network and
process namespaces of its own, so the machine stays as it was. What each figure means is in figures.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import figures, measure
from .table import Table

_INSIDE = "NETNS_LAB_BENCHMARK_INSIDE"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./lab bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=1000, help="size of the ring (default: 1000)")
    parser.add_argument("--runs", type=int, default=5, help="how often each thing is measured (default: 5)")
    parser.add_argument("--only", default=",".join(figures.PARTS), help="parts, of: %(default)s")
    parser.add_argument("--large", action="store_true", help="also four times the nodes, with 256 open files (slow)")
    chosen = parser.parse_args()
    unknown = set(chosen.only.split(",")) - set(figures.PARTS)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(figures.PARTS)}")
    return chosen


def _go_inside() -> None:
    """Start again in namespaces that pass nothing back; all that is left running there ends with this process."""
    if os.geteuid() != 0:
        sys.exit("the benchmark needs root: sudo ./lab bench")
    unshare = shutil.which("unshare")
    if unshare is None:
        sys.exit("the benchmark needs unshare, of the package util-linux")
    os.environ[_INSIDE] = "1"
    own = ["--mount", "--propagation", "private", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
    os.execv(unshare, [unshare, *own, sys.executable, "-m", "tests.benchmark", *sys.argv[1:]])


def _make_cold() -> None:
    """As after a boot: nothing in /run and /var/lib, and lo is up."""
    for place in ("/run", "/var/lib"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", place], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def main() -> None:
    """Called as a program."""
    chosen = _options()
    if _INSIDE not in os.environ:
        _go_inside()
    _make_cold()
    print(
        f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}; "
        f"load before: {os.getloadavg()[0]:.2f}\n",
        flush=True,
    )
    table = Table()
    with tempfile.TemporaryDirectory(prefix="netns-lab-benchmark-") as scratch:
        bench = figures.Bench(chosen.nodes, chosen.runs, Path(scratch), table)
        parts = {name: part for name, part in figures.PARTS.items() if name in chosen.only.split(",")}
        if chosen.large:
            parts["large"] = figures.large
        for name, part in parts.items():
            try:
                part(bench)
            except measure.Failed as failure:
                table.missing(f"all of {name}", str(failure))
    print(table.text())


if __name__ == "__main__":
    main()

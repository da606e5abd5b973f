# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part versions: the suites under other releases of Python, pyroute2 and ansible-core than those of .venv.

Not every combination, but those in which something can differ: the unit tests under each Python with each pyroute2; the
kernel tests under the oldest Python with the oldest pyroute2 and under the newest with the newest, and those about
netlink under both with the others; integration targets with each ansible-core, once from its oldest Python to the
oldest on the target, and once with its newest for both. Each combination is one result. What can't be run here, for
want of that Python, is skipped by name.
"""

from __future__ import annotations

import concurrent.futures
import time
import typing as t
from pathlib import Path

from . import suites
from .ansible_test import INTEGRATION, LIKE_A_MACHINE, targets_run
from .interpreters import ENVIRONMENTS, Python, Unusable, base, find, layer, runs_on
from .place import ALONE, CHECKOUT, copy, environment, run_together
from .report import Part

AT_ONCE = 2
LIMIT = 900
"""Seconds for one combination."""

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
PYROUTES = ("0.7.2", "0.7.7", "newest")
"""That of Debian 12, that of Debian 13, and what pip takes."""

CORES = {
    "2.18": (("3.11", "3.9"), ("3.13", "3.13")),
    "2.19": (("3.11", "3.9"), ("3.13", "3.13")),
    "2.20": (("3.12", "3.9"), ("3.14", "3.14")),
    "2.21": (("3.12", "3.9"), ("3.14", "3.14")),
}
"""Of each ansible-core the Pythons that it runs on, and with it its modules: the oldest of both, and the newest."""

OF_MODULES = ["tests/unit/plugins/module_utils"]
ABOUT_NETLINK = [
    "netlink",
    "decode",
    "engine_ip",
    "engine_veth",
    "engine_change",
    "link_elsewhere",
    "namespaces",
    "namespaces_directory",
    "namespaces_removal",
    "visit",
]
TARGETS = ["netns", "netns_exec", "topology", "connection_netns", "inventory_topology"]
"""Those in which Ansible's release shows."""

MORE_TARGETS = ["netns_info", "veth", "link", "route"]
"""Run besides with the oldest of everything and with the newest."""


class Combination(t.NamedTuple):
    """What is run, in words, and a function that runs it and counts into a part."""

    name: str
    run: t.Callable[[Part, Path], None]


def run_part(part: Part, scratch: Path, options: list[str]) -> None:
    """Options are words of the names of combinations: those that have all of them are run."""
    pythons = {release: python for release in PYTHONS if (python := find(release))}
    for release in PYTHONS:
        if release not in pythons:
            part.skip(f"Python {release}", "there is none on this machine; units and kernel tests under it weren't run")
    chosen = [*_integration(part, pythons), *_kernel(pythons), *_unit(pythons)]
    if options:
        chosen = [one for one in chosen if all(word in one.name.replace(",", "").split() for word in options)]
    print(f"{len(chosen)} combinations, {AT_ONCE} at once", flush=True)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        started = [pool.submit(_one, part, combination, scratch / f"v{n}") for n, combination in enumerate(chosen)]
        for each in started:
            each.result()


def _one(part: Part, combination: Combination, place: Path) -> None:
    place.mkdir()
    inner = Part(combination.name)
    try:
        combination.run(inner, place)
    except Unusable as error:
        part.fail(combination.name, str(error))
        return
    words = f"{inner.passed} passed, {len(inner.failed)} failed, {len(inner.skipped)} skipped"
    words = f"{combination.name}: {words}, {time.monotonic() - inner.started:.0f} s"
    if inner.failed or not inner.passed:
        part.fail(words, "; ".join(inner.failed[:5]))
    else:
        part.ok(words)


def _unit(pythons: dict[str, Python]) -> t.Iterator[Combination]:
    for release, python in pythons.items():
        paths = OF_MODULES if not runs_on(release, "2.18") else ["tests/unit"]
        for pyroute2 in PYROUTES:
            yield _pytest("unit", python, pyroute2, paths)


def _kernel(pythons: dict[str, Python]) -> t.Iterator[Combination]:
    if not pythons:
        return
    oldest, newest = (list(pythons.values())[index] for index in (0, -1))
    netlink = [f"tests/kernel/test_{name}.py" for name in ABOUT_NETLINK]
    yield _pytest("kernel", oldest, PYROUTES[0], ["tests/kernel"])
    yield _pytest("kernel", newest, PYROUTES[-1], ["tests/kernel"])
    for python, others in ((oldest, PYROUTES[1:]), (newest, PYROUTES[:-1])):
        for pyroute2 in others:
            yield _pytest("kernel, about netlink", python, pyroute2, netlink)


def _pytest(what: str, python: Python, pyroute2: str, paths: list[str]) -> Combination:
    core = "2.19" if python.release == "3.11" else "2.21"  # 2.21 runs on 3.12, and its module_utils on 3.9

    def run(inner: Part, place: Path) -> None:
        interpreter = layer(base(python, core), pyroute2) / "bin" / "python"
        report = place / "report.xml"
        command = [
            str(interpreter), "-m", "pytest", "-q", "-o", f"cache_dir={place}/cache", *paths,
            f"--junitxml={report}", "--basetemp", str(place / "tmp"),
        ]  # fmt: skip
        ((code, output),) = run_together([(command, CHECKOUT, {})], LIMIT, show=False)
        if report.exists():
            suites.count(inner, report)
        if code and not inner.failed:
            inner.failed.append(f"exit code {code}")
        _keep(inner, output)

    return Combination(f"{what}, Python {python.release}, pyroute2 {pyroute2}", run)


def _integration(part: Part, pythons: dict[str, Python]) -> t.Iterator[Combination]:
    first, last = min(CORES), max(CORES)
    for core, ends in CORES.items():
        for (controller, target), pyroute2 in zip(ends, (PYROUTES[0], PYROUTES[-1])):
            is_extreme = (core, pyroute2) in ((first, PYROUTES[0]), (last, PYROUTES[-1]))
            targets = [*TARGETS, *(MORE_TARGETS if is_extreme else ())]
            lacking = {controller, target} - set(pythons)
            name = f"integration, ansible-core {core} on Python {controller}, modules on {target}, pyroute2 {pyroute2}"
            if lacking:
                part.skip(name, f"there is no Python {' and no '.join(sorted(lacking))} on this machine")
                if controller != target or not pythons or not runs_on(newest := list(pythons)[-1], core):
                    continue
                controller = target = newest  # the next best
                name = f"integration, ansible-core {core} on Python {newest}, modules on {newest}, pyroute2 {pyroute2}"
            yield Combination(name, _targets(core, pythons[controller], pythons[target], pyroute2, targets))


def _targets(
    core: str, controller: Python, target: Python, pyroute2: str, targets: list[str]
) -> t.Callable[[Part, Path], None]:
    def run(inner: Part, place: Path) -> None:
        runs_it = base(controller, core)
        modules = layer(base(target, core), pyroute2) / "bin" / "python"
        tree = copy(place)
        command = [
            *ALONE, "sh", "-c", LIKE_A_MACHINE, "sh", *INTEGRATION,
            "--controller", f"origin:python={controller.release}@{runs_it}/bin/python",
            "--target", f"controller:python={target.release}@{modules}", *targets,
        ]  # fmt: skip
        env = {"HOME": str(tree.parent), "PATH": f"{runs_it}/bin:{environment()['PATH']}"}
        ((code, output),) = run_together([(command, tree, env)], LIMIT, show=False)
        passed, failed = targets_run(tree, output)
        inner.passed = len(passed - failed)
        inner.failed += [name for name in targets if name in failed or name not in passed]
        if code and not inner.failed:
            inner.failed.append(f"exit code {code}")
        _keep(inner, output)

    return run


def _keep(inner: Part, output: str) -> None:
    """Of what failed, the end of its output shows, and all of it stays in a file."""
    if inner.failed:
        log = ENVIRONMENTS / f"{inner.name.replace(', ', '_').replace(' ', '-')}.log"
        log.write_text(output)
        print(f"{output[-3000:]}\nall of it: {log}", flush=True)

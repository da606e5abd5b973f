# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts sanity, units, integration and containers: ansible-test, on a copy of the tree, with a home of its own.

ansible-test builds virtual environments and starts them with a pip script that it would fetch from a host of its own.
A stand-in at the place where it keeps that script runs the pip wheel of the same version from the index that this
machine is set up for.
"""

from __future__ import annotations

import ast
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from . import needs, suites
from .place import ALONE, CACHE, CHECKOUT, copy, environment, run, run_together, shares
from .report import Part

HOME = CACHE / "ansible-test"

LIMIT = 1200
"""Seconds, after which a share of the integration targets is given up."""

INTEGRATION = [
    "ansible-test", "integration", "--color", "no", "--allow-destructive", "--allow-root", "--continue-on-error",
]  # fmt: skip

LIKE_A_MACHINE = """
cp -a /etc /run/etc && mount --bind /run/etc /etc && rm -rf /etc/netns &&
mkdir /run/sys && mount -t sysfs sysfs /run/sys && mount --rbind /sys/fs/cgroup /run/sys/fs/cgroup &&
mount --move /run/sys /sys && rmdir /run/sys &&
ip link add eth0 type veth peer name eth0-far && ip link set eth0-far up && ip link set eth0 up &&
ip address add 192.0.2.2/24 dev eth0 && ip route add default via 192.0.2.1 && exec "$@"
"""
"""Targets act on a machine of their own, so that two runs at once aren't in each other's way. It has a NIC with the
default route, for what guards that."""

STAND_IN = """\
import os, runpy, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), {wheel!r}))
sys.argv[1:] = ["install"] + [word for word in sys.argv[1:] if not word.startswith("--no-")]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def _pip_version() -> str:
    """The pip that this ansible-test puts into its environments."""
    code = (
        "import sys, types; from ansible_test._internal.python_requirements import get_venv_packages as packages;"
        "print(packages(types.SimpleNamespace(version='%d.%d' % sys.version_info[:2]))['pip'])"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def _prepare_home() -> dict[str, str]:
    """Makes HOME what ansible-test needs; returns the environment for it."""
    version = _pip_version()
    cached = HOME / ".ansible" / "test" / "cache" / f"get_pip_{version.replace('.', '_')}.py"
    made_for = HOME / "made-for"
    if made_for.exists() and made_for.read_text() != str(HOME):
        shutil.rmtree(HOME)  # the checkout has moved, and virtual environments don't move along
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        made_for.write_text(str(HOME))
        download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", cached.parent]
        code, _output = run(*download, f"pip=={version}")
        if code:
            raise RuntimeError(f"pip {version}, which ansible-test needs, can't be had from the index")
        (wheel,) = cached.parent.glob(f"pip-{version}-*.whl")
        cached.write_text(STAND_IN.format(wheel=wheel.name))
    # ansible-test passes HOME on, but no PIP_ variables: what pip is told here goes into a file there.
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True, env=environment()
    ).stdout
    settings = re.findall(r"^(?:global|install|:env:)\.+([\w-]+)=(.*)$", listed, re.M)
    lines = ["[global]"] + [f"{key} = {_ini(value)}" for key, value in dict(settings).items()]
    config = HOME / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("\n".join(lines) + "\n")
    return {"HOME": str(HOME)}


def _ini(quoted: str) -> str:
    return str(ast.literal_eval(quoted)).replace("\n", "\n  ")


def sanity(part: Part, scratch: Path, _options: list[str]) -> None:
    code, output = run("ansible-test", "sanity", "--color", "no", cwd=copy(scratch), env=_prepare_home())
    ran = set(re.findall(r'^Running sanity test "([^"]+)"', output, re.M))
    listed = re.search(r"The \d+ sanity test\(s\) listed below \(out of \d+\) failed.*\n((?:\S+(?: .*)?\n)+)", output)
    failed = {line.strip() for line in listed.group(1).splitlines()} if listed else set()
    for name in sorted(failed):
        part.fail(name, "see above")
    part.passed += len(ran - {name.split()[0] for name in failed})
    for line in sorted(set(re.findall(r"^WARNING: (Skipping sanity test .*)$", output, re.M))):
        part.skip("ansible-test", line)
    if code and not failed:
        part.fail("ansible-test sanity", f"exit code {code}")


def units(part: Part, scratch: Path, _options: list[str]) -> None:
    """The unit tests as ansible-test runs them, in its own environment, for the Python that runs this.

    Its collection loader is Ansible's own, and what modules import is held against what modules may import.
    """
    tree = copy(scratch, "units")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    code, _output = run(
        "ansible-test", "units", "--color", "no", "--venv", "--python", version, cwd=tree, env=_prepare_home()
    )
    for report in sorted((tree / "tests" / "output" / "junit").glob("*.xml")):
        suites.count(part, report)
    if code and not part.failed:
        part.fail("ansible-test units", f"exit code {code}")


def integration(part: Part, scratch: Path, options: list[str]) -> None:
    """The targets that make no containers. Options name the only targets to run, whichever they are."""
    run_targets(part, scratch, options or [name for name in targets() if not _makes_containers(name)])


def containers(part: Part, scratch: Path, options: list[str]) -> None:
    """The targets that make containers, which takes as long as all others do."""
    run_targets(part, scratch, options or [name for name in targets() if _makes_containers(name)])


def targets() -> dict[str, int]:
    """All targets, by name in order, with the size of their files in bytes."""
    left_out = re.compile(r"^(hidden|disabled|unsupported)$", re.MULTILINE)
    return {
        aliases.parent.name: sum(path.stat().st_size for path in aliases.parent.rglob("*") if path.is_file())
        for aliases in sorted((CHECKOUT / "tests" / "integration" / "targets").glob("*/aliases"))
        if not left_out.search(aliases.read_text())
    }


def _makes_containers(name: str) -> bool:
    return "lxc" in name


def run_targets(part: Part, scratch: Path, names: t.Collection[str], *more: str) -> None:
    """Some targets, in as many shares as there are cores; `more` goes to ansible-test."""
    there = targets()
    for name in set(names) - set(there):
        part.fail(name, f"there is no such target; there are {', '.join(there)}")
    chosen = {name: size for name, size in there.items() if name in names}
    lacking = {tool.name for tool in needs.lacking()}
    for name in sorted(chosen) if lacking else ():
        missing = lacking & (needs.FOR_CONTAINERS if _makes_containers(name) else needs.FOR_CONNECTIONS)
        if missing and name.startswith(("lxc_", "connection_")):
            del chosen[name]
            part.skip(name, f"there is no {', '.join(sorted(missing))} here")
    if not chosen:
        return
    parts = shares(chosen, min(4, os.cpu_count() or 1))
    trees = [copy(scratch, f"integration-{number}") for number in range(len(parts))]
    commands = []
    for tree, share in zip(trees, parts):
        print(f"ansible-test integration {' '.join(share)}", flush=True)
        command = [*ALONE, "sh", "-c", LIKE_A_MACHINE, "sh", *INTEGRATION, *more, *share]
        commands.append((command, tree, {"HOME": str(tree.parent)}))  # two would write their keys to one place
    passed: set[str] = set()
    failed: set[str] = set()
    codes = []
    for tree, (code, output) in zip(trees, run_together(commands, LIMIT)):
        codes.append(code)
        ran, not_so_well = targets_run(tree, output)
        passed |= ran
        failed |= not_so_well
    _clear_pivots()
    for name in sorted(chosen):
        if name in failed:
            part.fail(name, "see above")
        elif name in passed:
            part.ok(name)
        else:  # left out by ansible-test, which exits with 0 all the same
            part.fail(name, "ansible-test did not run it")
    if any(codes) and not part.failed:
        part.fail("ansible-test integration", f"exit codes {codes}")


def targets_run(tree: Path, output: str) -> tuple[set[str], set[str]]:
    """The targets that ansible-test ran in this tree, and those of them that failed."""
    ran: set[str] = set()
    for report in (tree / "tests" / "output" / "data").glob("integration-*.json"):
        ran |= set(json.loads(report.read_text())["targets"])
    listed = re.search(r"^FATAL: The \d+ integration test.*listed below.*:\n((?:\S+\n)+)", output, re.M)
    return ran, set(listed.group(1).split()) if listed else set()


def _clear_pivots() -> None:
    """Targets also stop containers by LXC's own tools, which leave a group; the kernel keeps one that is in use."""
    for path in glob.glob("/sys/fs/cgroup/lxc.pivot") + glob.glob("/sys/fs/cgroup/*/lxc.pivot"):
        with contextlib.suppress(OSError):
            os.rmdir(path)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures, one function for each group, in the order in which they are printed."""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from . import connections, containers, measure, payload, ring
from .measure import Failed, Times
from .table import Table

SMALL = 200
"""Nodes where the others would take too long with more."""
_OBJECTS_MEASURED = 10
"""Nodes that are built with one task for each object; what `SMALL` would take is extrapolated from that."""
_TASKS = 30
"""Items of the loop with which the cost of one task is measured."""
_FEW_FILES = 256
_HERE = Path(__file__).resolve().parent


@dataclass
class Bench:
    """What the figures have in common."""

    nodes: int
    runs: int
    scratch: Path
    table: Table
    rings: dict[int, _Ring] = field(default_factory=dict)

    def ring(self, size: int) -> _Ring:
        """The ring of a size, made when it is first asked for."""
        if size not in self.rings:
            self.rings[size] = _Ring.of(self.scratch / f"ring-{size}", size)
        return self.rings[size]


@dataclass
class _Ring:
    """A ring of one size, as the script and as module files."""

    script: Path
    payloads: dict[str, Path]

    @staticmethod
    def of(directory: Path, size: int) -> _Ring:
        options = {
            "present": ring.lab(size),
            "address": ring.with_other_address(size),
            "mtu": ring.with_other_mtu(size),
            "absent": ring.gone(),
        }
        files = payload.Ansible(directory).payloads("netns.lab.topology", options)
        measure.settle()
        return _Ring(ring.script(size, directory / "script"), files)

    def by_script(self) -> measure.Run:
        """A run of the shell script; nothing is left of what it made."""
        done = measure.run(["sh", str(self.script)])
        clear()
        return done

    def module(
        self, name: str, *, changed: bool, prepare: t.Callable[[], None] | None = None
    ) -> tuple[measure.Run, dict[str, t.Any]]:
        """One run of the module with the options of this name. Raises Failed if it changed what it shouldn't."""
        done, result = payload.start(self.payloads[name], prepare)
        if result["changed"] is not changed:
            raise Failed(f"{name}: changed is {result['changed']}: {result['steps'][:5]}")
        return done, result


def clear() -> None:
    """Take all namespaces away, and wait until they are gone."""
    subprocess.run(["ip", "-all", "netns", "delete"], check=True, stdout=subprocess.DEVNULL)
    measure.settle()


def the_ring(bench: Bench) -> None:
    """Build, look again, change one thing, remove; against the time in which the script builds."""
    own = bench.ring(bench.nodes)
    times = {name: Times() for name in ("script", "build", "again", "address", "mtu", "remove")}
    peak = 0
    for _unused in range(bench.runs):
        times["script"].add(own.by_script())
        done, _result = own.module("present", changed=True)
        times["build"].add(done)
        peak = max(peak, done.peak_kb)
        times["again"].add(own.module("present", changed=False)[0])
        for name in ("address", "mtu"):
            times[name].add(own.module(name, changed=True)[0])
            own.module("present", changed=True)
            times["again"].add(own.module("present", changed=False)[0])
        times["remove"].add(own.module("absent", changed=True)[0])
        measure.settle()
    script, again = times["script"], times["again"]
    table, nodes = bench.table, f"{bench.nodes} nodes"
    table.ratio(f"build {nodes} / script", times["build"], script, 0.40)
    table.ratio("second run, no change / script", again, script, 0.15)
    table.ratio("change one address / no change", times["address"], again, 1.05)
    table.ratio("change one MTU / no change", times["mtu"], again, 1.05)
    table.ratio(f"remove {nodes} / script", times["remove"], script, 0.15)
    table.amount(f"memory, {nodes}", peak / 1024, "MB", 80)


def floor(bench: Bench) -> None:
    """What is left when the engine has nothing to decide: the same requests, encoded beforehand."""
    build, look, script, ours = Times(), Times(), Times(), Times()
    own = bench.ring(bench.nodes)
    for _unused in range(bench.runs):
        script.add(own.by_script())
        done = measure.run([sys.executable, str(_HERE / "floor.py"), str(bench.nodes)])
        seconds = [float(word) for word in done.output.split()]
        build.add(measure.Run(seconds[0], 0, b"", seconds[1]))
        look.add(measure.Run(seconds[2], 0, b"", seconds[3]))
        clear()
        ours.add(own.module("present", changed=True)[0])
        own.module("absent", changed=True)
        measure.settle()
    bench.table.ratio("floor: the same requests, only sent / script", build, script, None)
    bench.table.ratio("floor: the same dumps, only read / script", look, script, None)
    bench.table.ratio("build, the whole process / floor", ours, build, 1.6)


def mininet(bench: Bench) -> None:
    """The same ring by Mininet's API, from the start of its process until it stands."""
    figure = f"build {SMALL} nodes / Mininet"
    python = next((p for p in ("/usr/bin/python3", "python3") if _has_mininet(p)), None)
    if python is None or not shutil.which("mnexec"):
        bench.table.missing(figure, "no Mininet here: apt-get install --no-install-recommends mininet")
        return
    own = bench.ring(SMALL)
    ours, theirs = Times(), Times()
    for _unused in range(bench.runs):
        ours.add(own.module("present", changed=True)[0])
        own.module("absent", changed=True)
        measure.settle()
        theirs.add(_by_mininet(python))
        measure.settle()
    bench.table.ratio(figure, ours, theirs, 0.25)


def _has_mininet(python: str) -> bool:
    asked = subprocess.run([python, "-c", "import mininet.net"], capture_output=True, check=False)
    return asked.returncode == 0


def _by_mininet(python: str) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(
        [python, str(_HERE / "mininet_ring.py"), str(SMALL)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    seconds = time.perf_counter() - start
    _out, errors = process.communicate("\n")
    if line != "built\n" or process.returncode:
        raise Failed(f"Mininet: {line}{errors[-2000:]}")
    return seconds


def playbooks(bench: Bench) -> None:
    """A whole run of ansible-playbook with one task, against one task for each object."""
    ansible = payload.Ansible(bench.scratch / "playbooks")
    ours, theirs, empty = Times(), Times(), Times()
    for _unused in range(min(bench.runs, 3)):
        empty.add(ansible.play([]))
        ours.add(ansible.play([{"netns.lab.topology": ring.lab(SMALL)}]))
        ansible.play([{"netns.lab.topology": ring.gone()}])
        measure.settle()
        theirs.add(ansible.play(ring.tasks(_OBJECTS_MEASURED)))
        clear()
    scaled = Times(*(
        [empty + (some - empty) * SMALL / _OBJECTS_MEASURED for some in found]
        for empty, found in ((empty.median, theirs.all), (statistics.median(empty.cpu), theirs.cpu))
    ))  # fmt: skip
    bench.table.ratio(f"ansible-playbook, {SMALL} nodes / one task per object", ours, scaled, 0.01)  # fmt: skip
    bench.table.note(
        f"One task per object was measured with {_OBJECTS_MEASURED} nodes ({theirs}) and scaled to {SMALL} by the "
        f"number of objects, less the {empty.median:.2f} s of a playbook without tasks."
    )


def one_task(bench: Bench) -> None:
    """One task of the module netns that changes nothing, against ``ansible.builtin.command: true``."""
    ansible = payload.Ansible(bench.scratch / "task")
    subprocess.run(["ip", "netns", "add", "red"], check=True)
    subprocess.run(["ip", "-n", "red", "link", "set", "lo", "up"], check=True)
    loop: dict[str, t.Any] = {"loop": list(range(_TASKS))}
    ours, theirs = Times(), Times()
    for _unused in range(bench.runs):
        ours.add(ansible.play([{"netns.lab.netns": {"name": "red"}, **loop}]).part(_TASKS))
        theirs.add(ansible.play([{"ansible.builtin.command": "true", **loop}]).part(_TASKS))
    clear()
    bench.table.ratio("one netns task, no change / command: true", ours, theirs, 1.25)
    bench.table.note(f"One task: whole runs of ansible-playbook with a loop of {_TASKS}, divided by {_TASKS}.")


def boxes(bench: Bench) -> None:
    """Containers as nodes of a lab, against LXC's own commands."""
    times = containers.measured(bench.scratch / "containers", min(bench.runs, 3))
    script, table, count = times["script"], bench.table, containers.COUNT
    for name, figure, target in (
        ("build", f"build {count} busybox container nodes / lxc-create && lxc-start", 1.0),
        ("again", f"second run, {count} container nodes / the same", None),
        ("remove", f"remove {count} container nodes / the same", None),
    ):
        table.ratio(figure, times[name], script, target)


def hosts(bench: Bench) -> None:
    """Nodes as hosts, against the plain connections that they wrap."""
    table, count = bench.table, connections.COUNT
    local, node = connections.on_this_machine(bench.scratch / "hosts", bench.runs)
    table.ratio(f"ping {count} namespaces / {count} hosts by local", node, local, 1.1)
    clear()
    try:
        found = connections.over_ssh(bench.scratch / "hosts-ssh", min(bench.runs, 3))
    except Failed as failure:
        table.missing(f"ping {count} namespaces over ssh", str(failure))
        return
    for name, ours, theirs in (("sshd as it comes", found["plain"], found["plain ssh"]),
                               ("sshd prepared", found["prepared"], found["prepared ssh"])):  # fmt: skip
        table.ratio(f"ping {count} namespaces over ssh / {count} hosts by ssh, {count} forks, {name}",
                    ours.times, theirs.times, None)  # fmt: skip
        table.fact(f"lost of {count}, {name}: ours; ssh's own", f"{ours.lost}; {theirs.lost}", "none of ours",
                   ours.lost == 0)  # fmt: skip
        table.fact(f"connections, {name}: ours; ssh's own", f"{ours.connections}; {theirs.connections}",
                   "1, where prepared", ours.connections == 1 or name == "sshd as it comes")  # fmt: skip
    clear()


def large(bench: Bench) -> None:
    """Four times the nodes, once, and with few open files."""
    one, four = bench.nodes, 4 * bench.nodes

    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_FEW_FILES, _FEW_FILES))

    found: dict[str, dict[int, Times]] = {name: {one: Times(), four: Times()} for name in ("script", "build", "again")}
    rings = {size: bench.ring(size) for size in (one, four)}
    for _unused in range(min(bench.runs, 3)):
        for size, own in rings.items():
            found["script"][size].add(own.by_script())
            found["build"][size].add(own.module("present", changed=True, prepare=few_files)[0])
            found["again"][size].add(own.module("present", changed=False, prepare=few_files)[0])
            own.module("absent", changed=True, prepare=few_files)
            measure.settle()
    table, script = bench.table, found["script"]
    for name in ("build", "again"):
        ours = found[name]
        table.ratio(f"{name}: {four} nodes / {one}", ours[four], ours[one], 5)
    for name in ("build", "again"):
        ours = found[name]
        table.ratio(f"{name}: {four} nodes / script", ours[four], script[four], 0.20)  # fmt: skip
    table.fact(f"open files, {four} nodes", f"worked with {_FEW_FILES}", f"at most {_FEW_FILES}", True)


PARTS: dict[str, t.Callable[[Bench], None]] = {
    "ring": the_ring,
    "floor": floor,
    "mininet": mininet,
    "playbook": playbooks,
    "task": one_task,
    "containers": boxes,
    "hosts": hosts,
}

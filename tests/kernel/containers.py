# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of LXC share: making containers by the module, and seeing by other means what came of it.

What stands is told by LXC's own tools, always with a time limit, by files and by /proc; nothing of `_lxc` is asked.
Control groups are those of the machine, and others have containers, too: names begin with the number of this process.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import time
import typing as t
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_container
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request

CGROUPS = "/sys/fs/cgroup"
LOCKS = "/run/lxc"
QUICK = {"lxc.signal.halt": "SIGKILL"}
"""A configuration with which a shutdown takes no time: the init of busybox takes two seconds for it."""
Result = t.Dict[str, t.Any]


def missing() -> str:
    """What a container can't be made without and isn't here; empty where all is there."""
    tools = {"lxc-start": "lxc", "rsync": "rsync"}
    lacking = [package for tool, package in tools.items() if not shutil.which(tool)]
    if not any(os.access(place, os.X_OK) for place in ("/bin/busybox", "/usr/bin/busybox", "/sbin/busybox")):
        lacking.append("busybox")
    return f"LXC containers: {', '.join(lacking)} is not installed" if lacking else ""


class Containers:
    """The containers of one test, in a directory of their own."""

    def __init__(self, path: str, run_module: t.Callable[..., Result]) -> None:
        self.path = path
        self._run_module = run_module
        self._paths = {path}

    # -- the module

    def __call__(self, name: str, **options: t.Any) -> Result:
        """What the module answers, of which nothing went wrong."""
        result = self.answer(name, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def fails(self, name: str, **options: t.Any) -> str:
        """The sentence with which the module fails."""
        result = self.answer(name, **options)
        assert result.get("failed"), f"it should have failed: {result.get('steps')}"
        return str(result["msg"])

    def answer(self, name: str, **options: t.Any) -> Result:
        return self._run_module("lxc_container", **self.options(name, **options))

    def change(self, name: str, **options: t.Any) -> Result:
        """Check mode, the run, and the run again: the first foresees the second and touches nothing, the third has
        nothing to do."""
        before = self.listing()
        foreseen = self(name, check=True, diff=True, **options)
        assert differences(before, self.listing()) == []
        assert foreseen["steps"], "nothing to do"
        done = self(name, diff=True, **options)
        assert done["steps"] == foreseen["steps"]
        assert done["changed"]
        assert done["diff"] == foreseen["diff"]
        again = self(name, diff=True, **options)
        assert (again["steps"], again["changed"], again["diff"]) == ([], False, [])
        return done

    def options(self, name: str, **options: t.Any) -> dict[str, t.Any]:
        """Options of the module: without a network, which the machine's default configuration would have it join."""
        given = {"name": self.name(name), "lxc_path": self.path, "timeout": 20, **options}
        if given["lxc_path"] is None:
            del given["lxc_path"]
        elif given["lxc_path"] != self.path:
            self._paths.add(given["lxc_path"])
        if "netns" not in given and given.get("state") != "absent":
            given.setdefault("networks", [])
        if "clone_from" in given:
            given["clone_from"] = self.name(given["clone_from"])
        return {key: value for key, value in given.items() if value is not ...}

    # -- what stands

    def name(self, name: str) -> str:
        return f"nltc{os.getpid()}-{name}"

    def folder(self, name: str) -> Path:
        return Path(self.path, self.name(name))

    def root(self, name: str) -> Path:
        return self.folder(name) / "rootfs"

    def config(self, name: str) -> Path:
        return self.folder(name) / "config"

    def lines(self, name: str, begin: str = "") -> list[str]:
        """The lines of a configuration that begin so."""
        return [line for line in self.config(name).read_text().splitlines() if line.startswith(begin)]

    def tool(self, tool: str, name: str, *arguments: str, limit: float = 15) -> str:
        """What one of LXC's tools says of a container, done by hand."""
        command = [tool, "-P", self.path, "-n", self.name(name), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start_by_hand(self, name: str) -> None:
        """lxc-start; its daemon would hold a pipe open."""
        command = ["lxc-start", "-P", self.path, "-n", self.name(name)]
        subprocess.run(command, check=True, timeout=15, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def state(self, name: str) -> str:
        return self.tool("lxc-info", name, "-s", "-H").strip().lower()

    def pid(self, name: str) -> int:
        return int(self.tool("lxc-info", name, "-p", "-H"))

    def inside(self, name: str, *argv: str) -> str:
        """What a command in a container prints."""
        return self.tool("lxc-attach", name, "--clear-env", "--", *argv)

    def waits_for(self, name: str, script: str, seconds: float = 5) -> None:
        """Until a script ends well in a container."""
        command = ["lxc-attach", "-P", self.path, "-n", self.name(name), "--", "sh", "-c", script]
        eventually(lambda: subprocess.run(command, timeout=15, check=False).returncode == 0, seconds, script)

    def cgroup(self, name: str, controller: str, file: str) -> str:
        """A file of the control group of a container, in the version that its controller is in."""
        found = cgroups_of(self.pid(name))
        place = found.get(controller) or found[""]
        return (Path(place) / file).read_text().strip()

    def listing(self) -> dict[str, tuple[t.Any, ...]]:
        """Every file of the containers, of LXC and of netns.lab, with its times; control groups, too."""
        found = {}
        for top in [*self._paths, LOCKS, "/run/netns-lab", "/var/lib/netns-lab"]:
            for folder, folders, files in os.walk(top):
                folders[:] = [one for one in folders if f"{folder}/{one}"[-len("/var/log") :] != "/var/log"]
                for path in [folder, *(os.path.join(folder, file) for file in files)]:
                    about = os.lstat(path)
                    found[path] = (about.st_ino, about.st_mode, about.st_uid, about.st_size, about.st_mtime_ns)
        for path in self.groups():
            found[path] = ("a control group",)
        return found

    def monitors(self) -> list[str]:
        """Processes that watch over containers of this test."""
        mark = f"nltc{os.getpid()}-"
        return [f"{pid} {words}" for pid, words in commands() if words.startswith("[lxc monitor]") and mark in words]

    def groups(self) -> list[str]:
        """The control groups of containers of this test."""
        pattern = f"{CGROUPS}/**/lxc.*.nltc{os.getpid()}-*"
        return sorted(str(path) for path in Path("/").glob(pattern[1:].replace("**", "*"))) + sorted(
            str(path) for path in Path(CGROUPS).glob(f"lxc.*.nltc{os.getpid()}-*")
        )

    # -- the end

    def end(self) -> list[str]:
        """Remove all containers; what is left of them then, in words."""
        for path in sorted(self._paths):
            with contextlib.suppress(OSError):
                for folder in sorted(Path(path).iterdir()):
                    command = ["lxc-stop", "-k", "-P", path, "-n", folder.name]
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        subprocess.run(command, capture_output=True, timeout=3, check=False)
            self._remove_all(path)
        return self.left()

    def _remove_all(self, path: str) -> None:
        names = os.listdir(path) if os.path.isdir(path) else []
        copies = [name for name in names if name.endswith("copy")]  # one that has copies can't be removed
        for some in (copies, sorted(set(names) - set(copies))):
            want = {}
            for name in some:
                options = {"name": name, "lxc_path": path, "state": "absent", "timeout": 1}
                want.update(objects_container.container(options).want)
            converge(Request(want, turn="the end of a test"), check=False)

    def left(self) -> list[str]:
        """What there is of containers, in words. The kernel gets some time to finish."""
        limit = time.monotonic() + 3
        while True:
            found = [f"process {one}" for one in self.monitors()]
            found += [f"control group {path}" for path in self.groups()]
            found += [f"mount on {point}" for point in mounts() if any(point.startswith(f"{p}/") for p in self._paths)]
            found += [f"file {path}" for top in [*self._paths, LOCKS] for path in Path(top).rglob("*")]
            found += [f"link {name}" for name in links() if name.startswith("veth")]
            if not found or time.monotonic() > limit:
                return found
            time.sleep(0.05)


def links() -> list[str]:
    """The links of the namespace that the test is in."""
    table = Path("/proc/thread-self/net/dev").read_text().splitlines()
    return [line.partition(":")[0].strip() for line in table[2:]]


def mounts() -> list[str]:
    return [line.split()[4] for line in Path("/proc/thread-self/mountinfo").read_text().splitlines()]


def commands() -> list[tuple[int, str]]:
    """The command lines of all processes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            found.append((int(folder.name), words))
    return found


def cgroups_of(pid: int) -> dict[str, str]:
    """By controller, the directory of a process's control group; "" is that of version 2."""
    own = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _number, controllers, path = line.split(":", 2)
        own.update(dict.fromkeys(controllers.split(","), path))
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, (kind, _source, options) = line.split(), line.partition(" - ")[2].split()[:3]
        names = options.split(",") if kind == "cgroup" else [""] if kind == "cgroup2" else []
        found.update({name: fields[4] + own[name] for name in names if name in own})
    return found


def eventually(holds: t.Callable[[], bool], seconds: float, what: str) -> None:
    """Fail where something doesn't become true in time."""
    limit = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < limit, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def differences(before: dict[str, tuple[t.Any, ...]], after: dict[str, tuple[t.Any, ...]]) -> list[str]:
    """In words, where two listings differ."""
    found = sorted(path for path in {**before, **after} if before.get(path) != after.get(path))
    return [f"{path}: {before.get(path)} | {after.get(path)}" for path in found]


def script(path: Path, text: str) -> str:
    """A program of a few lines of shell; its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def number(text: str, pattern: str) -> int:
    """The number that a text tells, behind a pattern."""
    found = re.search(f"{pattern}([0-9]+)", text)
    assert found, text
    return int(found.group(1))

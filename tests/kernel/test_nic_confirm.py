# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A loan that has to be confirmed: what undoes it outlives the module, and needs nothing of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
import zipfile
from pathlib import Path

import pytest

from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.conftest import CHECKOUT
from ansible_collections.netns.lab.tests.kernel.loans import LEASES, ip_does, stands, warned

pytestmark = pytest.mark.usefixtures("link")


@pytest.fixture
def link() -> t.Iterator[None]:
    ip_does(
        "link add ens4 type veth peer name far\nlink set ens4 up\nlink set far up\naddress add 10.4.0.1/24 dev ens4\n"
    )
    ip_does("route add 10.40.0.0/16 via 10.4.0.9\nrule add iif ens4 lookup 100\nnetns add red\n")
    yield
    for pid in watchers():  # one that a failed test has left
        os.kill(pid, signal.SIGKILL)


def watchers() -> list[int]:
    """Processes of this test's network namespace that are a session of their own, without a parent."""
    here = os.stat("/proc/self/ns/net").st_ino
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            pid, sid = int(place.name), os.getsid(int(place.name))
            command = (place / "cmdline").read_bytes()
            if sid != os.getsid(0) and pid != os.getpid() and b"modules.nic" in command:
                found += [pid] if (place / "ns/net").stat().st_ino == here else []
        except OSError:
            continue
    return found


def wait_until(is_so: t.Callable[[], bool], seconds: float = 30) -> float:
    """How long it took."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < seconds
        time.sleep(0.02)
    return time.monotonic() - begun


def test_a_loan_that_nobody_confirms_is_undone(ip, run_module):
    before = stands()
    done = run_module("nic", name="ens4", netns="red", confirm=1.5)
    assert done.get("changed"), done
    assert ip("link", "show", "ens4", netns="red")
    assert json.loads((LEASES / "red:ens4.json").read_text())["deadline"] > 0
    assert 0.2 < wait_until(lambda: not LEASES.exists()) < 5
    wait_until(lambda: not watchers())
    assert snapshot.differences(before, stands()) == []


def test_a_loan_that_was_confirmed_stays(ip, run_module):
    run_module("nic", name="ens4", netns="red", confirm=4)
    assert len(watchers()) == 1
    assert run_module("nic", name="ens4", netns="red", confirmed=True)["loan"] == "confirmed"
    wait_until(lambda: not watchers())
    time.sleep(3.5)
    assert ip("link", "show", "ens4", netns="red")
    assert run_module("nic", name="ens4", netns="red", confirmed=True)["loan"] == "confirmed"


def test_it_has_nothing_of_the_run_it_came_from(run_module):
    run_module("nic", name="ens4", netns="red", confirm=30)
    (pid,) = watchers()
    assert os.getsid(pid) != os.getsid(0)
    assert os.stat(f"/proc/{pid}/cwd").st_ino == os.stat("/").st_ino
    open_files = {os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")}
    assert open_files == {"/dev/null"}


def test_where_it_was_killed_the_next_run_of_whatever_module_does_it(ip, run_module):
    before = stands()
    run_module("nic", name="ens4", netns="red", confirm=4)  # so that the kill comes first, also on a busy machine
    for pid in watchers():
        os.kill(pid, signal.SIGKILL)
    time.sleep(4.1)
    assert run_module("nic", name="ens4", netns="red", confirmed=True)["loan"] == "overdue"
    assert ip("link", "show", "ens4", netns="red")
    done = run_module("link", name="lo", up=True)
    assert "ens4 came home first: nobody confirmed in time that it was lent to red" in warned(done)
    assert snapshot.differences(before, stands()) == []
    assert run_module("nic", name="ens4", netns="red", confirmed=True)["loan"] == "none"


def test_check_mode_arms_nothing(run_module):
    before = stands()
    run_module("nic", name="ens4", netns="red", confirm=1, check=True)
    assert watchers() == []
    assert snapshot.differences(before, stands()) == []


def test_a_second_run_arms_nothing(run_module):
    run_module("nic", name="ens4", netns="red")
    assert run_module("nic", name="ens4", netns="red", confirm=1)["steps"] == []
    assert watchers() == []
    time.sleep(1.1)
    assert LEASES.exists()


def test_it_finds_its_code_though_the_archive_of_the_module_has_gone(ip, run_module, tmp_path):
    """As Ansible runs a module: from a zip file that is removed when it ends."""
    archive = tmp_path / "module.zip"
    with zipfile.ZipFile(archive, "w") as made:
        files = [
            file for folder in ("modules", "module_utils") for file in (CHECKOUT / "plugins" / folder).rglob("*.py")
        ]
        names = {f"ansible_collections/netns/lab/{file.relative_to(CHECKOUT)}": file for file in files}
        for name, file in names.items():
            made.write(file, name)
        for package in {str(parent) for name in names for parent in Path(name).parents} - {"."}:
            if f"{package}/__init__.py" not in names:
                made.writestr(f"{package}/__init__.py", "")
    before = stands()
    options = {"name": "ens4", "netns": "red", "confirm": 1.5}
    start = "import runpy; runpy.run_module('ansible_collections.netns.lab.plugins.modules.nic', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", start],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**options, "_ansible_remote_tmp": "/tmp"}}),
        env={**os.environ, "PYTHONPATH": str(archive)}, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    archive.unlink()
    assert done.stdout, done.stderr
    assert json.loads(done.stdout).get("changed"), done
    wait_until(lambda: not LEASES.exists())
    assert snapshot.differences(before, stands()) == []

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From nothing to a container that runs and back: states, starts that fail or hang, shutdowns, who may act at once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_container
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._lxc import running
from ansible_collections.netns.lab.tests.kernel.containers import QUICK, commands, eventually, script
from ansible_collections.netns.lab.tests.kernel.engine import words

# An init that, asked to halt, first writes a file: half a second later, so that it has to be given time.
CAREFUL = "trap 'sleep 0.5; echo written >/goodbye; exit 0' USR1\necho up >/up\nwhile :; do sleep 0.1; done"
DEAF = "trap '' USR1 TERM\necho up >/up\nwhile :; do sleep 0.1; done"


def test_from_nothing_to_running_and_back(lxc):
    made = lxc.change("web")
    assert made["steps"] == [f"create container {lxc.name('web')} from template busybox"]
    assert made["lxc_container"]["state"] == "stopped"
    assert lxc.state("web") == "stopped"
    started = lxc.change("web", state="started")
    assert started["lxc_container"] == {
        **made["lxc_container"],
        "state": "running",
        "pid": lxc.pid("web"),
    }
    assert lxc.state("web") == "running"
    assert lxc.inside("web", "hostname").strip() == lxc.name("web")
    assert lxc("web")["steps"] == []  # present leaves it running
    lxc.change("web", state="stopped", timeout=1)
    assert lxc.state("web") == "stopped"
    assert lxc.change("web", state="absent")["lxc_container"]["state"] == "absent"
    assert not lxc.folder("web").exists()
    assert not Path("/run/lxc").exists()


def test_started_at_once_and_removed_as_it_runs(lxc):
    assert len(lxc.change("web", state="started", config=QUICK)["steps"]) == 2
    assert lxc.change("web", state="absent")["steps"] == [f"stop and delete container {lxc.name('web')}"]
    assert lxc.left() == []


def test_the_default_place(lxc):
    lxc.path = "/var/lib/lxc"
    lxc.change("web", lxc_path=None, state="started", config=QUICK)
    assert lxc.state("web") == "running"
    lxc("web", lxc_path=None, state="absent")
    assert lxc.left() == []


def test_a_place_with_a_long_path_for_every_state(lxc):
    lxc.path = "/var/lib/" + "a-place-whose-path-is-too-long-for-the-name-of-a-socket/" * 2 + "containers"
    for state in ("present", "started", "frozen", "started", "stopped"):
        lxc.change("web", state=state, config=QUICK)
        assert lxc.state("web") == {"present": "stopped", "started": "running"}.get(state, state)
    lxc("web", state="restarted")
    assert lxc.state("web") == "running"
    lxc.change("web", state="absent")
    assert os.listdir(lxc.path) == []
    assert not Path("/var/lib/lxc").exists()


# -- starts that fail


def test_a_first_start_that_fails_leaves_the_container_and_its_configuration(lxc, run_module):
    wanted = {"state": "started", "networks": [{"link": "br7", "name": "eth0"}], "config": {"lxc.tty.max": 3}}
    message = lxc.fails("web", **wanted)
    assert f"step 2 of 2, start container {lxc.name('web')}" in message
    assert '" to bridge "br7", bridge interface doesn\'t exist' in message  # LXC's own words
    assert lxc.lines("web", "lxc.net") == [
        "lxc.net.0.type = veth", "lxc.net.0.link = br7", "lxc.net.0.name = eth0", "lxc.net.0.flags = up",
    ]  # fmt: skip
    assert lxc.lines("web", "lxc.tty.max") == ["lxc.tty.max = 3"]
    assert lxc.state("web") == "stopped"
    run_module("link", name="br7", kind="bridge", up=True)
    assert lxc.change("web", **wanted)["steps"] == [f"start container {lxc.name('web')}"]


def test_a_first_start_that_fails_is_put_back_where_that_is_asked(lxc):
    message = lxc.fails("web", state="started", networks=[{"link": "br7"}], rollback=True)
    assert "br7" in message
    assert "Everything that this run had changed was put back" in message
    assert lxc.left() == []


def test_a_start_that_hangs_ends_at_its_timeout_with_the_reason(lxc):
    hook = script(Path("/var/lib/hooks/slow"), "exec sleep 1000")
    began = time.monotonic()
    message = lxc.fails("web", state="started", config={"lxc.hook.pre-start": hook}, timeout=1)
    assert time.monotonic() - began < 10
    assert "it didn't start within 1 s" in message
    assert "(sleep 1000)" in message
    assert lxc.monitors() == lxc.groups() == []
    assert lxc.state("web") == "stopped"
    assert lxc.change("web", state="started", config={"lxc.hook.pre-start": None})["lxc_container"]["pid"]


def test_a_container_whose_init_isnt_there(lxc):
    message = lxc.fails("web", state="started", config={"lxc.init.cmd": "/nowhere/init"})
    assert "/nowhere/init" in message
    assert lxc.monitors() == lxc.groups() == []


def test_a_container_that_is_stuck_is_removed(lxc, monkeypatch):
    monkeypatch.setattr(running, "_ASK_SECONDS", 1.0)
    hook = script(Path("/var/lib/hooks/slow"), "exec sleep 1000")
    lxc("web", config={"lxc.hook.pre-start": hook})
    command = ["lxc-start", "-P", lxc.path, "-n", lxc.name("web")]
    by_hand = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: lxc.monitors() != [], 5, "the monitor is there")
    request = objects_container.container(lxc.options("web", state="absent"))
    assert words(converge(request, check=False)) == [f"stop and delete container {lxc.name('web')}"]
    assert by_hand.wait(5) != 0
    assert lxc.left() == []


# -- shutdowns


def test_a_shutdown_gives_time(lxc):
    lxc("web", config={"lxc.init.cmd": "/careful"})
    script(lxc.root("web") / "careful", CAREFUL)
    lxc("web", state="started")
    eventually((lxc.root("web") / "up").exists, 5, "its init listens")
    began = time.monotonic()
    lxc.change("web", state="stopped", timeout=20)
    assert (lxc.root("web") / "goodbye").read_text() == "written\n"
    assert time.monotonic() - began < 10


def test_what_doesnt_shut_down_is_killed_after_the_timeout(lxc):
    lxc("web", config={"lxc.init.cmd": "/deaf"})
    script(lxc.root("web") / "deaf", DEAF)
    lxc("web", state="started")
    eventually((lxc.root("web") / "up").exists, 5, "its init listens")
    began = time.monotonic()
    lxc("web", state="stopped", timeout=1)
    assert 1 <= time.monotonic() - began < 5
    assert lxc.state("web") == "stopped"
    assert lxc.monitors() == lxc.groups() == []


def test_a_restart_is_done_each_time(lxc):
    lxc("web", state="started", config=QUICK)
    first = lxc.pid("web")
    foreseen = lxc("web", state="restarted", check=True)
    assert lxc.pid("web") == first
    for _time in range(2):
        before = lxc.pid("web")
        done = lxc("web", state="restarted")
        assert done["steps"] == foreseen["steps"]
        assert lxc.pid("web") == done["lxc_container"]["pid"] != before
    lxc("web", state="stopped")
    assert lxc("web", state="restarted")["steps"] == [f"start container {lxc.name('web')}"]


def test_frozen_and_thawed(lxc):
    lxc("web", config={"lxc.init.cmd": "/counting"})
    script(lxc.root("web") / "counting", "trap 'exit 0' USR1\nwhile :; do echo >>/count; sleep 0.02; done")
    count = lxc.root("web") / "count"
    assert lxc.change("web", state="frozen")["lxc_container"]["state"] == "frozen"
    stood = count.stat().st_size if count.exists() else 0
    time.sleep(0.2)
    assert (count.stat().st_size if count.exists() else 0) == stood
    assert lxc.state("web") == "frozen"
    assert lxc.change("web", state="started")["steps"] == [f"unfreeze container {lxc.name('web')}"]
    eventually(lambda: count.exists() and count.stat().st_size > stood, 5, "it counts again")
    lxc("web", state="frozen")
    lxc.change("web", state="stopped")  # frozen, it would hear nothing
    assert lxc.state("web") == "stopped"


# -- at once, and killed


def test_two_runs_at_once_for_one_container(lxc, start_module):
    both = [start_module("lxc_container", **lxc.options("web", state="started")) for _run in range(2)]
    steps = [one.result()["steps"] for one in both]
    assert sorted(map(len, steps)) == [0, 2]
    assert lxc.state("web") == "running"


def test_runs_at_once_for_several_containers(lxc, start_module):
    runs = [start_module("lxc_container", **lxc.options(f"web{n}", state="started", config=QUICK)) for n in range(3)]
    for run in runs:
        assert len(run.result()["steps"]) == 2
    ends = [start_module("lxc_container", **lxc.options(f"web{n}", state="absent")) for n in range(3)]
    for end in ends:
        assert end.result()["changed"]
    assert lxc.left() == []


def killed_as_it_makes(lxc, start_module, also=""):
    """A module killed while its template works: one in the place of LXC's own, which takes its time."""
    templates = Path("/usr/share/lxc/templates")
    busybox = (templates / "lxc-busybox").read_text()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(templates)], check=True)
    script(templates / "lxc-busybox", "echo half >/var/lib/half; sleep 1000; exit 1")
    module = start_module("lxc_container", **lxc.options("web"))
    eventually(Path("/var/lib/half").exists, 5, "the template works")
    module.process.kill()
    module.process.wait()
    for pid, command in makers(lxc):
        if also and command.startswith(also):
            os.kill(pid, signal.SIGKILL)
    assert (lxc.folder("web") / "partial").exists()
    (templates / "lxc-busybox").write_text(busybox)


def makers(lxc):
    """What works on a container that is being made."""
    return [(pid, words) for pid, words in commands() if lxc.name("web") in words and "lxc monitor" not in words]


def test_a_making_that_is_killed_is_done_anew(lxc, start_module):
    killed_as_it_makes(lxc, start_module)
    done = lxc.change("web", state="started")
    assert done["steps"] == [
        f"delete container {lxc.name('web')} (it was never finished)",
        f"create container {lxc.name('web')} from template busybox",
        f"start container {lxc.name('web')}",
    ]
    assert lxc.state("web") == "running"
    assert makers(lxc) == []


def test_a_making_that_is_killed_is_removed(lxc, start_module):
    killed_as_it_makes(lxc, start_module, also="lxc-create")
    assert makers(lxc) != []
    lxc.change("web", state="absent")
    assert makers(lxc) == []
    assert lxc.left() == []

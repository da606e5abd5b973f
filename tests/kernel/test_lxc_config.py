# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a container: what is written, what is left alone, what a running container has seen of it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import yaml

from ansible_collections.netns.lab.tests.kernel.containers import QUICK


def test_it_stands_before_the_first_start_which_may_be_done_by_hand(lxc):
    Path("/var/lib/shared").mkdir()
    lxc("web", environment={"COLOUR": "red"}, mounts=[{"source": "/var/lib/shared", "target": "/srv/shared"}])
    Path("/var/lib/shared/file").write_text("from outside\n")
    lxc.start_by_hand("web")
    assert lxc.inside("web", "cat", "/srv/shared/file") == "from outside\n"
    assert "COLOUR=red" in lxc.inside("web", "cat", "/proc/1/environ").split("\0")


def test_there_and_back_is_a_change_each_time(lxc):
    lxc("web", config={"lxc.tty.max": 4})
    for value in (6, 4):
        lxc.change("web", config={"lxc.tty.max": value})
        assert lxc.lines("web", "lxc.tty.max") == [f"lxc.tty.max = {value}"]


def test_a_key_with_several_values_keeps_their_order_and_its_place(lxc):
    lxc("web")
    before = lxc.lines("web")
    place = before.index("lxc.cap.drop = sys_module mac_admin mac_override sys_time")
    for values in (["sys_module", "sys_time"], ["sys_time", "sys_module"], ["sys_time"]):
        lxc.change("web", config={"lxc.cap.drop": values})
        wanted = [f"lxc.cap.drop = {value}" for value in values]
        assert lxc.lines("web") == [*before[:place], *wanted, *before[place + 1 :]]


def test_a_key_with_null_is_removed_and_what_isnt_named_stays(lxc):
    lxc("web")
    extra = Path("/var/lib/extra.conf")
    extra.write_text("lxc.environment = EXTRA=yes\n")
    by_hand = ["", "# mine, not to be touched", f"lxc.include = {extra}", "#lxc.tty.max = 9", "lxc.start.delay=7"]
    with lxc.config("web").open("a") as file:
        file.write("".join(f"{line}\n" for line in by_hand))
    before = lxc.lines("web")
    lxc.change("web", config={"lxc.pty.max": None, "lxc.tty.max": 2})
    assert lxc.lines("web") == [
        "lxc.tty.max = 2" if line == "lxc.tty.max = 5" else line for line in before if line != "lxc.pty.max = 1"
    ]
    assert lxc("web", config={"lxc.pty.max": None})["steps"] == []
    lxc("web", state="started")
    assert "EXTRA=yes" in lxc.inside("web", "cat", "/proc/1/environ").split("\0")


def test_networks_are_groups_that_begin_with_their_type(lxc):
    lxc("web", networks=[{"type": "empty"}])
    assert lxc.lines("web", "lxc.net") == ["lxc.net.0.type = empty"]
    lxc.change("web", networks=[{"link": "br0", "hwaddr": "02:00:00:00:00:07"}, {"type": "macvlan", "link": "eth0"}])
    both = [
        "lxc.net.0.type = veth", "lxc.net.0.link = br0", "lxc.net.0.hwaddr = 02:00:00:00:00:07", "lxc.net.0.flags = up",
        "lxc.net.1.type = macvlan", "lxc.net.1.link = eth0", "lxc.net.1.flags = up",
    ]  # fmt: skip
    assert lxc.lines("web", "lxc.net") == both
    lxc.change("web", networks=None, config={"lxc.net.1.name": "lan"})  # its networks aren't spoken of
    assert lxc.lines("web", "lxc.net") == [*both, "lxc.net.1.name = lan"]
    lxc.change("web", networks=[])
    assert lxc.lines("web", "lxc.net") == []


def test_mounts_and_environment_are_replaced_as_a_whole_and_the_templates_own_stay(lxc):
    for name in ("one", "two"):
        Path(f"/var/lib/{name}").mkdir()
        Path(f"/var/lib/{name}/file").write_text(name)
    lxc("web", mounts=[{"source": "/var/lib/one", "target": "/one"}], environment={"A": "1", "B": "2"}, config=QUICK)
    own = [line for line in lxc.lines("web", "lxc.mount.entry") if "/var/lib" not in line]
    assert len(own) > 3
    lxc.change(
        "web",
        state="started",
        mounts=[
            {"source": "/var/lib/two", "target": "/two", "readonly": True},
            {"source": "/etc/hosts", "target": "/etc/its-hosts", "options": "bind,create=file"},
            {"source": "tmpfs", "target": "/scratch", "type": "tmpfs", "options": "size=64k"},
        ],
        environment={"B": "a value with spaces"},
    )
    assert [line for line in lxc.lines("web", "lxc.mount.entry") if line in own] == own
    assert lxc.inside("web", "cat", "/two/file") == "two"
    assert lxc.inside("web", "sh", "-c", "test ! -e /one/file && ! touch /two/new 2>&1").endswith(
        "Read-only file system\n"
    )
    assert lxc.inside("web", "cat", "/etc/its-hosts") == Path("/etc/hosts").read_text()
    assert " /scratch tmpfs rw" in lxc.inside("web", "cat", "/proc/mounts")
    variables = lxc.inside("web", "cat", "/proc/1/environ").split("\0")
    assert "B=a value with spaces" in variables
    assert "A=1" not in variables


def test_autostart_is_for_those_who_start_it_and_needs_no_restart(lxc):
    lxc("web", state="started")
    result = lxc.change("web", autostart=True, autostart_delay=3, autostart_order=7, groups=["course", "onboot"])
    assert (result["lxc_container"]["autostart"], result["lxc_container"]["groups"]) == (True, ["course", "onboot"])
    assert not result["lxc_container"]["pending_restart"]
    listed = subprocess.run(
        ["lxc-autostart", "-P", lxc.path, "--list", "--shutdown", "--groups", "course"],
        capture_output=True, text=True, timeout=15, check=True,
    )  # fmt: skip
    assert listed.stdout.split()[0] == lxc.name("web")
    lxc.change("web", autostart=False, groups=[])
    assert lxc.lines("web", "lxc.start.") == ["lxc.start.auto = 0", "lxc.start.delay = 3", "lxc.start.order = 7"]
    assert lxc.lines("web", "lxc.group") == []


def test_the_diff_shows_what_is_set_before_and_after(lxc):
    lxc("web", config={"lxc.tty.max": 4})
    (entry,) = lxc("web", config={"lxc.tty.max": 6}, check=True, diff=True)["diff"]
    before, after = (yaml.safe_load(entry[side])["containers"][lxc.name("web")] for side in ("before", "after"))
    assert before["state"] == after["state"] == "stopped"
    assert set(before["config"]) ^ set(after["config"]) == {"lxc.tty.max = 4", "lxc.tty.max = 6"}


# -- what a running container has seen


def test_a_change_that_it_hasnt_seen_is_told_until_it_is_restarted(lxc):
    lxc("web", state="started", config=QUICK)
    pid = lxc.pid("web")
    for steps in ([f"configure container {lxc.name('web')}"], []):  # told each time
        result = lxc("web", state="started", environment={"COLOUR": "red"})
        assert result["steps"] == steps
        assert result["lxc_container"]["pending_restart"]
        assert "hasn't seen" in str(result["warnings"]) or "has changed since" in str(result["warnings"])
        assert lxc.pid("web") == pid
    lxc.change("web", state="started", environment={"COLOUR": "red"}, restart="if_needed")
    assert lxc.pid("web") != pid
    assert "COLOUR=red" in lxc.inside("web", "cat", "/proc/1/environ").split("\0")
    assert not lxc("web")["lxc_container"]["pending_restart"]


def test_a_change_taken_back_is_none(lxc):
    lxc("web", state="started", config={"lxc.tty.max": 4})
    assert lxc("web", config={"lxc.tty.max": 5})["lxc_container"]["pending_restart"]
    assert not lxc("web", config={"lxc.tty.max": 4})["lxc_container"]["pending_restart"]


def test_if_needed_leaves_alone_what_needs_none(lxc):
    lxc("web", state="started")
    pid = lxc.pid("web")
    lxc("web", state="started", restart="if_needed", autostart=True)
    with lxc.config("web").open("a") as file:
        file.write("# a comment\n")
    assert lxc("web", state="started", restart="always", autostart=True)["steps"] == []
    assert lxc.pid("web") == pid


def test_an_edit_by_hand_is_seen(lxc):
    lxc("web", state="started", config=QUICK)
    with lxc.config("web").open("a") as file:
        file.write("lxc.environment = BY=hand\n")
    assert lxc("web")["lxc_container"]["pending_restart"]
    lxc.change("web", restart="if_needed")
    assert "BY=hand" in lxc.inside("web", "cat", "/proc/1/environ").split("\0")


def test_one_that_was_started_by_hand_has_seen_what_stood_then(lxc):
    lxc("web", config=QUICK)
    lxc.start_by_hand("web")
    assert not lxc("web", state="started")["lxc_container"]["pending_restart"]
    time.sleep(0.3)
    assert lxc("web", config={"lxc.tty.max": 2})["lxc_container"]["pending_restart"]
    lxc.tool("lxc-stop", "web", "-k")
    lxc.start_by_hand("web")
    assert not lxc("web", state="started")["lxc_container"]["pending_restart"]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Container nodes: real LXC containers in the namespaces of a lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.tests.kernel.containers import commands, missing

LAB: dict[str, t.Any] = {
    "name": "boxes",
    "nodes": {
        "nltl-web": {"kind": "container"},
        "nltl-db": {"kind": "container", "container": {"timeout": 5}},
        "nltl-pc1": {},
        "nltl-pc2": {},
        "nltl-lan": {"kind": "switch"},
    },
    "links": [
        [{"node": f"nltl-{node}", "name": "eth0", "addresses": [f"10.0.0.{number}/24"]}, "nltl-lan"]
        for number, node in enumerate(("web", "db", "pc1", "pc2"), 1)
    ],
}
COLLECTIONS = Path(__file__).resolve().parents[2] / ".collections"
ADDRESSES = {f"nltl-{node}": f"10.0.0.{number}" for number, node in enumerate(("web", "db", "pc1", "pc2"), 1)}
CONTAINERS = ("nltl-web", "nltl-db")

KILLED_AT = """
import json, sys
sys.path.insert(0, sys.argv[3])
from ansible_collections.netns.lab.plugins.module_utils._engine import apply, topology
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
apply.Fault.at, apply.Fault.kill = int(sys.argv[2]), True
converge(topology.load(json.loads(sys.argv[1])).request(), check=False)
"""


def with_db(**settings: t.Any) -> dict[str, t.Any]:
    """The lab, with something else said of one container."""
    return {**LAB, "nodes": {**LAB["nodes"], "nltl-db": {"kind": "container", "container": {"timeout": 5, **settings}}}}


@pytest.fixture(autouse=True)
def needs_lxc(lonely):
    """LXC's own place, which is a new file system for each test; whatever a failed test leaves running is ended."""
    if lacking := missing():
        pytest.skip(lacking)
    yield
    for name in os.listdir("/var/lib/lxc") if os.path.isdir("/var/lib/lxc") else ():
        lxc("stop", "-n", name, "-k")


def lxc(tool: str, *words: str, timeout: float = 20) -> subprocess.CompletedProcess[str]:
    return subprocess.run([f"lxc-{tool}", *words], capture_output=True, text=True, timeout=timeout, check=False)


def state(name: str) -> str:
    return lxc("info", "-n", name, "-s", "-H").stdout.strip().lower()


def present(run_module, lab=None, **more):
    return run_module("topology", **(lab or LAB), **more)


def absent(run_module, name="boxes"):
    return run_module("topology", name=name, state="absent")


def tree(root: Path) -> dict[str, tuple[t.Any, ...]]:
    """All that is below a directory: kind, mode, owner, and what it holds or leads to."""
    found = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        content = os.readlink(path) if path.is_symlink() else about.st_size if path.is_file() else None
        links = about.st_nlink if path.is_file() and not path.is_symlink() else None
        found[str(path.relative_to(root))] = (about.st_mode, about.st_uid, about.st_gid, content, links)
    return found


def nothing_is_left() -> None:
    assert not os.path.exists("/var/lib/netns-lab")
    assert not os.path.isdir("/run/netns") or not os.listdir("/run/netns")
    assert not os.path.isdir("/var/lib/lxc") or not os.listdir("/var/lib/lxc")
    here = os.readlink("/proc/thread-self/ns/net")  # another run's containers are watched over from its own
    assert not [words for pid, words in commands() if "/var/lib/lxc nltl-" in words and place(pid) == here]


def place(pid: int) -> str:
    """The network namespace of a process; empty where it has ended."""
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def test_containers_and_hosts_across_a_switch_reach_each_other(run_module):
    foreseen = present(run_module, check=True)
    built = present(run_module)
    assert built["steps"] == foreseen["steps"]
    assert "start container nltl-web" in built["steps"]
    assert not present(run_module)["changed"]
    for near in ADDRESSES:
        command = ["lxc-attach", "-n", near, "--"] if near in CONTAINERS else ["ip", "netns", "exec", near]
        for far, address in ADDRESSES.items():
            ping = subprocess.run(
                [*command, "ping", "-c", "1", "-w", "5", address],
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
            assert ping.returncode == 0, f"{near} to {far}: {ping.stdout}{ping.stderr}"
    assert built["topology"]["nodes"]["nltl-web"]["container"] == {"state": "started"}
    gone = absent(run_module)
    assert gone["changed"]
    assert "warnings" not in gone
    nothing_is_left()


def test_a_container_that_was_unpacked_is_what_the_template_makes(run_module):
    """Of several containers from one template only the first is made by the template itself."""
    lxc("create", "-n", "nltl-own", "-t", "busybox")
    stopped = {"kind": "container", "container": {"state": "stopped"}}
    present(run_module, {"name": "boxes", "nodes": {"nltl-web": stopped, "nltl-db": stopped}})
    trees = {name: tree(Path("/var/lib/lxc", name, "rootfs")) for name in ("nltl-own", "nltl-web", "nltl-db")}
    assert trees["nltl-web"] == trees["nltl-own"]
    assert trees["nltl-db"] == trees["nltl-own"]
    texts = {
        name: Path("/var/lib/lxc", name, "config").read_text().replace(name, "NAME") for name in ("nltl-web", "nltl-db")
    }
    assert texts["nltl-web"] == texts["nltl-db"]
    assert os.stat("/var/lib/lxc/nltl-web").st_mode == os.stat("/var/lib/lxc/nltl-db").st_mode
    lxc("destroy", "-n", "nltl-own")
    absent(run_module)
    nothing_is_left()


def test_check_mode_of_a_removal_tells_the_steps_of_the_removal(run_module):
    present(run_module)
    foreseen = run_module("topology", name="boxes", state="absent", check=True)
    assert all(state(name) == "running" for name in CONTAINERS)
    assert absent(run_module)["steps"] == foreseen["steps"]
    assert "stop and delete container nltl-web" in foreseen["steps"]
    assert not any("process" in step for step in foreseen["steps"]), "they end with their container"


def test_a_container_that_was_stopped_by_hand_is_started_again(run_module):
    present(run_module)
    lxc("stop", "-n", "nltl-web", "-k")
    assert present(run_module)["steps"] == ["start container nltl-web"]
    absent(run_module)


def test_a_start_that_fails_is_undone_with_all_the_rest(run_module):
    result = present(run_module, with_db(config={"lxc.hook.pre-start": "/bin/false"}))
    assert result["failed"]
    assert "start container nltl-db" in result["msg"]
    assert "Everything that this run had changed was put back" in result["msg"]
    nothing_is_left()


def test_a_change_that_fails_leaves_the_running_container_as_it_was(run_module):
    present(run_module)
    before = Path("/var/lib/lxc/nltl-db/config").read_text()
    result = present(run_module, with_db(config={"lxc.hook.pre-start": "/bin/false"}))
    assert result["failed"], result
    assert Path("/var/lib/lxc/nltl-db/config").read_text() == before
    assert all(state(name) == "running" for name in CONTAINERS)
    assert not present(run_module)["changed"]
    absent(run_module)
    nothing_is_left()


def test_a_changed_limit_is_set_while_the_container_runs(run_module):
    present(run_module)
    pid = lxc("info", "-n", "nltl-db", "-p", "-H").stdout
    steps = present(run_module, with_db(limits={"pids": 77}))["steps"]
    assert steps == ["configure container nltl-db", "set limits of the running container nltl-db"]
    assert lxc("info", "-n", "nltl-db", "-p", "-H").stdout == pid
    assert lxc("cgroup", "-n", "nltl-db", "pids.max").stdout.strip() == "77"
    absent(run_module)


def test_a_changed_configuration_restarts_that_container_only(run_module):
    present(run_module)
    pids = {name: lxc("info", "-n", name, "-p", "-H").stdout for name in CONTAINERS}
    present(run_module, with_db(environment={"A": "b c"}))
    assert lxc("info", "-n", "nltl-web", "-p", "-H").stdout == pids["nltl-web"]
    assert lxc("info", "-n", "nltl-db", "-p", "-H").stdout != pids["nltl-db"]
    environ = lxc("attach", "-n", "nltl-db", "--", "cat", "/proc/1/environ").stdout
    assert "A=b c" in environ.split("\0")
    absent(run_module)


def test_a_node_that_leaves_the_file_takes_its_container_along(run_module):
    present(run_module)
    left = {name: node for name, node in LAB["nodes"].items() if name != "nltl-db"}
    links = [link for link in LAB["links"] if link[0]["node"] != "nltl-db"]
    assert "stop and delete container nltl-db" in present(run_module, {**LAB, "nodes": left, "links": links})["steps"]
    assert state("nltl-web") == "running"
    assert not os.path.exists("/var/lib/lxc/nltl-db")
    absent(run_module)
    nothing_is_left()


def test_a_container_that_nobody_made_for_the_lab_is_left_alone(run_module):
    lxc("create", "-n", "nltl-web", "-f", "/dev/null", "-t", "busybox")
    start = Path("/var/lib/lxc/nltl-web/rootfs/etc/init.d/rcS")
    start.write_text(start.read_text().replace("/bin/udhcpc", ""))  # it waits for a server for ever
    result = present(run_module)
    assert result["failed"]
    assert "container nltl-web stands already, and no lab made it" in result["msg"]
    assert not os.path.isdir("/run/netns") or not os.listdir("/run/netns")
    adopted = present(run_module, adopt=True)
    assert not adopted.get("failed"), adopted
    absent(run_module)
    nothing_is_left()


def test_single_modules_keep_their_hands_off_a_labs_container(run_module):
    present(run_module)
    result = run_module("lxc_container", name="nltl-web", state="stopped")
    assert result["failed"]
    assert "belongs to the lab boxes" in result["msg"]
    assert not run_module("lxc_container", name="nltl-web", state="stopped", force=True).get("failed")
    absent(run_module)


def test_a_lost_registry_orphans_no_container(run_module):
    present(run_module)
    os.unlink("/var/lib/netns-lab/boxes.json")
    absent(run_module)
    nothing_is_left()


def test_a_node_whose_namespace_was_made_anew_gets_its_container_back(run_module):
    present(run_module)
    subprocess.run(["ip", "netns", "del", "nltl-web"], check=True)
    steps = present(run_module)["steps"]
    assert "start container nltl-web" in steps
    ping = lxc("attach", "-n", "nltl-web", "--", "ping", "-c", "1", "-w", "5", "10.0.0.4")
    assert ping.returncode == 0, ping.stdout
    assert not present(run_module)["changed"]
    absent(run_module)
    nothing_is_left()


@pytest.mark.parametrize("what", ["create", "start", "middle"])
def test_killed_at_a_step_it_is_completed_or_removed(run_module, what):
    steps = present(run_module, check=True)["steps"]
    number = {
        "create": next(n for n, step in enumerate(steps) if step.startswith("create container")),
        "start": next(n for n, step in enumerate(steps) if step.startswith("start container")),
        "middle": len(steps) // 2,
    }[what]
    lab = json.dumps(LAB)
    for then in (present, absent):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED_AT, lab, str(number), str(COLLECTIONS)], check=False, timeout=60
        )
        assert killed.returncode == -9
        if then is present:
            assert not present(run_module).get("failed")
            assert not present(run_module)["changed"]
        absent(run_module)
        nothing_is_left()


def test_read_back_and_given_again_it_changes_nothing(run_module):
    assert run_module("topology", **LAB)["changed"]
    (seen,) = run_module("topology_info")["labs"]
    assert (seen["state"], seen["drift"]) == ("complete", [])
    assert seen["topology"]["nodes"]["nltl-db"] == {"kind": "container", "container": {"timeout": 5}}
    assert run_module("topology", **seen["topology"])["steps"] == []
    Path("/var/lib/netns-lab/boxes.json").unlink()
    (lost,) = run_module("topology_info")["labs"]
    assert lost["topology"]["nodes"]["nltl-db"] == {"kind": "container", "container": {}}
    assert run_module("topology", **lost["topology"])["steps"] == []
    lxc("stop", "-n", "nltl-db", "-k")
    (stopped,) = run_module("topology_info")["labs"]
    assert [one["text"] for one in stopped["drift"]] == ["nltl-db: container nltl-db is stopped, asked was running"]
    assert run_module("topology", **stopped["topology"])["steps"] == []
    assert state("nltl-db") == "stopped"


def test_a_copy_of_a_labs_container_is_nobodys(run_module):
    stopped = {"kind": "container", "container": {"state": "stopped"}}
    assert present(run_module, {"name": "boxes", "nodes": {"nltl-web": stopped}})["changed"]
    assert run_module("lxc_container", name="nltl-mine", clone_from="nltl-web")["changed"]
    assert not lxc("copy", "-n", "nltl-web", "-N", "nltl-copy").returncode
    assert "netns-lab:boxes" not in Path("/var/lib/lxc/nltl-mine/config").read_text()
    assert absent(run_module)["changed"]
    assert sorted(os.listdir("/var/lib/lxc")) == ["nltl-copy", "nltl-mine"]
    assert run_module("lxc_container", name="nltl-mine", state="absent")["changed"]

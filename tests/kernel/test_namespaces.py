# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making, naming and unnaming namespaces, beside ``ip netns`` and beside others of our own kind."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, syscalls
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker

COLLECTIONS = Path(__file__).resolve().parents[2] / ".collections"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
RUN = Path("/run/netns")

MAKE = """
import sys
from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, visit

def work(place):
    for number in range(5):
        namespaces.create(place, "n" + "".join(sys.argv[1:]) + str(number), mark="netns-lab:demo", loopback=True)

visit.in_worker(work)
"""

Ip = t.Callable[..., t.List[t.Dict[str, t.Any]]]


def create(name: str, **options: t.Any) -> None:
    in_worker(lambda place: namespaces.create(place, name, **options))


def mounts_on(point: str) -> list[str]:
    """The optional fields (``shared:7``) of each mount on this path, those of the machine's own /run left out."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    parents = {fields[0]: fields[1] for fields in lines}
    run = [fields[0] for fields in lines if fields[4] == "/run"][-1]

    def is_ours(mount: str) -> bool:
        return mount == run or (mount in parents and is_ours(parents[mount]))

    return [" ".join(fields[6 : fields.index("-")]) for fields in lines if fields[4] == point and is_ours(fields[0])]


def test_a_cold_machine_has_no_names() -> None:
    assert not RUN.exists()
    assert namespaces.names() == []
    assert namespaces.condition("red") == "absent"
    assert not RUN.exists(), "looking makes nothing"


def test_a_new_namespace_is_one_that_ip_knows(ip: Ip) -> None:
    create("red")
    assert namespaces.names() == ["red"]
    assert namespaces.condition("red") == "ok"
    assert [entry["name"] for entry in ip("netns", "list")] == ["red"]
    inside = subprocess.run(
        ["ip", "netns", "exec", "red", "readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True
    )
    device, inode = namespaces.identity("red")
    assert inside.stdout.strip() == f"net:[{inode}]"
    assert (device, inode) == (os.stat("/run/netns/red").st_dev, os.stat("/run/netns/red").st_ino)
    assert ip("link", "show", netns="red")[0]["ifname"] == "lo"


def test_the_file_has_the_mode_that_ip_gives_it(ip: Ip) -> None:
    ip("netns", "add", "blue")
    create("red")
    subprocess.run(["umount", "/run/netns/red", "/run/netns/blue"], check=True)
    assert (RUN / "red").stat().st_mode == (RUN / "blue").stat().st_mode


def test_mark_and_loopback_come_together(ip: Ip) -> None:
    create("red", mark="netns-lab:demo", loopback=True)
    create("blue", mark="netns-lab:demo")
    create("green", loopback=True)
    create("plain")
    state = {name: ip("link", "show", "lo", netns=name)[0] for name in ("red", "blue", "green", "plain")}
    assert {name: link.get("ifalias") for name, link in state.items()} == {
        "red": "netns-lab:demo",
        "blue": "netns-lab:demo",
        "green": None,
        "plain": None,
    }
    assert {name: "UP" in link["flags"] for name, link in state.items()} == {
        "red": True,
        "blue": False,
        "green": True,
        "plain": False,
    }
    assert {address["local"] for address in ip("address", "show", "lo", netns="red")[0]["addr_info"]} == {
        "127.0.0.1",
        "::1",
    }


def test_the_mark_is_there_before_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    mount = syscalls.mount

    def look_then_mount(source: str, target: str, kind: str | None, flags: int) -> None:
        if target == "/run/netns/red":
            seen.append(subprocess.run(["cat", "/sys/class/net/lo/ifalias"], capture_output=True, check=False).stdout)
            assert namespaces.condition("red") == "broken"
            links = subprocess.run(["ip", "link", "show", "lo"], capture_output=True, check=True).stdout
            seen.append(links)
        mount(source, target, kind, flags)

    monkeypatch.setattr(syscalls, "mount", look_then_mount)
    create("red", mark="netns-lab:demo")
    assert b"alias netns-lab:demo" in seen[1]


def test_the_worker_is_left_inside() -> None:
    def go(place: Visit) -> None:
        namespaces.create(place, "red")
        assert place.current == "red"
        assert os.stat("/proc/thread-self/ns/net").st_ino == namespaces.identity("red")[1]
        namespaces.create(place, "blue", loopback=True)
        assert place.current == "blue"
        place.enter("red")
        assert os.stat("/proc/thread-self/ns/net").st_ino == namespaces.identity("red")[1]

    in_worker(go)


def test_the_machine_knows_it_by_the_nsid_asked_for(ip: Ip) -> None:
    create("red", nsid=1234, loopback=True)
    assert {entry["name"]: entry.get("id") for entry in ip("netns", "list")} == {"red": 1234}


def test_a_taken_nsid_leaves_nothing_behind() -> None:
    create("red", nsid=7)
    with pytest.raises(KernelError, match=r"make the namespace blue: .*nsid is already used \(7\)") as caught:
        create("blue", nsid=7)
    assert caught.value.errno == errno.EEXIST
    assert namespaces.names() == ["red"]


def test_a_taken_name_is_refused_and_left_alone(ip: Ip) -> None:
    ip("netns", "add", "red")
    before = namespaces.identity("red")

    def go(place: Visit) -> None:
        with pytest.raises(KernelError) as caught:
            namespaces.create(place, "red", mark="netns-lab:demo")
        assert caught.value.errno == errno.EEXIST
        assert place.current == "@"

    in_worker(go)
    assert namespaces.identity("red") == before
    assert "ifalias" not in ip("link", "show", "lo", netns="red")[0]


@pytest.mark.parametrize("call", ["unshare", "mount"])
def test_a_failure_cleans_up_and_goes_home(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    namespaces.prepare()

    def refuse(*_: t.Any) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    def go(place: Visit) -> None:
        namespaces.create(place, "blue")  # the run has begun; what fails is a later namespace
        monkeypatch.setattr(syscalls, call, refuse)
        with pytest.raises(KernelError, match=r"could not make the namespace red: .* \(ENOMEM\)"):
            namespaces.create(place, "red", mark="netns-lab:demo")
        monkeypatch.undo()
        assert place.current == "@"
        assert os.stat("/proc/thread-self/ns/net").st_ino == os.stat("/proc/self/ns/net").st_ino
        namespaces.create(place, "red")

    in_worker(go)
    assert namespaces.names() == ["blue", "red"]


def test_a_mark_that_is_too_long_cleans_up_too() -> None:
    with pytest.raises(KernelError, match="could not make the namespace red: its mark is longer than 255 bytes"):
        create("red", mark="x" * 256)
    create("red", mark="x" * 255)


def test_too_many_namespaces_are_named_as_the_reason() -> None:
    # Only in a user namespace of its own can the limit be lowered without harm to anyone.
    make = f"{shlex.quote(sys.executable)} -c {shlex.quote(MAKE)}"
    script = f"echo 1 > /proc/sys/user/max_net_namespaces; exec {make}"
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "--net", "sh", "-c", script],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "could not make the namespace n0: the limit user.max_net_namespaces is reached (ENOSPC)" in done.stderr
    assert namespaces.names() == []


def test_a_broken_file_is_reported_and_can_be_repaired() -> None:
    RUN.mkdir()
    (RUN / "red").touch()
    assert namespaces.condition("red") == "broken"
    with pytest.raises(KernelError) as caught:
        namespaces.identity("red")
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(KernelError) as taken:
        create("red")
    assert taken.value.errno == errno.EEXIST
    namespaces.remove_name("red")
    create("red")
    assert namespaces.condition("red") == "ok"


def test_a_link_to_the_namespace_of_a_process_is_a_name_too() -> None:
    RUN.mkdir()
    (RUN / "ours").symlink_to(f"/proc/{os.getpid()}/ns/net")
    (RUN / "dangling").symlink_to("/nowhere")
    assert namespaces.conditions(["ours", "dangling", "none"]) == {"ours": "ok", "dangling": "broken", "none": "absent"}
    assert namespaces.identity("ours")[1] == os.stat("/proc/self/ns/net").st_ino
    namespaces.remove_names(["ours", "dangling", "none"])
    assert namespaces.names() == []


def test_removing_a_name_leaves_nothing(ip: Ip) -> None:
    ip("netns", "add", "red")
    create("blue")
    for name in ("red", "blue", "never"):
        namespaces.remove_name(name)
        namespaces.remove_name(name)
    assert namespaces.names() == []
    assert [mounts_on(f"/run/netns/{name}") for name in ("red", "blue")] == [[], []]


def test_a_name_that_is_mounted_twice_is_removed_whole() -> None:
    create("red")
    subprocess.run(["mount", "--bind", "/run/netns/red", "/run/netns/red"], check=True)
    assert len(mounts_on("/run/netns/red")) == 2
    namespaces.remove_name("red")
    assert namespaces.names() == []
    assert mounts_on("/run/netns/red") == []


def test_a_name_older_than_the_mount_on_the_directory_is_removed_too(ip: Ip) -> None:
    RUN.mkdir()
    (RUN / "red").touch()
    ip("netns", "add", "other")
    namespaces.remove_name("other")
    subprocess.run(["umount", "/run/netns"], check=True)
    subprocess.run(["unshare", "--net=/run/netns/red", "true"], check=True)
    subprocess.run(["ip", "netns", "add", "blue"], check=True)  # mounts the directory over itself, with what is in it
    assert namespaces.conditions(["red", "blue"]) == {"red": "ok", "blue": "ok"}
    assert subprocess.run(["ip", "netns", "delete", "red"], capture_output=True, check=False).returncode != 0
    namespaces.remove_names(["red"])
    assert namespaces.names() == ["blue"]
    assert mounts_on("/run/netns/red") == []
    assert namespaces.condition("blue") == "ok"
    assert len(mounts_on("/run/netns")) == 1
    assert os.path.isdir("/run"), "only the worker's mounts changed"


def test_tidying_takes_the_mount_off_and_nothing_else(ip: Ip) -> None:
    namespaces.tidy()
    create("red")
    namespaces.tidy()
    assert len(mounts_on("/run/netns")) == 1
    namespaces.remove_name("red")
    with subprocess.Popen(["sleep", "60"], cwd="/run/netns") as user:
        namespaces.tidy()
        assert len(mounts_on("/run/netns")) == 1, "somebody is in there"
        user.kill()
    namespaces.tidy()
    assert mounts_on("/run/netns") == []
    ip("netns", "add", "blue")
    ip("netns", "delete", "blue")
    namespaces.tidy()
    assert len(mounts_on("/run/netns")) == 1, "this one is ip's"


REMOVE_AND_STOP = """
import os, signal, sys
from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces

removal = namespaces.Removal(1000)
for name in sys.argv[1:]:
    removal.remove(name)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("count", [3, 150])
def test_many_names_are_removed_whatever_state_they_are_in(count: int, ip: Ip) -> None:
    names = [f"n{number}" for number in range(count)]

    def work(place: Visit) -> None:
        for name in names:
            namespaces.create(place, name)

    in_worker(work)
    ip("netns", "add", "stays")
    subprocess.run(["mount", "--bind", "/run/netns/n1", "/run/netns/n1"], check=True)
    (RUN / "broken").touch()
    (RUN / "linked").symlink_to("n2")
    namespaces.remove_names([*names, "broken", "linked", "never", "n0"])
    assert namespaces.names() == ["stays"]
    assert namespaces.condition("stays") == "ok"
    assert mounts_on("/run/netns/n1") == []


def test_their_namespaces_live_until_the_last_name_is_unmounted() -> None:
    create("red")
    create("blue")
    red = namespaces.identity("red")
    with namespaces.Removal(1000) as removal:
        removal.remove("red")
        removal.remove("blue")
        assert namespaces.conditions(["red", "blue"]) == {"red": "broken", "blue": "broken"}
        create("green")  # a number is used again at once, but not while its namespace lives
        assert namespaces.identity("green") != red
    assert namespaces.names() == ["green"]
    removal.finish()


def test_a_removal_that_is_killed_can_be_done_again() -> None:
    for name in ("red", "blue", "green"):
        create(name)
    done = subprocess.run([sys.executable, "-c", REMOVE_AND_STOP, "red", "blue"], env=ENVIRONMENT, check=False)
    assert done.returncode == -9
    assert namespaces.conditions(["red", "blue", "green"]) == {"red": "broken", "blue": "broken", "green": "ok"}
    namespaces.remove_names(["red", "blue", "green"])
    assert namespaces.names() == []


def test_a_second_mount_namespace_that_is_refused_only_costs_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("red", "blue"):
        create(name)

    def refuse(*_: t.Any) -> None:
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(syscalls, "unshare", refuse)
    with namespaces.Removal(1000) as removal:
        for name in ("red", "blue"):
            removal.remove(name)
    assert namespaces.names() == []


def test_a_directory_is_not_removed_but_named() -> None:
    (RUN / "odd").mkdir(parents=True)
    with pytest.raises(KernelError, match="could not remove the namespace name odd: Is a directory"):
        namespaces.remove_name("odd")


def test_the_directory_is_made_a_shared_mount_once(ip: Ip) -> None:
    create("red")
    assert len(mounts_on("/run/netns")) == 1
    assert "shared:" in mounts_on("/run/netns")[0]
    create("blue")
    ip("netns", "add", "green")
    namespaces.prepare()
    assert len(mounts_on("/run/netns")) == 1
    assert len(mounts_on("/run/netns/red")) == 1


def test_a_name_reaches_mount_namespaces_made_before_it() -> None:
    create("red")
    command = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", "echo; read go; ls -i /run/netns/blue"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        other.stdout.readline()
        create("blue")
        output, _unused = other.communicate("\n")
    assert output.split()[0] == str(namespaces.identity("blue")[1])


def test_the_directory_is_prepared_once_in_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    prepare = namespaces.prepare
    monkeypatch.setattr(namespaces, "prepare", lambda: (calls.append(1), prepare()))

    def go(place: Visit) -> None:
        for number in range(5):
            namespaces.create(place, f"n{number}")

    in_worker(go)
    assert len(calls) == 1


def test_twenty_at_once_from_a_cold_boot_beside_ip() -> None:
    script = f"import sys\nsys.stdin.readline()\n{MAKE}"
    ours = [
        subprocess.Popen([sys.executable, "-c", script, f"{number}-"], stdin=subprocess.PIPE, env=ENVIRONMENT)
        for number in range(20)
    ]
    theirs = [
        subprocess.Popen(
            ["sh", "-c", f"read go; for i in 0 1 2 3 4; do ip netns add ip{number}-$i; done"], stdin=subprocess.PIPE
        )
        for number in range(10)
    ]
    for process in (*ours, *theirs):
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait() for process in (*ours, *theirs)] == [0] * 30
    assert len(namespaces.names()) == 150
    assert set(namespaces.conditions(namespaces.names()).values()) == {"ok"}
    assert len(mounts_on("/run/netns")) == 1
    assert all(len(mounts_on(f"/run/netns/{name}")) == 1 for name in namespaces.names())


def test_one_name_wanted_by_many_is_made_by_exactly_one() -> None:
    outcomes: list[int] = []

    def attempt() -> None:
        try:
            create("red", mark="netns-lab:demo")
            outcomes.append(0)
        except KernelError as error:
            outcomes.append(error.errno)

    workers = [threading.Thread(target=attempt) for _unused in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(outcomes) == [0] + [errno.EEXIST] * 7
    assert namespaces.condition("red") == "ok"


def test_a_private_mount_namespace_is_warned_of() -> None:
    script = shlex.quote(
        "from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces\n"
        "print(namespaces.mount_trouble())"
    )
    look = f"{shlex.quote(sys.executable)} -c {script}"
    both = f"{look}; unshare --mount {look}"  # as process 1's shell has it, then with mounts of its own
    done = subprocess.run(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c", both],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    same, private = done.stdout.splitlines()
    assert same == "None"
    assert private.startswith("this process has a private mount namespace")


def test_a_file_where_the_directory_of_names_should_be_is_told() -> None:
    RUN.write_text("")
    with pytest.raises(KernelError, match=f"list {RUN}") as caught:
        namespaces.names()
    assert caught.value.errno == errno.ENOTDIR


def test_a_name_that_leads_to_itself_is_told() -> None:
    RUN.mkdir()
    (RUN / "red").symlink_to("red")
    with pytest.raises(KernelError, match=f"look at {RUN}/red") as caught:
        namespaces.condition("red")
    assert caught.value.errno == errno.ELOOP


def test_a_mount_of_the_directory_that_somebody_took_away_is_nothing_to_tidy() -> None:
    create("red")
    namespaces.remove_name("red")
    subprocess.run(["umount", str(RUN)], check=True)
    namespaces.tidy()
    assert not os.path.exists(namespaces.MOUNT_IS_OURS)

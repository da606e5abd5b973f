# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making and naming namespaces that ``ip netns`` knows, and what their files may be."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, syscalls
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker
from ansible_collections.netns.lab.tests.kernel.naming import ENVIRONMENT, MAKE, RUN, Ip, create


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


def test_a_name_that_leads_to_itself_is_told() -> None:
    RUN.mkdir()
    (RUN / "red").symlink_to("red")
    with pytest.raises(KernelError, match=f"look at {RUN}/red") as caught:
        namespaces.condition("red")
    assert caught.value.errno == errno.ELOOP

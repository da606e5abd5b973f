# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unnaming namespaces, whatever was mounted where, and taking the mount off the directory of names."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, syscalls
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker
from ansible_collections.netns.lab.tests.kernel.naming import ENVIRONMENT, RUN, Ip, create, mounts_on


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


def test_a_mount_of_the_directory_that_somebody_took_away_is_nothing_to_tidy() -> None:
    create("red")
    namespaces.remove_name("red")
    subprocess.run(["umount", str(RUN)], check=True)
    namespaces.tidy()
    assert not os.path.exists(namespaces.MOUNT_IS_OURS)

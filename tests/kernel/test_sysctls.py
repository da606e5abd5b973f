# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctls of the namespace that is being visited."""

from __future__ import annotations

import errno
import os
import subprocess
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces, syscalls, sysctls
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.sysctls import Sysctls
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker

FORWARD = "net/ipv4/ip_forward"


def by_sysctl(name: str, key: str) -> str:
    """What sysctl(8) says inside a namespace."""
    command = ["ip", "netns", "exec", name, "sysctl", "-n", key]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(params=["detached", "mounted"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Through a procfs of its own, and through /proc/sys where there can be none."""
    if request.param == "mounted":

        def refuse() -> int:
            raise OSError(errno.ENOSYS, "not in this kernel")

        monkeypatch.setattr(syscalls, "detached_procfs", refuse)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_reading_and_writing_follow_the_visit() -> None:
    def go(place: Visit) -> None:
        keys = Sysctls(place)
        at_home = keys.read(FORWARD)
        for name in ("red", "blue"):
            namespaces.create(place, name)
        for name, value in (("red", "1"), ("blue", "0"), ("red", "0"), ("blue", "1"), ("red", "1")):
            place.enter(name)
            keys.write(FORWARD, value)
            assert keys.read(FORWARD) == value
            assert by_sysctl(name, "net.ipv4.ip_forward") == value
        place.enter("@")
        assert keys.read(FORWARD) == at_home

    in_worker(go)


@pytest.mark.usefixtures("way")
def test_many_namespaces_keep_their_own_values_across_renewals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysctls, "RENEWAL", 3)

    def go(place: Visit) -> None:
        keys = Sysctls(place)
        for number in range(10):
            namespaces.create(place, f"n{number}")
            keys.write(FORWARD, str(number % 2))
            keys.write("net/ipv4/ip_default_ttl", str(100 + number))
        for number in (9, 0, 5, 4, 3, 8, 7, 1, 6, 2):
            place.enter(f"n{number}")
            assert keys.read(FORWARD) == str(number % 2)
            assert keys.read("net/ipv4/ip_default_ttl") == str(100 + number)

    in_worker(go)


def test_the_procfs_is_renewed_every_fifty_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[int] = []
    detached = syscalls.detached_procfs

    def count() -> int:
        opened.append(1)
        return detached()

    monkeypatch.setattr(syscalls, "detached_procfs", count)

    def go(place: Visit) -> None:
        keys = Sysctls(place)
        for name in ("red", "blue"):
            namespaces.create(place, name)
        for number in range(100):
            place.enter(("red", "blue")[number % 2])
            keys.read(FORWARD)
            keys.write(FORWARD, "1")
        assert len(opened) == 2

    in_worker(go)


@pytest.mark.usefixtures("way")
def test_nothing_stays_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    in_worker(lambda place: Sysctls(place).read(FORWARD))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.usefixtures("way")
def test_a_link_whose_name_has_a_dot(ip: t.Callable[..., t.Any]) -> None:
    ip("netns", "add", "red")
    ip("link", "add", "eth0.10", "type", "bridge", netns="red")

    def go(place: Visit) -> None:
        place.enter("red")
        keys = Sysctls(place)
        for written in ("net/ipv4/conf/eth0.10/rp_filter", "net.ipv4.conf.eth0/10.rp_filter"):
            keys.write(sysctls.to_path(written), "2")
            assert keys.read(sysctls.to_path(written)) == "2"
            keys.write(sysctls.to_path(written), "0")

    in_worker(go)


def test_several_numbers_are_read_with_single_spaces() -> None:
    def go(place: Visit) -> None:
        namespaces.create(place, "red")
        keys = Sysctls(place)
        keys.write("net/ipv4/tcp_rmem", "4096   100000\t200000")
        assert keys.read("net/ipv4/tcp_rmem") == "4096 100000 200000"
        keys.write("net/ipv4/ping_group_range", "0 100")
        assert keys.read("net/ipv4/ping_group_range") == sysctls.normal("0\t100\n")

    in_worker(go)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("name", ["net/ipv4/no_such", "net/ipv4/conf/nolink/rp_filter", "net/ipv4/ip_forward/below"])
def test_a_sysctl_that_is_not_there_reads_as_none(name: str) -> None:
    def go(place: Visit) -> None:
        namespaces.create(place, "red")
        assert Sysctls(place).read(name) is None
        with pytest.raises(KernelError, match=f"set {name} to '1' in the namespace red: this kernel has no such"):
            Sysctls(place).write(name, "1")

    in_worker(go)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        (FORWARD, "yes", r"the kernel takes no such value \(EINVAL\)"),
        ("net/ipv4/ip_default_ttl", "256", r"the kernel takes no such value \(EINVAL\)"),
        ("net/ipv4/tcp_congestion_control", "nosuch", r"the kernel knows no such thing \(ENOENT\)"),
        ("net/ipv4/conf", "1", r"that is a directory of sysctls \(EISDIR\)"),
    ],
)
def test_a_refused_value_is_named_with_its_reason(name: str, value: str, reason: str) -> None:
    def go(place: Visit) -> None:
        namespaces.create(place, "red")
        with pytest.raises(KernelError, match=f"could not set {name} to '{value}' in the namespace red: ({reason})"):
            Sysctls(place).write(name, value)

    in_worker(go)


def test_a_refusal_at_home_says_so() -> None:
    def go(place: Visit) -> None:
        with pytest.raises(KernelError, match="in the machine's own namespace: the kernel takes no such value"):
            Sysctls(place).write(FORWARD, "yes")

    in_worker(go)


@pytest.mark.usefixtures("way")
def test_what_can_only_be_written_and_what_has_no_value_yet_is_refused_in_words() -> None:
    def go(place: Visit) -> None:
        keys = Sysctls(place)
        namespaces.create(place, "red")
        place.enter("red")
        for name, number in (("net/ipv4/route/flush", errno.EACCES), ("net/ipv6/conf/all/stable_secret", errno.EIO)):
            with pytest.raises(KernelError, match=f"read {name}.*red") as caught:
                keys.read(name)
            assert caught.value.errno == number
        assert keys.read("net/ipv4/ip_forward/x") is None
        assert keys.names("net/ipv4/ip_forward") == []

    in_worker(go)

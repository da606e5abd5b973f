# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The directory of names: a mount that ``ip netns``, other mount namespaces and others of our own kind share."""

from __future__ import annotations

import errno
import shlex
import subprocess
import sys
import threading

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import namespaces
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker
from ansible_collections.netns.lab.tests.kernel.naming import ENVIRONMENT, MAKE, RUN, Ip, create, mounts_on


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

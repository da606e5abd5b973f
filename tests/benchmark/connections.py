# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fifty namespaces as hosts of one `ansible -m ping`, against fifty hosts of the connection that leads to the machine.

Pipelining is on in both, which take turns. Over ssh it is an sshd of the benchmark's own, as it comes and with the
limits that the role prepare sets.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from . import measure
from .measure import Failed, Times
from .payload import CHECKOUT

COUNT = 50
_FORKS = 5
"""As Ansible has it where nobody says otherwise."""
_PORT = 2222
_PREPARED = "MaxSessions 100\nMaxStartups 100:30:200\n"


@dataclass
class Found:
    """Several runs over ssh, and the worst of what happened in them."""

    times: Times = field(default_factory=Times)
    lost: int = 0
    connections: int = 0


def on_this_machine(scratch: Path, runs: int) -> tuple[Times, Times]:
    """Seconds by `local` and by `netns.lab.netns`. Raises Failed."""
    scratch.mkdir()
    _make()
    inventory = _inventory(scratch, "", "")
    local, node = Times(), Times()
    for _unused in range(runs):
        for connection, times in (("ansible.builtin.local", local), ("netns.lab.netns", node)):
            command = [_ansible(), "-i", str(inventory), "-c", connection, "-f", str(_FORKS), "nodes", "-m", "ping"]
            times.add(measure.run(command, _environment(scratch)).seconds)
    return local, node


def over_ssh(scratch: Path, runs: int) -> dict[str, Found]:
    """The same by `ssh` and by namespaces over it, all fifty at once. Raises Failed."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not sshd:
        raise Failed("there is no sshd here: install openssh-server")
    scratch.mkdir()
    _make()
    for name in ("hostkey", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch / name], check=True)
    reached = f"ansible_host=127.0.0.1\nansible_port={_PORT}\nansible_user=root\n"
    reached += f"ansible_ssh_private_key_file={scratch}/key\n"
    inventory = _inventory(scratch, "ansible_connection=netns.lab.netns\nansible_netns_machine=vm\n", reached)
    found = {name: Found() for name in ("plain", "plain ssh", "prepared", "prepared ssh")}
    for name, limits in (("plain", ""), ("prepared", _PREPARED)):
        for _unused in range(runs):
            for group, one in (("nodes", found[name]), ("hosts", found[f"{name} ssh"])):
                with _sshd(sshd, scratch, limits) as log:
                    seconds, answered = _ping(scratch, inventory, group)
                    one.times.add(seconds)
                    one.lost = max(one.lost, COUNT - answered)
                    one.connections = max(one.connections, log.read_text().count("Accepted publickey"))
    return found


def _make() -> None:
    for number in range(COUNT):
        subprocess.run(["ip", "netns", "add", f"n{number}"], check=True)


def _inventory(scratch: Path, nodes: str, machine: str) -> Path:
    """Groups: `nodes`, and with a machine `hosts`, all of them the machine by as many names."""
    lines = ["[nodes]", *(f"n{number}" for number in range(COUNT)), "[nodes:vars]", nodes]
    if machine:
        lines += ["[hosts]", *(f"h{number}" for number in range(COUNT)), "[hosts:vars]", machine]
        lines += ["[machines]", "vm", "[machines:vars]", machine]
    lines += ["[all:vars]", "ansible_python_interpreter=/usr/bin/python3"]
    path = scratch / "inventory.ini"
    path.write_text("\n".join(lines) + "\n")
    return path


def _ansible() -> str:
    return str(Path(sys.executable).parent / "ansible")


def _environment(scratch: Path) -> dict[str, str]:
    return {
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
        "ANSIBLE_HOME": str(scratch / "home"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(scratch / "cp"),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=/dev/null",
    }


def _ping(scratch: Path, inventory: Path, group: str) -> tuple[float, int]:
    """Seconds, and how many answered."""
    command = [_ansible(), "-i", str(inventory), "-f", str(COUNT), group, "-m", "ping"]
    start = time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **_environment(scratch)}, timeout=300, check=False
    )
    return time.perf_counter() - start, done.stdout.count("SUCCESS")


@contextlib.contextmanager
def _sshd(sshd: str, scratch: Path, limits: str) -> t.Iterator[Path]:
    """An sshd with these limits, and its log. Connections that ssh keeps end with it."""
    os.makedirs("/run/sshd", exist_ok=True)
    log, pid = scratch / "log", scratch / "pid"
    log.unlink(missing_ok=True)
    (scratch / "sshd_config").write_text(
        f"{limits}Port {_PORT}\nListenAddress 127.0.0.1\nHostKey {scratch}/hostkey\nPidFile {pid}\nUsePAM no\n"
        f"AuthorizedKeysFile {scratch}/key.pub\nStrictModes no\nPermitRootLogin prohibit-password\n"
    )
    subprocess.run([sshd, "-f", scratch / "sshd_config", "-E", log], check=True)
    try:
        deadline = time.monotonic() + 10
        while not pid.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield log
    finally:
        os.kill(int(pid.read_text()), signal.SIGTERM)
        for socket in (scratch / "cp").glob("*"):
            command = ["ssh", "-q", "-o", f"ControlPath={socket}", "-O", "exit", "nowhere"]
            subprocess.run(command, capture_output=True, timeout=10, check=False)
        pid.unlink(missing_ok=True)

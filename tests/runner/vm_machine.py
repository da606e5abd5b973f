# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab VM: QEMU with the image, and a process that keeps it.

The disk is an overlay that goes with the VM, so each start is that of a fresh machine. The keeper holds the lock of the
checkout's one VM as long as that runs, and ends it when it is told to, or when the process whose VM it is (`owner`) has
gone, by whatever cause. QEMU itself goes with the keeper, by the kernel's hand.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from . import vm_image
from .place import CACHE, CHECKOUT

STATE = CACHE / "vm" / "run"
"""There as long as the VM is: what to know about it, its overlay, and what it says on its console."""

LOCK = CACHE / "vm" / "running"

MEMORY = "1536M"

BOOT_LIMIT = 300
"""Seconds, after which a machine is given up that doesn't let one in."""

KERNEL = "root=/dev/vda rw console=ttyS0 quiet mitigations=off nokaslr systemd.show_status=0 panic=-1"
"""With a panic the machine begins anew at once. Linux changes its own code as it boots, and QEMU's emulation of several
processors has now and then one of them run what another has just replaced: an int3 that nobody knows any more."""

PR_SET_PDEATHSIG = 1


class Running(t.NamedTuple):
    """How to get into the VM that runs."""

    keeper: int
    port: int
    folder: str

    @property
    def image(self) -> vm_image.Image:
        return vm_image.Image(Path(self.folder))

    def ssh_options(self) -> list[str]:
        """For `ssh`, and for Ansible's connection."""
        options = {
            "UserKnownHostsFile": self.image.known_hosts, "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes", "HostKeyAlias": "lab-vm", "IdentitiesOnly": "yes",
            "IdentityFile": self.image.key, "ConnectTimeout": 60, "LogLevel": "ERROR",
            "ServerAliveInterval": 5, "ServerAliveCountMax": 24,  # a machine that boots anew doesn't say good-bye
        }  # fmt: skip
        return ["-F", "none", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]

    def ssh(self, user: str = "root") -> list[str]:
        """The command up to what is to be run there."""
        return ["ssh", *self.ssh_options(), "-p", str(self.port), f"{user}@127.0.0.1"]

    def inventory(self) -> str:
        """For Ansible, as a user of such a machine would write it, in YAML's subset JSON."""
        host = {
            "ansible_host": "127.0.0.1", "ansible_port": self.port, "ansible_user": "student", "ansible_become": True,
            "ansible_python_interpreter": "/usr/bin/python3", "ansible_ssh_pipelining": True,
            "ansible_ssh_common_args": " ".join(self.ssh_options()),
        }  # fmt: skip
        return json.dumps({"lab_machines": {"hosts": {"lab-vm": host}}}, indent=2) + "\n"


def running() -> Running | None:
    """The VM of this checkout, if there is one."""
    with contextlib.suppress(OSError), open(LOCK) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            limit = time.monotonic() + 10  # the keeper writes it as soon as it has the lock
            while time.monotonic() < limit:
                with contextlib.suppress(OSError, ValueError):
                    return Running(**json.loads((STATE / "vm.json").read_text()))
                time.sleep(0.05)
    return None


def start(owner: int | None = None) -> Running:
    """Starts the VM, which ends with the process `owner` at the latest, and waits until it lets one in.

    The VM that runs already is as good as a new one. Raises RuntimeError where it doesn't come up.
    """
    vm = running()
    if vm is None:
        vm_image.install_tools()
        image = vm_image.build()
        words = [sys.executable, "-m", "tests.runner.vm", "keep", str(image.folder), str(owner or 0)]
        with open(CACHE / "vm" / "keeper.log", "w") as log:
            keeper = subprocess.Popen(
                words, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        limit = time.monotonic() + 20
        while (vm := running()) is None:
            if keeper.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"the lab VM didn't start: {(CACHE / 'vm' / 'keeper.log').read_text().strip()}")
            time.sleep(0.05)
    wait(vm)
    return vm


def wait(vm: Running, not_boot: str = "", limit: float = BOOT_LIMIT) -> None:
    """Returns when systemd has finished a boot, one with another boot id than `not_boot`. Raises RuntimeError."""
    script = f'test "$(cat /proc/sys/kernel/random/boot_id)" != "{not_boot}" && systemctl is-system-running --wait'
    ready = [*vm.ssh(), script]
    end = time.monotonic() + limit
    said = ""
    while time.monotonic() < end and running() is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(ready, capture_output=True, text=True, timeout=limit, check=False)
            said = done.stdout.strip() or done.stderr.strip()
            if said == "running":
                _tell_panics()
                return
            if said == "degraded":
                failed = subprocess.run(
                    [*vm.ssh(), "systemctl --failed --plain --no-legend"],
                    capture_output=True, text=True, timeout=30, check=False,
                ).stdout  # fmt: skip
                raise RuntimeError(f"the lab VM came up with failed units: {failed.strip()}")
        time.sleep(0.3)
    raise RuntimeError(f"the lab VM didn't come up within {limit:.0f} s ({said}); its console says: {console()}")


def console() -> str:
    """What the machine has said, its last 2000 characters."""
    return _console()[-2000:].strip() or "nothing"


def _console() -> str:
    with contextlib.suppress(OSError):
        return (STATE / "console").read_text(errors="replace")
    return ""


def _tell_panics() -> None:
    said = re.findall("Kernel panic.*", _console())
    if said:
        print(f"the lab VM has begun anew after a panic, {len(said)} times so far, last: {said[-1]}", flush=True)


def stop() -> bool:
    """Ends the VM if there is one, with all that is on it. Whether there was one."""
    vm = running()
    if vm is None:
        shutil.rmtree(STATE, ignore_errors=True)
        return False
    os.kill(vm.keeper, signal.SIGTERM)
    with open(LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # comes when the keeper has gone
    return True


def keep(folder: Path, owner: int) -> None:
    """The keeper's whole life."""
    watched = [os.pidfd_open(owner)] if owner else []
    end, told = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_unused: os.write(told, b"\0"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(STATE, ignore_errors=True)
        STATE.mkdir()
        image = vm_image.Image(folder)
        overlay = STATE / "disk.qcow2"
        words = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(image.disk), str(overlay)]
        subprocess.run(words, check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        libc = ctypes.CDLL(None)
        qemu = subprocess.Popen(
            _qemu(image, overlay, port), preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        )
        try:
            vm = Running(os.getpid(), port, str(folder))
            (STATE / "inventory.json").write_text(vm.inventory())
            draft = STATE / "vm.json.new"
            draft.write_text(json.dumps(vm._asdict()))
            draft.rename(STATE / "vm.json")
            # Whichever comes first.
            select.select([end, os.pidfd_open(qemu.pid), *watched], [], [])
        finally:
            qemu.kill()
            qemu.wait()
            shutil.rmtree(STATE, ignore_errors=True)


def _qemu(image: vm_image.Image, overlay: Path, port: int) -> list[str]:
    """Emulation by name: on a machine that is one itself, /dev/kvm may open and then hang."""
    nics = [
        (f"user,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22", "52:54:00:00:00:03"),
        ("hubport,hubid=1", "52:54:00:00:00:04"),  # ens4 and ens5 are the two ends of a cable
        ("hubport,hubid=1", "52:54:00:00:00:05"),
    ]
    words = [
        "qemu-system-x86_64", "-name", "netns-lab-vm", "-nodefaults", "-no-user-config", "-machine", "pc",
        "-accel", "tcg,thread=multi", "-cpu", "max,la57=off", "-smp", "2", "-m", MEMORY,
        "-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", KERNEL,
        "-display", "none", "-serial", f"file:{STATE / 'console'}", "-device", "virtio-rng-pci",
        "-drive", f"file={overlay},format=qcow2,if=virtio,cache=unsafe",
    ]  # fmt: skip
    for number, (backend, mac) in enumerate(nics, 3):
        words += ["-netdev", f"{backend},id=net{number}"]
        words += ["-device", f"virtio-net-pci,netdev=net{number},addr={number},mac={mac},romfile="]
    return words

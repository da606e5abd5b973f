# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the parts need of the machine besides what `./lab` itself installs.

LXC, with which tests make containers; sudo and an sshd, by which they connect to the machine that they run on.
"""

from __future__ import annotations

import os
import shutil
import typing as t
from pathlib import Path

from .place import run

USERS = {"kernel", "integration", "containers", "coverage", "versions", "checkout", "molecule"}
"""The parts that make containers, and connect to a machine."""


class Tool(t.NamedTuple):
    """A program, and the packages that bring it: in the Debian and in the RHEL family."""

    name: str
    debian: str
    redhat: str


TOOLS = (
    Tool("lxc-start", "lxc", "lxc lxc-templates"),
    Tool("busybox", "busybox-static", "busybox"),
    Tool("rsync", "rsync", "rsync"),  # lxc-copy and lxc-snapshot copy plain directories with it
    Tool("xz", "xz-utils", "xz"),  # for the template local
    Tool("sudo", "sudo", "sudo"),
    Tool("mmdebstrap", "mmdebstrap", ""),  # for Debian root file systems; not in the RHEL family
)

SSHD = Tool("sshd", "openssh-server", "openssh-server")
"""Where services are managed, its package would open the machine to others, now and after each boot: there it is left
to the person whose machine it is."""


FOR_CONTAINERS = frozenset({"lxc-start", "busybox", "rsync", "xz"})
FOR_CONNECTIONS = frozenset({"sudo", "sshd"})
FOR_INSTANCES = frozenset({"mmdebstrap"})
"""By purpose, the programs without which its tests can't run."""


def lacking() -> list[Tool]:
    """The programs that aren't there."""
    wanted = TOOLS if Path("/run/systemd/system").exists() else (*TOOLS, SSHD)
    return [tool for tool in wanted if not shutil.which(tool.name)]


def install(parts: t.Iterable[str]) -> None:
    """Install what these parts need and isn't there. Where that can't be done, tests that need it are skipped by name.

    To be called before anybody notes what stands on the machine: installed packages are no leftovers.
    """
    missing = lacking()
    debian = bool(shutil.which("apt-get"))
    packages = [word for tool in missing for word in (tool.debian if debian else tool.redhat).split()]
    if not packages or not USERS & set(parts) or os.geteuid() != 0:
        return
    print(f"installing {' '.join(packages)} (once), for the tests", flush=True)
    code = _by_apt(packages) if debian else _by_dnf(packages) if shutil.which("dnf") else 1
    if code:
        print(f"{' '.join(packages)} can't be installed here: what needs it will be skipped", flush=True)


def _by_apt(packages: list[str]) -> int:
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # no service is started
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages]
    code, _output = run(*command, env=quiet)
    if code:  # there may be no package lists yet
        run("apt-get", "-qq", "update", env=quiet)
        code, _output = run(*command, env=quiet)
    return code


def _by_dnf(packages: list[str]) -> int:
    code, _output = run("dnf", "-q", "-y", "install", *packages)
    if code:  # in the RHEL family LXC is in EPEL
        run("dnf", "-q", "-y", "install", "epel-release")
        code, _output = run("dnf", "-q", "-y", "install", *packages)
    return code

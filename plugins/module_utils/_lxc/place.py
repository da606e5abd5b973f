# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where containers are, and the names of the files of one. Pure, but for the system's own setting."""

from __future__ import annotations

import os
import re
import typing as t

from .._kernel import procfs
from . import config

DEFAULT_PATH = "/var/lib/lxc"
_SYSTEM_CONFIG = "/etc/lxc/lxc.conf"
_DEFAULT_CONFIG = "/etc/lxc/default.conf"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
"""LXC takes more, but some of its tools take a name for a pattern, and it is the container's host name too."""


class Place(t.NamedTuple):
    """A container: the directory that LXC keeps containers in, and its name."""

    path: str
    name: str

    @property
    def folder(self) -> str:
        return os.path.join(self.path, self.name)

    @property
    def config(self) -> str:
        return os.path.join(self.folder, "config")

    @property
    def partial(self) -> str:
        """Stands while LXC makes the container. If nothing makes it any more, it was never finished."""
        return os.path.join(self.folder, "partial")

    @property
    def rootfs(self) -> str:
        return os.path.join(self.folder, "rootfs")

    @property
    def log(self) -> str:
        return os.path.join(self.folder, f"{self.name}.log")

    @property
    def started(self) -> str:
        """What the running container was started with, as `running` notes it."""
        return os.path.join(self.folder, "netns-lab.started")

    @property
    def arguments(self) -> list[str]:
        """What each tool is told first."""
        return ["-P", self.path, "-n", self.name]


def read(path: str) -> str:
    """A configuration, byte for byte: what isn't UTF-8 survives being written again. Raises OSError."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return stream.read()


def default_path() -> str:
    """Where LXC keeps containers on this machine (lxc.system.conf(5))."""
    text = (procfs.read(_SYSTEM_CONFIG) or b"").decode("utf-8", "replace")
    return config.last(text, "lxc.lxcpath").rstrip("/") or DEFAULT_PATH


def default_config() -> str:
    """What a new container begins with on this machine: the text of the file that `lxc-create` would take."""
    text = (procfs.read(_SYSTEM_CONFIG) or b"").decode("utf-8", "replace")
    path = config.last(text, "lxc.default_config") or _DEFAULT_CONFIG
    return (procfs.read(path) or b"").decode("utf-8", "surrogateescape")

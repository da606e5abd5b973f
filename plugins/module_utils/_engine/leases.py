# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a link of the machine had before it was lent to a namespace, on disk, until it has all of it again.

A lease is written before the link moves and forgotten when it is home and complete, each lease in a file of its own. So
after a kill at any instant it says what is still to be given back. After a reboot a NIC is home by itself, set up by
whoever sets up the machine, and a lease from before says nothing any more. Called by `lending`.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t
from dataclasses import asdict, field, replace

from .._kernel import folders
from . import ownership
from .errors import LabError
from .frozen import dataclass
from .records import MACHINE, Link, Request

LEASES = os.path.join(ownership.REGISTRY, "leases")
TURN = "@leases"
"""The name of the lock of whoever lends or gives back."""
_VERSION = 1


@dataclass(frozen=True)
class Lease:
    """A link that is lent, or about to be."""

    home: str
    """Its name on the machine."""
    netns: str
    """The namespace that it is lent to."""
    name: str
    """Its name there."""
    kind: str = ""
    """Empty: a NIC."""
    parent: str = ""
    """The bus device of a NIC: with `permanent`, what it is found by whatever it is called."""
    permanent: str = ""
    """The MAC address that it was made with; empty where the kernel doesn't tell."""
    mac: str = ""
    """Empty where a MAC address is nothing that could be set."""
    mtu: int = 0
    up: bool = False
    master: str = ""
    altnames: tuple[str, ...] = ()
    names: t.Mapping[int, str] = field(default_factory=dict)
    """The links of the machine by index, as the routes knew them."""
    addresses: tuple[bytes, ...] = ()
    """As the kernel told them, in its order; so are routes and rules."""
    routes: tuple[bytes, ...] = ()
    rules: tuple[bytes, ...] = ()
    sysctls: t.Mapping[str, str] = field(default_factory=dict)
    since: float = 0.0
    """When it was looked at: seconds since the boot."""
    deadline: float | None = None
    """When the loan is undone unless somebody confirms it before: seconds since the boot."""
    boot: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """Where it is lent to."""
        return self.netns, self.name


def standing() -> list[Lease]:
    """All leases of this boot, in a steady order. What can't be read counts as none."""
    try:
        files = sorted(name for name in os.listdir(LEASES) if name.endswith(".json"))
    except OSError:
        return []
    boot = ownership.boot_id()
    found = [lease for name in files if (lease := _load(os.path.join(LEASES, name))) is not None]
    return [lease for lease in found if lease.boot == boot]


def concern(request: Request) -> bool:
    """Whether a run may lend or give back something, or works where something is lent to. Cheap: most runs don't."""
    if request.returning or any(
        isinstance(record, Link) and ((record.kind is None and key[2] != "lo") or key[1] == MACHINE)
        for key, record in request.want.items()
    ):
        return True
    lent = {lease.netns for lease in standing()}
    # What a lab has made earlier isn't in its request yet.
    return bool(lent) and (request.lab is not None or any(key[1] in lent for key in request.want))


def sweep() -> None:
    """Remove the files of earlier boots, those that can't be read, and what a kill left of one; and empty folders."""
    try:
        names = os.listdir(LEASES)
    except OSError:
        return
    boot = ownership.boot_id()
    for name in names:
        path = os.path.join(LEASES, name)
        lease = _load(path) if name.endswith(".json") else None
        if lease is None or lease.boot != boot:
            with contextlib.suppress(OSError):
                os.unlink(path)
    _tidy()


def save(lease: Lease) -> None:
    """Write a lease so that not even the power's failing loses it. Raises LabError."""
    path = _path(lease)
    draft = f"{path}.draft"
    raw = {"version": _VERSION, **asdict(replace(lease, boot=ownership.boot_id()))}
    for name in ("addresses", "routes", "rules"):
        raw[name] = [body.hex() for body in raw[name]]
    try:
        with folders.within(LEASES, lambda: open(draft, "w", encoding="utf-8")) as stream:
            json.dump(raw, stream, separators=(",", ":"))
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(draft, path)
        for folder in (LEASES, ownership.REGISTRY):
            ownership.write_through(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise LabError(f"what {lease.home} has can't be recorded in {LEASES}: {error.strerror}") from error


def forget(lease: Lease) -> None:
    """Remove a lease, and the folders with the last one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_path(lease))
    _tidy()


def _tidy() -> None:
    for folder in (LEASES, ownership.REGISTRY):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


def _path(lease: Lease) -> str:
    """No link can have a colon in its name, so the last one is where the name begins."""
    return os.path.join(LEASES, f"{lease.netns}:{lease.name}.json")


def _load(path: str) -> Lease | None:
    try:
        with open(path, encoding="utf-8") as stream:
            raw = json.load(stream)
        if raw.pop("version") != _VERSION:
            return None
        for name in ("addresses", "routes", "rules"):
            raw[name] = tuple(bytes.fromhex(text) for text in raw[name])
        raw["altnames"] = tuple(raw["altnames"])
        raw["names"] = {int(index): name for index, name in raw["names"].items()}
        return Lease(**raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None

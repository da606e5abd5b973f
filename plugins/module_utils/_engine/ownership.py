# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which lab made what, on disk.

A lab's entry is written before its first step and after its last one, each time as a whole: temporary file, rename.
So after a kill at any instant, or when the power fails, the entry names at least everything that may stand. The kernel
itself says the same of namespaces (the alias of their loopback), which is what a lost entry is made up for by.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t
from dataclasses import dataclass, field

from .._kernel import folders
from .errors import LabError
from .records import Key

REGISTRY = "/var/lib/netns-lab"
OBJECTS = "@objects"
"""Who owns what the modules about single objects make; the name of their common lock too. No lab can be called so."""
_VERSION = 1
_BUILDING, _COMPLETE = "building", "complete"


@dataclass
class Entry:
    """What is known of a lab."""

    lab: str
    keys: list[Key] = field(default_factory=list)
    """What it has made; of an entry that was loaded, also what may still stand besides."""
    complete: bool = False
    boot: str = ""
    asked: dict[str, t.Any] | None = None
    """The lab as it was asked for, in the words of its file, by the run that wrote the entry. Holds no secrets: those
    stand in no lab file."""
    source: str = ""
    """The lab file that this came from, on the controller; empty where it was given as options."""
    written: int = 0
    """When, in seconds since 1970."""
    besides: t.Sequence[Key] = ()
    """To be written only: what may still stand until the run is through, and won't afterwards."""
    _body: str = field(default="", repr=False, compare=False)

    @property
    def body(self) -> str:
        """The long part of it as JSON. A run writes the same twice, before its first step and after its last one: what
        tells the two from each other stands before it."""
        if not self._body:
            body = {"keys": self.keys, "asked": self.asked}  # from a file, or read from JSON: nothing holds itself
            self._body = json.dumps(body, separators=(",", ":"), check_circular=False)
        return self._body

    def take_body(self, other: Entry) -> None:
        """Don't make it anew where the other has the same."""
        if other._body and self.asked == other.asked and self.keys == other.keys:
            self._body = other._body

    @property
    def is_from_this_boot(self) -> bool:
        """Namespaces and links don't outlive a boot; files and containers do."""
        return self.boot == boot_id()


def boot_id() -> str:
    """The id of the running boot; empty where the kernel doesn't tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def _file(lab: str) -> str:
    return os.path.join(REGISTRY, f"{lab}.json")


def _draft(lab: str) -> str:
    """Whoever writes has the lab's lock, so there is one at a time."""
    return os.path.join(REGISTRY, f".{lab}.draft")


def labs() -> list[str]:
    """The labs that have an entry."""
    try:
        return sorted(name[:-5] for name in os.listdir(REGISTRY) if name.endswith(".json") and not name.startswith("."))
    except OSError:
        return []


def load(lab: str) -> Entry | None:
    """The entry of a lab, or None: there is none, or it can't be read (truncated, of a later version).

    Then the marks in the kernel are what is left to go by; nothing is lost but files.
    """
    try:
        with open(_file(lab), encoding="utf-8") as stream:
            raw = json.load(stream)
        if raw["version"] != _VERSION or raw["lab"] != lab:
            return None
        keys = [tuple(key) for key in (*raw["keys"], *raw.get("besides", ()))]
        if not all(len(key) >= 2 and isinstance(key[0], str) and isinstance(key[1], str) for key in keys):
            return None
        asked = raw.get("asked")
        return Entry(
            lab,
            keys,
            raw["state"] == _COMPLETE,
            str(raw["boot"]),
            asked if isinstance(asked, dict) else None,
            str(raw.get("source") or ""),
            int(raw.get("written") or 0),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(entry: Entry) -> None:
    """Write an entry as a whole. Raises LabError where the machine has no place for it."""
    head = {
        "version": _VERSION,
        "lab": entry.lab,
        "boot": entry.boot,
        "state": _COMPLETE if entry.complete else _BUILDING,
        "written": entry.written or int(time.time()),
        "source": entry.source,
        "besides": entry.besides,
    }
    text = f"{json.dumps(head, separators=(',', ':'))[:-1]},{entry.body[1:]}"
    draft = _draft(entry.lab)
    try:
        # For root only: it repeats what lab files say, down to the content of files.
        how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = folders.within(REGISTRY, lambda: os.open(draft, how, 0o600))
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(draft, _file(entry.lab))
        if not entry.complete:
            # Until the folders are written, too, a reset may take the name back. After the last step that is no harm:
            # then the entry says that a run was under way.
            write_through(REGISTRY)
            write_through(os.path.dirname(REGISTRY))
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        raise LabError(f"what the lab {entry.lab} owns can't be recorded in {REGISTRY}: {error.strerror}") from error


def write_through(folder: str) -> None:
    """Have the disk know what the folder holds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def drop_draft(lab: str) -> None:
    """Remove what a kill left of an entry that was being written."""
    with contextlib.suppress(OSError):
        os.unlink(_draft(lab))


def forget(lab: str) -> None:
    """Remove the entry of a lab, what a kill left of one, and the folder with the last one."""
    for path in (_file(lab), _draft(lab)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(REGISTRY)

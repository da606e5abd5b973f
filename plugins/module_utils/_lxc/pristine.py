# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several new containers from the same template in one run: the template runs once, the others get what it made.

The busybox template starts a process for each of its three hundred links, which takes ten times as long as unpacking
them. What it made is kept in memory, before anything is changed in it, and only as long as the run lasts.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import threading
import typing as t

from .._kernel.command import execute
from . import running, tools
from .errors import LxcError
from .place import Place, read

_UNPACK_SECONDS = 60.0
_OFD_SETLK = 37
"""fcntl(2): a lock that belongs to the open file. LXC holds one on ``partial`` while it makes a container."""


class _Pristine(t.NamedTuple):
    """A container as its template left it."""

    place: Place
    text: str
    archive: bytes


_kept: dict[t.Any, _Pristine] = {}
_turns: dict[t.Any, threading.Lock] = {}


def make(place: Place, kind: t.Hashable, by_template: t.Callable[[], None]) -> None:
    """Make a container: the first one of its kind by its template, the others as copies. Raises LxcError, OSError."""
    with _turns.setdefault(kind, threading.Lock()):
        kept = _kept.get(kind)
        if kept is None:
            by_template()
            _kept[kind] = _keep(place)
            return
    _unpack(place, kept)


def _keep(place: Place) -> _Pristine:
    done = execute([tools.find("tar"), "-c", "-C", place.rootfs, "."], timeout=_UNPACK_SECONDS)
    if done.code:
        raise LxcError(f"{place.rootfs} can't be read: {'; '.join(tools.plain(done.err))}")
    return _Pristine(place, read(place.config), done.out)


def _unpack(place: Place, kept: _Pristine) -> None:
    """As LXC does it: ``partial`` stands, and is locked, until the container is whole."""
    os.mkdir(place.folder, 0o770)
    os.chmod(place.folder, 0o770)
    with open(place.partial, "wb") as partial:
        fcntl.fcntl(partial.fileno(), _OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        try:
            os.mkdir(place.rootfs, 0o755)
            words = [tools.find("tar"), "-x", "-p", "-C", place.rootfs]
            done = execute(words, given=kept.archive, timeout=_UNPACK_SECONDS)
            if done.code:
                raise LxcError(f"{place.rootfs} can't be filled: {'; '.join(tools.plain(done.err))}")
            running.write(place.config, _for(place, kept), 0o640)
        except BaseException:
            shutil.rmtree(place.folder, ignore_errors=True)
            raise
        os.unlink(place.partial)


def _for(place: Place, kept: _Pristine) -> str:
    """The configuration with this container's name and path in the place of the first one's."""
    text = kept.text.replace(f"{kept.place.folder}/", f"{place.folder}/")
    name = re.escape(kept.place.name)
    return re.sub(rf'^(lxc\.uts\.name *= *)"?{name}"?$', rf'\g<1>"{place.name}"', text, flags=re.M)

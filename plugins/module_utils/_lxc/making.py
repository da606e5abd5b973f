# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making containers: from a template, or from another container.

The configuration that is wanted goes in before the template runs: a first start, whoever makes it, meets nothing that
was still to be changed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t

from .._kernel import syscalls
from . import config, debian, lifecycle, pristine, remains, tools
from .errors import LxcError
from .place import Place, default_config

_TEMPLATES = "/usr/share/lxc/templates"
_HINT = " (the role netns.lab.lxc installs what templates need, see its `lxc_templates`)"


class Source(t.NamedTuple):
    """What a new container is made from."""

    template: str = "busybox"
    arguments: tuple[str, ...] = ()
    """What the template is told, such as ``--release=trixie``."""
    options: tuple[tuple[str, t.Any], ...] = ()
    """The same, for what isn't LXC's own template: `debian`."""
    store: str = "dir"
    store_arguments: tuple[str, ...] = ()
    rootfs: str = ""
    """A root file system that stands already, for the template `none`."""
    clone_from: Place | None = None
    clone_snapshot: bool = False


def make(place: Place, source: Source, edits: t.Sequence[config.Edit], timeout: float) -> None:
    """Make a container with the configuration that is wanted. Raises LxcError, with nothing left of it."""
    if os.path.isdir(place.folder) and os.listdir(place.folder):
        raise LxcError(f"{place.folder} is there already, and is no container: move it away")
    try:
        os.makedirs(place.path, 0o755, exist_ok=True)
        if source.clone_from is not None:
            _clone(place, source, source.clone_from, timeout)
            edits = [config.Edit("owner", ""), *edits]  # the copy isn't the lab's whose container it was copied from
        elif _is_plain(source, edits):
            # What this one shall be configured to must not be in what the others are copied from.
            pristine.make(place, source, lambda: _from_template(place, source, (), timeout))
        else:
            _from_template(place, source, edits, timeout)
        lifecycle.configure(place, edits)
    except OSError as error:
        _undo(place)
        raise LxcError(f"{error.filename or place.folder}: {error.strerror}") from error
    except LxcError:
        _undo(place)
        raise


def keep(paths: t.Iterable[str]) -> None:
    """Have the disk hold what was made under these paths: thousands of files that nobody has synchronized.

    Where the power fails before that, they are there and empty, and the container looks whole but can't start.
    """
    for path in paths:
        with contextlib.suppress(OSError):  # nothing came of it; or a disk is failing, and nothing here could mend that
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                syscalls.syncfs(descriptor)
            finally:
                os.close(descriptor)


def _is_plain(source: Source, edits: t.Iterable[config.Edit]) -> bool:
    """Whether what the template makes doesn't depend on the configuration, and can be copied as files."""
    unprivileged = any(edit.name == "lxc.idmap" and edit.lines for edit in edits)
    return source.template == "busybox" and source.store == "dir" and not source.store_arguments and not unprivileged


def _undo(place: Place) -> None:
    with contextlib.suppress(LxcError):
        remains.end_makers(place)
        if os.path.exists(place.partial):
            remains.clear(place)
        elif os.path.exists(place.config):
            lifecycle.destroy(place, 10.0)


def _clone(place: Place, source: Source, original: Place, timeout: float) -> None:
    words = ["lxc-copy", *original.arguments, "-p", place.path, "-N", place.name]
    if source.clone_snapshot:
        words.append("-s")
    if source.store != "dir":
        words += ["-B", source.store]
    done = tools.ask(words, timeout)
    if done.code:
        why = tools.reasons(done.err) or tools.plain(done.err)
        if not why and not tools.there("rsync"):
            why = ["a directory is copied by rsync, which is missing here: the role netns.lab.lxc installs it"]
        raise LxcError(f"{original.name} can't be copied: {'; '.join(why) or 'lxc-copy gave no reason'}")


def _from_template(place: Place, source: Source, edits: t.Sequence[config.Edit], timeout: float) -> None:
    with tempfile.TemporaryDirectory(prefix=f"{remains.SCRATCH}{os.getpid()}-", dir=_temporary()) as folder:
        os.chmod(folder, 0o755)  # a template of an unprivileged container runs as another user
        first = os.path.join(folder, "config")
        with open(first, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(config.edited(default_config(), edits))
        template, arguments = source.template, list(source.arguments)
        if template == "debian":
            template, arguments = debian.template(dict(source.options), folder, timeout)
        words = ["lxc-create", *place.arguments, "-f", first, "-t", template]
        if source.store != "dir" or source.store_arguments:
            words += ["-B", source.store, *source.store_arguments]
        done = tools.ask([*words, "--", *arguments] if arguments else words, timeout)
        if done.code:
            why = tools.plain(done.err) or tools.plain(done.out) or tools.reasons(done.err)
            hint = "" if os.access(f"{_TEMPLATES}/lxc-{template}", os.X_OK) or template != source.template else _HINT
            hint = _HINT if any("Missing required tool" in line for line in why) else hint
            raise LxcError(f"the template {source.template} failed: {'; '.join(why)}{hint}")
    if not os.path.exists(place.config):
        raise LxcError(f"the template {source.template} made no container")


def _temporary() -> str | None:
    """A place for a template's script to be run in. /run is mounted `noexec` where initramfs-tools made it."""
    for place in remains.SCRATCH_PLACES:
        with contextlib.suppress(OSError):
            if not os.statvfs(place).f_flag & os.ST_NOEXEC:
                return place
    return None

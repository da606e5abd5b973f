# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files under /etc/netns/NAME, which ``ip netns exec`` binds over those of /etc (ip-netns(8))."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..._kernel import folders
from ..errors import LabError
from ..records import File, Key
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question

if t.TYPE_CHECKING:
    from ..ground import Ground
    from ..view import View

ETC = "/etc/netns"
_MARK = "trusted.netns-lab"
"""The extended attribute that says to which lab a file belongs, should the registry be lost (xattr(7)). Where the file
system has none, or in a container, the registry alone knows."""
_BY = ".netns-lab-{}."
"""Between the name of a file and the process that writes it, in the name of its draft: the lab."""


def _path(key: Key) -> str:
    return os.path.join(ETC, key[1], key[2])


class FileKind(Kind):
    """See the module's docstring."""

    kind = "file"
    netlink = False

    def __init__(self) -> None:
        self.proposals = ((Phase.FILE, self._write), (Phase.TRIM, self._delete))

    def observe(self, view: View) -> None:
        for key in view.wanted("file"):
            try:
                with open(_path(key), encoding="utf-8", errors="surrogateescape", newline="") as stream:
                    view.put(key, File(stream.read(), _owner(_path(key))))
            except FileNotFoundError:
                if view.want(key) is None and _remains(key):
                    view.put(key, File(None))
            except OSError as error:
                raise LabError(f"{_path(key)} can't be read: {error.strerror}") from error

    def _write(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is not None and have != want:
                yield Step(Phase.FILE, "change" if have else "create", key, have, want)

    def _delete(self, question: Question) -> t.Iterator[Step]:
        for key, want in question.items:
            have = question.state.get(key)
            if want is None and have is not None:
                yield Step(Phase.TRIM, "delete", key, have)

    def effect(self, step: Step, state: State) -> None:
        if step.verb == "delete":
            state.drop(step.key)
        else:
            state.put(step.key, t.cast(File, step.after))

    def perform(self, step: Step, ground: Ground) -> None:
        path = _path(step.key)
        folder = os.path.dirname(path)
        if step.verb == "delete":
            _unlink(path)
            for draft in _drafts(step.key):
                _unlink(draft)
            for empty in (folder, ETC):
                try:
                    os.rmdir(empty)
                except OSError:
                    break
            return
        for draft in _drafts(step.key):
            _unlink(draft)
        wanted = t.cast(File, step.after)
        draft = os.path.join(folder, _draft(step.key, wanted.owner))
        try:
            how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            descriptor = folders.within(folder, lambda: os.open(draft, how, 0o644))
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
                os.fchmod(stream.fileno(), 0o644)
                stream.write(wanted.content or "")
                if wanted.owner:
                    with contextlib.suppress(OSError):
                        os.setxattr(stream.fileno(), _MARK, wanted.owner.encode())
            os.rename(draft, path)
        except OSError:
            _unlink(draft)
            raise

    def say(self, step: Step) -> str:
        verb = {"create": "write", "change": "rewrite", "delete": "delete"}[step.verb]
        if step.before is not None and t.cast(File, step.before).content is None:
            return f"delete what a killed run has left of {_path(step.key)}"
        return f"{verb} {_path(step.key)}"

    def show(self, key: Key, record: File) -> tuple[tuple[str, ...], t.Any]:
        return ("etc", key[2]), record.content


def marked(lab: str) -> list[Key]:
    """The files that carry a lab's mark, whatever the registry says."""
    found: list[Key] = []
    for folder, _folders, files in os.walk(ETC):
        for name in files:
            if _owner(os.path.join(folder, name)) == lab or _is_left(name, _BY.format(lab)):
                found.append(("file", os.path.basename(folder), name))
    return found


def _owner(path: str) -> str | None:
    """The lab whose mark a file carries."""
    try:
        return os.getxattr(path, _MARK, follow_symlinks=False).decode("utf-8", "replace")
    except OSError:
        return None


def _remains(key: Key) -> bool:
    """Whether a run was killed while it wrote a file, or between the file and its folder."""
    folder = os.path.dirname(_path(key))
    return os.path.isdir(folder) and (not os.listdir(folder) or bool(_drafts(key)))


def _draft(key: Key, owner: str | None) -> str:
    """The name of what is written beside a file and renamed over it: a reader sees the old text or the new one.

    It can't clash with another run's, begins with a dot, which no wanted file may, and says whose it is before a mark
    could be set.
    """
    return f".{key[2]}{_BY.format(owner or '')}{os.getpid()}"


def _drafts(key: Key) -> list[str]:
    """Drafts of a file whose writers are no more."""
    folder, head = os.path.dirname(_path(key)), f".{key[2]}{_BY.partition('{')[0]}"
    try:
        names = [name for name in os.listdir(folder) if name.startswith(head)]
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if _is_left(name, ".")]


def _is_left(name: str, before: str) -> bool:
    """Whether this is the name of a draft, with these words before the number, whose writer is no more."""
    start, _dot, number = name.rpartition(".")
    return f"{start}.".endswith(before) and number.isdigit() and not os.path.exists(f"/proc/{number}")


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass

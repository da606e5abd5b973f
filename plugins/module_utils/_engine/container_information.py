# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containers there are, for people: the result of the module `lxc_container_info`."""

from __future__ import annotations

import typing as t

from .._lxc import readiness, running
from .._lxc.errors import LxcError
from .._lxc.place import Place, default_path
from . import container_schema, container_steps, objects_container
from .errors import LabError


def gather(names: t.Sequence[str] | None, path: str | None) -> list[dict[str, t.Any]]:
    """Each named container, or all of them, sorted by name. One that isn't there is left out. Raises LabError."""
    for index, name in enumerate(names or ()):
        _checked(f"names[{index}]", container_schema.container_name, name)
    where = _checked("lxc_path", container_schema.absolute, path) if path is not None else default_path()
    found = []
    for name in running.containers(where) if names is None else sorted(set(names)):
        record = container_steps.look(("container", "@", where, name))
        if record is None:
            continue
        addresses: list[str] = []
        if record.state == "running":
            try:
                addresses = readiness.addresses(Place(where, name))
            except LxcError:
                pass  # it may end while it is asked
        found.append({"name": name, "lxc_path": where, **objects_container.described(record), "addresses": addresses})
    return found


def _checked(path: str, check: t.Callable[[str], str], value: str) -> str:
    try:
        return check(value)
    except LabError as error:
        raise LabError(error.message, path) from error

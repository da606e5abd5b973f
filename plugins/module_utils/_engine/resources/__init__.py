# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All kinds of kernel object, one file each, loaded when the first of its kind is asked for.

The imports are static: inside Ansible's module archive nothing can be discovered. The order is that of proposals within
one phase, and that of observation.
"""

from __future__ import annotations

import typing as t

from .base import Resource


def _load(kind: str) -> Resource:
    if kind == "namespace":
        from .namespace import NamespaceKind

        return NamespaceKind()
    if kind == "sysctl":
        from .sysctl import SysctlKind

        return SysctlKind()
    if kind == "link":
        from .link import LinkKind

        return LinkKind()
    if kind == "address":
        from .address import AddressKind

        return AddressKind()
    if kind == "route":
        from .route import RouteKind

        return RouteKind()
    if kind == "rule":
        from .rule import RuleKind

        return RuleKind()
    if kind == "keepsake":
        from .keepsake import KeepsakeKind

        return KeepsakeKind()
    if kind == "file":
        from .file import FileKind

        return FileKind()
    if kind == "container":
        from .container import ContainerKind

        return ContainerKind()
    if kind == "process":
        from .process import ProcessKind

        return ProcessKind()
    if kind == "occupants":
        from .occupants import OccupantsKind

        return OccupantsKind()
    raise KeyError(kind)


KINDS = (
    "namespace", "sysctl", "link", "address", "route", "rule", "keepsake", "file", "container", "process", "occupants"
)  # fmt: skip
"""The order of proposals within one phase, and of observation."""

STANDING = ("link", "address", "route")
"""The kinds that are looked for wherever one looks; of the others only what is asked for."""


class _ByKind(t.Dict[str, Resource]):
    def __missing__(self, kind: str) -> Resource:
        resource = self[kind] = _load(kind)
        return resource


BY_KIND: t.Mapping[str, Resource] = _ByKind()

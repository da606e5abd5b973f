# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All kinds of kernel object, one file each.

The imports are static: inside Ansible's module archive nothing can be discovered. The order is that of proposals within
one phase, and that of observation.
"""

from __future__ import annotations

from .address import AddressKind
from .base import Resource
from .container import ContainerKind
from .file import FileKind
from .keepsake import KeepsakeKind
from .link import LinkKind
from .namespace import NamespaceKind
from .occupants import OccupantsKind
from .route import RouteKind
from .rule import RuleKind
from .sysctl import SysctlKind

RESOURCES: tuple[Resource, ...] = (
    NamespaceKind(),
    SysctlKind(),
    LinkKind(),
    AddressKind(),
    RouteKind(),
    RuleKind(),
    KeepsakeKind(),
    FileKind(),
    ContainerKind(),
    OccupantsKind(),
)

BY_KIND: dict[str, Resource] = {resource.kind: resource for resource in RESOURCES}

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that would cut the machine off: its default route, or the connection that Ansible came by."""

from __future__ import annotations

from .._kernel.visit import Visit
from .plan import Plan
from .records import Request


def check(visit: Visit, request: Request, made: Plan) -> None:
    """Raise LabError if a step of the plan would cut the machine off, unless the request says `force`."""

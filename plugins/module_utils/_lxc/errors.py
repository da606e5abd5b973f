# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong with LXC. Raised by everything in `_lxc`; the engine hands the sentence on."""

from __future__ import annotations

from .._kernel.errors import KernelError


class LxcError(KernelError):
    """LXC refused something, didn't answer in time, or isn't there. `reason` is a sentence for the user.

    Like a refusal of the kernel it comes from below the engine, and is told in the same places.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)

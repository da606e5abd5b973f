# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders that all runs on a machine share, and each removes with the last thing in it, so that nothing is left."""

from __future__ import annotations

import os
import typing as t

T = t.TypeVar("T")

_ATTEMPTS = 100
"""The folder would have to go within microseconds of being made, each time."""


def within(folder: str, put: t.Callable[[], T]) -> T:
    """Make a folder where it isn't there, and put something into it; once more if another run removed it in between.

    `put` has to be of one piece: either there is something in the folder then, or it raises FileNotFoundError. Raises
    OSError.
    """
    for _attempt in range(_ATTEMPTS):
        try:
            # Raises FileExistsError if it went after it was found to be there (os.makedirs asks whether it is one).
            os.makedirs(folder, 0o755, exist_ok=True)
            return put()
        except (FileNotFoundError, FileExistsError):
            continue
    os.makedirs(folder, 0o755, exist_ok=True)
    return put()

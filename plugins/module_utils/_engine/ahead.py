# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only a change needs, loaded ahead of it where there is nothing else to do. Called by `observe`.

Ansible's module archive holds no compiled code, so what a change loads takes as long as looking at thirty namespaces.
Whoever looks at many waits for the second process at the end, for some milliseconds more or less.
"""

from __future__ import annotations

import functools
import importlib
import typing as t

NAMES = (
    "_engine.consent", "_kernel.encode", "_kernel.codec", "_engine.memory", "_engine.vetting", "_engine.departure",
    "_engine.ground", "_engine.apply", "_engine.execution", "_engine.effects_conf", "_engine.effects_ip",
    "_engine.effects", "_engine.resources._link_messages", "_engine.disturbed",
)  # fmt: skip
"""What every change needs, then what most do. Each stands behind those that it loads itself, so that no load is a long
one."""


def loads() -> t.Iterator[t.Callable[[], t.Any]]:
    """What loads one after the other of them; nothing happens where it is loaded already."""
    for name in NAMES:
        yield functools.partial(importlib.import_module, f"{__package__.rpartition('.')[0]}.{name}")

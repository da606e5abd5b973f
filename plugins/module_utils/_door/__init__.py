# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between Ansible and the engine: a module's options go in, its result comes out. Only this package knows Ansible.

Each module has a file of its own here, with its one function `run`: Ansible sends along with a module all that its
files name, wherever in them, and the archive holds no compiled code. So a module costs what it names.
"""

from __future__ import annotations

from .. import _archive

_archive.compile_once(__name__.rpartition(".")[0])

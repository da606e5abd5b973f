# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading from the archive that Ansible sends to the machine. Called by `_door`, before it loads the engine.

Python's own importer compiles each file of an archive twice, and the first time only to find out what the file is
called (importlib asks `zipimporter.get_filename`, which calls `_get_module_code`). Ansible's archive holds no compiled
code, so that was a third of what a task of ours took besides Ansible's own part.
"""

from __future__ import annotations

import sys
import zipimport


class _Importer(zipimport.zipimporter):
    """One folder of the archive, of which a file's name is told without compiling it."""

    def get_filename(self, fullname: str) -> str:
        """Raises ZipImportError where there is no such module."""
        end = "/__init__.py" if self.is_package(fullname) else ".py"
        return f"{self.archive}/{self.prefix}{fullname.rpartition('.')[2]}{end}"


def compile_once(package: str) -> None:
    """From now on compile each file of a package once. Does nothing where it doesn't come from an archive."""
    for folder in sys.modules[package].__path__:
        if not isinstance(sys.path_importer_cache.get(folder), zipimport.zipimporter):
            continue

        def importer(path: str, folder: str = folder) -> _Importer:
            if not path.startswith(folder):
                raise ImportError(path=path)  # the next hook's
            return _Importer(path)

        sys.path_hooks.insert(0, importer)
        for path in [path for path in sys.path_importer_cache if path.startswith(folder)]:
            del sys.path_importer_cache[path]

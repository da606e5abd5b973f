# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loading from an archive, in a process of its own: how often is a file compiled, and is all else as it was?"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import ansible_collections.netns.lab.plugins.module_utils._archive as archive

_FILES = {
    "body/__init__.py": "",
    "body/door.py": "from . import archive\narchive.compile_once('body')\nfrom .room import bed\n",
    "body/room/__init__.py": "",
    "body/room/bed.py": "FILE = __file__\n",
    "other/__init__.py": "",
    "other/bed.py": "",
}
_PROGRAM = """
import builtins, json, sys
sys.path.insert(0, sys.argv[1])
compiled = []
import zipimport, marshal
real = zipimport._compile_source
def count(pathname, source):
    compiled.append(pathname.rpartition(".zip/")[2])
    return real(pathname, source)
zipimport._compile_source = count
import body.door, other.bed
try:
    import body.room.table
    missing = None
except ModuleNotFoundError as error:
    missing = error.name
room = sys.modules["body.room"]
print(json.dumps([compiled, missing, sys.modules["body.room.bed"].FILE, room.__file__, room.__path__]))
"""


def _run(tmp_path: Path) -> tuple[list[str], str, list[object]]:
    path = tmp_path / "modlib.zip"
    with zipfile.ZipFile(path, "w") as archived:
        archived.write(str(archive.__file__), "body/archive.py")
        for name, text in _FILES.items():
            archived.writestr(name, text)
    done = subprocess.run([sys.executable, "-c", _PROGRAM, str(path)], check=True, capture_output=True, text=True)
    compiled, missing, *places = json.loads(done.stdout)
    return compiled, missing, [str(path), *places]


def test_a_file_of_the_package_is_compiled_once_and_one_of_another_package_as_python_does_it(tmp_path: Path) -> None:
    compiled, _missing, _places = _run(tmp_path)
    assert [compiled.count(name) for name in ("body/room/__init__.py", "body/room/bed.py")] == [1, 1]
    assert compiled.count("other/bed.py") >= 1


def test_modules_say_where_they_come_from_as_before_and_one_that_is_missing_is_missing(tmp_path: Path) -> None:
    _compiled, missing, (path, file, package, folders) = _run(tmp_path)
    assert missing == "body.room.table"
    assert (file, package, folders) == (
        f"{path}/body/room/bed.py",
        f"{path}/body/room/__init__.py",
        [f"{path}/body/room"],
    )


def test_nothing_happens_to_a_package_that_lies_in_a_folder() -> None:
    before = list(sys.path_hooks), dict(sys.path_importer_cache)
    archive.compile_once(archive.__package__)
    assert (list(sys.path_hooks), dict(sys.path_importer_cache)) == before

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine's own Debian packages come from, by what apt says; and where a template's script can run."""

from __future__ import annotations

import os
import types

import pytest

from ansible_collections.netns.lab.plugins.module_utils._lxc import debian, making, place, remains
from ansible_collections.netns.lab.plugins.module_utils._lxc.errors import LxcError


@pytest.fixture
def apt(monkeypatch):
    """A machine with Debian's trixie, whose apt says these lines: URI, suite, component, keyring."""

    def say(*lines):
        text = "".join("\t".join(line) + "\n" for line in lines)
        monkeypatch.setattr(debian, "_system", lambda: {"ID": "debian", "VERSION_CODENAME": "trixie"})
        monkeypatch.setattr(debian.tools, "there", lambda _name: True)
        monkeypatch.setattr(debian.tools, "find", lambda name: name)
        monkeypatch.setattr(debian, "execute", lambda *_words, **_more: types.SimpleNamespace(out=text.encode()))

    return say


def test_the_first_source_of_the_release(apt):
    apt(
        ("http://example.org/security/", "trixie-security", "main", ""),
        ("http://example.org/debian/", "trixie", "contrib", ""),
        ("http://example.org/debian/", "trixie", "main", "/usr/share/keyrings/own.gpg"),
    )
    assert debian._source() == ("http://example.org/debian", "/usr/share/keyrings/own.gpg")


def test_a_list_of_mirrors_stands_for_its_first(apt, tmp_path):
    """As in the images of Debian for clouds."""
    path = tmp_path / "debian.list"
    path.write_text("# first\n\nhttps://example.org/debian/\tpriority:1\nhttps://example.net/debian\n")
    apt((f"mirror+file:{path}", "trixie", "main", ""))
    assert debian._source() == ("https://example.org/debian", "")


@pytest.mark.parametrize("uri", ["cdrom:[Debian]/", "mirror+file:/no/such/list", "tor+http://example.org/debian"])
def test_what_the_tools_cannot_read_is_no_source(apt, uri):
    apt((uri, "trixie", "main", ""))
    with pytest.raises(LxcError, match="no Debian package sources"):
        debian._source()


def test_a_script_lies_where_programs_may_run(monkeypatch):
    flags = {"/run": os.ST_NOEXEC, "/var/cache": 0}
    monkeypatch.setattr(making.os, "statvfs", lambda path: types.SimpleNamespace(f_flag=flags[path]))
    assert tuple(flags) == remains.SCRATCH_PLACES
    assert making._temporary() == "/var/cache"
    flags["/run"] = 0
    assert making._temporary() == "/run"
    flags.update({"/run": os.ST_NOEXEC, "/var/cache": os.ST_NOEXEC})
    assert making._temporary() is None


def test_lxcs_own_place_is_written_as_lxc_does(monkeypatch):
    monkeypatch.setattr(place.procfs, "read", lambda _path: b"lxc.lxcpath = /srv/lxc//\n")
    assert place.default_path() == "/srv/lxc"

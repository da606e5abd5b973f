# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containers are made from: templates, other containers, root file systems that stand; and their snapshots."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.netns.lab.tests.kernel.containers import QUICK, script


@pytest.fixture
def tree(lxc):
    """A root file system that nobody but the test has made."""
    lxc("origin")
    place = Path("/var/lib/tree")
    shutil.copytree(lxc.root("origin"), place, symlinks=True)
    (place / "etc/init.d/rcS").write_text("#!/bin/sh\n")
    lxc("origin", state="absent")
    return place


# -- copies


def test_a_copy_is_a_container_of_its_own(lxc):
    lxc("web", state="stopped", config={"lxc.tty.max": 3})
    (lxc.root("web") / "srv").mkdir()
    (lxc.root("web") / "srv/page").write_text("hello\n")
    done = lxc.change("copy", clone_from="web", state="started", config={**QUICK, "lxc.start.delay": 5})
    assert done["steps"][0] == f"create container {lxc.name('copy')} as a copy of {lxc.name('web')}"
    assert lxc.lines("copy", "lxc.tty.max") == ["lxc.tty.max = 3"]
    assert lxc.lines("copy", "lxc.start.delay") == ["lxc.start.delay = 5"]
    assert lxc.inside("copy", "hostname").strip() == lxc.name("copy")
    assert lxc.inside("copy", "cat", "/srv/page") == "hello\n"
    lxc("web", state="absent")
    assert lxc.inside("copy", "cat", "/srv/page") == "hello\n"


def test_a_copy_that_shares_its_files_with_the_original(lxc):
    lxc("web", config=QUICK)
    (lxc.root("web") / "srv").mkdir()
    (lxc.root("web") / "srv/page").write_text("hello\n")
    done = lxc.change("copy", clone_from="web", clone_snapshot=True, state="started")
    assert done["steps"][0] == f"create container {lxc.name('copy')} as a snapshot of {lxc.name('web')}"
    assert lxc.lines("copy", "lxc.rootfs.path")[0].startswith("lxc.rootfs.path = overlay:")
    assert lxc.inside("copy", "cat", "/srv/page") == "hello\n"
    lxc.inside("copy", "sh", "-c", "echo changed >/srv/page")
    assert (lxc.root("web") / "srv/page").read_text() == "hello\n"
    assert f"{lxc.name('web')} has clones" in lxc.fails("web", state="absent")
    lxc("copy", state="absent")
    lxc("web", state="absent")
    assert lxc.left() == []


def test_only_what_stands_and_stands_still_is_copied(lxc):
    message = lxc.fails("copy", clone_from="web", check=True)
    assert f"{lxc.name('web')}: there is no such container in {lxc.path} to be copied" in message
    lxc("web", state="started")
    message = lxc.fails("copy", clone_from="web")
    assert f"{lxc.name('web')} is running, and LXC copies only a container that is stopped" in message
    assert not lxc.folder("copy").exists()


# -- snapshots


def test_snapshots_are_taken_restored_and_removed(lxc):
    lxc("web", config={"lxc.tty.max": 3})
    file = lxc.root("web") / "root/file"
    file.write_text("first")
    done = lxc.change("web", state="stopped", snapshot={"name": "before"})
    assert done["steps"] == [f"take snapshot before of container {lxc.name('web')}"]
    assert done["lxc_container"]["snapshots"] == ["before"]
    assert lxc.tool("lxc-snapshot", "web", "-L", "-C").split()[-1] == "before"
    file.write_text("second")
    lxc("web", config={"lxc.tty.max": 4})
    lxc.change("web", state="stopped", snapshot={"name": "after"})

    foreseen = lxc("web", state="stopped", snapshot={"name": "before", "state": "restored"}, check=True)
    assert file.read_text() == "second"
    restored = lxc("web", state="stopped", snapshot={"name": "before", "state": "restored"})
    assert restored["steps"] == foreseen["steps"] == [f"restore snapshot before of container {lxc.name('web')}"]
    assert file.read_text() == "first"
    assert lxc.lines("web", "lxc.tty.max") == ["lxc.tty.max = 3"]
    assert restored["lxc_container"]["snapshots"] == ["before", "after"]

    lxc.change("web", snapshot={"name": "before", "state": "absent"})
    assert lxc("web")["lxc_container"]["snapshots"] == ["after"]
    lxc.change("web", state="absent")
    assert lxc.left() == []


def test_of_a_running_container_there_are_none(lxc):
    lxc("web", state="started", config=QUICK)
    before = lxc.listing()
    assert "say `state: stopped`" in lxc.fails("web", snapshot={"name": "before"})
    assert "has no snapshot other" in lxc.fails("web", state="stopped", snapshot={"name": "other", "state": "restored"})
    assert lxc.listing() == before
    done = lxc.change("web", state="stopped", snapshot={"name": "before"})
    assert len(done["steps"]) == 2


# -- templates


def test_a_root_file_system_that_stands_is_used_and_never_removed(lxc, tree):
    (tree / "etc/mark").write_text("mine\n")
    before = sorted(path.relative_to(tree) for path in tree.rglob("*"))
    lxc.change("web", template="none", template_options={"rootfs": str(tree)}, state="started", config=QUICK)
    assert lxc.inside("web", "cat", "/etc/mark") == "mine\n"
    lxc.change("web", state="absent")
    after = sorted(path.relative_to(tree) for path in tree.rglob("*"))
    assert [path for path in before if path not in after] == []
    assert lxc.left() == []


def test_what_stands_in_its_place_and_is_no_container_is_left_alone(lxc, tree):
    lxc.folder("web").mkdir(parents=True)
    tree.rename(lxc.root("web"))
    for options in ({}, {"template": "none", "template_options": {"rootfs": str(lxc.root("web"))}}):
        assert f"{lxc.folder('web')} is there already, and is no container" in lxc.fails("web", **options)
    assert lxc("web", state="absent")["steps"] == []
    assert (lxc.root("web") / "bin/busybox").exists()
    shutil.rmtree(lxc.folder("web"))


def test_an_image_of_ones_own(lxc, tree):
    image = Path("/var/lib/image")
    image.mkdir()
    (image / "config").write_text("lxc.arch = linux64\nlxc.uts.name = LXC_NAME\nlxc.signal.halt = SIGUSR1\n")
    subprocess.run(["tar", "-cJf", image / "meta.tar.xz", "-C", image, "config"], check=True)
    subprocess.run(["tar", "-cf", image / "root.tar.xz", "-I", "xz -0", "-C", tree, "."], check=True)
    options = {"metadata": str(image / "meta.tar.xz"), "fstree": str(image / "root.tar.xz")}
    lxc.change("web", template="local", template_options=options, config={"lxc.tty.max": 2}, state="started")
    assert lxc.inside("web", "hostname").strip() == lxc.name("web")
    assert lxc.lines("web", "lxc.tty.max") == ["lxc.tty.max = 2"]
    assert "lxc.arch = linux64" in lxc.lines("web")


def test_what_a_template_says_when_it_fails(lxc):
    message = lxc.fails("web", template="local", template_options={"metadata": "/nowhere.tar.xz", "fstree": "/nowhere"})
    assert "/nowhere.tar.xz: Cannot open: No such file or directory" in message
    assert not lxc.folder("web").exists()


def test_debian_is_made_once_by_mmdebstrap_and_unpacked_then(lxc, tree, monkeypatch, tmp_path):
    """From a stand-in that makes an archive of a tree: the real one needs a network, and a minute."""
    cache = tmp_path / "cache"
    for folder in (cache, Path("/var/cache")):
        folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "--bind", str(cache), "/var/cache"], check=True)
    script(
        tmp_path / "bin" / "mmdebstrap",
        f'echo "$@" >>{tmp_path}/calls\n'
        f'for word; do case $word in *.tar) exec tar -cf "$word" -C {tree} . ;; esac done',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    options = {"release": "trixie", "arch": "amd64", "mirror": "http://192.0.2.1/debian", "packages": ["python3"]}
    for name in ("web", "db"):
        lxc.change(name, template="debian", template_options=options, state="started", config=QUICK)
        assert lxc.inside(name, "cat", "/etc/hostname").strip() == lxc.name(name)
        assert lxc.inside(name, "hostname").strip() == lxc.name(name)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    words = call.split()
    assert words[:2] == [
        "--variant=minbase",
        "--include=systemd-sysv,dbus,iproute2,iputils-ping,ca-certificates,python3",
    ]
    assert {"--architectures=amd64", "trixie"} <= set(words)
    assert words[-4:] == ["deb", "http://192.0.2.1/debian", "trixie", "main"]
    assert len(os.listdir("/var/cache/netns-lab")) == 1


def test_unprivileged_root_is_nobody_outside(lxc):
    ids = ["u 0 100000 65536", "g 0 100000 65536"]
    for file in ("/etc/subuid", "/etc/subgid"):  # LXC has newuidmap do it where that is there
        Path(file).write_text("root:100000:65536\n")
    lxc.change("web", idmap=ids, state="started")
    assert lxc.inside("web", "id", "-u").strip() == "0"
    assert os.stat(f"/proc/{lxc.pid('web')}").st_uid == 100000
    assert (lxc.root("web") / "bin/busybox").stat().st_uid == 100000
    lxc("web", state="absent", timeout=1)
    assert lxc.left() == []

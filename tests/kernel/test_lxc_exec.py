# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands in containers, and what is told about containers."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.netns.lab.tests.kernel.containers import QUICK


@pytest.fixture
def execute(lxc, run_module):
    lxc("web", state="started")

    def run(*argv: str, **options):
        return run_module("lxc_exec", name=lxc.name("web"), lxc_path=lxc.path, argv=list(argv), **options)

    return run


def test_the_return_code_is_that_of_the_command(execute):
    good = execute("sh", "-c", "echo out; echo err >&2")
    assert (good["rc"], good["stdout"], good["stderr"], good["changed"]) == (0, "out", "err", True)
    assert not good.get("failed")
    bad = execute("sh", "-c", "echo why >&2; exit 7")
    assert (bad["rc"], bad["failed"], bad["msg"]) == (7, True, "sh ended with return code 7: why")
    missing = execute("no-such-program")
    assert (missing["rc"], missing["failed"]) == (127, True)


def test_it_gets_stdin_a_directory_and_variables_and_no_shell(execute, monkeypatch):
    monkeypatch.setenv("OUTSIDE", "seen")
    result = execute(
        "sh", "-c", 'read line; echo "$line|$PWD|$COLOUR|$OUTSIDE|$1"', "sh", "$(id) `id`; *",
        stdin="typed\n", chdir="/etc", environment={"COLOUR": "deep red"},
    )  # fmt: skip
    assert result["stdout"] == "typed|/etc|deep red||$(id) `id`; *"
    every = bytes(range(256))
    result = execute("cat", stdin=base64.b64encode(every).decode(), encoding="base64")
    assert base64.b64decode(result["stdout"]) == every


def test_it_is_ended_with_all_it_started(lxc, execute):
    result = execute("sh", "-c", "sleep 1234 & sleep 1234", timeout=0.5)
    assert (result["timed_out"], result["failed"]) == (True, True)
    assert "sleep 1234" not in lxc.inside("web", "ps")


def test_creates_and_removes_are_files_in_the_container(lxc, execute):
    (lxc.root("web") / "mnt/a file").write_text("")
    assert execute("touch", "/mnt/new", creates="/mnt/a*")["msg"] == "not run: /mnt/a* exists"
    assert not execute("touch", "/mnt/new", removes="/mnt/none")["changed"]
    assert not (lxc.root("web") / "mnt/new").exists()
    assert execute("touch", "/mnt/new", creates="/mnt/none", removes="/mnt/a file")["changed"]
    assert (lxc.root("web") / "mnt/new").exists()


def test_check_mode_runs_nothing(lxc, execute):
    result = execute("touch", "/mnt/new", check=True)
    assert (result["skipped"], result["changed"]) == (True, True)
    assert not (lxc.root("web") / "mnt/new").exists()


def test_a_container_that_isnt_there_or_doesnt_run(lxc, run_module):
    lxc("web")
    for name, says in (("web", "is stopped: start it"), ("none", "there is no container")):
        result = run_module("lxc_exec", name=lxc.name(name), lxc_path=lxc.path, argv=["true"])
        assert result["failed"]
        assert says in result["msg"]


def test_information_about_one_and_about_all(lxc, run_module, ip):
    ip("netns", "add", "red")
    lxc("web", state="started", netns="red", groups=["course"], config=QUICK)
    lxc("db", state="stopped", snapshot={"name": "before"}, autostart=True)
    lxc("half")
    (lxc.folder("half") / "partial").touch()
    before = lxc.listing()
    found = {one.pop("name"): one for one in run_module("lxc_container_info", lxc_path=lxc.path)["containers"]}
    assert list(found) == sorted([lxc.name("web"), lxc.name("db"), lxc.name("half")])
    web, db = found[lxc.name("web")], found[lxc.name("db")]
    assert (web["state"], web["pid"], web["netns"], web["groups"]) == ("running", lxc.pid("web"), "red", ["course"])
    assert (db["state"], db["pid"], db["netns"], db["snapshots"]) == ("stopped", None, None, ["before"])
    assert (web["autostart"], db["autostart"]) == (False, True)
    assert web["config"]["lxc.namespace.share.net"] == ["/run/netns/red"]
    assert found[lxc.name("half")]["state"] == "broken"
    (only,) = run_module("lxc_container_info", lxc_path=lxc.path, names=[lxc.name("db"), "none"])["containers"]
    assert only == {"name": lxc.name("db"), **db}
    assert run_module("lxc_container_info", lxc_path="/var/lib/nowhere")["containers"] == []
    stopped = {path: about for path, about in before.items() if not path.startswith("/run/lxc")}
    assert {path: about for path, about in lxc.listing().items() if not path.startswith("/run/lxc")} == stopped

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `process`: a program that is started, found running, restarted and stopped."""

from __future__ import annotations

import os
import pwd
import signal
import time
from pathlib import Path

import pytest

from ansible_collections.netns.lab.tests.kernel.programs import (
    BACKGROUND,
    DAEMON,
    DEAF,
    FORKS,
    alive,
    everybody,
    groups,
    run_in,
    soon,
    traces,
)

LOG = Path("/var/log/netns-lab/red/p.log")
SLEEP = ["sleep", "600"]


@pytest.fixture
def process(run_module):
    """Asks for the program `p` in the namespace `red`; at the end nothing may be left of it."""
    assert "failed" not in run_module("netns", name="red")

    def ask(*argv, **options):
        given = {"argv": list(argv)} if argv else {}
        return run_module("process", name="p", netns="red", **given, **options)

    yield ask
    gone = run_module("netns", name="red", state="absent", kill_timeout=0)
    assert "failed" not in gone, gone
    assert traces() == []


def succeeded(result):
    assert "failed" not in result, result["msg"]
    return result


# -- started


def test_a_program_runs_on_in_its_namespace(process):
    foreseen = succeeded(process(*SLEEP, check=True))
    assert traces() == []
    done = succeeded(process(*SLEEP))
    assert done["steps"] == foreseen["steps"] == ["start process p of red"]
    assert run_in("red") == {done["process"]["pid"]: "sleep 600"}
    assert foreseen["process"] == {**done["process"], "pid": None}


def test_a_second_run_finds_it_running(process):
    first = succeeded(process(*SLEEP))
    again = succeeded(process(*SLEEP))
    assert not again["changed"]
    assert again["process"] == first["process"]


def test_it_has_nothing_of_ansibles(process, monkeypatch):
    """No descriptor but three, no terminal, a session of its own, and an environment that is the same from anywhere."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
    show = "ls -l /proc/self/fd; ps -o tty=,sid=,pid= -p $$; env; echo end; exec sleep 600"
    done = succeeded(process("sh", "-c", show, environment={"GREETING": "hello there", "COUNT": 3}))
    assert soon(lambda: "end" in LOG.read_text())
    text = LOG.read_text()
    opened = sorted(line.split(" -> ")[1] for line in text.splitlines() if " -> " in line and "/proc/" not in line)
    assert opened == [str(LOG), str(LOG), "/dev/null"] or opened == ["/dev/null", str(LOG), str(LOG)]
    pid = done["process"]["pid"]
    assert next(line.split() for line in text.splitlines() if line.startswith("?")) == ["?", str(pid), str(pid)]
    assert "SSH_CONNECTION" not in text
    assert {"GREETING=hello there", "COUNT=3", "HOME=/root", "LANG=C.UTF-8"} < set(text.splitlines())


def test_it_sees_the_files_and_links_of_its_namespace(process, run_module):
    run_module("netns", name="red", etc={"resolv.conf": "nameserver 192.0.2.53\n"})
    run_module("link", name="br0", kind="bridge", netns="red")
    succeeded(process("sh", "-c", "cat /etc/resolv.conf; ls /sys/class/net; exec sleep 600"))
    assert soon(lambda: "lo" in LOG.read_text().split())
    assert "192.0.2.53" in LOG.read_text()
    assert "br0" in LOG.read_text().split()
    run_module("netns", name="red", etc={"resolv.conf": ""})


def test_it_runs_as_another_user_and_elsewhere(process, tmp_path):
    nobody = pwd.getpwnam("nobody")
    done = succeeded(process("sh", "-c", "pwd; id -u; id -G; exec sleep 600", user="nobody", chdir="/usr"))
    assert soon(lambda: len(LOG.read_text().split()) >= 3)
    assert LOG.read_text().split() == ["/usr", str(nobody.pw_uid), str(nobody.pw_gid)]
    assert not succeeded(process("sh", "-c", "pwd; id -u; id -G; exec sleep 600", user="nobody", chdir="/usr"))[
        "changed"
    ]
    assert os.stat(f"/proc/{done['process']['pid']}").st_uid == nobody.pw_uid


def test_a_log_of_ones_own_gets_the_output_and_stays(process, tmp_path):
    log = tmp_path / "own.log"
    log.write_text("before\n")
    succeeded(process("sh", "-c", "echo out; echo err >&2; exec sleep 600", log=str(log)))
    assert soon(lambda: log.read_text() == "before\nout\nerr\n")
    succeeded(process(state="absent"))
    assert log.exists()


def test_one_that_has_ended_is_started_again(process):
    first = succeeded(process(*SLEEP))
    os.kill(first["process"]["pid"], signal.SIGKILL)
    assert soon(lambda: not run_in("red"))
    foreseen = succeeded(process(*SLEEP, check=True, diff=True))
    assert foreseen["steps"] == ["start process p of red (it had ended)"]
    assert "state: ended" in foreseen["diff"][0]["before"]
    assert succeeded(process(*SLEEP))["steps"] == foreseen["steps"]
    assert len(run_in("red")) == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"argv": ["sleep", "601"]}, "another command"),
        ({"environment": {"A": "b"}}, "another environment"),
        ({"chdir": "/usr"}, "another directory"),
        ({"user": "nobody"}, "another user"),
        ({"argv": ["sleep", "601"], "chdir": "/usr"}, "another command, another directory"),
    ],
)
def test_whatever_it_runs_with_is_changed_by_a_restart(process, run_module, change, why):
    asked = {"name": "p", "netns": "red", "argv": SLEEP}
    first = succeeded(run_module("process", **asked))
    foreseen = succeeded(run_module("process", **{**asked, **change}, check=True, diff=True))
    assert foreseen["steps"] == [f"restart process p of red ({why})"]
    assert foreseen["diff"][0]["before"] != foreseen["diff"][0]["after"]
    assert alive(first["process"]["pid"])
    done = succeeded(run_module("process", **{**asked, **change}))
    assert done["steps"] == foreseen["steps"]
    assert list(run_in("red")) == [done["process"]["pid"]] != [first["process"]["pid"]]
    assert not succeeded(run_module("process", **{**asked, **change}))["changed"]


def test_more_time_to_end_needs_no_restart(process):
    first = succeeded(process(*SLEEP))
    changed = succeeded(process(*SLEEP, kill_timeout=1.5))
    assert changed["steps"] == ["set kill_timeout of process p of red to 1.5"]
    assert changed["process"]["pid"] == first["process"]["pid"]
    assert not succeeded(process(*SLEEP, kill_timeout=1.5))["changed"]


def test_restarted_is_always_changed(process):
    first = succeeded(process(*SLEEP, state="restarted"))
    assert first["steps"] == ["start process p of red"]
    assert succeeded(process(*SLEEP, state="restarted", check=True))["steps"] == ["restart process p of red"]
    second = succeeded(process(*SLEEP, state="restarted"))
    assert second["steps"] == ["restart process p of red"]
    assert list(run_in("red")) == [second["process"]["pid"]] != [first["process"]["pid"]]


def test_after_another_namespace_has_taken_the_name_it_is_restarted_there(process, ip):
    first = succeeded(process(*SLEEP))
    ip("netns", "delete", "red")
    ip("netns", "add", "red")
    done = succeeded(process(*SLEEP))
    assert done["steps"] == [
        "restart process p of red (the namespace that it runs in isn't the one of that name any more)"
    ]
    assert not alive(first["process"]["pid"])
    assert list(run_in("red")) == [done["process"]["pid"]]


# -- ready


def test_it_is_ready_when_it_listens(process):
    serve = "import time, socket; time.sleep(0.4); s = socket.create_server(('127.0.0.1', 8080)); time.sleep(600)"
    done = succeeded(process("python3", "-c", serve, ready={"tcp": 8080}))
    assert int(Path(f"/proc/{done['process']['pid']}/net/tcp").read_text().split()[13].rpartition(":")[2], 16) == 8080


def test_it_is_ready_when_it_waits_at_a_udp_port_of_ipv6(process):
    serve = (
        "import time, socket; time.sleep(0.3); s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); "
        "s.bind(('::', 5353)); time.sleep(600)"
    )
    succeeded(process("python3", "-c", serve, ready={"udp": 5353}))


def test_somebody_elses_port_doesnt_count(process, run_module):
    serve = "import time, socket; s = socket.create_server(('127.0.0.1', 8080)); time.sleep(600)"
    succeeded(run_module("process", name="other", netns="red", argv=["python3", "-c", serve], ready={"tcp": 8080}))
    failed = process("python3", "-c", serve, ready={"tcp": 8080, "timeout": 5})
    assert "ended with return code 1" in failed["msg"]
    assert "Address already in use" in failed["msg"]


def test_it_is_ready_when_a_command_says_so(process, tmp_path):
    flag = tmp_path / "flag"
    command = ["sh", "-c", f'test -e {flag} && test "$A" = b']
    done = process(
        "sh", "-c", f"sleep 0.3; touch {flag}; exec sleep 600", ready={"command": command}, environment={"A": "b"}
    )
    succeeded(done)
    assert flag.exists()


def test_one_that_isnt_ready_in_time_is_ended_and_says_why(process):
    begun = time.monotonic()
    failed = process("sh", "-c", "echo still loading; exec sleep 600", ready={"tcp": 80, "timeout": 0.5})
    assert time.monotonic() - begun < 5
    assert "sh isn't ready after 0.5 s: it doesn't listen at tcp port 80: still loading" in failed["msg"]
    assert "put back" in failed["msg"]
    assert run_in("red") == {}
    assert traces() == []


# -- not started


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no such file >&2; exit 3", "sh ended with return code 3: no such file"),
        ("kill -SEGV $$", "sh was ended by signal 11"),
        ("exit 0", "sh ended with return code 0, and left nothing running"),
    ],
)
def test_a_program_that_ends_at_once_was_not_started(process, script, said):
    failed = process("sh", "-c", script)
    assert failed["failed"]
    assert said in failed["msg"]
    assert "step 1 of 1, start process p of red" in failed["msg"]
    assert traces() == []


def test_a_failed_restart_has_the_old_program_run_again(process):
    succeeded(process(*SLEEP))
    failed = process("sh", "-c", "exit 3")
    assert "put back" in failed["msg"]
    assert list(run_in("red").values()) == ["sleep 600"]
    assert not succeeded(process(*SLEEP))["changed"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"argv": ["no-such-program"]}, "argv: no-such-program: there is no such program on this machine"),
        ({"argv": SLEEP, "chdir": "/nowhere"}, "chdir: /nowhere: there is no such directory"),
        ({"argv": SLEEP, "user": "nosuchuser"}, "user: nosuchuser: there is no such user"),
        ({"argv": SLEEP, "log": "/nowhere/log"}, "log: /nowhere/log: there is no such directory"),
        ({"argv": SLEEP, "ready": {"timeout": 3}}, "ready: nothing is asked: give tcp, udp or command"),
        ({"argv": SLEEP, "ready": {"tcp": 0}}, "ready.tcp: 0: expected a whole number from 1 to 65535"),
        (
            {"argv": SLEEP, "environment": {"a b": "c"}},
            "environment['a b']: 'a b': expected the name of an environment variable",
        ),
        ({"argv": []}, "argv: 0 items"),
        ({}, "argv: say which program is to run"),
        ({"argv": SLEEP, "netns": "blue"}, "netns: namespace blue doesn't exist"),
        ({"argv": SLEEP, "name": "../p"}, "name: '../p': a process's name has"),
    ],
)
def test_what_cant_be_started_is_refused_before_anything_is_touched(process, run_module, options, said):
    for check in (True, False):
        failed = run_module("process", **{"name": "p", "netns": "red", **options}, check=check)
        assert failed["failed"]
        assert failed["msg"].startswith(said)
        assert traces() == []


# -- stopped


def test_stopped_leaves_the_log_and_absent_nothing(process):
    succeeded(process("sh", "-c", "echo hello; exec sleep 600"))
    assert succeeded(process(state="stopped", check=True))["steps"] == ["stop process p of red"]
    assert len(run_in("red")) == 1
    done = succeeded(process(state="stopped"))
    assert done["steps"] == ["stop process p of red"]
    assert done["process"]["state"] == "stopped"
    assert run_in("red") == {}
    assert groups() == []
    assert LOG.read_text() == "hello\n"
    assert not succeeded(process(state="stopped"))["changed"]
    assert succeeded(process(state="absent"))["steps"] == ["forget process p of red"]
    assert traces() == []
    assert not succeeded(process(state="absent"))["changed"]


def test_one_that_never_ran_needs_no_stopping(process):
    assert not succeeded(process(state="stopped"))["changed"]
    assert not succeeded(process(state="absent"))["changed"]


def test_one_that_was_stopped_is_started(process):
    succeeded(process(*SLEEP))
    succeeded(process(state="stopped"))
    assert succeeded(process(*SLEEP))["steps"] == ["start process p of red"]
    assert len(run_in("red")) == 1


def test_it_is_told_to_end_before_it_is_killed(process):
    succeeded(process("sh", "-c", "trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done"))
    succeeded(process(state="stopped"))
    assert soon(lambda: "bye" in LOG.read_text())


def test_one_that_doesnt_listen_is_killed(process):
    succeeded(process(*DEAF, kill_timeout=0.5))
    begun = time.monotonic()
    succeeded(process(state="absent"))
    assert 0.5 <= time.monotonic() - begun < 5
    assert run_in("red") == {}


@pytest.mark.parametrize("program", [DAEMON, BACKGROUND, FORKS], ids=["daemon", "background", "forks"])
def test_all_that_it_has_started_ends_with_it(process, program):
    done = succeeded(process(*program, kill_timeout=1))
    assert not succeeded(process(*program, kill_timeout=1))["changed"]
    assert run_in("red")
    assert alive(done["process"]["pid"])
    succeeded(process(state="absent"))
    assert run_in("red") == {}
    assert not [words for _pid, _inode, words in everybody() if words.startswith(("sleep 61", "/bin/sleep 61"))]
    assert traces() == []


def test_with_its_namespace_it_ends_and_nothing_is_left(process, run_module):
    succeeded(process(*DAEMON))
    succeeded(run_module("process", name="old", netns="red", argv=SLEEP))
    succeeded(run_module("process", name="old", netns="red", state="stopped"))
    foreseen = succeeded(run_module("netns", name="red", state="absent", check=True))
    done = succeeded(run_module("netns", name="red", state="absent"))
    assert done["steps"] == foreseen["steps"]
    assert done["steps"] == ["forget process old of red", "stop process p of red", "delete namespace red"]
    assert traces() == []


def test_a_namespace_in_which_something_is_kept_running_may_be_spared(process, run_module):
    done = succeeded(process(*SLEEP))
    failed = run_module("netns", name="red", state="absent", processes="fail")
    assert f"1 process runs in namespace red: {done['process']['pid']} (sleep 600)" in failed["msg"]
    succeeded(run_module("netns", name="red", state="absent", processes="keep"))
    assert alive(done["process"]["pid"])
    succeeded(process(state="absent"))
    assert not alive(done["process"]["pid"])


# -- information


def test_netns_info_tells_what_is_kept_running(process, run_module):
    done = succeeded(process(*SLEEP))
    succeeded(run_module("netns_exec", netns="red", argv=["sh", "-c", "sleep 615 >/dev/null 2>&1 </dev/null &"]))
    found = run_module("netns_info", names=["red"])["namespaces"][0]["processes"]
    assert {"pid": done["process"]["pid"], "command": "sleep 600", "name": "p"} in found
    assert [one["name"] for one in found if one["command"] == "sleep 615"] == [None]

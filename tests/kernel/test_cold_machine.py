# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ground that the other kernel tests stand on: each starts on a machine where nothing has been yet."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest


def test_only_a_loopback_that_is_up(ip):
    (lo,) = ip("link", "show")
    assert lo["ifname"] == "lo"
    assert "UP" in lo["flags"]


def test_nothing_of_an_earlier_boot_or_lab():
    assert not os.path.exists("/run/netns")
    assert not os.path.exists("/run/netns-lab")
    assert not os.path.exists("/var/lib/netns-lab")
    assert os.listdir("/etc/netns") == []


@pytest.mark.parametrize("time", ["first", "second"])
def test_what_a_test_makes_is_gone_in_the_next(ip, time):
    assert ip("netns", "list") == [], time
    ip("netns", "add", "red")
    ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth0", "netns", "red")
    Path("/etc/netns/red").mkdir()
    Path("/etc/made-by-a-test").write_text("")
    assert [link["ifname"] for link in ip("link", "show", netns="red")] == ["lo", "eth0"]


def test_threads_see_what_the_test_sees(ip):
    ip("link", "add", "eth9", "type", "veth", "peer", "name", "eth8")
    seen = []
    worker = threading.Thread(target=lambda: seen.extend(link["ifname"] for link in ip("link", "show")))
    worker.start()
    worker.join()
    assert sorted(seen) == ["eth8", "eth9", "lo"]


def test_the_working_directory_stays():
    assert Path.cwd().is_dir()
    assert subprocess.run(["true"], check=False).returncode == 0

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part checkout: the README's way, in a fresh copy of the tree and with an empty environment.

The set-up is done on the machine as it is (it needs the network); the lab is then built in network and mount namespaces
of its own, so that a lab that is up on this machine is not in the way.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from .place import ALONE, CHECKOUT, MARK, NOT_SOURCE, run
from .report import Part

BARE = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", MARK]

# In one shell, because what `up` makes must still be there for the next command. Nothing can be installed here, for the
# package manager's files are out of sight: the part `bare` goes through the walkthrough with LXC.
STORY = r"""
set -e
before=$(ip -br link | sed 's/ .*//'; mount | grep -v ' /run/netns' || true)
echo STEP check; sh ./lab up --check --diff
test ! -e /run/netns || test -z "$(ls /run/netns)"
echo STEP first; sh ./lab up
ip netns exec red ping -c 1 -W 2 "$(ip -n blue -4 -br addr show dev eth0 | sed 's/.* \([0-9.]*\)\/.*/\1/')"
echo STEP second; sh ./lab up
echo STEP status; sh ./lab status
echo STEP down; sh ./lab down
echo STEP gone; sh ./lab down
for lab in three-routers switched-lan web-server containers; do
    echo "STEP $lab"; sh ./lab up "$lab"; sh ./lab up "$lab"; sh ./lab down "$lab"
done
echo STEP walkthrough; sh ./lab walkthrough -e walkthrough_lxc=false
test -z "$(ls /run/netns)"
# A mount of another part goes from here, too, when its directory is removed: so what counts is what has come.
left=$(ip -br link | sed 's/ .*//'; mount | grep -v ' /run/netns' || true)
left=$(printf '%s\n' "$left" | grep -vxF "$before" || true)
test -z "$left" || { echo "left behind: $left"; exit 1; }
test -z "$(find /run/netns-lab /var/lib/netns-lab /var/log/netns-lab /etc/netns -type f 2>/dev/null)" ||
    { find /run/netns-lab /var/lib/netns-lab /var/log/netns-lab /etc/netns -type f; exit 1; }
echo STEP end
"""


def run_part(part: Part, scratch: Path, _options: list[str]) -> None:
    tree = scratch / "a fresh checkout"
    shutil.copytree(CHECKOUT, tree, ignore=shutil.ignore_patterns(*NOT_SOURCE), symlinks=True)
    code, _output = run(*BARE, "sh", "./lab", "status", cwd=tree)
    if code:
        part.fail("set-up", f"./lab status ended with exit code {code}")
        return
    part.ok("set-up and ./lab status")
    started = time.monotonic()
    run(*BARE, "sh", "./lab", "--help", cwd=tree)
    if time.monotonic() - started < 1:
        part.ok("help comes at once")
    else:
        part.fail("help", "takes more than a second")

    code, output = run(*BARE, *ALONE, "sh", "-c", STORY, cwd=tree)
    steps = dict(re.findall(r"^STEP ([\w-]+)\n(.*?)(?=^STEP |\Z)", output, re.M | re.S))
    expected = {
        "check": r"changed=1 .*failed=0",
        "first": r"was answered(?s:.*)changed=1 .*failed=0",
        "second": r"was answered(?s:.*)changed=0 .*failed=0",
        "status": r"red-blue(?s:.*)changed=0 .*failed=0",
        "down": r"changed=1 .*failed=0",
        "gone": r"changed=0 .*failed=0",
        "three-routers": r"was answered(?s:.*)changed=1 (?s:.*)changed=0 (?s:.*)changed=1 .*failed=0",
        "switched-lan": r"was answered(?s:.*)changed=1 (?s:.*)changed=0 (?s:.*)changed=1 .*failed=0",
        "web-server": r"In web runs http(?s:.*)changed=1 (?s:.*)changed=0 (?s:.*)changed=1 .*failed=0",
        "containers": r"was answered(?s:.*)changed=1 (?s:.*)changed=0 (?s:.*)changed=1 .*failed=0",
        "walkthrough": r"Step 14(?s:.*)failed=0",
    }
    for step, pattern in expected.items():
        if re.search(pattern, steps.get(step, "")):
            part.ok(f"./lab, {step}")
        else:
            part.fail(f"./lab, {step}", "not as expected, see above" if step in steps else "was not reached")
    if code or "end" not in steps:
        part.fail("./lab, up to down", f"exit code {code}")
    else:
        part.ok("nothing left after ./lab down")

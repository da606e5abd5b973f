# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Part bare: what has to work on a machine that has just been installed, without LXC and without ip.

Each story has such a machine to itself (`machine.py`). The role lxc is run there as a user would, and what it set up is
used by LXC's own commands.
"""

from __future__ import annotations

import json
import os
import re
import time
import typing as t
from pathlib import Path

from .machine import Machine
from .report import Part

PLAY = """\
- name: Try the role
  hosts: localhost
  gather_facts: false
  roles:
    - role: netns.lab.lxc
  tasks:
    - name: Use the fact for a container
      ansible.builtin.copy:
        dest: /srv/unprivileged.conf
        content: |
          lxc.net.0.type = empty
          {% for range in lxc_idmap %}
          lxc.idmap = {{ range }}
          {% endfor %}
        mode: "0644"
      changed_when: false
      when: lxc_idmap is defined and not ansible_check_mode
"""

BRIEF = {"ANSIBLE_DISPLAY_OK_HOSTS": "False", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "False"}
"""Makes Ansible tell only what changed, and what failed."""

STANDING = {"/etc/subuid": "somebody:100000:65536\n", "/etc/subgid": "somebody:100000:65536\nroot:300000:65536\n"}
"""Ranges of ids that somebody has already: root lacks one of user ids, and has one of group ids."""


class Trial:
    """A machine, the part that counts what is seen on it, and the words for both."""

    def __init__(self, part: Part, machine: Machine) -> None:
        self.part = part
        self.machine = machine

    def expect(self, what: str, is_so: bool, why: str = "") -> None:
        if is_so:
            self.part.ok(what)
        else:
            self.part.fail(what, why or "it is not so")

    def ask(self, script: str) -> str:
        """What a shell prints in the machine, errors too."""
        return self.machine.run("sh", "-c", script, quiet=True)[1].strip()

    def works(self, what: str, script: str) -> None:
        code, output = self.machine.run("sh", "-e", "-c", script, quiet=True)
        self.expect(what, code == 0, f"exit code {code}: {output.strip()[-1000:]}")

    def comes(self, what: str, script: str, pattern: str, seconds: float = 15) -> None:
        """Waits until a shell prints what matches the pattern."""
        limit = time.monotonic() + seconds
        while not re.search(pattern, said := self.ask(script)) and time.monotonic() < limit:
            time.sleep(0.2)
        self.expect(what, re.search(pattern, said) is not None, said)

    def write(self, path: str, text: str) -> None:
        self.machine.run("sh", "-c", 'printf %s "$2" >"$1"', "sh", path, text, quiet=True)

    def role(self, what: str, changes: bool, *options: str, **variables: t.Any) -> None:
        """Runs the role, and expects that it ends well and says that it changed something, or nothing."""
        print(f"\nansible-playbook {' '.join(options)} {json.dumps(variables)}", flush=True)
        code, output = self.machine.run(
            "ansible-playbook", "/srv/play.yml", "--extra-vars", json.dumps(variables), *options, env=BRIEF
        )
        counts = dict(re.findall(r"(\w+)=(\d+)", output[output.rfind("PLAY RECAP") :]))
        is_right = code == 0 and counts.get("failed") == "0" and (counts.get("changed") != "0") == changes
        wanted = "some change" if changes else "no change"
        self.expect(what, is_right, f"exit code {code}, {counts}, but expected was {wanted}")

    def playbook(self, what: str, name: str, **variables: t.Any) -> str:
        """Runs a playbook of the collection, and expects that it ends well; what it said."""
        print(f"\nansible-playbook netns.lab.{name} {json.dumps(variables)}", flush=True)
        command = ["ansible-playbook", f"netns.lab.{name}", "--extra-vars", json.dumps(variables)]
        code, output = self.machine.run(*command, quiet=True)
        self.expect(what, code == 0, f"exit code {code}: {output.strip()[-2000:]}")
        return output


def lxc(trial: Trial) -> None:
    """The role lxc installs LXC; makes its bridge, changes it, mends it and takes it away; gives root ids."""
    trial.write("/srv/play.yml", PLAY)
    trial.write("/srv/alone.conf", "lxc.net.0.type = empty\n")
    for path, text in STANDING.items():
        trial.write(path, text)
    trial.expect("the machine has neither LXC nor ip", not trial.ask("command -v lxc-start lxc-create ip nft dnsmasq"))

    # Everything that Ansible itself leaves is under .ansible in the home of root.
    touched = "find / -xdev -mindepth 2 -newer /srv/before -not -path ~root/.ansible'*'"
    trial.ask("touch /srv/before")
    trial.role("check mode, before anything is installed", True, "--check", lxc_bridge=True, lxc_unprivileged=True)
    left = trial.ask(touched)
    trial.expect("check mode touched nothing", not left, left)

    trial.role("the first run installs LXC", True)
    trial.role("a second run changes nothing", False)
    trial.works("a container is made", "lxc-create --name one --template busybox --config /srv/alone.conf")
    trial.works("it starts", "lxc-start --name one")
    trial.comes("it runs what it is told", "lxc-attach --name one -- hostname", r"\Aone\Z")
    trial.works("it is copied", "lxc-stop --kill --name one; lxc-copy --name one --newname two")
    trial.works("it goes", "lxc-destroy --name one; lxc-destroy --name two; test -z $(lxc-ls)")

    links = trial.ask("ip -brief link | cut -d ' ' -f 1")
    wanted = {"lxc_bridge": True, "lxc_unprivileged": True}
    trial.role("check mode for the bridge and ids", True, "--check", **wanted)
    trial.expect("it made no bridge", trial.ask("ip -brief link | cut -d ' ' -f 1") == links)
    trial.role("the bridge and ids", True, **wanted)
    trial.role("again, unchanged", False, **wanted)
    _has_addresses(trial, "10.0.3.")
    _is_whole(trial, "10.0.3.1/24", "10.0.3.0/24")
    _has_ids(trial)

    trial.role("another address", True, lxc_bridge=True, lxc_bridge_address="10.9.0.1/16")
    _has_addresses(trial, "10.9.")
    trial.ask("ip link delete lxcbr0; nft flush ruleset")
    trial.role("a bridge that somebody removed", True, lxc_bridge=True, lxc_bridge_address="10.9.0.1/16")
    _is_whole(trial, "10.9.0.1/16", "10.9.0.0/16")
    trial.role("no bridge any more", True, lxc_bridge_state="absent")
    _has_nothing(trial, links)
    trial.role("still none", False, lxc_bridge_state="absent")

    trial.ask("rm /usr/libexec/lxc/lxc-net")
    trial.role("a bridge without lxc-net", True, lxc_bridge=True)
    trial.role("again, unchanged, without lxc-net", False, lxc_bridge=True)
    _has_addresses(trial, "10.0.3.")
    trial.role("another address, without lxc-net", True, lxc_bridge=True, lxc_bridge_address="10.9.0.1/16")
    _is_whole(trial, "10.9.0.1/16", "10.9.0.0/16")
    trial.role("no bridge any more, without lxc-net", True, lxc_bridge_state="absent")
    _has_nothing(trial, links)


def _has_addresses(trial: Trial, beginning: str) -> None:
    """A container as `lxc-create` makes it gets an address, and reaches the bridge."""
    trial.works("a container for the bridge", "lxc-create --name net --template busybox && lxc-start --name net")
    pattern = rf"^{re.escape(beginning)}\d"
    trial.comes(f"it gets an address {beginning}*", "lxc-info --no-humanize --ips --name net", pattern)
    own = trial.ask("ip -4 -brief address show lxcbr0").split()[-1].split("/")[0]
    trial.works("it reaches the bridge", f"lxc-attach --name net -- ping -c 1 -W 3 {own}")
    trial.works("it goes from the bridge", "lxc-destroy --force --name net")


def _is_whole(trial: Trial, address: str, network: str) -> None:
    """The bridge has one address, and NAT for one network; one DHCP server runs."""
    said = trial.ask("ip -4 -brief address show lxcbr0; nft list ruleset; cat /proc/[0-9]*/comm | grep -c dnsmasq")
    found = re.fullmatch(rf"lxcbr0 +\S+ +{address} *\n(?s:.*)\n1", said)
    translated = re.findall(r"(\S+) ip daddr .*masquerade", said)
    trial.expect("the bridge is whole", found is not None and translated == [network], said)


def _has_ids(trial: Trial) -> None:
    """Root has the ids that it lacked, nobody else's changed, and a container runs with them."""
    said = trial.ask("cat /etc/subuid /etc/subgid")
    wanted = f"{STANDING['/etc/subuid']}root:165536:65536\n{STANDING['/etc/subgid']}".strip()
    trial.expect("root got what it lacked, and no more", said == wanted, said)
    make = "lxc-create --name un --template busybox --config /srv/unprivileged.conf"
    trial.works("an unprivileged container starts", f"{make} && lxc-start --name un")
    trial.comes("its root is nobody outside", "lxc-attach --name un -- cat /proc/self/uid_map", r"^ *0 +165536 +65536$")
    trial.works("it goes as well", "lxc-destroy --force --name un")


def _has_nothing(trial: Trial, links: str) -> None:
    said = trial.ask("ip -brief link | cut -d ' ' -f 1")
    trial.expect("the links are as before", said == links, said)
    said = trial.ask("nft list ruleset; cat /proc/[0-9]*/comm | grep dnsmasq; ls -d /run/netns-lab-lxc 2>/dev/null")
    trial.expect("no rule and no DHCP server is left", not said, said)


def walkthrough(trial: Trial) -> None:
    """The walkthrough goes from the installation of LXC to a container that has joined a namespace, and to its end."""
    trial.expect("the machine has no LXC", not trial.ask("command -v lxc-start lxc-create"))
    trial.playbook("the machine is made ready for labs", "prepare")
    for template in ("busybox", "debian"):
        for time_ in ("the first time", "once more"):
            output = trial.playbook(
                f"the walkthrough, {template}, {time_}", "walkthrough", walkthrough_template=template
            )
            said = " ".join(output.split())
            trial.expect("it came to the end of the container", "The container is gone, with its processes" in said)
            trial.expect("a task twice changed nothing", "The task a second time changed nothing" in said)
    left = trial.ask("ls /run/netns /var/lib/lxc /var/lib/netns-lab /run/netns-lab; cat /proc/[0-9]*/comm | grep lxc")
    left = "\n".join(line for line in left.splitlines() if line and "No such file" not in line and line[-1] != ":")
    trial.expect("it left neither namespace nor container", not left, left)


STORIES: list[t.Callable[[Trial], None]] = [
    lxc,
    walkthrough,
]
"""Each is told on a machine of its own, which has just been installed."""


def run_part(part: Part, scratch: Path, _options: list[str]) -> None:
    if os.geteuid():
        part.fail("bare", "needs root")
        return
    for story in STORIES:
        try:
            with Machine(scratch) as machine:
                story(Trial(part, machine))
        except RuntimeError as error:
            part.fail(story.__name__, str(error))
        else:
            part.ok(f"{story.__name__}: the machine is gone")

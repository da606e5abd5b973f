# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rtnetlink says of sysctls is what their files say."""

from __future__ import annotations

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import netconf
from ansible_collections.netns.lab.plugins.module_utils._kernel.sysctls import Sysctls
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import in_worker

VALUES = {"rp_filter": ("0", "1", "2"), "forwarding": ("0", "1"), "ip_forward": ("0", "1")}
OTHER = "net/ipv4/conf/all/promote_secondaries"


@pytest.mark.parametrize("name", netconf.SYSCTLS)
def test_each_sysctl_is_told_as_its_file_shows_it(ip, name):
    ip("netns", "add", "red")

    def work(visit):
        visit.enter("red")
        sysctls = Sysctls(visit)
        for value in VALUES[name.rpartition("/")[2]]:
            sysctls.write(name, value)
            assert netconf.read(visit.socket(), [name]) == {name: value}
            assert sysctls.read(name) == value

    in_worker(work)


def test_all_at_once_and_each_for_itself(ip):
    ip("netns", "add", "red")

    def work(visit):
        visit.enter("red")
        sysctls = Sysctls(visit)
        names = list(netconf.SYSCTLS)
        for number, name in enumerate(names):
            sysctls.write(name, str(number % 2))
        return netconf.read(visit.socket(), [*names, OTHER]), {name: sysctls.read(name) for name in names}

    told, shown = in_worker(work)
    assert told == shown
    assert OTHER not in told


def test_what_it_does_not_know_costs_no_question():
    assert netconf.read(None, [OTHER, "net/ipv4/conf/eth0/rp_filter"]) == {}

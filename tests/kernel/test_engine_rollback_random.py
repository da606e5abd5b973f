# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random labs and random changes of them, failing before every step that can be put back: nothing shows afterwards."""

from __future__ import annotations

import random
import subprocess
import typing as t

import pytest
from hypothesis import Phase as Stage
from hypothesis import given, note, settings
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Link, Request, Want
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.random_wants import examples, wants


@pytest.fixture(autouse=True)
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


def request(want: Want, exact: bool) -> Request:
    return Request(dict(want), lab="lab", exact=exact)


def by_hand(want: Want, number: int) -> str:
    """What somebody may have done to a random lab, as a shell script: settings that no lab file speaks of."""
    pick = random.Random(number)
    lines = []
    for key, record in want.items():
        if key[0] == "namespace" and pick.random() < 0.5:
            lines.append(f"ip -n {key[1]} rule add from 10.{pick.randint(1, 9)}.0.0/16 lookup 77 priority 77")
            lines.append(f"ip -n {key[1]} route add blackhole 10.77.0.0/16 table 77")
        if not isinstance(record, Link) or key[2] == "lo":
            continue
        ns, name = key[1], key[2]
        lines += pick.sample([
            f"ip -n {ns} link set dev {name} txqueuelen {pick.randint(1, 99)} group 7",
            f"ip -n {ns} link set dev {name} alias {name}-of-mine",
            f"tc -n {ns} qdisc add dev {name} root handle 5: pfifo limit {pick.randint(1, 99)}",
            f"tc -n {ns} qdisc add dev {name} ingress",
            f"ip -n {ns} neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev {name} nud permanent",
            f"ip netns exec {ns} sh -c 'echo 1 > /proc/sys/net/ipv4/conf/{name}/log_martians'",
            f"ip netns exec {ns} sh -c 'echo 2500 > /proc/sys/net/ipv4/neigh/{name}/retrans_time_ms'",
        ], pick.randint(0, 2))  # fmt: skip
        if record.kind == "bridge" and pick.random() < 0.5:
            lines.append(f"ip -n {ns} link set dev {name} type bridge mcast_snooping 0 group_fwd_mask 0x4008")
        if record.master:
            lines.append(f"bridge -n {ns} fdb add 02:00:00:00:99:{len(lines):02x} dev {name} master static")
        if (record.mtu or 0) >= 1280:
            lines.append(f"ip netns exec {ns} sh -c 'echo 0 > /proc/sys/net/ipv6/conf/{name}/autoconf'")
    return "\n".join(lines)


@settings(examples(8), phases=(Stage.explicit, Stage.generate))
@given(wants(owner="lab"), wants(owner="lab"), st.booleans(), st.integers(0, 2**32))
def test_a_change_that_fails_at_any_step_leaves_all_as_it_was(cold_machine, first, second, exact, number):
    with cold_machine():
        converge(request(first, exact), check=False)
        subprocess.run(["sh", "-ec", by_hand(first, number)], check=True)
        before = snapshot.machine()
        steps = [step for step in converge(request(second, exact), check=True).plan.steps
                 if step.phase < POINT_OF_NO_RETURN]  # fmt: skip
        for at, step in enumerate(steps):
            note(f"{at}: {say(step)}")
        for at in range(len(steps)):
            Fault.at = at
            with pytest.raises(LabError) as caught:
                converge(request(second, exact), check=False)
            Fault.at = None
            assert "was put back" in str(caught.value)
            assert snapshot.differences(before, snapshot.machine()) == [], str(caught.value)

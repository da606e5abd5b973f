# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that fails puts back what it changed on the machine, and leaves alone what others did there meanwhile."""

from __future__ import annotations

import copy
import subprocess
import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.apply import Fault
from ansible_collections.netns.lab.plugins.module_utils._engine.converge import converge
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.execution import Execution
from ansible_collections.netns.lab.plugins.module_utils._engine.ledger import Ledger
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Hop,
    Link,
    Request,
    Route,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.steps import POINT_OF_NO_RETURN
from ansible_collections.netns.lab.tests.kernel import snapshot

PORT = {
    "name": "web",
    "nodes": {"red": {}},
    "links": [{"endpoints": [{"node": "red", "name": "eth0", "addresses": ["192.0.2.9/24"]}, "@br0"]}],
}
MACHINE_BEFORE = """
link add br0 type bridge
link set br0 up
address add 192.0.2.1/24 dev br0
link add out type veth peer name outer
link set outer up
link set out up
address add 10.7.0.1/24 brd + dev out
address add 10.7.1.1/24 brd + dev out
route add 10.70.0.0/16 via 10.7.0.9
route add 10.71.0.0/16 via 10.7.1.9
route add blackhole 10.72.0.0/16
"""
OTHERS = """
address del 10.7.1.1/24 dev out
address add 10.7.2.1/24 dev out
link set out mtu 1400
route del 10.70.0.0/16
route add 10.75.0.0/16 via 10.7.0.9
route del blackhole 10.72.0.0/16
route add blackhole 10.76.0.0/16
address add 192.0.2.2/24 dev br0
route add 10.77.0.0/16 via 192.0.2.77
link add theirs type veth peer name other
link set other up
link set theirs up
address add 10.8.0.1/24 dev theirs
address add fd08::1/64 dev theirs nodad
"""


@pytest.fixture(autouse=True)
def no_fault() -> t.Iterator[None]:
    yield
    Fault.at = None


def ip_does(commands: str, netns: str | None = None) -> None:
    subprocess.run(["ip", *(["-n", netns] if netns else []), "-batch", "-"], input=commands, text=True, check=True)


def lab() -> Request:
    """A node with a port in the machine's bridge."""
    return topology.load(copy.deepcopy(PORT)).request()


def failing(request: Request, at: int) -> str:
    """What the run says that fails before this step."""
    Fault.at = at
    with pytest.raises(LabError) as caught:
        converge(copy.deepcopy(request), check=False)
    assert "was put back" in str(caught.value)
    return str(caught.value)


def steps(request: Request) -> int:
    """How many there are that can be put back."""
    planned = converge(copy.deepcopy(request), check=True).plan.steps
    return sum(step.phase < POINT_OF_NO_RETURN for step in planned)


def failing_at_each_step(request: Request) -> t.Iterator[str]:
    """What the run says that fails before each of its steps in turn."""
    for at in range(steps(request)):
        yield failing(request, at)


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> t.Callable[[str], None]:
    """`others("address add ...")`: what somebody else does with ip while a run fails, just before it goes back."""

    def act(commands: str) -> None:
        go_back = Execution._go_back

        def late(execution: Execution, ledger: Ledger) -> None:
            ip_does(commands)
            go_back(execution, ledger)

        monkeypatch.setattr(Execution, "_go_back", late)

    return act


def addresses(ip: t.Callable[..., t.Any], link: str, netns: str | None = None) -> list[str]:
    """The lasting addresses of a link, in the kernel's order."""
    (shown,) = ip("address", "show", "dev", link, netns=netns)
    return [f"{one['local']}/{one['prefixlen']}" for one in shown["addr_info"] if one["scope"] == "global"]


def test_a_port_in_a_bridge_leaves_no_trace():
    ip_does(MACHINE_BEFORE)
    before = snapshot.machine()
    for said in failing_at_each_step(lab()):
        assert snapshot.differences(before, snapshot.machine()) == [], said


def test_a_port_beside_others_leaves_no_trace():
    ip_does(
        MACHINE_BEFORE
        + "link add p0 type veth peer name q0\nlink set p0 up mtu 9000 master br0\nlink set br0 mtu 9000\n"
    )
    before = snapshot.machine()
    for said in failing_at_each_step(lab()):
        assert snapshot.differences(before, snapshot.machine()) == [], said


@pytest.mark.parametrize("at", ["the first step", "the last step"])
def test_what_others_do_on_the_machine_stays(at, ip, others):
    ip_does(MACHINE_BEFORE)
    others(OTHERS)
    failing(lab(), 0 if at == "the first step" else steps(lab()) - 1)
    assert sorted(link["ifname"] for link in ip("link")) == ["br0", "lo", "other", "out", "outer", "theirs"]
    assert ip("netns", "list") == []
    assert ip("link", "show", "out")[0]["mtu"] == 1400
    assert addresses(ip, "out") == ["10.7.0.1/24", "10.7.2.1/24"]
    assert addresses(ip, "br0") == ["192.0.2.1/24", "192.0.2.2/24"]
    assert addresses(ip, "theirs") == ["10.8.0.1/24", "fd08::1/64"]
    routes = {route["dst"] for route in ip("route", "show", "table", "all") if route.get("protocol") != "kernel"}
    assert routes == {"10.71.0.0/16", "10.75.0.0/16", "10.76.0.0/16", "10.77.0.0/16"}


def test_an_address_that_a_run_gave_a_link_goes_and_what_it_lost_comes_back(ip, others):
    ip_does(MACHINE_BEFORE)
    want = {
        ("link", MACHINE, "out"): Link(mtu=1300, up=True),
        ("address", MACHINE, "out", "10.9.0.1/24"): Address(),
        ("address", MACHINE, "out", "10.7.1.1/24"): Address(),
        ("route", MACHINE, 254, "10.79.0.0/16", 0, 0): Route(hops=(Hop("10.9.0.9", "out"),)),
    }
    request = Request(want, force=True, complete={(MACHINE, "out")})
    before = snapshot.machine()
    for said in failing_at_each_step(request):
        assert snapshot.differences(before, snapshot.machine()) == [], said
    others("address add 10.7.2.1/24 dev out\naddress add 192.0.2.2/24 dev br0\n")
    failing(request, steps(request) - 1)
    assert addresses(ip, "out") == ["10.7.2.1/24", "10.7.0.1/24", "10.7.1.1/24"]
    assert addresses(ip, "br0") == ["192.0.2.1/24", "192.0.2.2/24"]
    assert ip("link", "show", "out")[0]["mtu"] == 1500


def joined(ends: t.Sequence[tuple[str, str, int]], place: str, macs: dict[str, int]) -> Want:
    """Veths from a place to blue: the name here, the name there, the number of the address here."""
    want: Want = {}
    for name, far, number in ends:
        want["link", place, name] = Link("veth", ("blue", far), mac=f"02:00:00:00:00:0{macs[name]}", up=True)
        want["link", "blue", far] = Link("veth", (place, name), mac=f"02:00:00:00:00:0{macs[far]}", up=True)
        want["address", place, name, f"10.{number}.1.1/24"] = Address()
        want["address", place, name, f"10.{number}.2.1/24"] = Address()
    return want


@pytest.mark.parametrize("place", ["red", MACHINE])
@pytest.mark.parametrize("macs", [{"a": 1, "b": 2, "x": 3, "y": 4}, {"a": 2, "b": 1, "x": 3, "y": 4},
                                  {"a": 1, "b": 2, "x": 4, "y": 3}], ids=["stay", "here", "there"])  # fmt: skip
@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)], ids=["addresses stay", "addresses swap"])
@pytest.mark.parametrize("complete", [False, True])
def test_addresses_are_where_they_were_after_peers_were_swapped(place, macs, numbers, complete):
    """Either the ends here change their names, and take their addresses along, or the far ones do."""
    ip_does("netns add blue\nnetns add red\n")
    stands = joined([("a", "x", 1), ("b", "y", 2)], place, {"a": 1, "b": 2, "x": 3, "y": 4})
    converge(Request(stands, force=True), check=False)
    before = snapshot.machine()
    want = joined([("a", "y", numbers[0]), ("b", "x", numbers[1])], place, macs)
    request = Request(want, force=True, complete={(place, "a"), (place, "b")} if complete else set())
    for said in failing_at_each_step(request):
        assert snapshot.differences(before, snapshot.machine()) == [], said


@pytest.mark.parametrize("place", ["red", MACHINE])
def test_an_address_that_went_along_with_a_name_does_not_stay_where_it_went(place):
    """a takes the name of b, which goes; going back, b stays and gets b's old peer, so a new a is made."""
    ip_does("netns add red\nnetns add blue\n")
    ip_does(
        """
        link add name b type veth peer name a netns blue
        link add name a type veth peer name c
        address add 10.1.0.1/24 brd + dev a
        """,
        netns=None if place == MACHINE else place,
    )
    before = snapshot.machine()
    want: Want = {
        ("link", place, "b"): Link("veth", (place, "c"), up=True),
        ("link", place, "c"): Link("veth", (place, "b"), up=True),
    }
    failing(Request(want, force=True, complete={(place, "b")}), 2)
    assert snapshot.differences(before, snapshot.machine()) == []

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random sequences of module calls, each on what the ones before left, against a model of the machine.

Each call is made in check mode, which has to touch nothing; for real, which has to do the same steps; and once more,
which has to do none. What it did is what the model says, as ip shows it; a call that fails leaves all as it was; and
nobody ever touches what belongs to somebody else. Options are wrong now and then.

The modules run in this process, from their arguments to their JSON, so that there is time for many.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import subprocess
import typing as t

from ansible.module_utils import basic
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.foresight import Doubt, Refused, end_of, foresee
from ansible_collections.netns.lab.tests.kernel.model import HERE, Machine, Options, Port, seen
from ansible_collections.netns.lab.tests.kernel.random_calls import SPACES, arguments, next_call
from ansible_collections.netns.lab.tests.random_wants import examples

FOREIGN = """
ip netns add theirs
ip -n theirs link add name a type veth peer name b
ip -n theirs link set dev a up
ip -n theirs link set dev b up
ip -n theirs address add 10.1.0.1/24 dev a
ip -n theirs route add 10.50.0.0/24 via 10.1.0.9 proto static
ip link add ext type veth peer name ext2 netns theirs
ip link set dev ext up
ip -n theirs link set dev ext2 up
ip address add 10.1.0.77/24 dev ext
ip route add 10.51.0.0/24 via 10.1.0.9 dev ext proto static
"""
NOT_OURS = ("theirs", "ext")
CALLS = 25
"""In one sequence."""


def call(name: str, options: Options, *, check: bool = False) -> dict[str, t.Any]:
    """The answer of a module, which runs here."""
    arguments = {**options, "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp"}
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    module = importlib.import_module(f"ansible_collections.netns.lab.plugins.modules.{name}")
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            module.main()
    except SystemExit:
        pass
    finally:
        basic._ANSIBLE_ARGS = None
    answer = json.loads(output.getvalue())
    assert "a fault in netns.lab" not in answer.get("msg", ""), answer
    return t.cast("dict[str, t.Any]", answer)


def others() -> dict[t.Any, t.Any]:
    """All that is foreign."""
    found = snapshot.machine()
    kept = {key: value for key, value in found.items() if key[0] == "theirs"}
    for key in ((HERE, " address show"), (HERE, " route show table all")):
        kept[key] = [one for one in found[key] if "ext" in (one.get("ifname"), one.get("dev"))]
    return kept


def resynced(machine: Machine, stands: dict[t.Any, t.Any]) -> Machine:
    """The model as it has to be for this to be shown."""
    made = Machine({key: {} for key, value in stands.items() if value == "namespace"}, lab=machine.lab)
    for key, value in stands.items():
        if len(key) == 2 and isinstance(value, tuple) and len(value) == 6:
            kind, peer, up, mtu, master, some = value
            made.spaces[key[0]][key[1]] = Port(kind, peer, up, 1500 if mtu is None else mtu, master, set(some))
        elif len(key) == 3 and isinstance(key, tuple):
            made.routes[key] = value
    return made


def near(machine: Machine, options: Options) -> set[t.Any]:
    """The links that a call is about, or that it may take along: those that it names, and what is tied to them."""
    ends = {end_of(some) for some in (options, options.get("peer") or {}) if "name" in some}
    for _unused in range(2):
        for end in list(ends):
            port = machine.find(end)
            if port is not None:
                ends |= {(end[0], port.master)} if port.master else set()
                ends |= {port.peer} if port.peer else set()
    return ends


def asked_for(options: Options, stands: dict[t.Any, t.Any]) -> list[str]:
    """What was asked for of the ends of a link and doesn't stand."""
    found = []
    for some in (options, options.get("peer")):
        if not some or options.get("state") == "absent":
            continue
        _kind, _peer, up, mtu, master, there = stands[end_of(some)]
        for name, value in (("up", up), ("mtu", mtu), ("bridge", master), ("addresses", there)):
            asked = frozenset(some[name]) if name == "addresses" and some.get(name) is not None else some.get(name)
            if asked is not None and asked != value:
                found.append(f"{end_of(some)}: {name}: {value}")
    return found


def differing(one: dict[t.Any, t.Any], other: dict[t.Any, t.Any]) -> list[str]:
    return [f"{key}: {one.get(key)} | {other.get(key)}" for key in {**one, **other} if one.get(key) != other.get(key)]


Shown = t.Dict[t.Any, t.Any]


def walk_one(machine: Machine, before: Shown, name: str, options: Options) -> tuple[Machine, Shown]:
    """Make one call, hold it against the model, and return the model of what stands then, and what ip says of it."""
    given_ = arguments(name, options)
    foreseen = machine.copy()
    verdict = "succeeds"
    try:
        foresee(foreseen, name, options)
    except Doubt:
        verdict = "may fail"
    except Refused:
        verdict = "fails"
    checked = call(name, given_, check=True)
    assert differing(before, seen(NOT_OURS)) == [], "check mode touched something"
    result = call(name, given_)
    stands = seen(NOT_OURS)
    failed = bool(result.get("failed"))
    note(f"{name} {given_}: {verdict}; {result.get('msg') or result.get('steps')}")
    if name == "netns_exec":
        assert checked.get("skipped") or checked.get("failed"), checked
        assert differing(before, stands) == []
        assert failed is (verdict == "fails" or result["rc"] == 3), result
        return machine, before
    if verdict != "may fail":
        assert failed is (verdict == "fails"), (verdict, result)
    if failed:
        assert result["msg"]
        assert "Traceback" not in result["msg"]
        assert differing(before, stands) == [], "a call that failed left something"
        return machine, before
    assert not checked.get("failed"), checked
    assert checked["steps"] == result["steps"]
    assert (checked["changed"], checked["steps_total"]) == (result["changed"], result["steps_total"])
    assert result["changed"] is bool(result["steps"])
    if result["changed"]:
        again = call(name, given_)
        assert (again.get("failed", False), again["changed"], again["steps"]) == (False, False, [])
        assert differing(stands, seen(NOT_OURS)) == []
    else:
        assert differing(before, stands) == []
    if verdict == "succeeds":
        assert differing(foreseen.shown(), stands) == []
        return foreseen, stands
    if name in ("veth", "link"):
        assert asked_for(options, stands) == []
        ends = near(machine, options) | near(resynced(machine, stands), options)
        spaces = {ns for ns, _name in ends}
        distant = [key for key in {**before, **stands} if key not in ends and (len(key) != 3 or key[0] not in spaces)]
        assert [key for key in distant if before.get(key) != stands.get(key)] == []
    return resynced(machine, stands), stands


@settings(examples(8), phases=(Phase.explicit, Phase.generate))  # a sequence takes too long to be tried in part
@given(st.data())
def test_any_sequence_of_calls_leaves_what_a_model_foresees(cold_machine, data):
    def draw(strategy):
        return data.conjecture_data.draw(strategy)  # without a line of its own in the report: a call has one

    with cold_machine():
        subprocess.run(["sh", "-ec", FOREIGN], check=True)
        theirs = others()
        machine, stands = Machine(), seen(NOT_OURS)
        for ns in SPACES:
            machine, stands = walk_one(machine, stands, "netns", {"name": ns, "state": "present"})
        for _unused in range(CALLS):
            machine, stands = walk_one(machine, stands, *next_call(draw, machine))
        assert snapshot.differences(theirs, others()) == []

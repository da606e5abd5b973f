# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random sequences of module calls, each on what the ones before left, against a model of the machine.

Each call is made in check mode, which has to touch nothing; for real, which has to do the same steps; and once more,
which has to do none. What it did is what the model says, as ip shows it; a call that fails leaves all as it was; and
nobody ever touches what belongs to somebody else. Options are wrong now and then.

The modules run in this process, from their arguments to their JSON, so that there is time for many. The sequences are
the same each time; with `--hypothesis-profile=all` ten times as many, and other ones.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import ipaddress
import json
import subprocess
import typing as t

from ansible.module_utils import basic
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from ansible_collections.netns.lab.tests.kernel import snapshot
from ansible_collections.netns.lab.tests.kernel.model import HERE, End, Machine, Options, Port, seen
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
SPACES = ("n1", "n2")
NAMES = ("a", "b", "c")
BRIDGES = ("br0", "c")
IPV4 = tuple(f"10.{subnet}.0.{host}/24" for subnet in (1, 2) for host in (1, 2))
IPV6 = ("fd00:1::1/64", "fd00:2::1/64")


def maybe(strategy: st.SearchStrategy[t.Any], name: str) -> st.SearchStrategy[Options]:
    """An option that is given or not."""
    return st.just({}) | strategy.map(lambda value: {name: value})


def merged(*parts: st.SearchStrategy[Options]) -> st.SearchStrategy[Options]:
    return st.tuples(*parts).map(lambda some: {key: value for part in some for key, value in part.items()})


addresses = st.lists(st.sampled_from(IPV4 + IPV6), max_size=3, unique_by=lambda text: text)
space = st.sampled_from((*SPACES, *SPACES, *SPACES, "p", "gone"))
"""Namespaces that may stand, one that a lab may own, and one that never stands."""
inside = st.tuples(space, st.sampled_from(NAMES)).map(lambda end: {"netns": end[0], "name": end[1]})
outside = st.sampled_from(("m0", "m1")).map(lambda name: {"name": name})
changes = merged(
    maybe(addresses, "addresses"),
    maybe(st.sampled_from((1500, 1400, 9000)), "mtu"),
    maybe(st.booleans() | st.just(True), "up"),
    maybe(st.sampled_from(("br0", "")), "bridge"),
)
WRONG = (
    {"mtu": 20}, {"mtu": 70000}, {"name": "a name"}, {"name": "x" * 16}, {"mac": "01:00:00:00:00:01"}, {"mac": "5"},
    {"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.300/24"]}, {"netns": "../etc"}, {"bridge": "a/b"},
    {"addresses": ["10.9.0.1/24", "10.9.0.1/24"]}, {"nonsense": 1}, {"up": "perhaps"},
)  # fmt: skip
wrong = st.sampled_from(WRONG)
rarely = st.integers(0, 9).flatmap(lambda n: wrong if n == 9 else st.just({}))


def state(*words: str) -> st.SearchStrategy[Options]:
    return st.sampled_from(words).map(lambda word: {"state": word})


netns = merged(space.map(lambda name: {"name": name}), state("present", "present", "present", "absent"))
veth = merged(
    inside, changes,
    (inside | inside | outside).flatmap(lambda end: changes.map(lambda some: {"peer": {**some, **end}})),
    state("present", "present", "present", "absent"), rarely,
)  # fmt: skip
bridge = merged(
    st.tuples(space, st.sampled_from(BRIDGES)).map(lambda end: {"netns": end[0], "name": end[1], "kind": "bridge"}),
    maybe(addresses, "addresses"), maybe(st.booleans(), "up"), rarely,
)  # fmt: skip
link = merged(inside, changes, state("present", "present", "present", "absent"), rarely)
route = merged(
    space.map(lambda ns: {"netns": ns}),
    st.sampled_from(("10.20.0.0/24", "10.21.0.0/16", "0.0.0.0/0", "fd20::/64")).map(lambda to: {"to": to}),
    maybe(st.sampled_from(("10.1.0.9", "10.2.0.9", "fd00:1::9")), "via"),
    maybe(st.sampled_from(NAMES), "dev"),
    maybe(st.sampled_from((0, 5)), "metric"),
    state("present", "present", "absent"),
)
command = merged(
    space.map(lambda ns: {"netns": ns}),
    st.sampled_from((["true"], ["sh", "-c", "exit 3"], ["no-such-program"])).map(lambda argv: {"argv": argv}),
)
lab = st.tuples(st.sampled_from(IPV4[:2]), st.sampled_from((1500, 1400)), st.booleans(), st.booleans())
"""Of the lab's variants: the address of p, the MTU, whether there is a second link, whether p has a route."""
topology = state("present", "present", "absent").flatmap(
    lambda chosen: lab.map(lambda some: {**chosen, "variant": some})
)

KINDS = {
    "netns": (netns, 1), "veth": (veth, 5), "link": (link, 5), "bridge": (bridge, 2), "route": (route, 5),
    "netns_exec": (command, 1), "topology": (topology, 2),
}  # fmt: skip
"""Sorts of call: options of every sort, and how often they come."""
kinds = st.sampled_from([name for name, (_options, weight) in KINDS.items() for _unused in range(weight)])


def next_call(draw: t.Callable[[t.Any], t.Any], machine: Machine) -> tuple[str, Options]:
    """A call; mostly one about what stands."""
    kind = draw(kinds)
    options = draw(KINDS[kind][0])
    ends = [(ns, name) for ns, ports in machine.spaces.items() if ns != HERE for name in ports]
    if ends and draw(st.integers(0, 4)):
        ns, name = draw(st.sampled_from(ends))
        if kind == "link":
            options = {**options, "netns": ns, "name": name}
        elif kind == "route":
            options = draw(_route_that_fits(machine, ns, name, options))
        elif kind == "veth" and (peer := machine.spaces[ns][name].peer) and draw(st.booleans()):
            there = {"name": peer[1], **({} if peer[0] == HERE else {"netns": peer[0]})}
            options = {**options, "netns": ns, "name": name, "peer": {**_without_place(options["peer"]), **there}}
    return ("link" if kind == "bridge" else kind), options


def _without_place(options: Options) -> Options:
    return {key: value for key, value in options.items() if key not in ("name", "netns")}


def _route_that_fits(machine: Machine, ns: str, name: str, options: Options) -> st.SearchStrategy[Options]:
    """One that stands, or one over this link."""
    standing = [key for key in machine.routes if key[0] == ns]
    some = [{"netns": ns, "to": to, "metric": metric, "dev": name} for _ns, to, metric in standing]
    for text in sorted(machine.spaces[ns][name].addresses):
        six = ":" in text
        via = text.split("/")[0][:-1] + "9"
        to = "fd20::/64" if six else options["to"] if ":" not in options["to"] else "10.20.0.0/24"
        some.append({**_without_place(options), "netns": ns, "to": to, "via": via, "dev": name})
    state = options["state"]
    return st.sampled_from(some or [{**options, "netns": ns, "dev": name}]).map(lambda one: {**one, "state": state})


# -- the modules


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


def arguments(name: str, options: Options) -> Options:
    """Of the lab the file, else the options themselves."""
    if name != "topology":
        return options
    if options["state"] == "absent":
        return {"name": "walk", "state": "absent"}
    address, mtu, second, routed = options["variant"]
    ends = [
        {"node": "p", "name": "a", "addresses": [address]},
        {"node": "q", "name": "a", "addresses": ["10.1.0.8/24"]},
    ]
    links: list[t.Any] = [{"endpoints": ends, "mtu": mtu}, *([["p:b", "q:b"]] if second else [])]
    routes = [{"to": "10.20.0.0/24", "via": "10.1.0.8"}] if routed else []
    return {"name": "walk", "nodes": {"p": {"routes": routes}, "q": {}}, "links": links}


# -- what the model foresees


class Doubt(Exception):
    """The model can't tell whether this succeeds: what it was about has to be looked at afterwards."""


class Refused(Exception):
    """This has to fail."""


def foresee(machine: Machine, name: str, options: Options) -> None:
    """Change the model as the call should change the machine. Raises Doubt or Refused."""
    told = ("name", "netns", "nonsense", "up") if options.get("state") == "absent" else tuple(options)
    if any(key in told and options.get(key) == value for bad in WRONG for key, value in bad.items()):
        raise Refused
    {"netns": _netns, "veth": _veth, "link": _link, "route": _route, "topology": _topology, "netns_exec": _command}[
        name
    ](machine, options)


def _netns(machine: Machine, options: Options) -> None:
    name = options["name"]
    if options["state"] == "present":
        machine.spaces.setdefault(name, {})
    elif name in machine.lab:
        raise Refused
    else:
        machine.space_gone(name)


def _end(options: Options) -> End:
    return options.get("netns", HERE), options["name"]


def _may_touch(machine: Machine, *ends: End) -> None:
    if any(ns in machine.lab for ns, _name in ends):
        raise Doubt  # refused, unless nothing is to be done


def _settings_fit(machine: Machine, end: End, options: Options) -> None:
    """Whether the options can be had. Raises Refused and Doubt."""
    chosen = options.get("bridge")
    if chosen:
        there = machine.find((end[0], chosen))
        if there is None or there.kind != "bridge" or chosen == end[1]:
            raise Refused
        if machine.find(end) is not None and machine.find(end).kind == "bridge":
            raise Refused
        if options.get("addresses"):
            raise Doubt
    some = options.get("addresses") or []
    hosts = [text for text in some if ":" not in text]
    if options.get("up") is False and len(hosts) < len(some):
        raise Doubt  # IPv6 on a link that goes down


def _veth(machine: Machine, options: Options) -> None:
    near, far = _end(options), _end(options["peer"])
    if options["state"] == "absent":
        _may_touch(machine, near, far)
        for end in (near, far):
            machine.link_gone(end)
        return
    if near == far or any(ns not in machine.spaces for ns, _name in (near, far)):
        raise Refused
    _may_touch(machine, near, far)
    there = machine.find(near), machine.find(far)
    if there == (None, None):
        machine.spaces[near[0]][near[1]] = Port("veth", far)
        machine.spaces[far[0]][far[1]] = Port("veth", near)
    elif there[0] is None or there[0].peer != far:
        raise Doubt  # links are moved, renamed or made anew
    for end, some in ((near, options), (far, options["peer"])):
        _settings_fit(machine, end, some)
    for end, some in ((near, options), (far, options["peer"])):
        machine.set(end, {"up": True, **some})


def _link(machine: Machine, options: Options) -> None:
    end = _end(options)
    if options.get("state") == "absent":
        _may_touch(machine, end)
        machine.link_gone(end)
        return
    if end[0] not in machine.spaces:
        raise Refused
    _may_touch(machine, end)
    port, kind = machine.find(end), options.get("kind")
    if port is None and kind is None:
        raise Refused
    if port is None:
        machine.spaces[end[0]][end[1]] = Port("bridge")
    elif kind not in (None, port.kind):
        raise Doubt  # made anew
    _settings_fit(machine, end, options)
    machine.set(end, options)


def _route(machine: Machine, options: Options) -> None:
    ns, to, via, dev = options["netns"], options["to"], options.get("via"), options.get("dev")
    key = (ns, to, options.get("metric", 0))
    six = ":" in to
    if options["state"] == "absent":
        if ns not in machine.spaces or (via and (":" in via) is not six):
            raise Doubt
        _may_touch(machine, (ns, ""))
        machine.routes.pop(key, None)
        return
    if ns not in machine.spaces or (via is None and dev is None) or (via and six and ":" not in via):
        raise Refused
    _may_touch(machine, (ns, ""))
    port = machine.find((ns, dev)) if dev else None
    if dev and (port is None or not port.up):
        raise Refused
    if six or (via and ":" in via):
        raise Doubt
    if via is None:
        machine.routes[key] = ("", t.cast(str, dev))
        return
    near = [
        name
        for name, one in machine.spaces[ns].items()
        if one.up and any(ipaddress.ip_address(via) in ipaddress.ip_interface(a).network for a in one.family(4))
    ]
    if dev not in near and (dev or not near):
        raise Doubt if near or ("0.0.0.0/0" in {k[1] for k in machine.routes if k[0] == ns}) else Refused
    if dev is None and len(near) > 1:
        raise Doubt
    machine.routes[key] = (via, dev or near[0])


def _command(machine: Machine, options: Options) -> None:
    if options["netns"] not in machine.spaces or options["argv"] == ["no-such-program"]:
        raise Refused


def _topology(machine: Machine, options: Options) -> None:
    if options["state"] == "absent":
        for ns in list(machine.lab):
            machine.space_gone(ns)
        return
    if not machine.lab and {"p", "q"} & set(machine.spaces):
        raise Refused  # they stand and are nobody's
    address, mtu, second, routed = options["variant"]
    for ns, other, text in (("p", "q", address), ("q", "p", "10.1.0.8/24")):
        ports = machine.spaces.setdefault(ns, {})
        if "a" in ports:
            machine.set((ns, "a"), {"addresses": [text], "mtu": mtu})
        else:
            ports["a"] = Port("veth", (other, "a"), True, mtu, "", {text})
        if second:
            ports["b"] = Port("veth", (other, "b"), True)
        else:
            ports.pop("b", None)
    machine.lab = {"p", "q"}
    machine.routes.pop(("p", "10.20.0.0/24", 0), None)
    if routed:
        machine.routes["p", "10.20.0.0/24", 0] = ("10.1.0.8", "a")


# -- the walk


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
    ends = {_end(some) for some in (options, options.get("peer") or {}) if "name" in some}
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
        _kind, _peer, up, mtu, master, there = stands[_end(some)]
        for name, value in (("up", up), ("mtu", mtu), ("bridge", master), ("addresses", there)):
            asked = frozenset(some[name]) if name == "addresses" and some.get(name) is not None else some.get(name)
            if asked is not None and asked != value:
                found.append(f"{_end(some)}: {name}: {value}")
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

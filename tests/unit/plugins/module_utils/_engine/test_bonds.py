# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bonds, as far as they can be told without one: what is refused, what is planned. Kernel tests hold it to reality."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import bonds, effects, kinds, objects, restore
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError
from ansible_collections.netns.lab.plugins.module_utils._engine.plan import Plan, plan, say
from ansible_collections.netns.lab.plugins.module_utils._engine.records import (
    MACHINE,
    Address,
    Hop,
    Key,
    Link,
    Record,
    Request,
    Route,
    Want,
)
from ansible_collections.netns.lab.plugins.module_utils._engine.state import State
from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, decode

BOND: Key = ("link", MACHINE, "bond0")
P0: Key = ("link", MACHINE, "p0")
P1: Key = ("link", MACHINE, "p1")
OPTIONS = {
    "ad_select": "stable", "arp_interval": 0, "arp_ip_target": (), "downdelay": 0, "lacp_rate": "slow", "miimon": 100,
    "min_links": 0, "mode": "active-backup", "primary": "p0", "updelay": 200, "xmit_hash_policy": "layer2",
}  # fmt: skip


def pairs(options: dict[str, t.Any]) -> tuple[tuple[str, t.Any], ...]:
    return tuple(sorted(options.items()))


def link(kind: str, index: int, **fields: t.Any) -> Link:
    """A link as it is observed."""
    usual: dict[str, t.Any] = {"mtu": 1500, "mac": f"02:00:00:00:00:0{index}", "up": True, "master": "", "altnames": ()}
    return Link(kind, index=index, **{**usual, **fields})


def standing(*, options: dict[str, t.Any] | None = None, ports: int = 2, **fields: t.Any) -> State:
    """A bond with two ports, an address and a route. The MAC address is that of its first port."""
    mine: dict[str, t.Any] = {"master": "bond0", "master_kind": "bond"}
    records: dict[Key, Record] = {
        BOND: link(
            "bond", 1, options=pairs(OPTIONS if options is None else options), **{"mac": "02:00:00:00:00:02", **fields}
        ),
        P0: link("", 2, **(mine if ports > 0 else {})),
        P1: link("", 3, **(mine if ports > 1 else {})),
        ("address", MACHINE, "bond0", "10.0.0.1/24"): Address(index=1),
        ("address", MACHINE, "bond0", "fd00::1"): Address(64, index=2),
        ("route", MACHINE, 254, "10.9.0.0/16", 0, 0): Route((Hop("10.0.0.2", "bond0"),), "unicast", "static", "", 0),
    }
    found = State()
    for key, record in records.items():
        found.put(key, record)
    return found


def planned(want: Want, have: State) -> Plan:
    return plan(Request(want), have)


def said(want: Want, have: State) -> list[str]:
    return [say(step) for step in planned(want, have).steps]


def asked(**options: t.Any) -> Link:
    return Link(kind="bond", options=pairs(options))


def test_a_mode_is_changed_without_ports_and_down_and_all_is_brought_back():
    made = planned({BOND: asked(mode="balance-xor")}, standing())
    assert [say(step) for step in made.steps] == [
        "set @p0 out of bond0 (to change mode)",
        "set @p1 out of bond0 (to change mode)",
        "set @bond0 down (to change mode)",
        "set @bond0 mac 02:00:00:00:00:02, mode balance-xor (was active-backup)",
        "set @p0 a port of bond0",
        "set @p1 a port of bond0",
        "set @bond0 up",
    ]
    bond = made.after.get(BOND)
    assert (bond.mac, bond.up, dict(bond.options)["mode"]) == ("02:00:00:00:00:02", True, "balance-xor")
    assert [(made.after.get(key).master, made.after.get(key).up) for key in (P0, P1)] == [("bond0", True)] * 2


def test_a_mode_takes_routes_and_ipv6_addresses_along_and_says_so():
    after = planned({BOND: asked(mode="balance-xor")}, standing()).after
    assert [key for key in after if key[0] != "link"] == [("address", MACHINE, "bond0", "10.0.0.1/24")]


def test_a_bond_without_ports_that_is_down_needs_nothing_else():
    assert said({BOND: asked(mode="balance-xor")}, standing(ports=0, up=False)) == [
        "set @bond0 mode balance-xor (was active-backup)"
    ]


def test_ports_that_are_wanted_elsewhere_do_not_come_back():
    want: Want = {BOND: asked(mode="balance-xor"), P0: Link(master=""), P1: None}
    with pytest.raises(LabError, match="which can't be deleted"):
        planned(want, standing())
    want[P1] = Link(up=False)
    after = planned(want, standing()).after
    assert [(after.get(key).master, after.get(key).up) for key in (P0, P1)] == [("", False), ("bond0", False)]


def test_what_follows_from_an_option_is_asked_for_again_where_it_was_asked_for():
    assert said({BOND: asked(miimon=50)}, standing()) == ["set @bond0 miimon 50 (was 100)"]
    assert said({BOND: asked(miimon=50, updelay=200)}, standing()) == [
        "set @bond0 miimon 50 (was 100)",
        "set @bond0 updelay 200 (was 100)",
    ]


def test_a_primary_port_is_named_after_it_has_joined():
    bare = standing(options={**OPTIONS, "primary": ""}, ports=0)
    want: Want = {BOND: asked(primary="p1"), P1: Link(master="bond0", master_kind="bond")}
    assert said(want, bare) == ["set @p1 a port of bond0", "set @bond0 primary p1 (was none)"]
    with pytest.raises(LabError, match="p0: is no port of @bond0 yet"):
        planned({BOND: asked(primary="p0")}, bare)


def test_the_first_port_gives_a_new_bond_its_mac_address():
    have = standing(ports=0)
    have.drop(BOND)
    port = Link(master="bond0", master_kind="bond")
    assert planned({BOND: asked(), P1: port}, have).after.get(BOND).mac == "02:00:00:00:00:03"
    own = Link(kind="bond", mac="02:00:00:00:00:99")
    assert planned({BOND: own, P1: port}, have).after.get(BOND).mac == "02:00:00:00:00:99"


def test_the_last_port_leaves_a_bond_with_any_mac_address():
    assert planned({P0: Link(master="")}, standing()).after.get(BOND).mac == "02:00:00:00:00:02"
    left = planned({P0: Link(master="")}, standing(ports=1)).after.get(BOND)
    assert (left.mac, dict(left.options)["primary"]) == (None, "")


def test_a_port_has_the_mtu_of_the_bond_and_its_own_mac_address():
    after = planned({BOND: Link(mtu=1400)}, standing()).after
    assert [(after.get(key).mtu, after.get(key).mac[-1]) for key in (P0, P1)] == [(1400, "2"), (1400, "3")]


def test_a_renamed_port_stays_the_primary_one():
    have = State()
    for key, record in {
        ("link", "red", "bond0"): link("bond", 1, options=pairs(OPTIONS)),
        ("link", "red", "p0"): link("veth", 2, peer=("red", "far"), master="bond0", master_kind="bond"),
        ("link", "red", "far"): link("veth", 3, peer=("red", "p0")),
    }.items():
        have.put(key, record)
    effects.link_moved(have, ("link", "red", "p0"), ("link", "red", "new"))
    assert dict(have.get(("link", "red", "bond0")).options)["primary"] == "new"


def test_what_is_asked_back_can_be_asked_for():
    back = restore.wanted(link("bond", 1, options=pairs(OPTIONS)))
    assert isinstance(back, Link)
    assert {"lacp_rate", "ad_select"} & set(dict(back.options or ())) == {"ad_select"}
    assert list(bonds.contradictions(dict(back.options or ()), bonds.NEW)) == []


def test_options_are_read_as_they_were_written():
    """Whatever pyroute2 makes of the list of addresses."""
    options = {**OPTIONS, "arp_ip_target": ("10.0.0.2", "10.0.0.1"), "arp_interval": 7, "xmit_hash_policy": "layer3+4"}
    written = kinds.written("bond", pairs({**options, "primary": 5}))
    info = [("IFLA_INFO_KIND", "bond"), ("IFLA_INFO_DATA", {"attrs": written})]
    message = codec.link_message("RTM_NEWLINK", index=1, attrs=[("IFLA_LINKINFO", {"attrs": info})])
    (row,) = decode.links([message[16:]])
    assert kinds.read_back("bond", codec.decode_options("bond", row.info_data), {5: "p0"}) == pairs(options)
    assert kinds.read_back("bond", {}, {}) == (("arp_ip_target", ()), ("primary", ""))


@pytest.mark.parametrize("mode", kinds.BOND_MODES)
def test_any_bond_can_be_asked_back(mode):
    options = bonds.applicable(bonds.after({**OPTIONS, "primary": ""}, {"mode": mode}))
    assert list(bonds.contradictions(options, bonds.NEW)) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mode": "balance-rr", "primary": "p0"}, "primary: p0: a bond of mode balance-rr has none"),
        ({"mode": "balance-rr", "lacp_rate": "slow"}, "lacp_rate: slow: belongs to the mode 802.3ad"),
        ({"mode": "802.3ad", "arp_interval": 100}, "arp_interval: 100: a bond of mode 802.3ad can't watch"),
        ({"miimon": 100, "arp_interval": 100}, "arp_interval: 100: ports are watched by ARP or by their carrier"),
        ({"arp_interval": 100, "arp_ip_target": []}, "arp_interval: 100: needs `arp_ip_target`"),
        ({"mode": "balance-alb", "miimon": 0}, "miimon: 0: a bond of mode balance-alb watches its ports by it"),
        ({"miimon": 0, "updelay": 100}, "updelay: 100: needs `miimon`"),
        ({"miimon": 100, "downdelay": 150}, "downdelay: 150: expected a multiple of miimon, which is 100"),
        ({"mode": "l2"}, "mode: l2: a bond has one of the modes balance-rr, active-backup"),
        ({"arp_ip_target": ["fd00::1"]}, r"arp_ip_target\[0\]: fd00::1: expected an IPv4 address"),
        ({"arp_ip_target": ["0.0.0.0"]}, r"arp_ip_target\[0\]: 0.0.0.0: expected the address of one machine"),
        ({"arp_ip_target": ["10.0.0.1"] * 2}, r"arp_ip_target\[1\]: 10.0.0.1: stands in the list twice"),
        ({"arp_ip_target": [f"10.0.0.{n}" for n in range(1, 18)]}, "17 addresses: the kernel takes 16 at most"),
        ({"miimon": -1}, "miimon: -1: expected a number from 0"),
        ({"primary": "a b"}, "primary: "),
        ({"kind": None, "bond": "bond1", "addresses": ["10.0.0.1/24"]}, "addresses: a port of a bond has no addresses"),
        ({"kind": None, "bond": "bond1", "vrf": "vrf1"}, "vrf: vrf1: a link belongs to a bridge, to a bond"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused_by_their_names(given, says):
    with pytest.raises(LabError, match=says):
        objects.link({"name": "bond0", "kind": "bond", "state": "present", **given})


def test_a_link_says_what_it_joins():
    for option, kind in (("bond", "bond"), ("bridge", None), ("vrf", None)):
        wanted = objects.link({"name": "p0", "state": "present", option: "m0"}).want[P0]
        assert isinstance(wanted, Link)
        assert (wanted.master, wanted.master_kind) == ("m0", kind)
    left = objects.link({"name": "p0", "state": "present", "bond": ""}).want[P0]
    assert isinstance(left, Link)
    assert left.master == ""

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of a bond do to each other: what contradicts what, and what changes along with what. Pure.

Sources: drivers/net/bonding/bond_options.c (the table of modes that an option can't be set in, and the functions that
set them) and bond_netlink.c (bond_changelink).
"""

from __future__ import annotations

import typing as t

AGGREGATING = "802.3ad"
WITH_PRIMARY = ("active-backup", "balance-tlb", "balance-alb")
WITHOUT_ARP = (AGGREGATING, "balance-tlb", "balance-alb")
"""The modes that can't watch their ports by ARP, and so have to by their carrier."""

MIIMON = 100
"""Milliseconds: what such a mode sets `miimon` to where it is off (bond_option_mode_set)."""

NEW: dict[str, t.Any] = {"mode": "balance-rr", "miimon": 0, "arp_interval": 0, "arp_ip_target": ()}
"""What a new bond has, as far as it matters here."""

MOST_TARGETS = 16
"""BOND_MAX_ARP_TARGETS (include/net/bonding.h)."""

_DELAYS = ("updelay", "downdelay")

Options = t.Mapping[str, t.Any]


def contradictions(asked: Options, standing: Options) -> t.Iterator[tuple[str, str]]:
    """The options that can't be had together with the others, each with what is wrong.

    What isn't asked for is as it stands; what isn't in `standing` either isn't known, and contradicts nothing.
    """
    mode = asked.get("mode", standing.get("mode"))
    if asked.get("primary") and mode is not None and mode not in WITH_PRIMARY:
        yield "primary", f"{asked['primary']}: a bond of mode {mode} has none, only {', '.join(WITH_PRIMARY)} have"
    if "lacp_rate" in asked and mode is not None and mode != AGGREGATING:
        yield "lacp_rate", f"{asked['lacp_rate']}: belongs to the mode {AGGREGATING}, this bond has {mode}"
    interval = asked.get("arp_interval")
    if interval and mode in WITHOUT_ARP:
        yield "arp_interval", f"{interval}: a bond of mode {mode} can't watch its ports by ARP: give `miimon`"
    if interval and asked.get("miimon"):
        yield "arp_interval", f"{interval}: ports are watched by ARP or by their carrier (`miimon`), not by both"
    if interval and asked.get("arp_ip_target", standing.get("arp_ip_target")) == ():
        yield "arp_interval", f"{interval}: needs `arp_ip_target`, addresses to ask for"
    if asked.get("miimon") == 0 and mode in WITHOUT_ARP:
        yield "miimon", f"0: a bond of mode {mode} watches its ports by it: give the milliseconds, such as {MIIMON}"
    yield from _delays(asked, standing)


def _delays(asked: Options, standing: Options) -> t.Iterator[tuple[str, str]]:
    """They are kept as multiples of `miimon` (_bond_option_delay_set)."""
    miimon = after(standing, asked).get("miimon")
    for name in _DELAYS:
        value = asked.get(name)
        if value and miimon == 0:
            yield name, f"{value}: needs `miimon`, of which it is a multiple"
        elif value and miimon and value % miimon:
            yield name, f"{value}: expected a multiple of miimon, which is {miimon}"


def after(standing: Options, changed: Options) -> dict[str, t.Any]:
    """All options once these are changed, with what the kernel changes along with them."""
    found = {**standing, **changed}
    if changed.get("mode") in WITHOUT_ARP:
        if "arp_interval" in found:
            found["arp_interval"] = 0
        if not found.get("miimon", 1):
            found["miimon"] = MIIMON
    if changed.get("miimon") and "arp_interval" in standing and not changed.get("arp_interval"):
        found["arp_interval"] = 0
    if changed.get("arp_interval"):
        found["miimon"] = 0
    old, new = standing.get("miimon"), found.get("miimon")
    for name in _DELAYS:
        if old and new is not None and name in standing and name not in changed:
            found[name] = standing[name] // old * new
        elif old == 0 and new and standing.get(name) == 0 and name not in changed:
            found.pop(name)  # the multiple is kept while `miimon` is off, and can't be seen
    return found


def applicable(options: Options) -> dict[str, t.Any]:
    """Of the options that a bond has, those that one with its mode and its `miimon` can be asked for."""
    mode = options.get("mode")
    left_out = {
        "primary": mode not in WITH_PRIMARY,
        "lacp_rate": mode != AGGREGATING,
        "arp_interval": mode in WITHOUT_ARP,
        **dict.fromkeys(_DELAYS, not options.get("miimon")),
    }
    return {name: value for name, value in options.items() if not left_out.get(name)}

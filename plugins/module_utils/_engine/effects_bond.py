# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel does to a bond when its ports or its options change. Pure: only a `State` is changed.

Called by `effects`, which also takes ports down and up, and by the resource of links. A port's record holds the MAC
address that is its own, whatever it has of the bond meanwhile; so joining and leaving don't change it. Sources:
drivers/net/bonding/bond_main.c (bond_enslave, __bond_release_one, bond_change_mtu) and bond_options.c.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import kinds
from .records import Key, Link
from .state import State


def is_bond(record: t.Any) -> bool:
    """Whether this is the record of a bond."""
    return isinstance(record, Link) and record.kind == kinds.BOND


def ports(state: State, master: Key) -> list[Key]:
    """The links that belong to this one."""
    return [key for key, link in state.of(master[1], "link") if link.master == master[2]]


def joined(state: State, port: Key, bond: Key) -> None:
    """The first port gives the bond its MAC address, unless somebody has set that.

    Of a bond that stood without ports the kernel doesn't tell whether somebody has (`addr_assign_type`).
    """
    record = t.cast(Link, state.get(bond))
    if record.mac_floats is not False and ports(state, bond) == [port]:
        known = record.mac_floats and state.get(port).mac
        state.put(bond, replace(record, mac=known or None, mac_floats=False if known else None))


def left(state: State, name: str, bond: Key) -> None:
    """A port with this name is no more; with the last one the bond gets a MAC address by chance, whoever has set it."""
    record = state.get(bond)
    if not is_bond(record):
        return
    options = tuple((option, "" if (option, value) == ("primary", name) else value) for option, value in _of(record))
    record = replace(record, options=options if record.options is not None else None)
    if not ports(state, bond):
        record = replace(record, mac=None, mac_floats=True)
    state.put(bond, record)


def port_renamed(state: State, bond: Key, old: str, new: str) -> None:
    """The bond goes on with its port (bond_slave_netdev_event, NETDEV_CHANGENAME)."""
    record = state.get(bond)
    if is_bond(record) and record.options is not None:
        options = tuple(
            (option, new if (option, value) == ("primary", old) else value) for option, value in _of(record)
        )
        state.put(bond, replace(record, options=options))


def _of(record: Link) -> tuple[tuple[str, t.Any], ...]:
    return record.options or ()

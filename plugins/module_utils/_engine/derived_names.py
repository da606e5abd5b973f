# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and MAC addresses of link ends that the lab file doesn't name, and the logs of programs.

Each depends on nothing but the link or program itself, so that adding, removing or reordering never renames another.
"""

from __future__ import annotations

import base64
import hashlib

from .errors import LabError
from .names import link_name

BRIDGE = "br0"
"""The bridge of a switch. Stands also for the end of a switch that has no name, in what is derived from it."""


LAB_ALTNAME = "netns-lab:"
"""What the altname of a link on the machine begins with that a lab made."""


LOGS = "/var/log/netns-lab"


def default_log(ns: str, name: str) -> str:
    """Where the output of a program that is kept running goes unless somebody says where."""
    return f"{LOGS}/{ns}/{name}.log"


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _short(text: str, *parts: str) -> str:
    """The beginning of `text`, at most 8 bytes, and 6 letters that depend on all `parts` (30 bits)."""
    kept = "".join(char for char in text if char.isalnum() or char in "-_.")
    kept = kept.encode()[:8].decode(errors="ignore").rstrip("-")
    return f"{kept or 'port'}-{base64.b32encode(_digest(*parts))[:6].decode().lower()}"


def port_name(node: str, link: str | None) -> str:
    """The name of a switch's port, from the other end: ``red-eth0``, or ``long-nod-k3f9qa`` if that is no link name.

    The plain form is used only if `link` has no ``-``, so that two ends never mean the same name.
    """
    link = link or BRIDGE
    if "-" not in link:
        try:
            return link_name(f"{node}-{link}")
        except LabError:
            pass
    return _legal(_short(f"{node}-{link}", node, link), node, link)


def machine_port_name(lab: str, node: str, link: str | None) -> str:
    """The name of the machine's end of a link to one of its own bridges. `lab` is the lab's id: labs don't clash."""
    link = link or BRIDGE
    return _legal(_short(f"{node}-{link}", lab, node, link), lab, node, link)


def machine_altname(lab: str, link: str) -> str:
    """A further name of that end, which says whose it is (`consent.py` goes by it)."""
    return f"{LAB_ALTNAME}{lab}:{link}"


def machine_port_mac(lab: str, node: str, link: str | None) -> str:
    """The MAC address of that end: locally administered, and starting with fe, above most others.

    A bridge that wasn't given an address takes the lowest of its ports' (net/bridge/br_stp_if.c), and the machine's
    bridge has to keep the one it has.
    """
    return "fe:" + _digest("mac", lab, node, link or BRIDGE)[:5].hex(":")


def _legal(name: str, *parts: str) -> str:
    """A letter whose UTF-8 form holds the byte A0 survives shortening, but no link can be called so."""
    try:
        return link_name(name)
    except LabError:
        return _short("port", *parts)

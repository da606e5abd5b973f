# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab that is measured: a ring of N nodes, each with loopback, two veth ends, two IPv4 addresses, a default route.

The same ring as a lab file, as the shell script that does it best, and as one Ansible task for each object. Node i is
joined to node i+1 by its link `eth1`, which there is called `eth0`.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

NAME = "ring"
PREFIX_LENGTH = 29
SPARE = 3
"""The host number, in each link's subnet, that no node has: what `with_other_address` changes to."""


def address(link: int, host: int) -> str:
    """An address of link `link`, which joins node `link` (host 1) and the next one (host 2)."""
    number = (10 << 24) + (link << (32 - PREFIX_LENGTH)) + host
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def lab(size: int) -> dict[str, t.Any]:
    """The ring as the options of the module `topology`."""
    nodes = {f"n{i}": {"routes": [{"to": "default", "via": address(i, 2)}]} for i in range(size)}
    links = [[_end(i, "eth1", address(i, 1)), _end((i + 1) % size, "eth0", address(i, 2))] for i in range(size)]
    return {"name": NAME, "nodes": nodes, "links": links}


def _end(node: int, name: str, local: str) -> dict[str, t.Any]:
    return {"node": f"n{node}", "name": name, "addresses": [f"{local}/{PREFIX_LENGTH}"]}


def with_other_address(size: int) -> dict[str, t.Any]:
    """The ring with one address changed."""
    changed = lab(size)
    changed["links"][size // 2][0]["addresses"] = [f"{address(size // 2, SPARE)}/{PREFIX_LENGTH}"]
    return changed


def with_other_mtu(size: int) -> dict[str, t.Any]:
    """The ring with another MTU on one link."""
    changed = lab(size)
    changed["links"][size // 2] = {"endpoints": changed["links"][size // 2], "mtu": 1400}
    return changed


def gone() -> dict[str, t.Any]:
    """What takes the ring away."""
    return {"name": NAME, "state": "absent"}


def _outside(size: int) -> list[str]:
    """The words of `ip` that make namespaces and links."""
    lines = [f"netns add n{i}" for i in range(size)]
    lines += [f"link add eth1 netns n{i} type veth peer name eth0 netns n{(i + 1) % size}" for i in range(size)]
    return lines


def _inside(node: int, size: int) -> list[str]:
    """The words of `ip` for what is in one namespace."""
    return [
        "link set lo up",
        "link set eth0 up",
        "link set eth1 up",
        f"address add {address((node - 1) % size, 2)}/{PREFIX_LENGTH} dev eth0",
        f"address add {address(node, 1)}/{PREFIX_LENGTH} dev eth1",
        f"route add default via {address(node, 2)}",
    ]


def script(size: int, directory: Path) -> Path:
    """The best shell script: one `ip -batch` for namespaces and links, then one `ip -n NODE -batch` each."""
    directory.mkdir()
    (directory / "outside").write_text("".join(f"{line}\n" for line in _outside(size)))
    for i in range(size):
        (directory / f"n{i}").write_text("".join(f"{line}\n" for line in _inside(i, size)))
    path = directory / "build.sh"
    path.write_text(
        f"set -e\ncd {directory}\nip -batch outside\n"
        f"i=0\nwhile [ $i -lt {size} ]; do ip -n n$i -batch n$i; i=$((i + 1)); done\n"
    )
    return path


def tasks(size: int) -> list[dict[str, t.Any]]:
    """One Ansible task for each object, as a loop for each kind of object."""
    loops: list[list[str]] = [_outside(size)[:size], _outside(size)[size:]]
    for line in range(len(_inside(0, size))):
        loops.append([f"-n n{i} {_inside(i, size)[line]}" for i in range(size)])
    return [{"ansible.builtin.command": "ip {{ item }}", "loop": loop} for loop in loops]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of lending share: a NIC with everything that a link can have, and all that stands, to be compared."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._engine import objects_nic
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Request
from ansible_collections.netns.lab.tests.kernel import snapshot

LEASES = Path("/var/lib/netns-lab/leases")
MACHINE = """
link add other type veth peer name other-far
link set other-far up
link set other up
address add 10.8.0.1/24 brd + dev other
link add ens4 type veth peer name far
link set far up
link set ens4 address 02:00:00:00:00:44 mtu 1442 alias lent
link property add dev ens4 altname a-nic-that-is-lent
link set ens4 up
address add 10.4.0.1/24 brd + dev ens4
address add 10.4.0.2/24 brd 10.4.0.200 dev ens4 label ens4:two
address add 10.4.9.1 peer 10.4.9.2/32 dev ens4 scope link
address add 10.5.0.1/24 dev ens4 noprefixroute metric 77
address add 10.6.0.1/24 dev ens4 valid_lft 9000 preferred_lft 8000
address add fd04::1/64 dev ens4 nodad
address add fd04::2/64 dev ens4 nodad valid_lft 9000 preferred_lft 8000
route add 10.40.0.0/16 via 10.4.0.9 src 10.4.0.2 mtu 1300 advmss 1200 metric 7
route add 10.41.0.0/16 dev ens4 table 100 proto 77 realm 3
route add 10.42.0.0/16 table 3000 nexthop via 10.4.0.9 dev ens4 weight 3 nexthop via 10.8.0.9 dev other
route add 10.43.0.0/16 via 10.7.7.7 dev ens4 onlink initcwnd 20
route append 10.44.0.0/16 via 10.4.0.7
route append 10.44.0.0/16 via 10.4.0.8
route add fd40::/32 via fd04::9 pref high
route add fd41::/32 via fd04::9 table 100 metric 5
rule add iif ens4 lookup 100 priority 50
rule add from 10.4.0.0/16 oif ens4 fwmark 0x7/0xf lookup 3000 priority 60 protocol 99
"""
MACHINE_6 = "rule add iif ens4 lookup 100 priority 55\n"
SYSCTLS = {
    "ipv4/conf/ens4/rp_filter": "2", "ipv4/conf/ens4/arp_ignore": "1", "ipv4/neigh/ens4/gc_stale_time": "77",
    "ipv6/conf/ens4/accept_ra": "0", "ipv6/conf/ens4/addr_gen_mode": "1", "ipv6/neigh/ens4/mcast_solicit": "5",
}  # fmt: skip


def ip_does(commands: str, *options: str) -> None:
    subprocess.run(["ip", *options, "-batch", "-"], input=commands, text=True, check=True)


def have_nic() -> None:
    """Make ens4, with everything that a link can have, and a namespace red."""
    ip_does(MACHINE)
    ip_does(MACHINE_6, "-6")
    for name, value in SYSCTLS.items():
        write(name, value)
    ip_does("netns add red\n")


def write(name: str, value: str) -> None:
    # In a process of its own: /proc/self/net is that of the main thread, and this may be another one.
    subprocess.run(["sh", "-c", f"echo {value} >/proc/sys/net/{name}"], check=True)


def read(name: str) -> str:
    return subprocess.run(["cat", f"/proc/sys/net/{name}"], capture_output=True, text=True, check=True).stdout.strip()


def stands() -> dict[str, t.Any]:
    """All that stands, with lifetimes to the minute, and the neighbours' settings."""

    def rounded(value: t.Any) -> t.Any:
        if isinstance(value, dict):
            return {
                name: inner if not name.endswith("_life_time") or inner > 10**6 else round(inner / 60)
                for name, inner in ((name, rounded(inner)) for name, inner in value.items())
            }
        return [rounded(inner) for inner in value] if isinstance(value, list) else value

    found = {key: rounded(value) for key, value in snapshot.machine(index=True).items()}
    found["neighbours"] = {name: read(name) for name in SYSCTLS if Path(f"/proc/sys/net/{name}").exists()}
    return found


def warned(result: dict[str, t.Any]) -> str:
    """The warnings of a module, which look otherwise in each release of ansible-core."""
    return json.dumps(result.get("warnings", []))


def lent(**options: t.Any) -> Request:
    given = {"name": "ens4", "netns": "red", "state": "lent", "up": True, **options}
    return objects_nic.nic(given)


def home(**options: t.Any) -> Request:
    return objects_nic.nic({"name": "ens4", "state": "home", **options})

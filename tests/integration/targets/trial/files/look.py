# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands on the machine, told by `ip` and by files: the witness that knows nothing of netns.lab.

Only what is called `nlt-...` or is a port of such a bridge, and without what the kernel changes in its own time:
counters, timers, operational states, link-local addresses, and the routes that it makes itself.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

OURS = "nlt-"
SYSCTLS = (
    "net/ipv4/ip_forward", "net/ipv4/conf/all/rp_filter", "net/ipv4/conf/default/rp_filter",
    "net/ipv4/icmp_echo_ignore_all", "net/ipv4/ip_default_ttl", "net/ipv6/conf/all/forwarding",
)  # fmt: skip
CONTAINERS = "/var/lib/lxc"
FOLDERS = ("/etc/netns", "/var/lib/netns-lab", "/run/netns-lab", "/run/netns-lab/processes", "/var/log/netns-lab")
RESTLESS = re.compile(r".*_timer|.*_detected|root_.*|topology_change.*|fdb_n_learned")
KERNELS_OWN = re.compile(r" proto kernel| table local|^(local|broadcast|multicast|anycast) |^ff00::/8 ")


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def links(*where: str) -> dict[str, dict]:
    """Links by name, in the words of `ip`."""
    found = {}
    for row in json.loads(run("ip", "-json", "-details", *where, "address", "show") or "[]"):
        info = row.get("linkinfo", {})
        found[row["ifname"]] = {
            "index": row["ifindex"],
            "kind": info.get("info_kind", ""),
            "mtu": row["mtu"],
            "mac": row["address"],
            "up": "UP" in row["flags"],
            "bridge": row.get("master"),
            "link": row.get("link"),
            "alias": row.get("ifalias"),
            "altnames": row.get("altnames", []),
            "addresses": [f"{a['local']}/{a['prefixlen']}" for a in row["addr_info"] if a["scope"] != "link"],
            "options": {key: value for key, value in info.get("info_data", {}).items() if not RESTLESS.fullmatch(key)},
        }
    return found


def routes(*where: str) -> list[str]:
    """Routes as `ip route` prints them, those of IPv4 first."""
    lines = [
        re.sub(r" pref medium| linkdown| dead", "", " ".join(line.replace("\\", " ").split()))
        for family in ("-4", "-6")
        for line in run("ip", "-oneline", *where, family, "route", "show", "table", "all").splitlines()
    ]
    return [line for line in lines if not KERNELS_OWN.search(line)]


def namespace(name: str) -> dict | str:
    identity = run("ip", "netns", "exec", name, "stat", "-L", "-c", "%i", "/proc/self/ns/net").strip()
    if not identity:
        return "broken"
    values = run("ip", "netns", "exec", name, "cat", *(f"/proc/sys/{sysctl}" for sysctl in SYSCTLS)).split()
    return {
        "identity": identity,
        "links": links("-netns", name),
        "routes": routes("-netns", name),
        "sysctls": dict(zip((sysctl.replace("/", ".") for sysctl in SYSCTLS), values)),
        "pids": run("ip", "netns", "pids", name).split(),
    }


def container(folder: Path) -> dict:
    """What LXC and its files tell of a container."""
    lines = run("timeout", "10", "lxc-info", "-n", folder.name, "-s", "-p", "-H").splitlines()
    asked = {key: value.strip() for key, _colon, value in (line.partition(":") for line in lines)}
    return {
        "state": asked.get("State", "").lower(),
        "pid": int(asked.get("PID", 0)),
        "config": (folder / "config").read_text().splitlines() if (folder / "config").exists() else [],
        "files": sorted(path.name for path in folder.iterdir() if path.suffix != ".log"),
        "snapshots": sorted(path.name for path in folder.glob("snaps/*")),
    }


def main() -> None:
    names = sorted(path.name for path in Path("/run/netns").glob(f"{OURS}*"))
    files = [path for folder in FOLDERS for path in sorted(Path(folder).glob(f"{OURS}*/**/*")) if path.is_file()]
    files += [path for folder in FOLDERS for path in sorted(Path(folder).glob(f"{OURS}*")) if path.is_file()]
    seen = {
        "netns": {name: namespace(name) for name in names},
        "links": {name: link for name, link in links().items() if OURS in f"{name} {link['bridge']}"},
        "containers": {folder.name: container(folder) for folder in sorted(Path(CONTAINERS).glob(f"{OURS}*"))},
        "files": {str(path): path.read_text() for path in files},
    }
    print(json.dumps(seen))


main()

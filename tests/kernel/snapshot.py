# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that stands on a machine, as ip and the file system show it. Nothing of this is read by the engine's own eyes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker

_SHOW = {
    "": ("link show", "address show", "route show table all", "rule show", "nexthop show", "neigh show nud permanent"),
    "-6": ("route show table all", "rule show"),
}
_SHOW_BESIDES = ("tc {} -json qdisc show", "bridge {} -json fdb show", "bridge {} -json vlan show")
_PASSING = frozenset({
    "ifindex", "link_index", "link_netnsid", "operstate", "linkmode", "tentative", "stats", "stats64", "promiscuity",
    "allmulti", "dadfailed", "optimistic", "hello_timer", "tcn_timer", "gc_timer",
    "topology_change_timer", "hold_timer", "message_age_timer", "forward_delay_timer", "state", "cost", "no", "id",
    "topology_change", "topology_change_detected", "topology_change_ack", "root_port", "root_id", "root_path_cost",
    "designated_port", "designated_cost", "designated_root", "designated_bridge", "bridge_id", "multicast_router",
    "config_pending", "tso_max_size", "fdb_n_learned", "active_slave", "mii_status", "link_failure_count", "ad_info",
})  # fmt: skip
"""What changes by itself or is chosen by the kernel: indexes and ids, what depends on the carrier, timers, and what the
spanning tree finds out."""
_TIME = re.compile(r'"written":\d+,')
"""When an entry of the registry was written."""
_UNREADABLE = frozenset({"stable_secret", "flush"})
"""Sysctls that say nothing before they were set, or never."""
_LASTING_FLAGS = frozenset({"UP", "NOARP", "onlink", "POINTOPOINT", "LOOPBACK"})


def machine(*, index: bool = False, mac: bool = True) -> dict[str, t.Any]:
    """The machine's own namespace (as ``@``), all named ones, the files of namespaces and the registry of labs."""
    found: dict[t.Any, t.Any] = {}
    names = sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []
    shown = _show(["@", *names])
    for ns in ["@", *names]:
        own: set[str] = set()
        for family, commands in _SHOW.items():
            for what in commands:
                some = next(shown)
                own.update(one["address"] for one in some if "address" in one)
                kept = [_lasting(one, index, mac) for one in some if not _is_derived(one)]
                found[ns, f"{family} {what}"] = sorted((one for one in kept if one), key=json.dumps)
        for what in _SHOW_BESIDES:
            kept = [one for one in next(shown) if not _is_by_itself(one, own)]
            for one in kept:
                one.pop("refcnt", None)
                if not mac:
                    one.pop("mac", None)
            found[ns, what.format("")] = sorted(kept, key=json.dumps)
    for ns, values in _sysctls(["@", *names]).items():
        found[ns, "sysctls"] = values
    for place in ("/etc/netns", "/var/lib/netns-lab", "/run/netns-lab"):
        for file in sorted(Path(place).rglob("*")):
            found[str(file), "file"] = _TIME.sub("", file.read_text()) if file.is_file() else "a folder"
    return found


def to_the_hour(seen: t.Any) -> t.Any:
    """The same with lifetimes of addresses that don't pass while a test runs."""
    if isinstance(seen, dict):
        return {
            name: round(inner / 3600) if str(name).endswith("_life_time") and inner < 2**32 - 1 else to_the_hour(inner)
            for name, inner in seen.items()
        }
    return [to_the_hour(inner) for inner in seen] if isinstance(seen, list) else seen


def differences(before: dict[str, t.Any], after: dict[str, t.Any]) -> list[str]:
    """In words, where two of these differ."""
    found = []
    for key in {**before, **after}:
        one, other = before.get(key, {}), after.get(key, {})
        if isinstance(one, list) and isinstance(other, list):
            found += _unequal(key, [item for item in one if item not in other], [i for i in other if i not in one])
        elif isinstance(one, dict) and isinstance(other, dict):
            found += [
                f"{key}: {n}: {one.get(n)} | {other.get(n)}" for n in {**one, **other} if one.get(n) != other.get(n)
            ]
        elif one != other:
            found.append(f"{key}: {one} | {other}")
    return [text if len(text) < 400 else f"{text[:400]}…" for text in found[:20]]


def _unequal(key: t.Any, gone: list[dict[str, t.Any]], new: list[dict[str, t.Any]]) -> t.Iterator[str]:
    for one in gone:
        mates = [other for other in new if one.get("ifname") and other.get("ifname") == one["ifname"]]
        if mates:
            new.remove(mates[0])
            names = [name for name in {**one, **mates[0]} if one.get(name) != mates[0].get(name)]
            yield from (f"{key}: {one['ifname']}: {name}: {one.get(name)} | {mates[0].get(name)}" for name in names)
        else:
            yield f"{key}: gone: {json.dumps(one)}"
    yield from (f"{key}: new: {json.dumps(one)}" for one in new)


def _show(names: t.Sequence[str]) -> t.Iterator[list[dict[str, t.Any]]]:
    """The answers to all questions of `_SHOW`, namespace by namespace."""
    script = ""
    for ns in names:
        where = "" if ns == "@" else f"-n {ns}"
        for family, commands in _SHOW.items():
            asked = "\n".join(commands)
            script += f"ip {where} {family} -details -json -batch - <<'END'\n{asked}\nEND\n"
        for command in _SHOW_BESIDES:
            script += f"{command.format(where)}\n"
    text = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True).stdout
    decoder, place = json.JSONDecoder(), 0
    while text[place:].strip():
        while text[place].isspace():
            place += 1
        value, place = decoder.raw_decode(text, place)
        yield value


def _is_by_itself(one: dict[str, t.Any], own: t.Container[str]) -> bool:
    """The kernel's own queueing disciplines, and what a bridge has learned or knows of its ports' own addresses."""
    if "kind" in one:
        return one.get("handle") == "0:" or one["kind"] in ("noqueue", "noop")
    if "mac" not in one:
        return False
    is_group = bool(int(one["mac"][:2], 16) & 1)
    return is_group or one["mac"] in own or one.get("state") not in ("static", "permanent")


def _is_derived(one: dict[str, t.Any]) -> bool:
    """IPv6 link-local addresses and what goes with them come and go with the carrier, which takes its time."""
    return (
        one.get("type") in ("multicast", "anycast")
        or (one.get("type") == "local" and one.get("metric") is not None)
        or (one.get("protocol") == "kernel" and one.get("dst") in ("fe80::/64", "ff00::/8"))
        or (one.get("scope") == "link" and one.get("family") == "inet6")
    )


def _lasting(value: t.Any, index: bool, mac: bool) -> t.Any:
    if isinstance(value, dict):
        kept = {}
        for name, inner in value.items():
            if (name in _PASSING and not (index and name == "ifindex")) or (not mac and name == "address"):
                continue
            if name == "flags":
                inner = sorted(flag for flag in inner if flag in _LASTING_FLAGS)
            if name == "link" and ("link_netnsid" in value or "linkinfo" not in value):
                continue  # the name that the link's number happens to have here
            if name == "ageing_time" and value.get("topology_change"):
                continue  # so long a bridge forgets sooner (net/bridge/br_stp.c, __br_set_topology_change)
            if inner == "noop":
                inner = "noqueue"  # the qdisc of a link that was never up
            kept[name] = _lasting(inner, index, mac)
        return kept
    if isinstance(value, list):
        kept = [_lasting(inner, index, mac) for inner in value if not (isinstance(inner, dict) and _is_derived(inner))]
        # Of IPv6 the newest address comes first, which means nothing; of IPv4 the first one does.
        return (
            sorted(kept, key=lambda inner: inner["local"] if inner.get("family") == "inet6" else "")
            if (kept and isinstance(kept[0], dict))
            else kept
        )
    return value


def _sysctls(names: t.Sequence[str]) -> dict[str, dict[str, str]]:
    """All of IPv4 and IPv6: those of the namespace, of its links and of their neighbours."""

    def read(visit: Visit) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for ns in names:
            visit.enter(ns)
            found[ns] = {}
            for family in ("ipv4", "ipv6"):
                for folder, _folders, files in os.walk(f"/proc/sys/net/{family}"):
                    for name in files:
                        if name not in _UNREADABLE:
                            found[ns][f"{folder[14:]}/{name}"] = _content(f"{folder}/{name}")
        return found

    return in_worker(read)


def _content(file: str) -> str:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096).decode().strip()
    finally:
        os.close(descriptor)

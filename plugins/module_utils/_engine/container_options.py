# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is said of a container, in a lab file or in a task, to the record that is wanted. Pure.

`settings` are in the canonical form of `container_schema`. Problems go to `Problems`, below the given path.
"""

from __future__ import annotations

import typing as t

from .._lxc import cgroups
from .._lxc.config import Edit
from .._lxc.lifecycle import SHARED_NETWORK
from .._lxc.making import Source
from .._lxc.place import Place, default_path
from .errors import Problems, below
from .records import Container, Key, Wish

_TYPED = {
    "limits": cgroups.KEYS,
    "idmap": ("lxc.idmap",),
    "autostart": ("lxc.start.auto",),
    "autostart_delay": ("lxc.start.delay",),
    "autostart_order": ("lxc.start.order",),
    "groups": ("lxc.group",),
    "mounts": ("lxc.mount.entry",),
    "environment": ("lxc.environment",),
}
"""By option, the keys that it writes: `config` may not name them, too."""
_SHARED = "lxc.namespace.share.net"
_UNMANAGED = "lxc.rootfs.managed"

_Given = t.Mapping[str, t.Any]


def wanted(
    settings: _Given,
    state: str | None,
    *,
    netns: str | None,
    owner: str | None,
    where: str,
    problems: Problems,
    clone_from: Place | None = None,
    legacy: t.Container[str] | None = None,
) -> Container:
    """The record of a container. `netns` None: its network is its own; `owner` None: nobody's mark is wanted.

    `legacy` are the control group controllers of version 1, for tests; else they are looked up.
    """
    _conflicts(settings, netns, where, problems)
    edits = _edits(settings, netns, owner, legacy)
    source = _source(settings, clone_from, where, problems)
    if source.rootfs:
        edits += [
            Edit("key", "lxc.rootfs.path", (("lxc.rootfs.path", f"dir:{source.rootfs}"),)),
            Edit("key", _UNMANAGED, ((_UNMANAGED, "0"),)),
        ]
    wish = Wish(
        edits=tuple(edits),
        source=source,
        restart=settings.get("restart") or "never",
        wait=settings.get("wait") or "running",
        timeout=float(settings.get("timeout") or 60.0),
        create_timeout=float(settings.get("create_timeout") or 1200.0),
    )
    return Container(state, wish=wish)


def key(ns: str, settings: _Given) -> Key:
    """The key of the container of a lab's node, which is called as the node's namespace is."""
    return ("container", ns, settings.get("lxc_path") or default_path(), ns)


def _conflicts(settings: _Given, netns: str | None, where: str, problems: Problems) -> None:
    """A key that an option writes can't stand in `config`, too: the two would undo each other."""
    for name in settings.get("config") or ():
        for option, keys in _TYPED.items():
            if settings.get(option) is not None and name in keys:
                problems.add(below(below(where, "config"), name), f"`{option}` writes this key: say it there only")
        about_network = name.startswith("lxc.net.") or name == _SHARED
        if about_network and (netns is not None or settings.get("networks") is not None):
            option = "netns" if netns is not None else "networks"
            problems.add(below(below(where, "config"), name), f"`{option}` says what network it has: leave this out")
        elif name == "lxc.environment" and netns is not None:
            problems.add(below(below(where, "config"), name), "`netns` writes this key, too: use `environment`")


def _edits(settings: _Given, netns: str | None, owner: str | None, legacy: t.Container[str] | None) -> list[Edit]:
    edits: list[Edit] = []
    if owner is not None:
        edits.append(Edit("owner", owner))
    if netns is not None:
        edits.append(Edit("group", "lxc.net"))
        edits.append(_key(_SHARED, [f"/run/netns/{netns}"]))
        edits.append(Edit("block", "network", (("lxc.environment", f"{SHARED_NETWORK}={netns}"),)))
    elif settings.get("networks") is not None:
        edits.append(_key(_SHARED, []))
        edits.append(Edit("block", "network"))
        edits.append(Edit("group", "lxc.net", tuple(_network_lines(settings["networks"]))))
    for name, value in (settings.get("config") or {}).items():
        edits.append(_key(name, [] if value is None else value if isinstance(value, list) else [value]))
    if settings.get("limits") is not None:
        found = cgroups.lines(settings["limits"], cgroups.legacy_controllers() if legacy is None else legacy)
        edits += [Edit("key", key, lines) for key, lines in found.items()]
    if settings.get("idmap") is not None:
        edits.append(_key("lxc.idmap", settings["idmap"]))
    if settings.get("autostart") is not None:
        edits.append(_key("lxc.start.auto", [int(settings["autostart"])]))
    for option, key in (("autostart_delay", "lxc.start.delay"), ("autostart_order", "lxc.start.order")):
        if settings.get(option) is not None:
            edits.append(_key(key, [settings[option]]))
    if settings.get("groups") is not None:
        edits.append(_key("lxc.group", settings["groups"]))
    if settings.get("mounts") is not None:
        edits.append(Edit("block", "mounts", tuple(_mount_line(mount) for mount in settings["mounts"])))
    if settings.get("environment") is not None:
        pairs = settings["environment"].items()
        edits.append(
            Edit("block", "environment", tuple(("lxc.environment", f"{name}={value}") for name, value in pairs))
        )
    return edits


def _key(name: str, values: t.Iterable[t.Any]) -> Edit:
    return Edit("key", name, tuple((name, str(value)) for value in values))


def _mount_line(mount: _Given) -> tuple[str, str]:
    """An entry of lxc.mount.entry, as in fstab(5), with the target relative to the container's root."""
    options = (mount.get("options") or "bind").split(",")
    if mount.get("readonly"):
        options.append("ro")
    if not any(option.startswith("create=") for option in options):
        options.append("create=dir")
    target = str(mount["target"]).lstrip("/")
    kind = mount.get("type") or "none"
    return "lxc.mount.entry", f"{mount['source']} {target} {kind} {','.join(dict.fromkeys(options))} 0 0"


def _network_lines(networks: t.Sequence[_Given]) -> t.Iterator[tuple[str, str]]:
    """``lxc.net.N`` for each network; its type comes first, because the meaning of the others hangs on it."""
    for number, network in enumerate(networks):
        prefix = f"lxc.net.{number}."
        kind = network.get("type") or "veth"
        yield prefix + "type", kind
        for option, key in NETWORK_KEYS.items():
            value = network.get(option)
            if value is None:
                continue
            for one in value if isinstance(value, list) else [value]:
                yield prefix + key, str(one)
        if network.get("up") is not False and kind not in ("none", "empty"):
            yield prefix + "flags", "up"


NETWORK_KEYS = {
    "link": "link",
    "name": "name",
    "hwaddr": "hwaddr",
    "mtu": "mtu",
    "ipv4_addresses": "ipv4.address",
    "ipv4_gateway": "ipv4.gateway",
    "ipv6_addresses": "ipv6.address",
    "ipv6_gateway": "ipv6.gateway",
    "veth_pair": "veth.pair",
    "macvlan_mode": "macvlan.mode",
    "ipvlan_mode": "ipvlan.mode",
    "vlan_id": "vlan.id",
}
"""The options of a network, and LXC's keys for them, in the order in which they are written."""


def _source(settings: _Given, clone_from: Place | None, where: str, problems: Problems) -> Source:
    template = settings.get("template") or "busybox"
    options = dict(settings.get("template_options") or {})
    rootfs = ""
    place = below(where, "template_options")
    if template == "none":
        rootfs = str(options.pop("rootfs", None) or "")
        if rootfs and not rootfs.startswith("/"):
            problems.add(below(place, "rootfs"), f"{rootfs!r}: expected an absolute path")
        if rootfs and "lxc.rootfs.path" in (settings.get("config") or {}):
            problems.add(below(place, "rootfs"), "`config` names lxc.rootfs.path, too: say it in one place")
    elif template == "debian":
        for name in options.keys() - _DEBIAN:
            problems.add(below(place, name), f"the template debian has no such option (known: {', '.join(_DEBIAN)})")
    store = settings.get("backing_store") or "dir"
    return Source(
        template=template,
        arguments=() if template in ("debian", "none") else tuple(_words(options)),
        options=tuple(options.items()) if template == "debian" else (),
        store=store,
        store_arguments=tuple(
            word
            for name, value in (settings.get("backing_store_options") or {}).items()
            for word in (f"--{name}", str(value))
        ),
        rootfs=rootfs,
        clone_from=clone_from,
        clone_snapshot=bool(settings.get("clone_snapshot")),
    )


_DEBIAN = ("release", "arch", "mirror", "packages")


def _words(options: _Given) -> t.Iterator[str]:
    """Options of a template as words of a command line; one without a value is a switch."""
    for name, value in options.items():
        if value is None:
            yield f"--{name}"
        for one in value if isinstance(value, list) else [] if value is None else [value]:
            yield f"--{name}={one}"

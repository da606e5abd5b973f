# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module `lxc_container` asks for: options to `Request`, and the state back to its result. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from .._lxc import config
from .._lxc.place import Place, default_path
from . import container_options, container_schema, names
from .asking import Options
from .errors import LabError, Problems, show
from .records import MACHINE, Container, Key, Request, Wish
from .walk import Integer, ListOf, Mapping, Switch, Text

_STATES = {"present": None, "started": "running", "stopped": "stopped", "frozen": "frozen", "restarted": "running"}
_NETWORK_TYPES = ("veth", "macvlan", "ipvlan", "vlan", "phys", "empty", "none")

_LINE = Text(parse=container_schema.one_line)


def _snapshot_name(text: str) -> str:
    if not container_schema.one_line(text):
        raise LabError(f"{show(text)}: expected the name of a snapshot")
    return container_schema.one_line(text)


NETWORK = Mapping(
    {
        "type": Text(choices=_NETWORK_TYPES),
        "link": _LINE,
        "name": Text(parse=names.link_name, expected="the name of a link"),
        "hwaddr": Text(parse=names.mac, expected="a MAC address"),
        "mtu": Integer(least=names.MTU_RANGE[0], most=names.MTU_RANGE[1], expected="an MTU, a number"),
        "ipv4_addresses": ListOf(_LINE, what="a list of addresses"),
        "ipv4_gateway": _LINE,
        "ipv6_addresses": ListOf(_LINE, what="a list of addresses"),
        "ipv6_gateway": _LINE,
        "veth_pair": Text(parse=names.link_name, expected="the name of a link"),
        "macvlan_mode": _LINE,
        "ipvlan_mode": _LINE,
        "vlan_id": Integer(least=1, most=4094),
        "up": Switch(),
    },
    what="a network",
)

OPTIONS = Mapping(
    {
        **container_schema.SETTINGS,
        "networks": ListOf(NETWORK, what="a list of networks"),
        "autostart": Switch(),
        "autostart_delay": Integer(least=0, most=86400),
        "autostart_order": Integer(least=-(2**31), most=2**31 - 1),
        "groups": ListOf(_LINE, what="a list of groups"),
        "clone_from": Text(parse=container_schema.container_name, expected="the name of a container"),
        "clone_snapshot": Switch(),
        "snapshot": Mapping(
            {
                "name": Text("The name of the snapshot.", parse=_snapshot_name),
                "state": Text(choices=("present", "absent", "restored")),
            },
            what="a snapshot",
            required=("name",),
        ),
    },
    what="a container",
)


def container(options: Options) -> Request:
    """Options of the module `lxc_container`. Raises LabError with everything that is wrong with them."""
    problems = Problems()
    given = {name: options[name] for name in OPTIONS.keys if options.get(name) is not None}
    settings = OPTIONS.read(given, None, problems) or {}
    name = options["name"]
    netns = options.get("netns")
    _check(problems, "name", container_schema.container_name, name)
    if netns is not None:
        _check(problems, "netns", names.namespace_name, netns)
        if settings.get("networks") is not None:
            problems.add(
                "networks", "a container that shares a namespace (`netns`) has the network of that, and no other"
            )
    path = settings.get("lxc_path") or default_path()
    key: Key = ("container", netns if netns is not None else MACHINE, path, name)
    want: Container | None = None
    once = set()
    state = options["state"]
    if state != "absent":
        want = _wanted(settings, options, path, problems)
        if state == "restarted":
            once.add("restart")
        if want.wish is not None and want.wish.snapshot_state == "restored":
            once.add("restore")
    problems.check()
    return Request(
        {key: want},
        force=bool(options.get("force")),
        rollback=bool(options.get("rollback")),
        once={key: frozenset(once)} if once else {},
        grace=float(settings.get("timeout") or 60.0),
        turn=f"the container {name} in {path}",
        origin={key: "name", ("namespace", netns): "netns"} if netns is not None else {key: "name"},
    )


def _wanted(settings: t.Mapping[str, t.Any], options: Options, path: str, problems: Problems) -> Container:
    original = settings.get("clone_from")
    if original is not None and settings.get("template") is not None:
        problems.add("clone_from", "a container is made from a template or from another one: leave `template` out")
    want = container_options.wanted(
        settings,
        _STATES[options["state"]],
        netns=options.get("netns"),
        owner=None,
        where="",
        problems=problems,
        clone_from=Place(path, original) if original else None,
    )
    snapshot = settings.get("snapshot") or {}
    wish = replace(
        t.cast(Wish, want.wish),
        snapshot=snapshot.get("name") or "",
        snapshot_state=snapshot.get("state") or "present",
    )
    return replace(want, wish=wish)


def _check(problems: Problems, path: str, check: t.Callable[[str], t.Any], value: str) -> None:
    try:
        check(value)
    except LabError as error:
        problems.add(path, error.message)


def container_result(request: Request, standing: t.Callable[[Key], t.Any]) -> dict[str, t.Any]:
    """What the module `lxc_container` returns under its own key."""
    (key,) = request.want
    record = standing(key)
    found: dict[str, t.Any] = {"name": key[3], "lxc_path": key[2]}
    if record is None:
        return {**found, "state": "absent"}
    return {**found, **described(record)}


def described(record: Container) -> dict[str, t.Any]:
    """What a container is, for results."""
    runs = record.state in ("running", "frozen")
    return {
        "state": record.state,
        "pid": record.pid or None,
        "netns": _netns(record.text),
        "config": by_key(record.text),
        "autostart": config.last(record.text, "lxc.start.auto") == "1",
        "groups": config.values(record.text, "lxc.group"),
        "snapshots": [name for name, _text in record.snapshots],
        "lab": config.owner(record.text),
        "pending_restart": runs and config.unseen(record.text, record.known) != (False, []),
    }


def _netns(text: str) -> str | None:
    shared = config.last(text, "lxc.namespace.share.net")
    return shared[len("/run/netns/") :] if shared.startswith("/run/netns/") else None


def by_key(text: str) -> dict[str, list[str]]:
    """A configuration as a mapping from keys to all their values, in order."""
    found: dict[str, list[str]] = {}
    for key, value in config.settings(text):
        found.setdefault(key, []).append(value)
    return found

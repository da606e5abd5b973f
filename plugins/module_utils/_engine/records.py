# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be wanted and what can be had: keys, records and the maps that hold them.

A key is a tuple ``(kind, namespace, ...)``; a record says what stands, or shall stand, under that key. The same record
classes serve both sides. In a wanted record ``None`` means "not asked, leave alone"; in an observed record every field
is filled. A key that is wanted to be gone maps to ``ABSENT``.

======================================================  ============
key                                                     record
======================================================  ============
``("namespace", ns)``                                   `Namespace`
``("link", ns, name)``                                  `Link`
``("address", ns, link, "10.0.0.1/24")``                `Address` (IPv4; with a peer ``"10.0.0.1 peer 10.0.0.2/32"``)
``("address", ns, link, "fd00::1")``                    `Address` (IPv6: one address stands once, whatever its prefix)
``("route", ns, table, "10.0.0.0/8", tos, metric)``     `Route` (the text of the destination tells the family)
``("rule", ns, "0200…")``                               `Rule` (the rule itself, as hexadecimal digits)
``("keepsake", ns, link, "qdisc", "0000…")``            `Keepsake` (the thing itself, as hexadecimal digits)
``("sysctl", ns, "net/ipv4/ip_forward")``               `Sysctl`
``("file", ns, "resolv.conf")``                         `File` (under ``/etc/netns/NAMESPACE/``)
``("container", ns, "/var/lib/lxc", "web")``            `Container` (in the namespace that it shares)
``("process", ns, "web")``                              `Program`
``("occupants", ns)``                                   `Occupants`
======================================================  ============
"""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import field

from .frozen import dataclass

MACHINE = "@"
"""The namespace that the module itself runs in. Never a legal name of a node."""

MAIN_TABLE = 254
IPV6_METRIC = 1024
"""What the kernel gives an IPv6 route that names no metric (include/net/ip6_fib.h, IP6_RT_PRIO_USER)."""

Key = t.Tuple[t.Any, ...]


@dataclass(frozen=True)
class Namespace:
    """A named network namespace."""

    owner: str | None = None
    """The lab whose mark its loopback carries; ``""`` observed means unmarked."""
    nsid: int | None = None
    """Its id as the machine's namespace sees it; -1 observed means none. It can be set only once."""
    broken: bool | None = None
    """Observed: a file stands under the name but no namespace is mounted on it. Wanted: always False."""


@dataclass(frozen=True)
class Link:
    """One end of a link. A veth pair is two records, each naming the other in `peer`."""

    kind: str | None = None
    """The kernel's name of the kind (``veth``, ``bridge``); ``""`` observed: a device without one, a NIC or lo."""
    peer: tuple[str, str] | None = None
    """veth only: (namespace, name) of the other end; observed ``("?", "")`` when it can't be seen from here."""
    lower: tuple[str, str] | None = None
    """(namespace, name) of the link that this one stands on (vlan, macvlan, ipvlan, vxlan)."""
    mtu: int | None = None
    mac: str | None = None
    """Lower case with colons. Of a port of a bond its own, which it has when it isn't one."""
    up: bool | None = None
    master: str | None = None
    """The bridge, bond or VRF that it belongs to, in the same namespace; ``""`` means none."""
    options: tuple[tuple[str, t.Any], ...] | None = None
    """Options of the kind, by the names of ``ip link``, sorted. Only those that were asked for are compared."""
    altnames: tuple[str, ...] | None = None
    """Further names, sorted."""
    alias: str | None = field(default=None, compare=False)
    index: int = field(default=0, compare=False)
    """Observed only. Unique within a namespace, reused across namespaces."""
    mtu_floats: bool | None = field(default=None, compare=False)
    """Of a bridge in a plan: whether its MTU is that of its ports. None: it stood already, so its MTU has to tell."""
    note: str | None = field(default=None, compare=False)
    """Observed only: what a disturbance of this link would lose because it isn't modelled."""
    data: bytes | None = field(default=None, compare=False, repr=False)
    """Observed only: the options of the kind, undecoded. They are decoded into `options` only where somebody asks."""
    mac_floats: bool | None = field(default=None, compare=False)
    """Of a bond in a plan: whether its MAC address will be that of its first port. None: it stood already, and nobody
    knows."""
    master_kind: str | None = field(default=None, compare=False)
    """Observed: the kind of its master. Wanted: ``bond`` where that has to be one, else it is a bridge or a VRF."""
    source: tuple[str, str] | None = field(default=None, compare=False)
    """Wanted only: (namespace, name) under which a link stands that is lent or comes home, if it isn't here yet."""
    queues: tuple[int, int] | None = field(default=None, compare=False)
    """How many it has, to send and to receive. Wanted: of a veth that comes back; None is one of each."""


@dataclass(frozen=True)
class Address:
    """An address of a link."""

    prefix: int | None = None
    """IPv6 only; for IPv4 it is part of the key."""
    index: int = field(default=0, compare=False)
    """Observed only: its place in the kernel's list; the first IPv4 address of a subnet is the primary one."""
    kept: t.Any = field(default=None, compare=False, repr=False)
    """Wanted only: `_kernel.kept.Kept`, of an address that comes back with all that it had: lifetimes, flags, label."""


class Hop(t.NamedTuple):
    """One next hop. ``via`` None: directly on the link. ``dev`` None in a wanted route: the kernel finds it."""

    via: str | None
    dev: str | None
    weight: int = 1


def next_hops(hops: t.Iterable[Hop]) -> tuple[Hop, ...]:
    """The next hops of one route. The weight of a single one means nothing, and the kernel doesn't keep it."""
    found = tuple(hops)
    return found if len(found) != 1 else (found[0]._replace(weight=1),)


@dataclass(frozen=True)
class Route:
    """What stands under one key of the routing table."""

    hops: tuple[Hop, ...] | None = None
    type: str | None = None
    """``unicast``, ``blackhole``, ``unreachable``, ``prohibit``, ``throw``."""
    protocol: str | None = None
    source: str | None = None
    """Preferred source address (``src`` of ``ip route``); ``""`` means none."""
    mtu: int | None = None
    onlink: bool | None = None
    kept: t.Any = field(default=None, compare=False, repr=False)
    """Wanted only: `_kernel.kept.Kept`, of a route that comes back with all that it had."""
    nexthop: int = field(default=0, compare=False, repr=False)
    """Observed only: the id of the next-hop object that it goes by (ip-nexthop(8)), whose hops are told; 0 means none.
    """


@dataclass(frozen=True)
class Rule:
    """A policy rule. All that it is stands in its key."""


@dataclass(frozen=True)
class Keepsake:
    """Something on a link that isn't modelled. All that it is stands in its key."""


@dataclass(frozen=True)
class Sysctl:
    """A value under /proc/sys, white space folded."""

    value: str | None = None


@dataclass(frozen=True)
class File:
    """A file under /etc/netns/NAMESPACE/."""

    content: str | None = None
    """None observed: a killed run has left a draft, or an empty folder."""
    owner: str | None = field(default=None, compare=False)
    """The lab whose mark it carries, or shall."""


@dataclass(frozen=True)
class Wish:
    """What is wanted of a container beyond its state: what it is made from, what its configuration shall say."""

    edits: tuple[t.Any, ...] = ()
    """`_lxc.config.Edit`: they say what shall stand in the configuration, whatever else does."""
    source: t.Any = None
    """`_lxc.making.Source`; None for a container that isn't made if it isn't there."""
    restart: str = "never"
    """``never``, ``if_needed`` or ``always``: for a change of configuration that a running container hasn't seen."""
    snapshot: str = ""
    snapshot_state: str = "present"
    """``present``, ``absent`` or ``restored``."""
    wait: str = "running"
    """What a start waits for: ``running``, ``init`` or ``network``."""
    timeout: float = 60.0
    """Seconds: for the start, for being ready, for the shutdown before it is killed."""
    create_timeout: float = 1200.0


@dataclass(frozen=True)
class Container:
    """An LXC container."""

    state: str | None = None
    """``running``, ``stopped`` or ``frozen``; observed also ``stuck`` (LXC doesn't get on with it) and ``broken`` (it
    was never finished). Wanted None: as it is."""
    text: str = ""
    """Observed: its configuration. In a plan, of one that is still to be made, what is known of it."""
    known: str = ""
    """Observed, of one that runs: the configuration that it has seen."""
    joined: bool = True
    """Observed, of one that runs: whether the namespace that it shares still is the one of that name."""
    snapshots: tuple[tuple[str, str], ...] = ()
    """Observed: the snapshots, by name and LXC's name, with the configuration that each holds."""
    pid: int = field(default=0, compare=False)
    """Observed: its init; 0 where nothing runs, and in a plan where it isn't known."""
    acted: bool = field(default=False, compare=False)
    """In a plan: what was to be done once (`Request.once`) is done."""
    wish: Wish | None = field(default=None, compare=False)
    """Wanted only."""


class Ready(t.NamedTuple):
    """When a program counts as started: all that is asked here is so. Nothing asked: when it didn't end at once."""

    tcp: int = 0
    """The port at which it listens."""
    udp: int = 0
    command: tuple[str, ...] = ()
    """A command in the same namespace that ends with return code 0."""
    timeout: float = 10.0
    """Seconds."""


@dataclass(frozen=True)
class Program:
    """A program that is kept running in a namespace."""

    state: str = "running"
    """``running`` or ``stopped``; observed also ``ended`` (by itself) and ``unfinished`` (nobody saw its start through,
    or knows of it)."""
    argv: tuple[str, ...] | None = None
    environment: tuple[tuple[str, str], ...] | None = None
    """What it was given besides what every program gets, sorted."""
    chdir: str | None = None
    user: str | None = None
    """``""``: root."""
    log: str | None = None
    owner: str | None = None
    """The lab that asked for it; ``""`` observed means that none did."""
    kill_timeout: float | None = None
    """Seconds between TERM and KILL."""
    joined: bool | None = None
    """Observed, of one that runs: whether the namespace that it runs in still is the one of that name."""
    ready: Ready | None = field(default=None, compare=False)
    pid: int = field(default=0, compare=False)
    """Observed, of one that runs: its leader, or the oldest of the rest where that has left."""
    members: tuple[t.Any, ...] = field(default=(), compare=False, repr=False)
    """Observed: all processes that belong to it."""
    acted: bool = field(default=False, compare=False)
    """In a plan: what was to be done once (`Request.once`) is done."""


@dataclass(frozen=True)
class Occupants:
    """Who keeps a namespace alive (observed), and what to do about them before it is removed (wanted)."""

    processes: str | None = None
    """``kill``, ``fail`` or ``keep``: what runs inside."""
    holders: str | None = None
    """``report`` or ``kill``: what only holds it open."""
    grace: float = field(default=5.0, compare=False)
    """Seconds between TERM and KILL."""
    inside: tuple[t.Any, ...] = field(default=(), compare=False)
    """Observed: the processes that run inside."""
    holding: tuple[t.Any, ...] = field(default=(), compare=False)
    """Observed: the processes that only hold it open."""


OUTLASTING = frozenset({"file", "container", "process"})
"""Kinds that are on disk, a process with its log: they outlast their namespace, and the boot."""

Record = t.Union[Namespace, Link, Address, Route, Rule, Keepsake, Sysctl, File, Container, Program, Occupants]
R = t.TypeVar("R", Namespace, Link, Address, Route, Sysctl)


def changed(record: R, **fields: t.Any) -> R:
    """A copy with other values in these fields. `dataclasses.replace` does the same, and takes five times as long: it
    is done some ten times for each node of a lab."""
    copy = object.__new__(record.__class__)
    copy.__dict__.update(record.__dict__, **fields)
    return copy


ABSENT: None = None
Want = t.Dict[Key, t.Optional[Record]]


@dataclasses.dataclass
class Request:
    """What a module asks of the engine."""

    want: Want
    """In the order in which things were listed: addresses and routes keep it."""
    look: set[str] = field(default_factory=set)
    """Namespaces to look at besides those that `want` names."""
    lab: str | None = None
    """The lab that will own what is made; None for a module about single objects."""
    asked: dict[str, t.Any] | None = None
    """The lab in the words of its file, for the registry: what the lab is held against later."""
    source: str = ""
    """Where the lab file lies, on the controller."""
    force: bool = False
    """Also act on what a lab owns, or on what carries the machine's own connection."""
    adopt: bool = False
    """A lab may take over namespaces that stand already."""
    exact: bool = False
    """Inside the lab's own namespaces, remove what isn't wanted."""
    rollback: bool = True
    glance: bool = False
    """Neither what is wanted nor the result has addresses or routes: whether anything is to be changed can be told
    without looking at them."""
    complete: set[tuple[str, str]] = field(default_factory=set)
    """Links (namespace, name) of which all addresses are listed: others that stand there are removed."""
    passing: set[Key] = field(default_factory=set)
    """Keys that are wanted only to undo what the owner asked for once: nobody owns them from now on."""
    once: dict[Key, frozenset[str]] = field(default_factory=dict)
    """What is to be done whatever stands: ``restart``, ``restore`` a container, ``restart`` a process. The second look
    forgets it."""
    grace: float = 10.0
    """Seconds that a container that goes has for its shutdown, before it is killed."""
    returning: set[str] = field(default_factory=set)
    """Links of the machine, by the names that they have there, that shall come home from wherever they are lent to."""
    keeping: set[tuple[str, str]] = field(default_factory=set)
    """Lent links (namespace, name) that take their addresses and routes along."""
    borrowed: set[Key] = field(default_factory=set)
    """Links of the machine that this run may lend or give back; found out by `lending`."""
    confirm: float = 0.0
    """Seconds in which a loan has to be confirmed, else it is undone; 0: it needn't be."""
    turn: str = ""
    """Whom this run takes turns with, where that isn't the lab or all single objects: those with the same text."""
    origin: dict[Key, str] = field(default_factory=dict)
    """Where in the user's input a key was asked for (``links[3].endpoints[0]``), for messages."""

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The netlink requests of a link's steps, and the same steps in words. Private to `link`."""

from __future__ import annotations

import functools
import typing as t

from ..._kernel import codec
from ..._kernel.netlink import NLM_F_CREATE, NLM_F_EXCL
from .. import kinds
from ..records import Key, Link
from ..steps import Step
from ._link_rules import other_options, value_words
from .base import at

if t.TYPE_CHECKING:
    from ..ground import Ground

Attributes = t.List[t.Tuple[str, t.Any]]


def of(step: Step, ground: Ground) -> list[bytes]:
    """The requests of one step, to be sent in ``step.place``."""
    return {"create": _create, "delete": _delete, "move": _move, "change": _change}[step.verb](step, ground)


def _create(step: Step, ground: Ground) -> list[bytes]:
    wanted = t.cast(Link, step.after)
    kind = str(wanted.kind)
    ns, name = step.key[1], step.key[2]
    attributes = _own(name, wanted)
    data: Attributes = kinds.written(kind, kinds.to_ask(kind, wanted.options or ()))
    info: Attributes = [("IFLA_INFO_KIND", kind)]
    if wanted.lower is not None:
        option, lower = kinds.KINDS[kind].lower_option, ground.index(*wanted.lower)
        (attributes if option is None else data).append(("IFLA_LINK" if option is None else option[0], lower))
        if wanted.lower[0] != ns:
            info += [("IFLA_INFO_DATA", {"attrs": data})] if data else []
            return _create_from(wanted.lower[0], step.key, [*attributes, ("IFLA_LINKINFO", {"attrs": info})], ground)
    index = ground.choose_index(ns, name)
    if step.other is not None:
        # The end that the request is sent for is made in the namespace where it is sent, the other one where the
        # descriptor says: neither is ever moved. No IFF_UP in the peer's part: it isn't joined yet (ENOTCONN).
        far = step.other
        other = t.cast(Link, step.other_after)
        attributes += _queues(wanted)
        peer = [*_own(far[2], other), *_queues(other)]
        if far[1] != ns:
            peer.append(("IFLA_NET_NS_FD", ground.descriptor(far[1])))
        data = [("VETH_INFO_PEER", {"index": ground.choose_index(far[1], far[2]), "attrs": peer})]
    if data:
        info.append(("IFLA_INFO_DATA", {"attrs": data}))
    attributes.append(("IFLA_LINKINFO", {"attrs": info}))
    return [codec.link_message("RTM_NEWLINK", NLM_F_CREATE | NLM_F_EXCL, index=index, attrs=attributes)]


def _create_from(place: str, key: Key, attributes: Attributes, ground: Ground) -> list[bytes]:
    """A new link whose request is sent in the namespace of the link it stands on.

    Kernels before 6.15 refuse a name or an index that is taken in that namespace, though the link is made in another
    (net/core/rtnetlink.c, __rtnl_newlink). So the kernel chooses the index; and where the name is taken, the link is
    made under another one and moved.
    """
    _kind, ns, name = key
    taken = ground.taken(place, name)
    ground.arrives(ns, name)
    there = ("IFLA_NET_NS_FD", ground.descriptor(ns))
    flags = NLM_F_CREATE | NLM_F_EXCL
    if not taken:
        return [codec.link_message("RTM_NEWLINK", flags, attrs=[*attributes, there])]
    index = ground.passing_index()
    passing = [("IFLA_IFNAME", f"nl{index}"), *(pair for pair in attributes if pair[0] != "IFLA_IFNAME")]
    return [
        codec.link_message("RTM_NEWLINK", flags, index=index, attrs=passing),
        codec.link_message("RTM_NEWLINK", index=index, attrs=[there, ("IFLA_IFNAME", name)]),
    ]


def _own(name: str, wanted: Link) -> Attributes:
    attributes: Attributes = [("IFLA_IFNAME", name)]
    if wanted.mtu is not None:
        attributes.append(("IFLA_MTU", wanted.mtu))
    if wanted.mac is not None:
        attributes.append(("IFLA_ADDRESS", wanted.mac))
    return attributes


def _queues(wanted: Link) -> Attributes:
    """How many queues an end of a veth gets.

    By themselves kernels since 5.15 give it one for each processor that the machine could have, in each direction
    (drivers/net/veth.c, veth_get_num_queues). Each is time and memory, and only XDP and NAPI (GRO that somebody
    switched on) have a use for them.
    """
    senders, receivers = wanted.queues or (1, 1)
    if senders == receivers == _processors():
        return []  # one that is put back, and had been left to the kernel: of queues asked for it would use them all
    # A kernel without SMP tells of no queues to receive with.
    return [("IFLA_NUM_TX_QUEUES", senders), ("IFLA_NUM_RX_QUEUES", receivers or 1)]


@functools.cache
def _processors() -> int:
    """How many the machine could have; 0 where it doesn't say. Of one veth makes one queue anyway."""
    try:
        with open("/sys/devices/system/cpu/possible", encoding="ascii") as file:
            ranges = [part.split("-") for part in file.read().strip().split(",")]
        return sum(int(part[-1]) - int(part[0]) + 1 for part in ranges)
    except (OSError, ValueError):
        return 0


def _delete(step: Step, ground: Ground) -> list[bytes]:
    index = ground.index(step.key[1], step.key[2])
    ground.gone(step.key)
    return [codec.link_message("RTM_DELLINK", index=index)]


def _move(step: Step, ground: Ground) -> list[bytes]:
    (_kind, ns, name), target = step.key, t.cast(Key, step.other)
    index = ground.index(ns, name)
    ground.forget(ns, name)
    if ns != target[1]:
        ground.arrives(target[1], target[2])
        attributes = [("IFLA_NET_NS_FD", ground.descriptor(target[1])), ("IFLA_IFNAME", target[2])]
        return [codec.link_message("RTM_NEWLINK", index=index, attrs=attributes)]
    ground.learn(ns, target[2], index)
    # Only kernels since 6.2 rename a link that is up (net/core/dev.c, IFF_LIVE_RENAME_OK before).
    return [
        codec.link_message("RTM_NEWLINK", index=index, up=False),
        codec.link_message("RTM_NEWLINK", index=index, attrs=[("IFLA_IFNAME", target[2])]),
    ]


def _change(step: Step, ground: Ground) -> list[bytes]:
    wanted, (_kind, ns, name) = t.cast(Link, step.after), step.key
    index = ground.index(ns, name)
    if step.fields == ("up",):
        return [codec.link_message("RTM_NEWLINK", index=index, up=wanted.up)]
    messages = _settings(step, index, ground)
    if "options" in step.fields:
        kind = str(wanted.kind)
        table = kinds.KINDS[kind].options
        changed = [
            (option, (ground.index(ns, value) if value else 0) if table[option].names_port else value)
            for option, value, _stood in other_options(wanted, t.cast(Link, step.before))
        ]
        info = {"attrs": [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": kinds.written(kind, changed)})]}
        messages.append(codec.link_message("RTM_NEWLINK", index=index, attrs=[("IFLA_LINKINFO", info)]))
    if "altnames" in step.fields:
        have_names = set(t.cast(Link, step.before).altnames or ())
        names = [("IFLA_ALT_IFNAME", alt) for alt in wanted.altnames or () if alt not in have_names]
        messages.append(codec.link_message("RTM_NEWLINKPROP", NLM_F_CREATE | NLM_F_EXCL, index=index,
                                           attrs=[("IFLA_PROP_LIST", {"attrs": names})]))  # fmt: skip
    return messages


def _settings(step: Step, index: int, ground: Ground) -> list[bytes]:
    """MTU, MAC address and master: in one request, which the kernel reads in that order.

    A bond takes no link that is up, gives its MTU to a port, and gives back MTU and MAC address to one that leaves.
    """
    wanted, before = t.cast(Link, step.after), t.cast(Link, step.before)
    values = {"mtu": ("IFLA_MTU", wanted.mtu), "mac": ("IFLA_ADDRESS", wanted.mac)}
    if wanted.master is not None and "master" in step.fields:
        values["master"] = ("IFLA_MASTER", ground.index(step.key[1], wanted.master) if wanted.master else 0)
    requests: list[Attributes] = [[value for name, value in values.items() if name in step.fields]]
    messages = []
    if "master" in values and kinds.BOND in (before.master_kind, wanted.master_kind):
        requests = [[values[name]] for name in ("mac", "master", "mtu") if name in step.fields]
        if before.master_kind == kinds.BOND:
            requests.insert(0, [("IFLA_MASTER", 0)])  # and from there into another one, if that is wanted
        elif before.up:
            messages.append(codec.link_message("RTM_NEWLINK", index=index, up=False))
    return messages + [codec.link_message("RTM_NEWLINK", index=index, attrs=attrs) for attrs in requests if attrs]


def words(step: Step) -> str:
    """A step of a link as a person would say it."""
    here = at(step.key[1], step.key[2])
    because = f" ({step.why})" if step.why else ""
    if step.verb == "create":
        wanted = t.cast(Link, step.after)
        if step.other is not None:
            return f"create veth {here} - {at(step.other[1], step.other[2])}"
        on = f" on {at(*wanted.lower)}" if wanted.lower else ""
        return f"create {wanted.kind} {here}{on}"
    if step.verb == "delete":
        return f"delete link {here}{because}"
    if step.verb == "move":
        target = t.cast(Key, step.other)
        return f"{'rename' if target[1] == step.key[1] else 'move'} link {here} to {at(target[1], target[2])}{because}"
    wanted, have = t.cast(Link, step.after), t.cast(Link, step.before)
    if step.fields == ("up",):
        return f"set {here} {'up' if wanted.up else 'down'}{because}"
    return f"set {here} " + ", ".join(_change_words(name, wanted, have) for name in step.fields) + because


def _change_words(name: str, wanted: Link, have: Link) -> str:
    new, old = getattr(wanted, name), getattr(have, name)
    if name == "options":
        return ", ".join(
            f"{option} {value_words(value)} (was {value_words(stood)})"
            for option, value, stood in other_options(wanted, have)
        )
    if name == "altnames":
        return "altname " + ", ".join(alt for alt in new if alt not in (old or ()))
    if name == "master":
        return f"a port of {new}" + (f" (was of {old})" if old else "") if new else f"out of {old}"
    return f"{name} {new}" + (f" (was {old})" if old not in (None, new) else "")

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes, in every table but the kernel's own."""

from __future__ import annotations

import errno
import socket
import struct
import typing as t
from dataclasses import replace

from ..._kernel.decode import RTNH_F_ONLINK
from ..._kernel.netlink import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from ..errors import LabError
from ..records import MAIN_TABLE, Hop, Key, Route
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question, going, inside

if t.TYPE_CHECKING:
    from ..._kernel.decode import RouteRow
    from ..._kernel.errors import KernelError
    from ..._kernel.netlink import Socket
    from ..ground import Ground
    from ..view import View

TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8, "throw": 9}
_TYPE_NAMES = {number: name for name, number in TYPES.items()}
PROTOCOLS = {"unspec": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "gated": 8, "ra": 9, "mrt": 10,
             "zebra": 11, "bird": 12, "dnrouted": 13, "xorp": 14, "ntk": 15, "dhcp": 16, "mrouted": 17,
             "keepalived": 18,
             "babel": 42, "ovn": 84, "bgp": 186, "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192}  # fmt: skip
"""Names of rtm_protocol, as in iproute2's rt_protos."""
_PROTOCOL_NAMES = {number: name for name, number in PROTOCOLS.items()}
DERIVED = frozenset({"kernel", "ra", "redirect"})
"""Made by the kernel from something else: never wanted, never removed."""
DYNAMIC = DERIVED | {"zebra", "bird", "bgp", "ospf", "isis", "rip", "eigrp", "babel", "dhcp", "ovn", "keepalived"}
"""Somebody's daemon looks after them: `exact` leaves them alone."""
_DERIVED_NUMBERS = frozenset(PROTOCOLS[name] for name in DERIVED)
_RTA_NH_ID = 30
_SCOPE_LINK = 253
_SCOPE_NOWHERE = 255


class RouteKind(Kind):
    """See the module's docstring."""

    kind = "route"

    def __init__(self) -> None:
        self.proposals = ((Phase.ROUTE, self._change), (Phase.ROUTE, self._delete))

    def observe(self, view: View) -> None:
        ns, names = view.ns, view.names
        for row in view.routes:
            record = recorded(row, names)
            if record is None:
                continue
            key: Key = ("route", ns, row.table, row.dst, row.tos, row.metric)
            twin = 0
            while view.has(key):  # IPv4 `append` makes several under one key; the first is the one in use
                twin += 1
                key = (*key[:6], twin)
            view.put(key, record)

    def _change(self, question: Question) -> t.Iterator[Step]:
        state = question.state
        for key, wanted in question.items:
            if wanted is None:
                continue
            have = t.cast(t.Optional[Route], state.get(key))
            if have is not None and not differences(wanted, have):
                continue
            for hop in wanted.hops or ():
                if hop.dev is not None and ("link", key[1], hop.dev) not in state:
                    raise LabError(
                        f"there is no link {hop.dev} {inside(key[1])} for the route to {destination(key)}",
                        question.request.origin.get(key),
                    )
            depth = 1 if any(hop.via for hop in wanted.hops or ()) else 0
            if have is None:
                yield Step(Phase.ROUTE, "create", key, None, wanted, depth=depth)
                continue
            fields = differences(wanted, have)
            if "type" in fields and ":" in key[3]:
                # IPv6 keeps a blackhole and a unicast route of one metric side by side.
                yield Step(Phase.ROUTE, "delete", key, have, why=f"is {have.type}, wanted {wanted.type}")
                yield Step(Phase.ROUTE, "create", key, None, wanted, depth=depth)
            else:
                yield Step(Phase.ROUTE, "change", key, have, wanted, fields, depth=depth)

    def _delete(self, question: Question) -> t.Iterator[Step]:
        for key, wanted in question.items:
            have = question.state.get(key)
            if wanted is None and have is not None and not going(question, key[1]):
                yield Step(Phase.ROUTE, "delete", key, have, depth=2)

    def effect(self, step: Step, state: State) -> None:
        from ..effects_ip import route_made

        if step.verb == "delete":
            state.drop(step.key)
            return
        route_made(state, step.key, t.cast(Route, step.after))

    def messages(self, step: Step, ground: Ground) -> list[bytes]:
        from ..._kernel import codec

        _kind, ns, table, target, tos, metric = step.key[:6]
        record = t.cast(Route, step.before if step.verb == "delete" else step.after)
        if step.verb != "delete" and record.kept is not None:
            return [_again(step, record, ground)]
        if step.verb == "change":
            record = replace(t.cast(Route, step.before), **{
                name: value for name in ("hops", "type", "protocol", "source", "mtu", "onlink")
                if (value := getattr(record, name)) is not None})  # fmt: skip
        family = socket.AF_INET6 if ":" in target else socket.AF_INET
        network, _slash, length = target.partition("/")
        attributes: list[tuple[t.Any, t.Any]] = []
        if int(length):
            attributes.append(("RTA_DST", network))
        if metric:
            attributes.append(("RTA_PRIORITY", metric))
        if record.source:
            attributes.append(("RTA_PREFSRC", record.source))
        if record.mtu:
            attributes.append(("RTA_METRICS", {"attrs": [("RTAX_MTU", record.mtu)]}))
        hops = record.hops or ()
        flags = RTNH_F_ONLINK if record.onlink else 0
        if record.nexthop and step.verb == "delete":  # the kernel takes no hops then (net/ipv4/fib_semantics.c)
            attributes.append((_RTA_NH_ID, struct.pack("=I", record.nexthop)))
        elif len(hops) == 1:
            attributes += _hop(hops[0], family, ns, ground)
        elif hops:
            attributes.append(("RTA_MULTIPATH", [
                {"oif": ground.index(ns, hop.dev) if hop.dev else 0, "hops": hop.weight - 1, "flags": flags,
                 "attrs": [pair for pair in _hop(hop, family, ns, ground) if pair[0] != "RTA_OIF"]}
                for hop in hops
            ]))  # fmt: skip
        name, request = {
            "create": ("RTM_NEWROUTE", NLM_F_CREATE | NLM_F_EXCL),
            "change": ("RTM_NEWROUTE", NLM_F_CREATE | NLM_F_REPLACE),
            "delete": ("RTM_DELROUTE", 0),
        }[step.verb]
        kind = record.type or "unicast"
        protocol = record.protocol or "static"
        number = PROTOCOLS[protocol] if protocol in PROTOCOLS else int(protocol)
        deleting = step.verb == "delete"
        return [codec.route_message(
            name, request, family=family, dst_len=int(length), table=table, tos=tos, protocol=number, type=TYPES[kind],
            scope=_SCOPE_NOWHERE if deleting else _scope(family, kind, hops),
            route_flags=flags if len(hops) == 1 else 0, attrs=attributes,
        )]  # fmt: skip

    def comes_yet(self, step: Step, refusal: KernelError, channel: Socket) -> bool:
        """An IPv6 route takes no preferred source address that is still tentative."""
        record = t.cast(Route, step.after)
        if step.verb == "delete" or refusal.errno != errno.EINVAL or not record.source or ":" not in step.key[3]:
            return False
        from ..._kernel import tentative

        return tentative.settles(channel, record.source)

    def say(self, step: Step) -> str:
        record = t.cast(Route, step.before if step.verb == "delete" else step.after)
        verb = {"create": "add", "change": "change", "delete": "delete"}[step.verb]
        if step.verb == "change":
            record = replace(t.cast(Route, step.before), **{
                name: getattr(record, name) for name in step.fields if getattr(record, name) is not None})  # fmt: skip
            return f"change route {text(step.key, record)} {inside(step.key[1])} (was {text(step.key, step.before)})"
        because = f" ({step.why})" if step.why else ""
        return f"{verb} route {text(step.key, record)} {inside(step.key[1])}{because}"

    def show(self, key: Key, record: Route) -> tuple[tuple[str, ...], t.Any]:
        return ("routes",), [text(key, record)]


def recorded(row: RouteRow, names: t.Mapping[int, str]) -> Route | None:
    """A route as a record; None for one that comes from something else. `names` are those of the links, by index."""
    kind = _TYPE_NAMES.get(row.type)
    if row.protocol in _DERIVED_NUMBERS or kind is None:
        return None
    hops: tuple[Hop, ...] = ()
    if kind == "unicast":
        hops = tuple(Hop(via, names.get(index, "") if index else None, weight) for via, index, weight in row.hops)
    protocol = _PROTOCOL_NAMES.get(row.protocol, str(row.protocol))
    onlink = bool(row.flags & RTNH_F_ONLINK)
    return Route(hops, kind, protocol, row.prefsrc or "", row.mtu, onlink, nexthop=row.nexthop_id)


def _again(step: Step, record: Route, ground: Ground) -> bytes:
    """A route that comes back by the message that once told of it."""
    from ..._kernel import kept

    indexes = [ground.index(step.key[1], hop.dev) if hop.dev else 0 for hop in record.hops or ()]
    # IPv4's `append` makes a second one under the same key. Else replacing: what sets up the machine's network, such as
    # a DHCP client, may have been quicker.
    is_twin = len(step.key) > 6 and step.verb == "create"
    flags = NLM_F_CREATE | (NLM_F_APPEND if is_twin else NLM_F_REPLACE)
    return kept.route(record.kept, indexes, flags, by_object=_object_stands(step.key[1], record.nexthop, ground))


def _object_stands(ns: str, nexthop: int, ground: Ground) -> bool:
    if not nexthop:
        return False
    from ..._kernel import policy

    ground.visit.enter(ns)
    return nexthop in policy.read_nexthops(ground.visit.socket())


def differences(wanted: Route, have: Route) -> tuple[str, ...]:
    """Names of the fields that were asked for and stand otherwise. A hop without a link matches whichever was found."""
    found = []
    if wanted.hops is not None and wanted.type in (None, "unicast") and not _same_hops(wanted.hops, have.hops or ()):
        found.append("hops")
    for name in ("type", "protocol", "source", "mtu", "onlink"):
        asked = getattr(wanted, name)
        if asked is not None and asked != getattr(have, name):
            found.append(name)
    return tuple(found)


def _same_hops(wanted: tuple[Hop, ...], have: tuple[Hop, ...]) -> bool:
    if wanted == have:
        return True
    if len(wanted) != len(have):
        return False
    left = list(have)
    for hop in wanted:
        for other in left:
            if hop.via == other.via and hop.weight == other.weight and hop.dev in (None, other.dev):
                left.remove(other)
                break
        else:
            return False
    return True


def destination(key: Key) -> str:
    """The destination as ``ip route`` prints it."""
    return "default" if key[3] in ("0.0.0.0/0", "::/0") else str(key[3])


def text(key: Key, record: t.Any) -> str:
    """A route in the words of ``ip route``."""
    kind = record.type or "unicast"
    words = [destination(key) if kind == "unicast" else f"{kind} {destination(key)}"]
    if key[3] == "::/0":
        words[-1] += " (IPv6)"
    hops = record.hops or ()
    for hop in hops:
        if len(hops) > 1:
            words.append("nexthop")
        if hop.via:
            words.append(f"via {hop.via}")
        if hop.dev:
            words.append(f"dev {hop.dev}")
        if len(hops) > 1 and hop.weight != 1:
            words.append(f"weight {hop.weight}")
    if key[2] != MAIN_TABLE:
        words.append(f"table {key[2]}")
    if key[5] and not (":" in key[3] and key[5] == 1024):
        words.append(f"metric {key[5]}")
    if record.source:
        words.append(f"src {record.source}")
    if record.mtu:
        words.append(f"mtu {record.mtu}")
    if record.onlink:
        words.append("onlink")
    return " ".join(words)


def _hop(hop: Hop, family: int, ns: str, ground: Ground) -> list[tuple[str, t.Any]]:
    attributes: list[tuple[str, t.Any]] = []
    if hop.dev:
        attributes.append(("RTA_OIF", ground.index(ns, hop.dev)))
    if hop.via:
        if (":" in hop.via) == (family == socket.AF_INET6):
            attributes.append(("RTA_GATEWAY", hop.via))
        else:  # an IPv4 destination by way of an IPv6 neighbour (RFC 5549)
            attributes.append(("RTA_VIA", {"family": socket.AF_INET6, "addr": hop.via}))
    return attributes


def _scope(family: int, kind: str, hops: tuple[Hop, ...]) -> int:
    """What ``ip route`` chooses (iproute2, ip/iproute.c): IPv4 routes straight onto a link have link scope."""
    if family == socket.AF_INET and kind == "unicast" and hops and not any(hop.via for hop in hops):
        return _SCOPE_LINK
    return 0

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses of links."""

from __future__ import annotations

import socket
import typing as t
from dataclasses import replace

from ..._kernel.decode import IFA_F_PERMANENT
from ..._kernel.netlink import NLM_F_CREATE, NLM_F_EXCL
from ..errors import LabError
from ..records import Address, Key, Link, Sysctl
from ..state import State
from ..steps import Phase, Step
from .base import Kind, Question, at, differing, going, inside

if t.TYPE_CHECKING:
    from ..._kernel.decode import AddressRow
    from ..ground import Ground
    from ..view import View

LOOPBACK = ("127.0.0.1/8", "::1")
"""What a loopback is given by the kernel when it goes up without any; the first one it keeps when it goes down."""
_LINK_LOCAL = "fe80:"
_TEMPORARY = 0x1
"""IFA_F_TEMPORARY: made by the privacy extensions of IPv6. Of IPv4 the same bit is IFA_F_SECONDARY."""
_PROTO_KERNEL = (1, 2, 3)
"""IFAPROT_KERNEL_LO, _RA, _LL: the kernel made it (linux/if_addr.h, Linux 5.18)."""


class AddressKind(Kind):
    """See the module's docstring."""

    kind = "address"

    def __init__(self) -> None:
        self.proposals = (
            (Phase.ADDRESS, self._settle),
            (Phase.ADDRESS, self._add),
            (Phase.ADDRESS, self._delete),
            (Phase.ADDRESS, self._add_again),
        )

    def observe(self, view: View) -> None:
        ns, names = view.ns, view.names
        place = 0
        lists: dict[str, list[Key]] = {}
        for row in view.addresses:
            # Derived ones are never removed, and wanted only where a lent link comes home with them: link-local ones
            # that the kernel made, and those that DHCP, router advertisements or privacy extensions brought (they
            # aren't permanent). So are the loopback's own, which somebody may have listed beside others.
            link = names.get(row.index, "")
            name, prefix = named(row)
            key: Key = ("address", ns, link, name)
            if key not in view.wants and (name in LOOPBACK or is_derived(row)):
                continue
            place += 1
            view.put(key, Address(prefix, place))
            if row.family == socket.AF_INET:
                lists.setdefault(link, []).append(key)
        for link, keys in lists.items():
            _see_what_goes_along(view, link, keys)

    def _settle(self, question: Question) -> t.Iterator[Step]:
        """Delete what must go before others can be added: another prefix length, or a wrong primary of a subnet."""
        for key, wanted in question.items:
            have = question.state.get(key)
            if wanted is not None and have is not None and differing(wanted, have):
                yield Step(Phase.ADDRESS, "delete", key, have, why=f"has the prefix /{have.prefix}", depth=0)
        for key, have in _out_of_order(question):
            yield Step(Phase.ADDRESS, "delete", key, have, why="another one comes first in its subnet", depth=0)

    def _add(self, question: Question) -> t.Iterator[Step]:
        state = question.state
        for key, wanted in question.items:
            if wanted is None or key in state:
                continue
            if ("link", key[1], key[2]) not in state:
                raise LabError(
                    f"there is no link {key[2]} {inside(key[1])} for the address {key[3]}",
                    question.request.origin.get(key),
                )
            yield Step(Phase.ADDRESS, "create", key, None, wanted, depth=1)

    def _add_again(self, question: Question) -> t.Iterator[Step]:
        """What a primary address took along."""
        for step in self._add(question):
            yield replace(step, depth=3, why="went with the first one of its subnet")

    def _delete(self, question: Question) -> t.Iterator[Step]:
        # After the new ones: with its last address a link loses its routes.
        for key in _unwanted(question):
            have = question.state.get(key)
            if have is not None and not going(question, key[1]):
                yield Step(Phase.ADDRESS, "delete", key, have, depth=2)

    def effect(self, step: Step, state: State) -> None:
        from ..effects_ip import address_gone, address_made

        if step.verb == "delete":
            address_gone(state, step.key)
        else:
            address_made(state, step.key, t.cast(Address, step.after))

    def messages(self, step: Step, ground: Ground) -> list[bytes]:
        _kind, ns, link, name = step.key
        index = ground.index(ns, link)
        if step.verb == "create" and t.cast(Address, step.after).kept is not None:
            from ..._kernel import kept

            return [kept.address(t.cast(Address, step.after).kept, index, link)]
        if ":" in name:
            prefix = t.cast(Address, step.before if step.verb == "delete" else step.after).prefix
            return [_message(step.verb, socket.AF_INET6, index, name, name, 128 if prefix is None else prefix)]
        local, _peer, rest = name.partition(" peer ")
        if rest:
            peer, _slash, length = rest.partition("/")
        else:
            local, _slash, length = name.partition("/")
            peer = local
        return [_message(step.verb, socket.AF_INET, index, local, peer, int(length))]

    def say(self, step: Step) -> str:
        where = at(step.key[1], step.key[2])
        if step.verb == "delete":
            return f"delete address {text(step.key, step.before)} from {where}" + (f" ({step.why})" if step.why else "")
        return f"add address {text(step.key, step.after)} to {where}" + (f" ({step.why})" if step.why else "")

    def show(self, key: Key, record: Address) -> tuple[tuple[str, ...], t.Any]:
        return ("links", key[2], "addresses"), [text(key, record)]


def named(row: AddressRow) -> tuple[str, int | None]:
    """How the key of an address ends, and the prefix length of its record."""
    if row.family == socket.AF_INET6:
        return row.local, row.prefixlen
    if row.peer is not None:
        return f"{row.local} peer {row.peer}/{row.prefixlen}", None
    return f"{row.local}/{row.prefixlen}", None


def is_derived(row: AddressRow) -> bool:
    """Whether an address comes from something else, or goes by itself."""
    if row.protocol in _PROTO_KERNEL or not row.flags & IFA_F_PERMANENT:
        return True
    return row.family == socket.AF_INET6 and row.local.startswith(_LINK_LOCAL)


def makes_itself(row: AddressRow) -> bool:
    """Whether an address comes back without anybody's doing, as soon as its link is up and a router is heard."""
    return row.protocol in _PROTO_KERNEL or (row.family == socket.AF_INET6 and bool(row.flags & _TEMPORARY))


def _unwanted(question: Question) -> t.Iterator[Key]:
    """Addresses that are wanted gone, those that a link with another name by now has brought along from where they
    belong, and those that a complete list leaves out."""
    want, state = question.request.want, question.state
    for key, wanted in question.items:
        if wanted is None:
            yield key
        name = _now_called(question, key[1], key[2])
        if name != key[2] and want.get((*key[:2], name, key[3])) is None:
            yield (*key[:2], name, key[3])
    if not question.request.complete:
        return
    from ..effects_ip import addresses_of

    for ns, link in sorted(question.request.complete):  # check mode and the run, two processes, say it in one order
        for key, _record in addresses_of(state, ns, link):
            if want.get(key) is None:
                yield key


def _now_called(question: Question, ns: str, name: str) -> str:
    """What a step has renamed a link to. Links keep their index within a namespace."""
    stood = question.have.get(("link", ns, name))
    stands = question.state.get(("link", ns, name))
    if not isinstance(stood, Link) or not stood.index or (isinstance(stands, Link) and stands.index == stood.index):
        return name
    return next((key[2] for key, link in question.state.of(ns, "link") if link.index == stood.index), name)


def _see_what_goes_along(view: View, link: str, keys: t.Sequence[Key]) -> None:
    """Note whether secondary addresses outlive their primary one (promote_secondaries of all or the link).

    Asked only where an address may go, or come to stand in another order: most links have one, and keep it. Where the
    whole namespace goes, all of them do.
    """
    if len(keys) == 1 and view.want(keys[0]) is not None:
        return
    if view.wants.get(("namespace", view.ns), view.ns) is None:
        return
    for name in ("all", link):
        sysctl: Key = ("sysctl", view.ns, f"net/ipv4/conf/{name}/promote_secondaries")
        value = None if view.has(sysctl) else view.sysctls.read(sysctl[2])
        if value is not None:
            view.put(sysctl, Sysctl(value))


def text(key: Key, record: t.Any) -> str:
    """An address with its prefix length."""
    return key[3] if ":" not in key[3] else f"{key[3]}/{128 if record.prefix is None else record.prefix}"


def _message(verb: str, family: int, index: int, local: str, peer: str, prefix: int) -> bytes:
    from ..._kernel import codec

    attributes: list[tuple[str, t.Any]] = [("IFA_LOCAL", local), ("IFA_ADDRESS", peer)]
    name, flags = "RTM_DELADDR", 0
    if verb != "delete":
        name, flags = "RTM_NEWADDR", NLM_F_CREATE | NLM_F_EXCL
        if family == socket.AF_INET and prefix <= 30 and local == peer:
            attributes.append(("IFA_BROADCAST", broadcast(local, prefix)))
    return codec.address_message(name, flags, family=family, index=index, prefixlen=prefix, attrs=attributes)


def broadcast(local: str, prefix: int) -> str:
    """The last address of the subnet, which ``ip address add`` sets only when asked (brd +) and every lab expects."""
    number = int.from_bytes(socket.inet_aton(local), "big") | ((1 << (32 - prefix)) - 1)
    return socket.inet_ntoa(number.to_bytes(4, "big"))


def _out_of_order(question: Question) -> t.Iterator[tuple[Key, t.Any]]:
    """Standing IPv4 addresses that an earlier one of the list must precede, and doesn't.

    The kernel keeps the first addresses of all subnets in the order in which they came, and behind them the other ones
    in theirs; the very first is what a program gets that doesn't ask for one. What stands behind a gap in the listed
    order is taken off and added again.
    """
    lists: dict[tuple[str, str], list[Key]] = {}
    for key, wanted in question.items:
        if wanted is not None and ":" not in key[3]:
            lists.setdefault((key[1], key[2]), []).append(key)
    for keys in lists.values():
        if len(keys) < 2 or not any(key in question.state for key in keys):
            continue
        from ..effects_ip import subnet

        subnets: dict[str, list[Key]] = {}
        for key in keys:
            subnets.setdefault(subnet(key[3]), []).append(key)
        firsts = _behind_a_gap(question.state, [members[0] for members in subnets.values()])
        for members in subnets.values():
            misplaced = members if members[0] in firsts else _behind_a_gap(question.state, members)
            for key in reversed(misplaced):
                have = question.state.get(key)
                if have is not None:
                    yield key, have


def _behind_a_gap(state: State, keys: t.Sequence[Key]) -> list[Key]:
    """Of addresses in their wanted order, those from the first one on that is missing or stands too early."""
    last = 0
    for place, key in enumerate(keys):
        have = t.cast(t.Optional[Address], state.get(key))
        if have is None or have.index < last:
            return list(keys[place:])
        last = have.index
    return []

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going back is planning backwards: the request that asks for what stood before. Pure but for decoding options."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import bonds, kinds
from .memory import own_of_loopbacks
from .plan import Plan, reached
from .records import (
    MACHINE,
    OUTLASTING,
    Address,
    Container,
    Key,
    Link,
    Namespace,
    Program,
    Record,
    Request,
    Route,
    Want,
    Wish,
)
from .state import State
from .sysctl_names import link_of


def request(plans: t.Sequence[Plan], now: State, new: t.Container[str]) -> Request:
    """What to ask for so that everything that a failed run may have changed is as it was.

    `plans` are those that it did or began to do, in their order, each with what is known of what stood before it; `new`
    are the namespaces that it made. One that others made in the meantime, under a name that was free before, is theirs.
    Only namespaces that the plans touch, and of the machine's own only what they touch there: what others do elsewhere
    meanwhile is none of their business.
    """
    want: Want = {}
    before = stood(plans)
    on_machine = {key for made in plans for key in _on_machine(made)}
    given = {step.key for made in plans for step in made.steps if "mac" in step.fields}
    lent = {source: target for made in reversed(plans) for source, target in _lent(made).items()}
    for ns in dict.fromkeys(ns for made in plans for ns in reached(made)):
        if not before.lives(ns):  # a dead file that a crash had left isn't put back
            theirs = ns not in new and ("namespace", ns) in now
            for key, record in now.space(ns).items():
                if key[0] in OUTLASTING and not (theirs and all(made.after.get(key) != record for made in plans)):
                    want[key] = wanted(before.get(key)) if key in before else None
            if not theirs:
                want["namespace", ns] = None
            continue
        names = {record.index: key[2] for key, record in before.of(ns, "link")}
        for key, record in before.space(ns).items():
            if key[0] != "occupants" and (ns != MACHINE or key in on_machine):
                want[key] = wanted(record, names)
                if key in lent:
                    want[key] = _moved_back(t.cast(Link, record), lent[key])
                if key not in given and _has_a_ports_mac(before, key, record):
                    want[key] = replace(t.cast(Link, want[key]), mac=None)
        for key in now.space(ns):
            if key not in before and any(_is_ours(key, now, made) for made in plans):
                want[key] = None
    for key in (key for made in plans for key in own_of_loopbacks(made)):
        if key in before:
            want.pop(key, None)  # it stands, where it stood among the others
        else:
            want[key] = None
    return Request(want, lab=None, force=True, rollback=False, complete=_complete(plans, want))


def stood(plans: t.Sequence[Plan]) -> State:
    """What stood before a run, as far as its plans know: a later one was made by looking again, and may be about what
    the first one had nothing to do with. Then what was seen last stood before."""
    first, *later = plans
    if not later:
        return first.before
    before = first.before.fork()
    named: set[Key] = set()
    seen: set[str] = set()
    for made, following in zip(plans, later):
        named |= _named(made)
        seen.update(reached(made))
        for key in _named(following) - named:
            record = following.before.get(key)
            if (
                key[1] not in seen
                or key[1] == MACHINE
                or (key[0] in ("sysctl", "keepsake") and _had_its_link(before, key))
            ):
                if record is None:
                    before.drop(key)
                else:
                    before.put(key, record)
    return before


def _had_its_link(before: State, key: Key) -> bool:
    """Whether a sysctl or a keepsake that nobody asked for at first was there all the same."""
    link = link_of(key[2]) if key[0] == "sysctl" else key[2]
    return key not in before and (link is None or ("link", key[1], link) in before)


def _named(made: Plan) -> set[Key]:
    """What a plan changes, by a step or by what follows from it."""
    found = {key for step in made.steps for key in (step.key, step.other) if key is not None}
    for ns in reached(made):
        one, other = made.before.space(ns), made.after.space(ns)
        if one is not other:
            found.update(key for key in {**one, **other} if one.get(key) != other.get(key))
    return found


def _lent(made: Plan) -> dict[Key, Key]:
    """The links that the plan lends or takes home, each with where it goes: they are moved back, and not made anew."""
    return {
        step.key: step.other
        for step in made.steps
        if step.verb == "move" and step.other is not None and isinstance(step.after, Link) and step.after.kind is None
    }


def _moved_back(stood: Link, target: Key) -> Link:
    return Link(
        mtu=stood.mtu, mac=stood.mac or None, up=stood.up, master=stood.master, master_kind=stood.master_kind,
        altnames=stood.altnames or None, source=(target[1], target[2]),
    )  # fmt: skip


def _on_machine(made: Plan) -> set[Key]:
    """What stood on the machine and is asked back: what a plan touches, by a step or by what follows from it, what lies
    on links that it touches, and the bridges that these join or leave, which take on the MAC address of a port."""
    before, after = made.before.space(MACHINE), made.after.space(MACHINE)
    found = {key for step in made.steps for key in (step.key, step.other) if key is not None and key[1] == MACHINE}
    if before is not after:
        found.update(key for key in {**before, **after} if before.get(key) != after.get(key))
    links = {key[2] for key in found if key[0] in ("link", "address")}
    found.update(key for key, record in before.items() if links & _links_of(key, record))
    ends = [space.get(("link", MACHINE, name)) for name in links for space in (before, after)]
    found.update(("link", MACHINE, end.master) for end in ends if isinstance(end, Link))
    return found


def _links_of(key: Key, record: Record) -> set[str | None]:
    """The links that something lies on."""
    if isinstance(record, Route):
        return {hop.dev for hop in record.hops or ()}
    return {link_of(key[2])} if key[0] == "sysctl" else {key[2]} if key[0] in ("link", "address", "keepsake") else set()


def _complete(plans: t.Sequence[Plan], want: Want) -> set[tuple[str, str]]:
    """The links whose addresses are all asked back: other ones that stand there go.

    On the machine only those that a plan gave other names, which take addresses along that no step is about: others
    may have added some to the rest.
    """
    steps = [step for made in plans for step in made.steps]
    moved = {key for step in steps if step.verb == "move" for key in (step.key, step.other)}
    return {
        (key[1], key[2])
        for key, record in want.items()
        if isinstance(record, Link) and (key[1] != MACHINE or key in moved)
    }


def _has_a_ports_mac(state: State, key: Key, record: Record) -> bool:
    """A bridge takes its MAC address from its ports until it is given one, which would be the end of that."""
    if not isinstance(record, Link) or record.kind != "bridge":
        return False
    return any(link.master == key[2] and link.mac == record.mac for _port, link in state.of(key[1], "link"))


def _is_ours(key: Key, now: State, made: Plan) -> bool:
    """Whether something that stands now and didn't before comes from the plan: it was wanted, or lies on what was."""
    if key[0] not in ("link", "address", "route", "rule") and key[0] not in OUTLASTING:
        return False
    if key in made.after:
        return key not in made.before
    if key[0] == "address":
        link: Key = ("link", key[1], key[2])
        return link not in made.before and _is_ours(link, now, made)
    record = now.get(key)
    if isinstance(record, Link):  # halfway through names that change places
        return record.peer is not None and ("link", *record.peer) in made.after
    return False


def wanted(record: Record, names: t.Mapping[int, str] | None = None) -> Record | None:
    """An observed record as something to ask for: every field that the kernel lets us set.

    `names` are those of the links beside it, by index.
    """
    if isinstance(record, Namespace):
        return Namespace(owner=record.owner or "")
    if isinstance(record, Address):
        return Address(prefix=record.prefix, kept=record.kept)
    if isinstance(record, Container):
        return _container(record)
    if isinstance(record, Program):
        return replace(record, joined=None) if record.state == "running" else Program("stopped")
    if not isinstance(record, Link):
        return record
    if record.kind not in kinds.KINDS:
        return replace(record, kind=None, peer=None, lower=None, altnames=None, options=None)
    options = record.options
    if options is None and record.data and kinds.KINDS[record.kind].options:
        options = kinds.read_back(record.kind, kinds.attributes(record.kind, record.data), names or {})
    elif options and record.data:
        # What the kernel hid was noted as the run that failed asked for it: what it had been, nobody knows.
        shown, table = kinds.attributes(record.kind, record.data), kinds.KINDS[record.kind].options
        options = tuple((name, value) for name, value in options if not table[name].hidden(shown))
    if record.kind == kinds.BOND and options:
        options = tuple(sorted(bonds.applicable(dict(options)).items()))
    peer = record.peer if record.peer is not None and record.peer[0] != "?" else None
    lower = record.lower if record.lower is not None and record.lower[0] != "?" else None
    return replace(
        record,
        peer=peer,
        lower=lower,
        options=options,
        altnames=record.altnames or None,
        mac=record.mac if kinds.KINDS[record.kind].arp else None,
    )


def _container(record: Container) -> Container | None:
    """A container with the very text of its configuration. One that was never finished isn't asked back."""
    if record.state == "broken":
        return None
    from .._lxc.config import Edit

    state = record.state if record.state != "stuck" else None
    return Container(state, wish=Wish(edits=(Edit("text", record.text),)))

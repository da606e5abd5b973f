# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that would cut the machine off from its default route, or from the connection that Ansible came by.

What has to stay is found by `_kernel.guard`; which steps touch it is said here. Steps are guarded, not links: another
MTU or one more address harms nobody. Side effects count, so the plan's end is held against its beginning too.
"""

from __future__ import annotations

import re
import typing as t

from .._kernel.visit import Visit
from .derived_names import LAB_ALTNAME
from .errors import LabError
from .names import IPV6_LEAST_MTU
from .plan import Plan, say
from .records import MACHINE, Key, Link, Sysctl
from .state import State
from .steps import Step
from .sysctl_names import link_of

if t.TYPE_CHECKING:
    from .._kernel import guard

_CUTTING_FIELDS = frozenset({"master", "mac"})
_A_PORT = "is a port of "
_FORWARDING_6 = re.compile(r"net/ipv6/conf/(?!default/)[^/]+/forwarding")
"""Of all links or of one: either way the kernel forgets the default routes that any link has learned
(net/ipv6/addrconf.c, addrconf_fixup_forwarding)."""
_ACCEPT_RA = "net/ipv6/conf/{}/accept_ra"
_SWITCH_6 = "/disable_ipv6"


def check(visit: Visit, made: Plan) -> list[str]:
    """Raise LabError if the plan would cut the machine off; return what can't be seen from here, for warnings.

    Called only for plans that don't leave the machine's own namespace alone.
    """
    from .._kernel import guard

    protected = guard.gather(visit)
    if protected.advertised and any(_forwards_6(step) for step in made.steps):
        _forget_those_that_listen_anyhow(visit, protected)
    for step in made.steps:
        reason = _cut_by(step, protected, made)
        if reason:
            raise LabError(f"{say(step)}: refused, for {reason}; `force: true` does it all the same")
    lost = _lost(made, protected)
    if lost:
        raise LabError(f"refused, for {lost}, and would be cut off; `force: true` does it all the same")
    return protected.notes if any(step.before is not None and step.key[1] == MACHINE for step in made.steps) else []


def _forwards_6(step: Step) -> bool:
    return step.key[:2] == ("sysctl", MACHINE) and _FORWARDING_6.fullmatch(step.key[2]) is not None


def _forget_those_that_listen_anyhow(visit: Visit, protected: guard.Protected) -> None:
    """Links that heed router advertisements even where the machine forwards: their routes stay."""
    from .._kernel.sysctls import Sysctls

    sysctls = Sysctls(visit)
    visit.enter(MACHINE)
    for link in list(protected.advertised):
        if sysctls.read(_ACCEPT_RA.format(link)) == "2":
            del protected.advertised[link]


def _cut_by(step: Step, protected: guard.Protected, made: Plan) -> str:
    """Why a step must not be done; empty where it may."""
    kind, ns = step.key[0], step.key[1]
    if kind == "link":
        if ns == MACHINE:
            reason = protected.links.get(step.key[2])
            near, why = step.before, reason
        else:
            reason = protected.far.get((ns, step.key[2]))
            peer = getattr(step.before, "peer", None) or ("", "")
            near, why = made.before.get(("link", *peer)), protected.links.get(peer[1])
        if reason and _cuts_link(step) and not _may_go(near, why or ""):
            return f"{step.key[2]} {reason}"
    elif ns != MACHINE or step.verb == "create":
        return ""
    elif kind == "address":
        reason = protected.addresses.get((step.key[2], _bare(step.key)))
        if reason:
            return f"it {reason}"
    elif kind == "route":
        reason = protected.routes.get(step.key[2:6])
        if reason:
            return f"it {reason}"
    elif kind == "rule":
        from .._kernel.kept import rule_table

        table = rule_table(bytes.fromhex(step.key[2]))
        reason = next((why for key, why in protected.routes.items() if key[0] == table), "")
        if reason:
            return f"it leads to a route that {reason}"
    elif kind == "sysctl":
        return _cut_by_sysctl(step, protected)
    return ""


def _cut_by_sysctl(step: Step, protected: guard.Protected) -> str:
    """Why a sysctl of the machine must not be written. What it does to addresses and routes that are known beforehand,
    the plan's effects tell; a route that was learned from an advertisement isn't among them."""
    name, value = step.key[2], t.cast(Sysctl, step.after).value
    link = link_of(name)
    if _forwards_6(step) and value != "0":
        for other, reason in protected.advertised.items():
            return f"{other} {reason}, which goes with forwarding unless {_ACCEPT_RA.format(other)} is 2"
    if link in protected.advertised and name == _ACCEPT_RA.format(link) and value == "0":
        return f"{link} {protected.advertised[link]}, which ends with that"
    if name.endswith(_SWITCH_6) and value != "0":
        concerned = protected.links if link is None else {link}
        for other, address in protected.addresses:
            if ":" in address and other in concerned and "/default/" not in name:
                return f"{other} has {address}, which {protected.addresses[other, address]}"
    return ""


def _cuts_link(step: Step) -> bool:
    if step.verb in ("delete", "move"):
        return True
    if step.verb != "change":
        return False
    down = step.fields == ("up",) and not t.cast(Link, step.after).up
    return down or bool(_CUTTING_FIELDS.intersection(step.fields))


def _may_go(link: t.Any, reason: str) -> bool:
    """Whether a port of a protected bridge is a lab's, or leads into a namespace of this machine: not the way out."""
    if not isinstance(link, Link) or not reason.startswith(_A_PORT):
        return False
    own = any(name.startswith(LAB_ALTNAME) for name in link.altnames or ())
    inward = link.kind == "veth" and link.peer is not None and link.peer[0] not in ("?", MACHINE)
    return own or inward


def _lost(made: Plan, protected: guard.Protected) -> str:
    """What the plan's side effects would take away."""
    for name, reason in protected.links.items():
        before, after = made.before.get(("link", MACHINE, name)), made.after.get(("link", MACHINE, name))
        if not isinstance(before, Link) or _may_go(before, reason):
            continue
        if after is None or (before.up and not after.up) or before.master != after.master:
            return f"the machine's link {name} {reason}"
    for (link, address), reason in protected.addresses.items():
        if _has(made.before, link, address) and not _has(made.after, link, address):
            return f"the machine's address {address} of {link} {reason}"
    for key, reason in protected.routes.items():
        full: Key = ("route", MACHINE, *key)
        if full in made.before and full not in made.after:
            return f"the machine's route to {key[1]} {reason}"
    for name, reason in protected.links.items():
        before, after = made.before.get(("link", MACHINE, name)), made.after.get(("link", MACHINE, name))
        if _narrows(before, after) and _carries_ipv6(name, protected):
            return f"the machine's link {name} {reason}, by IPv6, which has no room below an MTU of {IPV6_LEAST_MTU}"
    return ""


def _narrows(before: t.Any, after: t.Any) -> bool:
    widths = [link.mtu or IPV6_LEAST_MTU for link in (before, after) if isinstance(link, Link)]
    return len(widths) == 2 and widths[0] >= IPV6_LEAST_MTU > widths[1]


def _carries_ipv6(link: str, protected: guard.Protected) -> bool:
    """By addresses or routes that advertisements have brought, too, which no record holds."""
    return link in protected.advertised or any(on == link and ":" in address for on, address in protected.addresses)


def _has(state: State, link: str, address: str) -> bool:
    return any(key[2] == link and _bare(key) == address for key, _record in state.of(MACHINE, "address"))


def _bare(key: Key) -> str:
    """The address itself, without prefix length or peer."""
    return str(key[3]).partition("/")[0].partition(" ")[0]

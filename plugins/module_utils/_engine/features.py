# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this kernel lacks, found out before anything is touched; and what a plan loses without being able to say how."""

from __future__ import annotations

import errno
import typing as t

from .._kernel import codec
from .._kernel.errors import MissingLibrary
from .._kernel.netlink import NLM_F_CREATE, NLM_F_EXCL
from .._kernel.visit import Visit
from . import kinds
from .errors import LabError
from .plan import Plan
from .records import Link
from .resources.base import at
from .steps import Step

_PROBE = "netnslab-probe"
_TOO_MANY_QUEUES = 5000
"""More than the kernel makes (4096, rtnl_create_link in net/core/rtnetlink.c): it looks up the kind, then refuses."""


def check(visit: Visit, made: Plan) -> None:
    """Raise LabError if a link is to be made of a kind that this kernel doesn't know, or moved that has to stay."""
    _check_moves(visit, made)
    first: dict[str, Step] = {}
    for step in made.steps:
        if step.key[0] == "link" and step.verb == "create":
            first.setdefault(str(t.cast(Link, step.after).kind), step)
    if not first:
        return
    if not codec.available():
        raise MissingLibrary("make a link")
    wanted = list(first)
    outcomes = visit.home_socket().transact([_probe(kind) for kind in wanted])
    for kind, outcome in zip(wanted, outcomes):
        if outcome is not None and outcome.errno == errno.EOPNOTSUPP:
            step = first[kind]
            raise LabError(
                f"{kind}: this kernel can't make such links ({at(step.key[1], step.key[2])}): "
                f"it has no {kinds.KINDS[kind].feature}"
            )


def _check_moves(visit: Visit, made: Plan) -> None:
    for step in made.steps:
        if step.verb != "move" or step.other is None or step.other[1] == step.key[1]:
            continue
        if step.key not in made.before:
            continue  # under a name for the time being
        from .._kernel.immovable import is_immovable

        visit.enter(step.key[1])
        if is_immovable(visit.socket(), step.key[2]):
            kind = t.cast(Link, made.before.get(step.key)).kind
            what = f"a {kind}" if kind else "such a NIC"
            raise LabError(
                f"{at(step.key[1], step.key[2])} stays where it is: the kernel lets no namespace have {what}"
            )


def _probe(kind: str) -> bytes:
    """A request that the kernel refuses in any case, and otherwise if it doesn't know the kind."""
    return codec.link_message(
        "RTM_NEWLINK",
        NLM_F_CREATE | NLM_F_EXCL,
        attrs=[
            ("IFLA_IFNAME", _PROBE),
            ("IFLA_NUM_TX_QUEUES", _TOO_MANY_QUEUES),
            ("IFLA_LINKINFO", {"attrs": [("IFLA_INFO_KIND", kind)]}),
        ],
    )


def warnings(made: Plan) -> list[str]:
    """What would be lost for good with the links that the plan deletes or moves."""
    found = []
    for step in made.steps:
        link = step.before if step.verb in ("delete", "move") else None
        if isinstance(link, Link) and link.note:
            found.append(f"{at(step.key[1], step.key[2])}: {link.note}, and isn't put back")
    return found

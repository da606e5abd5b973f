# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The least that the ring can cost: the requests that the engine sends, encoded beforehand, and only sent.

Run by figures.py as a program of its own; prints the seconds, on the clock and of processor time, for making the ring
and for reading all of its tables. No sysctls, no looking, no planning, one thread.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".collections"))

from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, namespaces, netlink
from ansible_collections.netns.lab.plugins.module_utils._kernel.visit import Visit, in_worker

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ring

_PEER = 200
"""The number under which a peer's namespace is open while its link is made: it stands in the encoded message."""
_NEW = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL


def _veth() -> bytes:
    queues = [("IFLA_NUM_TX_QUEUES", 1), ("IFLA_NUM_RX_QUEUES", 1)]
    peer = [("IFLA_IFNAME", "eth0"), ("IFLA_MTU", 1500), *queues, ("IFLA_NET_NS_FD", _PEER)]
    data = {"attrs": [("VETH_INFO_PEER", {"index": 2, "attrs": peer})]}
    kind = [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", data)]
    attributes = [("IFLA_IFNAME", "eth1"), ("IFLA_MTU", 1500), *queues, ("IFLA_LINKINFO", {"attrs": kind})]
    return codec.link_message("RTM_NEWLINK", _NEW, index=3, attrs=attributes)


def _inside(node: int, size: int) -> list[bytes]:
    messages = [codec.link_message("RTM_NEWLINK", index=index, up=True) for index in (2, 3)]
    for index, local in ((2, ring.address((node - 1) % size, 2)), (3, ring.address(node, 1))):
        attributes = [("IFA_LOCAL", local), ("IFA_ADDRESS", local)]
        messages.append(
            codec.address_message("RTM_NEWADDR", _NEW, index=index, prefixlen=ring.PREFIX_LENGTH, attrs=attributes)
        )
    attributes = [("RTA_OIF", 3), ("RTA_GATEWAY", ring.address(node, 2))]
    messages.append(codec.route_message("RTM_NEWROUTE", _NEW, protocol=4, attrs=attributes))
    return messages


def _send(visit: Visit, messages: list[bytes]) -> None:
    for refusal in visit.socket().transact(messages):
        if refusal is not None:
            raise refusal


def _build(visit: Visit, links: list[bytes], rest: list[list[bytes]]) -> None:
    size = len(links)
    for node in range(size):
        namespaces.create(visit, f"n{node}", mark="netns-lab:ring", loopback=True)
    for node in range(size):
        visit.enter(f"n{node}")
        with visit.descriptor(f"n{(node + 1) % size}") as peer:
            os.dup2(peer, _PEER)
        _send(visit, [links[node]])
    for node in range(size):
        visit.enter(f"n{node}")
        _send(visit, rest[node])


def _look(visit: Visit, size: int) -> None:
    requests = [netlink.link_dump_request(), netlink.address_dump_request()]
    requests += [netlink.route_dump_request(family) for family in (socket.AF_INET, socket.AF_INET6)]
    for node in range(size):
        visit.enter(f"n{node}")
        for request in requests:
            visit.socket().dump(request)


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def main(size: int) -> None:
    links, rest = [_veth()] * size, [_inside(node, size) for node in range(size)]

    def work(visit: Visit) -> list[tuple[float, float]]:
        times = [_now()]
        _build(visit, links, rest)
        times.append(_now())
        _look(visit, size)
        return [*times, _now()]

    start, built, looked = in_worker(work)
    with contextlib.suppress(OSError):
        os.close(_PEER)
    for before, after in ((start, built), (built, looked)):
        print(after[0] - before[0], after[1] - before[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))

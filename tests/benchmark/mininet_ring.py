# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the ring with Mininet's Python API: hosts and links, without switches and controller. Run by figures.py.

It is a program of its own, for the system's Python, which has the distribution's Mininet. Prints "built" when the ring
stands, waits for a line on its standard input, and takes the ring down.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from mininet.net import Mininet

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ring


def main(size: int) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # Mininet keeps seven files open for each host
    Mininet.inited = True  # Mininet.init would change sysctls of the whole machine; not doing so is in its favour
    net = Mininet(controller=None)
    hosts = [net.addHost(f"n{i}", ip=None, defaultRoute=f"via {ring.address(i, 2)}") for i in range(size)]
    for i, host in enumerate(hosts):
        first, second = (f"{ring.address(i, end)}/{ring.PREFIX_LENGTH}" for end in (1, 2))
        net.addLink(host, hosts[(i + 1) % size], params1={"ip": first}, params2={"ip": second})
    net.start()
    print("built", flush=True)
    sys.stdin.readline()
    net.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]))

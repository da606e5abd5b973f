# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab file, written once: which keys there are, what they mean and what they may hold.

`read` checks a lab file against the table and returns it in canonical form for `topology.py`. The options of the module
`topology` and docs/lab.schema.json are generated from the same table (tests/generate_docs.py), and a test finds drift.
Adding a key is adding a row.
"""

from __future__ import annotations

import functools
import typing as t

from . import names
from .container_schema import NODE_CONTAINER
from .errors import LabError, Problems, show
from .program_options import PROCESS
from .sysctl_names import sysctl_name
from .walk import Integer, ListOf, MapOf, Mapping, OneOf, Shape, Switch, Text

KINDS = ("host", "router", "switch", "container")
ROUTE_TYPES = ("unicast", "blackhole", "unreachable", "prohibit", "throw")


def end(text: str) -> dict[str, t.Any]:
    """The short form of an end, as the mapping that it stands for."""
    node, colon, link = text.partition(":")
    if text[:1] == "@":
        if len(node) < 2:
            raise LabError(f"{show(text)}: name the link of the machine, like '@br0' or '@ens4'")
        names.link_name(node[1:])
    elif not node:
        raise LabError(f"{show(text)}: an end is NODE:LINK, the name of a switch, or @NAME for a link of the machine")
    if not colon:
        return {"node": node}
    return {"node": node, "name": names.link_name(link)}


def end_node(text: str) -> str:
    """The node of an end, or ``@NAME``."""
    if ":" in text:
        raise LabError(f"{show(text)}: only the node stands here; the link's name has the key 'name'")
    end(text)
    return text


def table_number(text: str) -> int:
    """The main routing table by its name, or any by its number in quotes."""
    if text == "main":
        return 254
    if text.isascii() and text.isdigit() and len(text) < 11:
        return int(text)
    raise LabError(f"{show(text)}: a routing table is a number or main")


_MTU = functools.partial(Integer, least=names.MTU_RANGE[0], most=names.MTU_RANGE[1], expected="an MTU, a number")
_NODE_NAME = Text(parse=names.node_name, expected="the name of a node", pattern=r"^[^@\-/:\s][^/:\s]*$")
_LINK_NAME = Text(parse=names.link_name, expected="the name of a link", pattern=r"^[^/:%\s]{1,15}$")
_HOST = Text(parse=names.host, expected="an IPv4 or IPv6 address")
_DEV = "The link it leaves by, by its name in this node.\nNeeded only where the gateway doesn't tell it."

HOP = Mapping(
    {
        "via": Text("The gateway.", parse=names.host, expected="an IPv4 or IPv6 address"),
        "dev": Text(_DEV, parse=names.link_name, expected="the name of a link"),
        "weight": Integer("The share of this hop.", least=1, most=256),
    },
    what="a next hop",
)

ROUTE = Mapping(
    {
        "to": Text(
            "Where the route leads: V(default), a network like V(10.0.0.0/8) or V(fd00::/8), or a single address.",
            parse=lambda text: names.destination(text) or "default",
            expected="a destination",
        ),
        "via": OneOf(
            "The gateway. A list of gateways shares the traffic among them (ECMP).",
            text=_HOST,
            items=ListOf(_HOST, what="a list of gateways", least=1),
            expected="the address of a gateway, or a list of them",
        ),
        "dev": Text(_DEV, parse=names.link_name, expected="the name of a link"),
        "hops": ListOf(
            HOP,
            "Next hops one by one, each with O(nodes.routes[].hops[].via), O(nodes.routes[].hops[].dev) or both,"
            " instead of O(nodes.routes[].via).",
            what="a list of next hops, mappings with via, dev and weight",
            least=1,
        ),
        "table": OneOf(
            "The routing table, by number or V(main).\nThe default is V(main).",
            text=Text(parse=table_number),
            number=Integer(least=1, most=2**32 - 1),
            expected="the number of a routing table, or main",
        ),
        "metric": Integer(
            "Of two routes to one destination, that with the lower metric is used.\n"
            "The kernel's default is 0 for IPv4 and 1024 for IPv6.",
            least=0,
            most=2**32 - 1,
        ),
        "src": Text(
            "The address that the node speaks from, one of its own.",
            parse=names.host,
            expected="an address of this node",
        ),
        "type": Text(
            "V(unicast) leads somewhere; the others drop what matches or, V(throw), end the look-up in this table.\n"
            "The default is V(unicast).",
            choices=ROUTE_TYPES,
        ),
        "onlink": Switch(
            "Take the gateway for reachable on O(nodes.routes[].dev) though no address of the node says so."
        ),
    },
    what="a route",
    required=("to",),
)

_SETTINGS: dict[str, Shape] = {
    "kind": Text(
        "What the node is.\n"
        "V(host) doesn't forward, V(router) forwards IPv4 and IPv6.\n"
        "V(switch) is a namespace with one bridge, called C(br0), whose ports are the links that end here.\n"
        "V(container) is a host whose namespace an LXC container shares: see O(nodes.container).\n"
        "The default is V(host).",
        choices=KINDS,
    ),
    "stp": Switch(
        "For O(nodes.kind=switch): whether its bridge speaks the spanning tree protocol, which blocks what would close"
        " a loop of switches.\n"
        "Each port then lets nothing through for 30 seconds after it has come up.\n"
        "What is broadcast goes round for ever in a loop without, and takes the machine's processors: the module warns"
        " of one.\n"
        "The default is V(false)."
    ),
    "loopback": Switch("Whether the node's loopback is up.\nThe default is V(true)."),
    "sysctls": MapOf(
        Text(parse=sysctl_name, expected="the name of a sysctl"),
        OneOf(text=Text(), number=Integer(least=-(2**63), most=2**63 - 1), expected="a number or text"),
        "Sysctls of the node's namespace, by name with dots, or with slashes where the name of a link has a dot.\n"
        "They override those that every node gets so that a lab is the same on every machine."
        " These are forwarding by O(nodes.kind), C(rp_filter) 0, C(promote_secondaries) 1 and IPv6's C(accept_dad) 0.",
        what="a mapping from sysctls to values",
    ),
    "etc": MapOf(
        Text(parse=names.file_name, expected="the name of a file"),
        Text(expected="the content of the file, as text"),
        "Files under C(/etc/netns/NAMESPACE), by name, which C(ip netns exec) puts in the place of those in C(/etc).",
        what="a mapping from file names to text",
    ),
    "routes": ListOf(ROUTE, "Static routes, in order.", what="a list of routes"),
    "processes": ListOf(
        PROCESS,
        "Programs that are kept running in the node's namespace, on the machine's own file system.\n"
        "They are started side by side when the network stands, and a lab that is brought up again starts those that"
        " have ended, and restarts those of which something else is said.\n"
        "They end with the lab, with everything that they have started.",
        what="a list of processes",
    ),
    "container": Mapping(
        NODE_CONTAINER,
        "The container of a node with O(nodes.kind=container), which is called as the node's namespace is, and goes"
        " with it. It is started when the node's network is there.",
        what="a container",
        may_be_empty=True,
    ),
}

NODE = Mapping(
    {
        **_SETTINGS,
        "groups": ListOf(
            Text(expected="the name of a group"),
            "Groups of O(groups) whose settings the node takes; of two groups the later wins.",
            what="a list of groups",
        ),
    },
    what="a node",
    may_be_empty=True,
)

ADDRESSES = ListOf(
    Text(parse=names.address, expected="an address with its prefix length"),
    "IPv4 and IPv6 addresses with their prefix length, in order.",
    what="a list of addresses with their prefix length",
)

END = OneOf(
    text=Text(parse=end, expected="an end of a link"),
    mapping=Mapping(
        {
            "node": Text("The node, or C(@NAME).", parse=end_node, expected="the name of a node"),
            "name": Text(
                "The name of the link in this node, at most 15 bytes.\nNeeded unless the node is a switch or C(@NAME).",
                parse=names.link_name,
                expected="the name of a link",
                pattern=_LINK_NAME.pattern,
            ),
            "addresses": ADDRESSES,
            "mac": Text(
                "The MAC address of this end.\nQuote it, or YAML may take it for a number.",
                parse=names.mac,
                expected="a MAC address",
                pattern=r"^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$",
            ),
            "mtu": _MTU("The MTU of this end, in bytes, where it differs from that of the link."),
        },
        what="an end of a link",
        required=("node",),
    ),
    expected="NODE:LINK, the name of a switch, @NAME, or a mapping with node and name",
)

ENDPOINTS = ListOf(
    END,
    "The two ends.\n"
    "Each is C(NODE:LINK), the name of a switch (which names its own ports), C(@NAME) for a link of the machine"
    " itself, or a mapping.\n"
    "A bridge of the machine gets a port. Any other link of it, such as a NIC, is lent: it comes home with all that it"
    " had when the lab goes (M(netns.lab.nic)).",
    what="two ends",
    least=2,
    most=2,
)

_LINK_SETTINGS: dict[str, Shape] = {
    "mtu": _MTU("The MTU of both ends, in bytes.\nThe default is V(1500)."),
}

LINK = OneOf(
    items=ENDPOINTS,
    mapping=Mapping({"endpoints": ENDPOINTS, **_LINK_SETTINGS}, what="a link", required=("endpoints",)),
    expected="a list of two ends, or a mapping with endpoints",
)

LAB = Mapping(
    {
        "name": Text(
            "The name of the lab, which marks what belongs to it.\n"
            "1 to 31 of C(a-z), C(0-9) and C(-), starting with a letter.",
            parse=names.lab_name,
            expected="the name of a lab",
            pattern=r"^[a-z][a-z0-9-]{0,30}$",
        ),
        "nodes": MapOf(
            _NODE_NAME,
            NODE,
            "The nodes by name, each a network namespace of that name.\nThe keys below are those of each node.",
            what="a mapping from names to nodes",
        ),
        "links": ListOf(
            LINK,
            "The links, each a veth pair.\n"
            "A link is a list of two ends, or a mapping with O(links[].endpoints) and settings.",
            what="a list of links",
        ),
        "groups": MapOf(
            Text(parse=names.node_name, expected="the name of a group"),
            Mapping(_SETTINGS, what="a group of nodes", may_be_empty=True),
            "Settings for several nodes, by the name of the group, which the nodes give in O(nodes.groups).",
            what="a mapping from names to groups",
        ),
        "defaults": Mapping(
            {
                "node": Mapping(_SETTINGS, "Settings for all nodes, as in O(nodes).", what="the defaults of nodes"),
                "link": Mapping(
                    _LINK_SETTINGS, "Settings for all links, as in O(links).", what="the defaults of links"
                ),
            },
            "Settings that hold where nothing nearer does: a group overrides these, and a node overrides its groups.\n"
            "Mappings are merged, lists replaced.",
            what="the defaults",
        ),
        "prefix": Text(
            "Put before the name of every namespace, when several copies of a lab share a machine.\n"
            "Each copy is a lab of its own, so O(state=absent) needs it together with O(name).",
            parse=names.prefix,
            expected="the beginning of names",
        ),
    },
    what="a lab",
    required=("name", "nodes"),
)


def read(definition: object, problems: Problems) -> dict[str, t.Any]:
    """A lab file in canonical form; what is wrong goes into `problems`, and None stands in its place."""
    result: dict[str, t.Any] | None = LAB.read(definition, None, problems)
    return result or {}

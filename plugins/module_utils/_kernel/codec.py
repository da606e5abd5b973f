# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""pyroute2's codecs: every message that is written, and the rare attributes that `decode` leaves alone.

Called by whatever changes something. A run that changes nothing never gets here, and so never pays for the import:
`import pyroute2` reads 250 modules (0.10 s, 20 MB), of which the message classes need the few dozen that are imported
here (0.02 s, 3 MB), the same in 0.7.2, 0.7.7 and 0.9.7.
"""

from __future__ import annotations

import importlib
import importlib.util
import socket
import struct
import sys
import types
import typing as t

from .encode import Layout, NotPlain, misfit, unknown
from .errors import MissingLibrary
from .netlink import NLM_F_REQUEST

Attributes = t.Sequence[t.Tuple[t.Any, ...]]
"""Names and values as pyroute2 spells them: ``[("IFLA_MTU", 1500)]``; a nest is ``{"attrs": [...]}``."""

TYPES = {
    "RTM_NEWLINK": 16, "RTM_DELLINK": 17, "RTM_GETLINK": 18, "RTM_SETLINK": 19,
    "RTM_NEWADDR": 20, "RTM_DELADDR": 21, "RTM_GETADDR": 22,
    "RTM_NEWROUTE": 24, "RTM_DELROUTE": 25, "RTM_GETROUTE": 26,
    "RTM_NEWNSID": 88, "RTM_DELNSID": 89, "RTM_GETNSID": 90,
    "RTM_NEWLINKPROP": 108, "RTM_DELLINKPROP": 109,
}  # fmt: skip
"""Message types by name (linux/rtnetlink.h)."""

AF_MPLS = 28
IFF_UP = 1
RT_TABLE_COMPAT = 252
"""Stands in the one-byte field for the numbers that don't fit; RTA_TABLE holds the real one."""

_classes: dict[str, t.Any] = {}
_layouts: dict[str, Layout | t.Literal[False]] = {}
_HEADER = struct.Struct("=IHHII").pack


def available() -> bool:
    """Whether pyroute2 is there; it isn't imported to find out."""
    try:
        return importlib.util.find_spec("pyroute2") is not None
    except (ImportError, ValueError):
        return False


def message_class(module: str, name: str | None = None) -> t.Any:
    """A message class of ``pyroute2.netlink.rtnl``, such as ``fibmsg``; the class has its module's name unless given.

    Raises MissingLibrary.
    """
    key = f"{module}.{name or module}"
    found = _classes.get(key)
    if found is None:
        found = _classes[key] = getattr(_import(f"pyroute2.netlink.rtnl.{module}"), name or module)
    return found


def _import(module: str) -> t.Any:
    """Import one of pyroute2's modules without its ``__init__``, which would import all the others.

    For that time an empty package stands in its place; whoever imports pyroute2 later gets the real one.
    """
    doing = "write or read a netlink message"
    spec = importlib.util.find_spec("pyroute2") if available() else None
    if spec is None or spec.submodule_search_locations is None:
        raise MissingLibrary(doing)
    stand_in = None
    if "pyroute2" not in sys.modules:
        stand_in = types.ModuleType("pyroute2")
        stand_in.__path__ = list(spec.submodule_search_locations)
        stand_in.__spec__ = spec
        sys.modules["pyroute2"] = stand_in
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingLibrary(doing, str(error)) from error
    finally:
        if stand_in is not None and sys.modules.get("pyroute2") is stand_in:
            del sys.modules["pyroute2"]


def message(class_name: str, type_name: str, flags: int, fields: t.Mapping[str, t.Any], attrs: Attributes) -> bytes:
    """Any message of one of pyroute2's classes: its fixed fields, then its attributes. NLM_F_REQUEST is added.

    An attribute may also be (number, bytes), for those that are younger than the oldest pyroute2. Raises Unsupported
    for a name that the installed pyroute2 doesn't have, KernelError (EINVAL) for a value that doesn't fit.
    """
    kind, flags = TYPES[type_name], flags | NLM_F_REQUEST
    layout = _layouts.get(class_name)
    if layout is None:
        try:
            layout = Layout(message_class(class_name))
        except NotPlain:
            layout = False
        _layouts[class_name] = layout
    if layout and fields.get("family") != AF_MPLS:
        try:
            body = layout.body(fields, attrs)
            return _HEADER(16 + len(body), kind, flags, 0, 0) + body
        except NotPlain:
            pass
    return _message_by_pyroute2(class_name, kind, flags, fields, attrs)


def _message_by_pyroute2(
    class_name: str, kind: int, flags: int, fields: t.Mapping[str, t.Any], attrs: Attributes
) -> bytes:
    made = message_class(class_name)()
    for name, value in fields.items():
        made[name] = value
    made["attrs"] = [attr for attr in attrs if isinstance(attr[0], str)]
    try:
        made.encode()
    except (struct.error, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise misfit(class_name, made["attrs"]) from error
    _refuse_left_out(made)
    body = bytes(made.data)[16:] + b"".join(_attribute(*attr) for attr in attrs if isinstance(attr[0], int))
    return _HEADER(16 + len(body), kind, flags, 0, 0) + body


def _refuse_left_out(nest: t.Any) -> None:
    """pyroute2 leaves out what it doesn't know without a word; what it wrote, it has turned into a slot."""
    for slot in nest.get("attrs", ()) if isinstance(nest, dict) else ():
        if type(slot).__name__ != "nla_slot":
            raise unknown(slot[0])
        _refuse_left_out(slot[1])


def link_message(
    type_name: str,
    flags: int = 0,
    index: int = 0,
    family: int = socket.AF_UNSPEC,
    change: int = 0,
    up: bool | None = None,
    attrs: Attributes = (),
) -> bytes:
    """RTM_*LINK and RTM_*LINKPROP. `up` sets or clears IFF_UP; None leaves it."""
    fields = {
        "family": family,
        "index": index,
        "flags": IFF_UP if up else 0,
        "change": change if up is None else change | IFF_UP,
    }
    return message("ifinfmsg", type_name, flags, fields, attrs)


def address_message(
    type_name: str,
    flags: int = 0,
    family: int = socket.AF_INET,
    index: int = 0,
    prefixlen: int = 0,
    scope: int = 0,
    attrs: Attributes = (),
) -> bytes:
    """RTM_*ADDR. Address flags such as IFA_F_NODAD go into ``IFA_FLAGS``."""
    fields = {"family": family, "prefixlen": prefixlen, "scope": scope, "index": index}
    return message("ifaddrmsg", type_name, flags, fields, attrs)


def route_message(
    type_name: str,
    flags: int = 0,
    family: int = socket.AF_INET,
    dst_len: int = 0,
    table: int = 254,
    tos: int = 0,
    protocol: int = 0,
    type: int = 1,  # noqa: A002 (the kernel's name)
    scope: int = 0,
    route_flags: int = 0,
    attrs: Attributes = (),
) -> bytes:
    """RTM_*ROUTE. A `table` above 255 gets its RTA_TABLE here; `type` 1 is unicast, `scope` 0 the universe."""
    fields = {
        "family": family,
        "dst_len": dst_len,
        "tos": tos,
        "table": table if table < 256 else RT_TABLE_COMPAT,
        "proto": protocol,
        "scope": scope,
        "type": type,
        "flags": route_flags,
    }
    if table > 255:
        attrs = [*attrs, ("RTA_TABLE", table)]
    return message("rtmsg", type_name, flags, fields, attrs)


def nsid_message(type_name: str, flags: int = 0, attrs: Attributes = ()) -> bytes:
    """RTM_*NSID, with ``NETNSA_FD`` or ``NETNSA_PID`` and ``NETNSA_NSID``."""
    return message("nsidmsg", type_name, flags, {}, attrs)


def decode(class_name: str, body: bytes) -> t.Any:
    """pyroute2's own view of the body of a reply."""
    data = struct.pack("=IHHII", 16 + len(body), 0, 0, 0, 0) + body
    made = message_class(class_name)(data)
    made.decode()
    return made


def decode_link(body: bytes) -> dict[str, t.Any]:
    """A link as a plain dict: the fixed fields, and every attribute by its name, nests as dicts.

    ``IFLA_LINKINFO`` holds ``IFLA_INFO_KIND`` and ``IFLA_INFO_DATA``, the latter with the options of the kind.
    """
    plain: dict[str, t.Any] = _plain(decode("ifinfmsg", body))
    return plain


def decode_options(kind: str, info_data: bytes | None) -> dict[str, t.Any]:
    """The options of a link's kind from the raw bytes that `decode.links` kept, such as ``{"IFLA_VXLAN_ID": 7}``.

    Empty for a kind without options; also for one that this pyroute2 doesn't know.
    """
    if not info_data:
        return {}
    encoded = kind.encode("utf-8", "surrogateescape") + b"\0"
    info = _attribute(1, encoded) + _attribute(2, info_data)
    found = decode_link(bytes(16) + _attribute(18, info)).get("IFLA_LINKINFO", {}).get("IFLA_INFO_DATA")
    return found if isinstance(found, dict) else {}


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def _plain(value: t.Any) -> t.Any:
    """pyroute2's nests as dicts. Of an attribute that comes more than once, the values make a list."""
    if isinstance(value, dict):
        plain = {key: _plain(inner) for key, inner in value.items() if key not in ("attrs", "header", "__align")}
        for slot in value.get("attrs", ()):
            name, inner = slot[0], _plain(slot[1])
            if name == "UNKNOWN":
                continue  # an attribute that is younger than this pyroute2
            if name not in plain:
                plain[name] = inner
            elif isinstance(plain[name], list):
                plain[name].append(inner)
            else:
                plain[name] = [plain[name], inner]
        return plain
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value

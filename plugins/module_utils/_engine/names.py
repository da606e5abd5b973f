# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, addresses and numbers as the kernel wants them, each by a function that checks and returns the canonical text.

Used by the schema of the lab file and by the modules about single objects. Each function raises `LabError` with the
value and what would be right; the caller knows the path.
"""

from __future__ import annotations

import functools
import re
import socket
import typing as t

from .errors import LabError, show

MTU_RANGE = (68, 65535)
"""The least that IPv4 needs (RFC 791), and the most that a veth takes. Kinds of links may allow less."""
IPV6_LEAST_MTU = 1280
"""Below this the kernel takes IPv6 off a link (RFC 8200, section 5)."""

_LINK_NAME_BYTES = 15
_FILE_NAME_BYTES = 255
_PREFIX_BYTES = 63
"""Name and prefix together name the lab in file names and in altnames of links, which have 127 bytes."""
_LAB_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)
_MAC = re.compile(r"[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2}){4}", re.ASCII)
_NOBODYS = (0, 0xFFFFFFFF)
"""Unspecified, and IPv4's broadcast; as an IPv6 address the latter is one of the deprecated ::a.b.c.d."""
_MULTICAST = {4: 0xE, 6: 0xFF}
_MULTICAST_SHIFT = {4: 28, 6: 120}
_PREFIXES = {str(bits): bits for bits in range(129)}
"""A look-up is stricter than ``int`` (which takes `` 24`` and ``2_4``) and faster."""


def _encoded(text: str, what: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise LabError(f"{show(text)}: {what} has to be text that UTF-8 can write") from None


@functools.lru_cache(maxsize=16384)
def link_name(text: str) -> str:
    """The name of a link.

    The kernel's rules (net/core/dev.c, ``dev_valid_name``): 1 to 15 bytes, not ``.`` or ``..``, no ``/``, ``:`` or
    white space, where the byte 0xA0 counts as white space and so forbids letters like "à". Besides these, ``%``
    starts a pattern, and ``all`` and ``default`` are taken by sysctls (net/core/sysctl_net_core.c).
    """
    encoded = _encoded(text, "a link name")
    if not encoded:
        raise LabError("'': a link name has 1 to 15 bytes")
    if len(encoded) > _LINK_NAME_BYTES:
        raise LabError(f"{show(text)}: a link name has at most {_LINK_NAME_BYTES} bytes, this has {len(encoded)}")
    if text in (".", ".."):
        raise LabError(f"{show(text)}: a link can't be called '.' or '..'")
    if text in ("all", "default"):
        raise LabError(f"{show(text)}: the kernel keeps this name for the settings of all links; choose another")
    for char in text:
        if char in "/:%" or char.isspace() or not char.isprintable():
            raise LabError(
                f"{show(text)}: a link name has no '/', ':' or '%', no white space and no control characters"
            )
    if 0xA0 in encoded:
        raise LabError(
            f"{show(text)}: the kernel takes the byte A0 of this name's UTF-8 form for white space; use another letter"
        )
    return text


def _file_name(text: str, what: str) -> str:
    encoded = _encoded(text, what)
    if not encoded:
        raise LabError(f"'': {what} has at least one letter")
    if len(encoded) > _FILE_NAME_BYTES:
        raise LabError(f"{show(text)}: {what} has at most {_FILE_NAME_BYTES} bytes, this has {len(encoded)}")
    if text in (".", "..") or "/" in text:
        raise LabError(f"{show(text)}: {what} is also a file name: no '/', and not '.' or '..'")
    for char in text:
        if ord(char) < 32 or ord(char) == 127:
            raise LabError(f"{show(text)}: {what} has no control characters")
    return text


def namespace_name(text: str) -> str:
    """The name of a network namespace, which is the name of a file under /run/netns."""
    _file_name(text, "a namespace name")
    if text[0] == "-":
        raise LabError(f"{show(text)}: a namespace name doesn't start with '-', which commands take for an option")
    if text[0] == "@":
        raise LabError(f"{show(text)}: a namespace name doesn't start with '@', which stands for the machine itself")
    return text


def node_name(text: str) -> str:
    """The name of a node: a namespace name that can also stand in ``NODE:LINK`` and in a command line."""
    namespace_name(text)
    for char in text:
        if char == ":" or char.isspace():
            raise LabError(f"{show(text)}: a node name has no ':' and no white space")
    return text


def prefix(text: str) -> str:
    """What is put before the name of each namespace of a lab. May be empty."""
    if text:
        node_name(text + "x")
        if len(text.encode("utf-8")) > _PREFIX_BYTES:
            raise LabError(f"{show(text)}: a prefix has at most {_PREFIX_BYTES} bytes")
    return text


def file_name(text: str) -> str:
    """The name of a file directly under /etc/netns/NAMESPACE."""
    return _file_name(text, "a file of 'etc'")


def lab_name(text: str) -> str:
    """The name of a lab."""
    if _LAB_NAME.fullmatch(text) is None:
        raise LabError(f"{show(text)}: a lab name has 1 to 31 of a-z, 0-9 and '-', and starts with a letter")
    return text


def mac(text: str) -> str:
    """A MAC address that a link can have, in lower case with colons."""
    if _MAC.fullmatch(text) is None:
        raise LabError(f"{show(text)}: a MAC address is six pairs of hexadecimal digits, like '02:00:00:00:00:01'")
    text = text.lower().replace("-", ":")
    if int(text[:2], 16) & 1:
        raise LabError(
            f"{show(text)}: this is a multicast address; the first pair of a link's MAC address is even, like 02"
        )
    if text == "00:00:00:00:00:00":
        raise LabError(f"{show(text)}: a link's MAC address isn't all zero")
    return text


def mtu(number: int) -> int:
    """An MTU in bytes, in the range that any kind of link may have."""
    if not MTU_RANGE[0] <= number <= MTU_RANGE[1]:
        raise LabError(f"{number}: an MTU is a number from {MTU_RANGE[0]} to {MTU_RANGE[1]}")
    return number


class Host(t.NamedTuple):
    """An address without a prefix."""

    family: int
    """4 or 6"""
    text: str
    number: int


class Address(t.NamedTuple):
    """An address of a link, with its prefix."""

    family: int
    """4 or 6"""
    local: str
    prefix: int
    peer: str | None
    """IPv4 only: the address of the other end, to which the prefix then belongs."""
    number: int
    """`local` as a number."""
    subnet: int
    """The bits of the subnet that the address puts on the link: those of `peer` or `local` above the host part."""

    @property
    def key(self) -> str:
        """What stands last in the key of the address's record."""
        if self.family == 6:
            return self.local
        return f"{self.local} peer {self.peer}/{self.prefix}" if self.peer else f"{self.local}/{self.prefix}"

    @property
    def text(self) -> str:
        return self.key if self.family == 4 else f"{self.local}/{self.prefix}"

    def covers(self, host: Host) -> bool:
        """Whether a host lies in the subnet that this address puts on its link."""
        return host.family == self.family and host.number >> _host_bits(self.family, self.prefix) == self.subnet


class Destination(t.NamedTuple):
    """Where a route leads."""

    family: int
    """4 or 6"""
    text: str
    """``10.0.0.0/8``; the default routes are ``0.0.0.0/0`` and ``::/0``."""
    number: int
    prefix: int

    def covers(self, host: Host) -> bool:
        """Whether a host lies in this destination."""
        bits = _host_bits(self.family, self.prefix)
        return host.family == self.family and host.number >> bits == self.number >> bits


DEFAULTS = {4: Destination(4, "0.0.0.0/0", 0, 0), 6: Destination(6, "::/0", 0, 0)}


def _host_bits(family: int, prefix_length: int) -> int:
    return (32 if family == 4 else 128) - prefix_length


def _binary(text: str) -> tuple[int, bytes] | None:
    """Family and bytes of an address, or None if it is none. A scope (``fe80::1%eth0``) is none."""
    try:
        if ":" in text:
            return 6, socket.inet_pton(socket.AF_INET6, text)
        return 4, socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return None


def _canonical(family: int, binary: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if family == 4 else socket.AF_INET6, binary)


def host(text: str) -> Host:
    """An address without a prefix: a gateway, a preferred source, the far end of a tunnel."""
    found = _binary(text)
    if found is None:
        if "/" in text and _binary(text.partition("/")[0]):
            raise LabError(
                f"{show(text)}: an address without '/' and prefix length stands here: {text.partition('/')[0]}"
            )
        raise LabError(f"{show(text)}: expected an IPv4 or IPv6 address, like 10.0.0.1 or fd00::1")
    family, binary = found
    return Host(family, _canonical(family, binary), int.from_bytes(binary, "big"))


def address(text: str) -> Address:
    """An address with its prefix length: ``10.0.0.1/24``, ``fd00::1/64``, ``10.0.0.1 peer 10.0.0.2/32`` (IPv4)."""
    peer_binary = None
    if " " in text:
        words = text.split()
        if len(words) != 3 or words[1] != "peer":
            raise LabError(f"{show(text)}: an address has no white space, except as in '10.0.0.1 peer 10.0.0.2/32'")
        local, (peer, slash, length) = words[0], words[2].partition("/")
        far = _binary(peer)
        if far is None or far[0] != 4:
            raise LabError(
                f"{show(text)}: 'peer' is followed by an IPv4 address with its prefix length, like 10.0.0.2/32"
            )
        peer_binary = far[1]
    else:
        local, slash, length = text.partition("/")
    found = _binary(local)
    if found is None:
        raise LabError(f"{show(text)}: expected an address with its prefix length, like 10.0.0.1/24 or fd00::1/64")
    family, binary = found
    if not slash:
        raise LabError(
            f"{show(text)}: an address without prefix; write {local}/{24 if family == 4 else 64} if it stands in a "
            f"subnet of that size, or {local}/{32 if family == 4 else 128} if it stands alone"
        )
    bits = _PREFIXES.get(length)
    most = 32 if family == 4 else 128
    if bits is None or bits > most:
        raise LabError(f"{show(text)}: the prefix length of an IPv{family} address is a number from 0 to {most}")
    if peer_binary == binary:
        peer_binary = None
    if peer_binary is not None and family == 6:
        raise LabError(f"{show(text)}: 'peer' is for IPv4 addresses")
    number = int.from_bytes(binary, "big")
    if number in _NOBODYS or number >> _MULTICAST_SHIFT[family] == _MULTICAST[family]:
        raise LabError(f"{show(text)}: a link can't have this address: it is unspecified, multicast or broadcast")
    if peer_binary is not None:
        return Address(
            4,
            _canonical(4, binary),
            bits,
            _canonical(4, peer_binary),
            number,
            int.from_bytes(peer_binary, "big") >> (32 - bits),
        )
    return Address(family, _canonical(family, binary), bits, None, number, number >> (most - bits))


def destination(text: str) -> Destination | None:
    """Where a route leads, or None for ``default``, whose family only its gateway tells (see `DEFAULTS`)."""
    if text == "default":
        return None
    base, slash, length = text.partition("/")
    found = _binary(base)
    if found is None:
        raise LabError(
            f"{show(text)}: a route leads to 'default', a network like 10.0.0.0/8 or fd00::/8, or one address"
        )
    family, binary = found
    most = 32 if family == 4 else 128
    bits = _PREFIXES.get(length) if slash else most
    if bits is None or bits > most:
        raise LabError(f"{show(text)}: the prefix length of an IPv{family} network is a number from 0 to {most}")
    number = int.from_bytes(binary, "big")
    clean = number >> most - bits << most - bits
    if clean != number:
        network = _canonical(family, clean.to_bytes(most // 8, "big"))
        raise LabError(
            f"{show(text)}: the bits after the prefix have to be zero: the network is {network}/{bits}, "
            f"the single address {base}/{most}"
        )
    return Destination(family, f"{_canonical(family, binary)}/{bits}", number, bits)

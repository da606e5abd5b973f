# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a resource sees while one namespace is looked at: its tables, and the state to fill."""

from __future__ import annotations

import typing as t

from .._kernel import decode, netlink
from .records import Key, Record, Want

if t.TYPE_CHECKING:
    from .._kernel.decode import AddressRow, LinkRow, RouteRow
    from .._kernel.sysctls import Sysctls


class Far(t.NamedTuple):
    """The other side of a link, known by an index in a namespace that is known by an id."""

    key: Key
    number: int
    """Its index there."""
    nsid: int


class View:
    """One namespace, looked at once: three dumps, and what the wanted keys ask for beyond them.

    Without a channel it is one that doesn't stand, of which only files can be left.
    """

    def __init__(
        self,
        ns: str,
        channel: netlink.Socket | None,
        sysctls: t.Callable[[], Sysctls],
        wants: Want,
        wanted: t.Mapping[str, t.Sequence[Key]],
        standing: t.Collection[str] = (),
    ) -> None:
        self.ns = ns
        self._sysctls = sysctls
        self._channel = channel
        self.wants = wants
        self._wanted = wanted
        self.links: list[LinkRow] = []
        self.addresses: list[AddressRow] = []
        self.routes: list[RouteRow] = []
        self.standing = standing
        """The kinds that are looked for, wanted or not."""
        if channel is not None:
            self.links = decode.links(channel.dump(netlink.link_dump_request()))
            if "address" in standing:
                self.addresses = decode.addresses(channel.dump(netlink.address_dump_request()))
            if "route" in standing:
                self.routes = decode.routes(channel.dump(netlink.route_dump_request()))
        self.names: dict[int, str] = {row.index: row.name for row in self.links}
        self.found: dict[Key, Record] = {}
        self.fars: dict[str, Far] = {}
        """By name of the link."""

    @property
    def sysctls(self) -> Sysctls:
        """The sysctls as files, of this namespace. The first call loads what reads them."""
        return self._sysctls()

    def wanted(self, kind: str) -> t.Sequence[Key]:
        """The wanted keys of one kind in this namespace."""
        return self._wanted.get(kind, ())

    def sysctl_values(self, names: t.Sequence[str]) -> dict[str, str]:
        """The values of those among these sysctls that there are. Raises KernelError."""
        from .._kernel import netconf

        found = netconf.read(self._channel, names) if self._channel is not None else {}
        for name in names:
            if name not in found:
                value = self.sysctls.read(name)
                if value is not None:
                    found[name] = value
        return found

    def keepsakes(self) -> list[Key]:
        """What lies on the links beyond all that. Raises KernelError."""
        from .._kernel import keepsakes

        found = keepsakes.read(self._channel) if self._channel is not None else []
        return [
            ("keepsake", self.ns, self.names[one.index], one.what, one.body.hex())
            for one in found
            if one.index in self.names
        ]

    def rules(self) -> list[bytes]:
        """All policy rules, as `_kernel.kept` has them."""
        from .._kernel import kept

        return kept.rules(self._channel) if self._channel is not None else []

    def want(self, key: Key) -> Record | None:
        """What is wanted under a key."""
        return self.wants.get(key)

    def put(self, key: Key, record: Record) -> None:
        """Something stands here."""
        self.found[key] = record

    def has(self, key: Key) -> bool:
        """Whether something was put under a key already."""
        return key in self.found

    def far(self, key: Key, index: int, nsid: int) -> None:
        """The other side of this link is in another namespace: to be found once all were looked at."""
        self.fars[key[2]] = Far(key, index, nsid)

    def options(self, row: LinkRow, asked: t.Iterable[tuple[str, t.Any]]) -> tuple[tuple[str, t.Any], ...]:
        """The options of a link's kind."""
        from . import kinds

        return kinds.read_back(row.kind, kinds.attributes(row.kind, row.info_data), self.names, asked)

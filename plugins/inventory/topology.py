# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of labs as hosts. What the hosts are like is in plugin_utils/lab_hosts.py."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: topology
short_description: The nodes of network-namespace labs as hosts
version_added: 0.1.0
description:
  - Makes every node of one or several lab files a host, with the connection that leads into it, in groups, and with
    variables that say what it is called, what addresses it has and who its neighbours are.
  - The lab files are those of the module M(netns.lab.topology). They are only read; no machine is asked, and it doesn't
    matter whether the lab stands already.
  - The name of the source ends with C(topology.yml) or C(topology.yaml).
  - Without O(hosts) the labs are on the machine that Ansible runs on. With it they are on each of these machines, and
    there is a host for each node on each machine.
  - 'Each host is in these groups: C(netns_lab); C(lab_NAME) with the name of its lab, in which C(_) stands for C(-);
    C(kind_host), C(kind_router), C(kind_switch) or C(kind_container); and the C(groups) that the lab file gives it.
    In these C(_) stands for what the name of a group can''t have. Nodes that have the files of the machine that Ansible
    runs on are in C(netns_lab_here), too, which says that modules are run by the Python that runs Ansible.'
  - 'Each host has these variables, besides C(ansible_connection) and those that its connection goes by:'
  - C(netns_lab_name), the name of the lab.
  - C(netns_lab_id), the name of the lab, or C(NAME@PREFIX) if it has a prefix. By this name it is removed.
  - C(netns_lab_node), the name of the node in the lab file.
  - C(netns_lab_kind), V(host), V(router), V(switch) or V(container).
  - C(netns_lab_netns), its network namespace, which is the name of the node after the lab's prefix.
  - C(netns_lab_machine), the machine that it is on, as a host of the inventory; V(localhost) without O(hosts).
  - C(netns_lab_address), its first address, without a prefix length. Not set for a node that has none.
  - C(netns_lab_addresses), all its addresses, with their prefix length.
  - C(netns_lab_links), its links by name, each with C(addresses), C(mtu), C(peer) (the other end as C(NODE:LINK)), and
    C(mac) and C(bridge) if it has them.
  - C(netns_lab_neighbours), by the name of its link a list of the ends that are heard there, also through switches,
    each with C(host) (as the inventory calls it), C(node), C(link) and C(addresses).
  - What comes from a lab file is never taken for a template.
author:
  - The netns.lab authors (@netns-lab)
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: Marks the source as one for this plugin.
    type: str
    required: true
    choices:
      - netns.lab.topology
  files:
    description:
      - 'The lab files: paths, from the folder that the source is in, or patterns like V(labs/*.yml), which leave out
        other sources of this plugin.'
      - A mere name that is no file there can be that of a lab that comes with the collection, like V(red-blue).
    type: list
    elements: str
    required: true
  hosts:
    description:
      - The machines that the labs are on, by the names of hosts and groups of the inventory.
      - They have to be in the inventory before this source is read. Ansible reads sources in the order in which they
        are given, and the files of a folder in the order of their names.
    type: list
    elements: str
  name_format:
    description:
      - How the hosts are called. C({node}), C({netns}), C({lab}) and C({machine}) stand for what they say.
      - The default is V({netns}) without O(hosts), and V({netns}@{machine}) with it. So C(--limit red@vm1) means one
        node, C(--limit 'red@*') it on every machine, and C(--limit '*@vm1') all nodes on one machine.
    type: str
  prefix:
    description: Used instead of the C(prefix) of the lab files, as with the module M(netns.lab.topology).
    type: str
  kinds:
    description: Which kinds of nodes become hosts.
    type: list
    elements: str
    choices:
      - host
      - router
      - switch
      - container
    default:
      - host
      - router
      - switch
      - container
  container_connection:
    description:
      - How Ansible gets into nodes of the kind V(container).
      - With V(lxc) into the container, with its own files and processes, by P(netns.lab.lxc#connection).
      - With V(netns) only into its network, with the machine's files and programs, by P(netns.lab.netns#connection).
      - A play can choose the other one by C(ansible_connection); the variables of both are set.
    type: str
    choices:
      - lxc
      - netns
    default: lxc
notes:
  - With O(cache) a lab file that didn't change isn't read again. One that did always is.
"""

EXAMPLES = r"""
# office.topology.yml: the nodes of one lab file, on this machine.
plugin: netns.lab.topology
files: office.yml

# ansible -i office.topology.yml all -m ansible.builtin.ping
# ansible -i office.topology.yml kind_router -m ansible.builtin.command -a 'ip route'
---
# class/20-topology.yml, beside class/10-machines.yml: all labs of a folder, on each machine of a group.
plugin: netns.lab.topology
files:
  - labs/*.yml
  - three-routers
hosts: lab_machines

# ansible-playbook -i class play.yml --limit '*@vm1'
---
# Two copies of one lab on one machine are two sources, each with a prefix of its own.
plugin: netns.lab.topology
files: red-blue
prefix: b-
---
# Groups and variables of your own: a group per machine (machine_vm1), one of all nodes that have an IPv6 address, and
# the Python that the nodes use.
plugin: netns.lab.topology
files: office.yml
hosts: vm1,vm2
name_format: "{machine}-{node}"
kinds: [host, router]
strict: true
keyed_groups:
  - key: netns_lab_machine
    prefix: machine
groups:
  ipv6: netns_lab_addresses is search(':')
compose:
  ansible_python_interpreter: "'/usr/bin/python3'"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/labs
"""

import glob
import json
import os
import sys
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable

from ansible_collections.netns.lab.plugins.module_utils._engine import topology
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError, LabErrors, show
from ansible_collections.netns.lab.plugins.module_utils._engine.walk import near
from ansible_collections.netns.lab.plugins.plugin_utils import lab_hosts
from ansible_collections.netns.lab.plugins.plugin_utils.lab_file import LabFile, shipped_lab, shipped_labs

try:
    from ansible.template import trust_as_template as _marks  # noqa: F401
except ImportError:  # ansible-core 2.18 takes everything for a template that isn't marked as unsafe
    from ansible.utils.unsafe_proxy import wrap_var as _untrusted
else:  # later ones only what is marked as trusted, as values of a lab file never are

    def _untrusted(value: t.Any) -> t.Any:
        return value


_ENDINGS = ("topology.yml", "topology.yaml")
_CACHE_FORMAT = 1
"""Counts up when what is cached changes its shape."""


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """Called by Ansible for each source."""

    NAME = "netns.lab.topology"

    def verify_file(self, path: str) -> bool:
        """Whether a source may be one for this plugin, by its name."""
        return path.endswith(_ENDINGS) and bool(super().verify_file(path))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Enters the nodes into the inventory. Nothing is entered if anything is wrong."""
        super().parse(inventory, loader, path, cache)
        config = self._read_config_data(path)
        try:
            self._check_keys(config)
            machines = self._machines()
            naming = lab_hosts.Naming(self.get_option("name_format"), machines is not None)
            labs = self._labs(os.path.dirname(os.path.abspath(path)), self.get_cache_key(path), cache)
            found = self._hosts(labs, machines, naming)
        except LabError as error:
            raise AnsibleParserError(str(error)) from None
        for host in found.values():
            self._enter(host)
        if lab_hosts.HERE in inventory.groups and sys.executable:
            # As for Ansible's own localhost. On the group, so that group_vars of any kind go before it.
            inventory.set_variable(lab_hosts.HERE, "ansible_python_interpreter", sys.executable)

    def _check_keys(self, config: t.Mapping[str, t.Any]) -> None:
        """Ansible itself says nothing of a key that no plugin has."""
        known = self.get_options()
        odd = [f"{show(key)}: there is no such option{near(key, known)}" for key in config if key not in known]
        if odd:
            shown = ", ".join(name for name in known if not name.startswith("cache_"))
            raise LabError(f"{'; '.join(odd)} (there are {shown})")

    # --- Machines ----------------------------------------------------------------------------------------------------

    def _machines(self) -> list[str] | None:
        """The machines that the labs are on; None is this one. Raises `LabError`."""
        names = self.get_option("hosts")
        if names is None:
            return None
        machines: dict[str, None] = {}
        for name in names:
            if name in self.inventory.groups:
                group = self.inventory.groups[name].get_hosts() if name != "all" else self.inventory.hosts.values()
                machines.update((host.name, None) for host in group if not _lab_of(host))
            elif name in self.inventory.hosts:
                lab = _lab_of(self.inventory.hosts[name])
                if lab:
                    raise LabError(f"{show(name)}: this is a node of the lab {lab}", "hosts")
                machines[name] = None
            else:
                known = [*self.inventory.groups, *self.inventory.hosts]
                here = "; without `hosts` the labs are on this machine" if name in C.LOCALHOST else near(name, known)
                raise LabError(
                    f"{show(name)}: the inventory has no such host or group so far "
                    f"(the source that has it comes before this one){here}",
                    "hosts",
                )
        if not machines:
            raise LabError(f"{', '.join(map(show, names)) or 'an empty list'}: there is no host in it so far", "hosts")
        return list(machines)

    # --- Labs --------------------------------------------------------------------------------------------------------

    def _labs(self, folder: str, cache_key: str, cache: bool) -> list[lab_hosts.Plain]:
        """The labs as plain data, from the cache if the files are as they were. Raises `LabError`."""
        paths = self._paths(folder)
        if not self.get_option("cache"):
            return self._read(paths)
        stamps = [_stamp(path) for path in paths]
        asked = [_CACHE_FORMAT, list(self.get_option("kinds")), self.get_option("prefix"), stamps]
        kept = self._cache.get(cache_key) if cache else None
        if isinstance(kept, dict) and kept.get("asked") == asked:
            return list(json.loads(kept["labs"]))
        labs = self._read(paths)
        # As text, for what sorts the keys of mappings would bring the nodes out of their order.
        self._cache[cache_key] = {"asked": asked, "labs": json.dumps(labs)}
        return labs

    def _paths(self, folder: str) -> dict[str, str]:
        """The lab files by path, with what messages call each. Raises `LabError`."""
        paths: dict[str, str] = {}
        for name in self.get_option("files"):
            path = os.path.join(folder, os.path.expanduser(name))
            if os.path.isfile(path):
                paths.setdefault(os.path.realpath(path), name)
                continue
            pattern = os.path.join(glob.escape(folder), os.path.expanduser(name))
            matched = [found for found in sorted(glob.glob(pattern, recursive=True)) if not found.endswith(_ENDINGS)]
            for found in matched:
                paths.setdefault(os.path.realpath(found), os.path.relpath(found, folder))
            shipped = None if matched else shipped_lab(name)
            if shipped is not None:
                paths.setdefault(os.path.realpath(shipped), name)
            elif not matched:
                raise LabError(
                    f"{show(name)}: there is no such lab file in {folder}, and no such lab comes with netns.lab "
                    f"(it has {', '.join(shipped_labs())})",
                    "files",
                )
        if not paths:
            raise LabError("an empty list: name one lab file or more", "files")
        return paths

    def _read(self, paths: t.Mapping[str, str]) -> list[lab_hosts.Plain]:
        """The labs of the files as plain data. Raises `LabError` with all that is wrong with any of them."""
        labs: list[lab_hosts.Plain] = []
        wrong: list[LabError] = []
        by_id: dict[str, str] = {}
        for path, shown in paths.items():
            try:
                lab = self._lab(LabFile(path, shown))
            except LabError as error:
                wrong.extend(error.parts)
                continue
            if lab["id"] in by_id:
                wrong.append(LabError(f"the lab {lab['id']} is in {by_id[lab['id']]} already", shown))
            by_id[lab["id"]] = shown
            labs.append(lab)
        if wrong:
            raise LabErrors(wrong) if len(wrong) > 1 else wrong[0]
        return labs

    def _lab(self, lab_file: LabFile) -> lab_hosts.Plain:
        prefix = self.get_option("prefix")
        content = lab_file.content if prefix is None else {**lab_file.content, "prefix": prefix}
        try:
            return lab_hosts.outline(topology.load(content), self.get_option("kinds"), self._sanitize_group_name)
        except LabError as error:
            raise lab_file.placed(error) from None

    # --- Hosts -------------------------------------------------------------------------------------------------------

    def _hosts(
        self, labs: list[lab_hosts.Plain], machines: list[str] | None, naming: lab_hosts.Naming
    ) -> dict[str, lab_hosts.Host]:
        """The hosts by name. Raises `LabError` if the inventory can't take them."""
        hosts: dict[str, lab_hosts.Host] = {}
        for lab in map(_untrusted, labs):
            for host in lab_hosts.hosts(lab, machines, naming, self.get_option("container_connection")):
                other = hosts.setdefault(host.name, host)
                if other is not host:
                    raise naming.clash(other, host)
                self._check_host(host, machines or ())
        groups = {group for host in hosts.values() for group in host.groups}
        for name in sorted(groups & {*hosts, *self.inventory.hosts} | hosts.keys() & self.inventory.groups.keys()):
            raise LabError(
                f"{show(name)}: a host and a group would both be called so: call the nodes otherwise by `name_format`, "
                "or rename the group in the lab file"
            )
        return hosts

    def _check_host(self, host: lab_hosts.Host, machines: t.Container[str]) -> None:
        """Whether the inventory has something else of that name. Raises `LabError`."""
        name = host.name
        if name in C.LOCALHOST or name in machines:
            raise LabError(
                f"{show(name)}: this would put a node in the place of the machine of that name: "
                "call the nodes otherwise by `name_format`"
            )
        standing = self.inventory.hosts.get(name)
        other = _lab_of(standing) if standing is not None else None
        if other and other != host.variables["netns_lab_id"]:
            raise LabError(
                f"{show(name)}: the lab {other} of another source has a host of that name: "
                "call the nodes otherwise by `name_format`"
            )

    def _enter(self, host: lab_hosts.Host) -> None:
        self.inventory.add_host(host.name)
        for group in host.groups:
            self.inventory.add_child(self.inventory.add_group(group), host.name)
        # Not by the inventory's own set_variable, which copies what is in a value: neighbours are many, and shared.
        standing = self.inventory.get_host(host.name)
        for name, value in host.variables.items():
            standing.set_variable(name, value)
        strict = self.get_option("strict")
        variables = standing.get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, host.name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host.name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host.name, strict=strict)


def _lab_of(host: t.Any) -> t.Any:
    """The id of the lab that a host of the inventory is a node of; None for other hosts."""
    return host.vars.get("netns_lab_id")


def _stamp(path: str) -> list[t.Any]:
    """What tells whether a file changed."""
    try:
        found = os.stat(path)
    except OSError:
        return [path]  # gone since it was found: reading it says so
    return [path, found.st_mtime_ns, found.st_size]

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a container, and what its configuration and its making become of it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.netns.lab.plugins.module_utils._engine import container_options
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import Problems
from ansible_collections.netns.lab.plugins.module_utils._engine.records import Container, Wish
from ansible_collections.netns.lab.plugins.module_utils._lxc import config
from ansible_collections.netns.lab.plugins.module_utils._lxc.making import Source
from ansible_collections.netns.lab.plugins.module_utils._lxc.place import Place


def wanted(problems: Problems, netns: str | None, owner: str | None, **settings: t.Any) -> Container:
    options: dict[str, t.Any] = {"clone_from": settings.pop("clone_from", None), "legacy": settings.pop("legacy", ())}
    return container_options.wanted(
        settings, "running", netns=netns, owner=owner, where="container", problems=problems, **options
    )


def wish(netns: str | None = None, owner: str | None = None, **settings: t.Any) -> Wish:
    """What is wished with these settings, in which nothing is wrong."""
    problems = Problems()
    record = wanted(problems, netns, owner, **settings)
    assert problems.found == []
    assert record.state == "running"
    return t.cast(Wish, record.wish)


def written(before: str = "", **settings: t.Any) -> list[str]:
    """The lines of a configuration after these settings."""
    return config.edited(before, wish(**settings).edits).splitlines()


def problems_of(netns: str | None = None, **settings: t.Any) -> list[str]:
    problems = Problems()
    wanted(problems, netns, None, **settings)
    return [f"{path}: {message}" for path, message in problems.found]


# -- configuration


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ({}, []),
        ({"config": {"lxc.tty.max": 4}}, ["lxc.tty.max = 4"]),
        ({"config": {"lxc.cap.drop": ["b", "a"]}}, ["lxc.cap.drop = b", "lxc.cap.drop = a"]),
        ({"config": {"lxc.cap.drop": []}}, []),
        ({"config": {"lxc.environment": '"A=b"'}}, ["lxc.environment = '\"A=b\"'"]),
        (
            {"limits": {"memory": "1G", "pids": 5}},
            ["lxc.cgroup2.memory.max = 1G", "lxc.cgroup2.pids.max = 5"],
        ),
        ({"limits": {"pids": 5}, "legacy": {"pids"}}, ["lxc.cgroup.pids.max = 5"]),
        (
            {"idmap": ["u 0 100000 65536", "g 0 100000 65536"]},
            ["lxc.idmap = u 0 100000 65536", "lxc.idmap = g 0 100000 65536"],
        ),
        ({"autostart": True}, ["lxc.start.auto = 1"]),
        ({"autostart": False}, ["lxc.start.auto = 0"]),
        ({"autostart_delay": 0, "autostart_order": -5}, ["lxc.start.delay = 0", "lxc.start.order = -5"]),
        ({"groups": ["a", "b"]}, ["lxc.group = a", "lxc.group = b"]),
        (
            {"environment": {"A": "b c", "N": 1}},
            [
                "# netns.lab, environment: begin",
                "lxc.environment = A=b c",
                "lxc.environment = N=1",
                "# netns.lab, environment: end",
            ],
        ),
        ({"owner": "office"}, ["# netns-lab:office"]),
        (
            {"template": "none", "template_options": {"rootfs": "/srv/root"}},
            ["lxc.rootfs.path = dir:/srv/root", "lxc.rootfs.managed = 0"],
        ),
        ({"networks": []}, []),
    ],
)
def test_an_option_and_its_lines(settings, lines):
    assert written(**settings) == lines


@pytest.mark.parametrize(
    ("option", "emptied", "lines"),
    [
        ("config", {"lxc.tty.max": None}, ["lxc.tty.max = 4"]),
        ("limits", {}, ["lxc.cgroup2.memory.max = 1G", "lxc.cgroup.cpu.cfs_period_us = 100000"]),
        ("idmap", [], ["lxc.idmap = u 0 100000 65536"]),
        ("groups", [], ["lxc.group = a"]),
        ("mounts", [], ["# netns.lab, mounts: begin", "lxc.mount.entry = a b", "# netns.lab, mounts: end"]),
        (
            "environment",
            {},
            ["# netns.lab, environment: begin", "lxc.environment = A=b", "# netns.lab, environment: end"],
        ),
        ("networks", [], ["lxc.net.0.type = veth", "lxc.net.0.link = br0"]),
    ],
)
def test_an_option_that_is_empty_takes_away_what_it_wrote_and_one_that_is_not_given_leaves_it(option, emptied, lines):
    before = "".join(f"{line}\n" for line in ["# mine", *lines, "lxc.cap.drop = a"])
    assert written(before, **{option: emptied}) == ["# mine", "lxc.cap.drop = a"]
    assert written(before) == ["# mine", *lines, "lxc.cap.drop = a"]


@pytest.mark.parametrize(
    ("mount", "entry"),
    [
        ({"source": "/srv", "target": "/mnt/srv"}, "/srv mnt/srv none bind,create=dir 0 0"),
        ({"source": "/srv", "target": "srv", "readonly": True}, "/srv srv none bind,ro,create=dir 0 0"),
        ({"source": "/srv", "target": "srv", "readonly": False}, "/srv srv none bind,create=dir 0 0"),
        ({"source": "/a", "target": "/a", "options": "bind,create=file"}, "/a a none bind,create=file 0 0"),
        (
            {"source": "/a", "target": "/a", "options": "rbind,ro,create=file", "readonly": True},
            "/a a none rbind,ro,create=file 0 0",
        ),
        (
            {"source": "tmpfs", "target": "/tmp", "type": "tmpfs", "options": "size=1M"},
            "tmpfs tmp tmpfs size=1M,create=dir 0 0",
        ),
    ],
)
def test_a_mount_and_its_entry(mount, entry):
    assert written(mounts=[mount]) == [
        "# netns.lab, mounts: begin",
        f"lxc.mount.entry = {entry}",
        "# netns.lab, mounts: end",
    ]


def test_a_network_and_its_keys_of_which_the_type_is_first():
    network = {
        "vlan_id": 7,
        "ipvlan_mode": "l3",
        "macvlan_mode": "bridge",
        "veth_pair": "v0",
        "ipv6_gateway": "auto",
        "ipv6_addresses": ["fd00::2/64"],
        "ipv4_gateway": "10.0.0.1",
        "ipv4_addresses": ["10.0.0.2/24", "10.0.0.3/24"],
        "mtu": 1400,
        "hwaddr": "02:00:00:00:00:01",
        "name": "eth0",
        "link": "br0",
        "type": "veth",
    }
    assert written(networks=[network]) == [
        "lxc.net.0.type = veth",
        "lxc.net.0.link = br0",
        "lxc.net.0.name = eth0",
        "lxc.net.0.hwaddr = 02:00:00:00:00:01",
        "lxc.net.0.mtu = 1400",
        "lxc.net.0.ipv4.address = 10.0.0.2/24",
        "lxc.net.0.ipv4.address = 10.0.0.3/24",
        "lxc.net.0.ipv4.gateway = 10.0.0.1",
        "lxc.net.0.ipv6.address = fd00::2/64",
        "lxc.net.0.ipv6.gateway = auto",
        "lxc.net.0.veth.pair = v0",
        "lxc.net.0.macvlan.mode = bridge",
        "lxc.net.0.ipvlan.mode = l3",
        "lxc.net.0.vlan.id = 7",
        "lxc.net.0.flags = up",
    ]


def test_networks_are_counted_and_are_up_unless_they_shall_not_be_or_cannot():
    assert written(networks=[{"link": "br0"}, {"link": "br1", "up": False}, {"type": "empty"}]) == [
        "lxc.net.0.type = veth",
        "lxc.net.0.link = br0",
        "lxc.net.0.flags = up",
        "lxc.net.1.type = veth",
        "lxc.net.1.link = br1",
        "lxc.net.2.type = empty",
    ]


SHARED = "lxc.namespace.share.net = /run/netns/red"


def test_a_namespace_that_is_shared_takes_the_place_of_networks_and_they_of_it():
    networks = ["lxc.net.0.type = veth", "lxc.net.0.flags = up"]
    shared = written("\n".join(networks), netns="red")
    assert SHARED in shared
    assert not set(networks) & set(shared)
    assert written("\n".join(shared), networks=[{}]) == networks
    assert written("\n".join(shared), netns="red") == shared


def test_everything_at_once_written_twice_is_written_once():
    settings: dict[str, t.Any] = {
        "config": {"lxc.tty.max": 4, "lxc.cap.drop": ["a", "b"], "lxc.pty.max": None},
        "limits": {"memory": "1G", "cpus": 1, "pids": 5, "cpuset": "0"},
        "idmap": ["u 0 1 2"],
        "autostart": True,
        "autostart_delay": 1,
        "autostart_order": 2,
        "groups": ["a"],
        "mounts": [{"source": "/a", "target": "/a"}],
        "environment": {"A": 1},
        "owner": "office",
        "template": "none",
        "template_options": {"rootfs": "/r"},
    }
    for network in ({"netns": "red"}, {"networks": [{}, {}]}):
        text = "\n".join(written(**settings, **network)) + "\n"
        assert written(text, **settings, **network) == text.splitlines()


# -- conflicts


@pytest.mark.parametrize(
    ("option", "value", "key"),
    [
        ("limits", {}, "lxc.cgroup2.memory.max"),
        ("limits", {"pids": 1}, "lxc.cgroup.cpu.cfs_period_us"),
        ("idmap", [], "lxc.idmap"),
        ("autostart", False, "lxc.start.auto"),
        ("autostart_delay", 0, "lxc.start.delay"),
        ("autostart_order", 0, "lxc.start.order"),
        ("groups", [], "lxc.group"),
        ("mounts", [], "lxc.mount.entry"),
        ("environment", {}, "lxc.environment"),
    ],
)
def test_a_key_that_an_option_writes_is_not_said_twice(option, value, key):
    found = [f"container.config['{key}']: `{option}` writes this key: say it there only"]
    assert problems_of(config={key: "x", "lxc.tty.max": 1}, **{option: value}) == found
    assert problems_of(config={key: None}, **{option: value}) == found
    assert problems_of(config={key: "x"}) == []


@pytest.mark.parametrize("key", ["lxc.net.0.type", "lxc.net.10.ipv4.address", "lxc.namespace.share.net"])
def test_who_says_what_network_it_has_says_no_key_about_it(key):
    where = f"container.config['{key}']"
    assert problems_of("red", config={key: "x"}) == [f"{where}: `netns` says what network it has: leave this out"]
    assert problems_of(networks=[], config={key: "x"}) == [
        f"{where}: `networks` says what network it has: leave this out"
    ]
    assert problems_of(config={key: "x"}) == []


# -- what it is made from


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ({}, Source("busybox")),
        ({"template": "busybox", "backing_store": "dir"}, Source("busybox")),
        (
            {
                "template": "download",
                "template_options": {"dist": "debian", "no-validate": None, "keep": ["a", "b"], "n": 1},
            },
            Source("download", ("--dist=debian", "--no-validate", "--keep=a", "--keep=b", "--n=1")),
        ),
        (
            {"template": "debian", "template_options": {"release": "trixie", "packages": ["python3"]}},
            Source("debian", options=(("release", "trixie"), ("packages", ["python3"]))),
        ),
        ({"template": "none", "template_options": {"rootfs": "/srv/root"}}, Source("none", rootfs="/srv/root")),
        (
            {"backing_store": "lvm", "backing_store_options": {"vgname": "vg", "fssize": 5}},
            Source("busybox", store="lvm", store_arguments=("--vgname", "vg", "--fssize", "5")),
        ),
        ({"clone_from": Place("/p", "a")}, Source("busybox", clone_from=Place("/p", "a"))),
        (
            {"clone_from": Place("/p", "a"), "clone_snapshot": True},
            Source("busybox", clone_from=Place("/p", "a"), clone_snapshot=True),
        ),
    ],
)
def test_what_a_container_is_made_from(settings, source):
    assert wish(**settings).source == source


def test_a_value_that_looks_like_an_option_stays_a_value():
    source = wish(template="local", template_options={"fstree": "--evil; rm -rf /"}).source
    assert source.arguments == ("--fstree=--evil; rm -rf /",)


def test_the_root_file_system_of_the_template_none_is_said_once_by_its_path():
    place = "container.template_options.rootfs"
    assert problems_of(template="none", template_options={"rootfs": "srv/root"}) == [
        f"{place}: 'srv/root': expected an absolute path"
    ]
    assert problems_of(
        template="none", template_options={"rootfs": "/srv/root"}, config={"lxc.rootfs.path": "dir:/srv/other"}
    ) == [f"{place}: `config` names lxc.rootfs.path, too: say it in one place"]
    assert problems_of(template="none", clone_from=Place("/p", "a")) == []


def test_the_template_debian_has_options_of_its_own():
    (found,) = problems_of(template="debian", template_options={"suite": "x"})
    place = "container.template_options.suite"
    assert found == f"{place}: the template debian has no such option (known: release, arch, mirror, packages)"


# -- how it is treated


def test_without_a_word_a_running_container_is_left_alone_and_has_time():
    found = wish()
    assert (found.restart, found.wait, found.timeout, found.create_timeout) == ("never", "running", 60.0, 1200.0)
    assert (found.snapshot, found.edits) == ("", ())


def test_what_is_said_of_restart_wait_and_time_is_taken():
    found = wish(restart="always", wait="network", timeout=5, create_timeout=7.5)
    assert (found.restart, found.wait, found.timeout, found.create_timeout) == ("always", "network", 5.0, 7.5)


def test_a_node_s_container_is_called_as_its_namespace():
    assert container_options.key("office-web", {"lxc_path": "/srv/lxc"}) == (
        "container",
        "office-web",
        "/srv/lxc",
        "office-web",
    )

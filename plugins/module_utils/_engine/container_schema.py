# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be said of a container, written once: for `container:` of a node in a lab file, and for the module
`lxc_container`. Descriptions are for the lab file's documentation; the module has its own.
"""

from __future__ import annotations

import re
import typing as t

from .._lxc import config
from .._lxc.place import NAME
from .errors import LabError, show
from .walk import Integer, ListOf, MapOf, Mapping, Number, OneOf, Shape, Switch, Text

TEMPLATES = ("busybox", "debian", "download", "local", "oci", "none")
STORES = ("dir", "btrfs", "lvm", "loop", "overlay", "rbd", "zfs", "best")
_SIZE = re.compile(r"[0-9]+[KMGkmg]?|max")
_IDMAP = re.compile(r"[ug] [0-9]+ [0-9]+ [0-9]+")


def container_name(text: str) -> str:
    """A name that LXC's tools take for nothing else."""
    if not NAME.fullmatch(text):
        raise LabError(
            f"{show(text)}: a container's name has up to 63 letters, digits, '.', '_' and '-', "
            "and begins with a letter or digit"
        )
    return text


def one_line(text: str) -> str:
    """A value of a configuration file, where a line break would begin another key."""
    if any(char in text for char in "\n\r\0"):
        raise LabError(f"{show(text)}: a value of LXC's configuration is one line")
    return text.strip()


def absolute(text: str) -> str:
    """An absolute path, in the one spelling that LXC's processes are found by."""
    parts = one_line(text).split("/")
    if not text.startswith("/") or ".." in parts:
        raise LabError(f"{show(text)}: expected an absolute path")
    return "/" + "/".join(part for part in parts if part not in ("", "."))


def config_key(text: str) -> str:
    """A key of lxc.container.conf(5)."""
    if not config.KEY.fullmatch(text):
        raise LabError(f"{show(text)}: expected a key of LXC's configuration, like lxc.start.auto")
    return text


def _size(text: str) -> str:
    if not _SIZE.fullmatch(text):
        raise LabError(f"{show(text)}: expected a size in bytes, like 268435456, 512M or 2G, or max")
    return text.upper() if text != "max" else text


def variable(text: str) -> str:
    """A name that a shell takes for one."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text):
        raise LabError(f"{show(text)}: expected the name of an environment variable")
    return text


def _idmap(text: str) -> str:
    words = " ".join(text.split())
    if not _IDMAP.fullmatch(words):
        raise LabError(f"{show(text)}: expected 'u' or 'g', the first id inside, the first outside, and how many")
    return words


def _mount_word(text: str) -> str:
    """A word of a mount entry, where a space would begin the next one (fstab(5))."""
    word = one_line(text)
    if not word:
        raise LabError(f"{show(text)}: a mount entry has no empty parts")
    return word.replace(" ", "\\040").replace("\t", "\\011")


def _target(text: str) -> str:
    word = _mount_word(text)
    if not word.strip("/"):
        raise LabError(f"{show(text)}: expected a path below the container's root")
    return word


_PLAIN = OneOf(
    text=Text(parse=one_line),
    number=Integer(least=-(2**63), most=2**63 - 1),
    expected="text or a number",
)
_VALUE = OneOf(
    text=Text(parse=one_line),
    number=Integer(least=-(2**63), most=2**63 - 1),
    items=ListOf(_PLAIN, what="a list of values"),
    nothing=True,
    expected="text, a number, or a list of them",
)

MOUNT = Mapping(
    {
        "source": Text("What is mounted: a path of the machine, or a name like tmpfs.", parse=_mount_word),
        "target": Text("Where in the container, as a path from its root.", parse=_target),
        "type": Text("The type of file system.\nThe default is V(none), for a bind mount.", parse=_mount_word),
        "options": Text(
            "Mount options, with commas.\nThe default is V(bind), and C(create=dir) is always added"
            " unless a C(create=) stands here.",
            parse=_mount_word,
        ),
        "readonly": Switch("Whether nothing can be written there."),
    },
    what="a mount",
    required=("source", "target"),
)

LIMITS = Mapping(
    {
        "memory": OneOf(
            "Memory, in bytes or like V(512M).",
            text=Text(parse=_size),
            number=Integer(least=1, most=2**63 - 1),
            expected="a size like 512M",
        ),
        "cpus": Number("Processor time, in processors: V(1.5) is one and a half.", least=0.01, most=4096),
        "pids": Integer("How many processes and threads.", least=1, most=2**22),
        "cpuset": Text("The processors that it may use, like V(0-1).", parse=one_line, expected="a list like 0-1"),
    },
    what="limits",
)

SETTINGS: dict[str, Shape] = {
    "template": Text(
        "What the container is made from.\n"
        "V(busybox) needs no network and takes no time.\n"
        "V(debian) is made by C(mmdebstrap) or C(debootstrap), on Debian from the machine's own package sources,"
        " elsewhere from the C(mirror) of its options.\n"
        "V(download), V(local) and V(oci) are LXC's own, and V(none) takes a root file system that stands.\n"
        "The default is V(busybox). It matters only when the container is made.",
        choices=TEMPLATES,
    ),
    "template_options": MapOf(
        Text(expected="the name of an option"),
        _VALUE,
        "What the template is told, by the names of its long options.\n"
        "V(debian) has C(release), C(arch), C(mirror) and C(packages), a list; V(none) has C(rootfs), a path.",
        what="a mapping from options to values",
    ),
    "lxc_path": Text(
        "The directory that holds the container.\nThe default is LXC's own, as a rule C(/var/lib/lxc).",
        parse=absolute,
        expected="an absolute path",
    ),
    "backing_store": Text("What its root file system is kept in.\nThe default is V(dir).", choices=STORES),
    "backing_store_options": MapOf(
        Text(expected="the name of an option"),
        _PLAIN,
        "What the backing store needs, by the names of C(lxc-create), like C(fssize).",
        what="a mapping from options to values",
    ),
    "config": MapOf(
        Text(parse=config_key, expected="a key of LXC's configuration"),
        _VALUE,
        "Keys of C(lxc.container.conf), each with a value or a list of values, which replace all that the key has.\n"
        "A key without a value is removed; keys that aren't named stay as they are.",
        what="a mapping from keys to values",
    ),
    "limits": Mapping(LIMITS.keys, "Limits, for either version of control groups.", what="limits"),
    "mounts": ListOf(MOUNT, "What is mounted into it, besides what its template mounts.", what="a list of mounts"),
    "environment": MapOf(
        Text(parse=variable, expected="the name of an environment variable"),
        _PLAIN,
        "Environment variables of its init.",
        what="a mapping from names to values",
    ),
    "idmap": ListOf(
        Text(parse=_idmap, expected="a range of ids"),
        "Ranges of user and group ids, like V(u 0 100000 65536): the container is unprivileged.\n"
        "It matters when the container is made: later its files would belong to others.",
        what="a list of ranges of ids",
    ),
    "restart": Text(
        "Whether a running container is started anew for a change of its configuration: V(never), V(if_needed)"
        " (not for limits, which it takes on as it runs), V(always).\nThe default is V(if_needed).",
        choices=("never", "if_needed", "always"),
    ),
    "wait": Text(
        "What a start waits for: V(running), V(init) (its start scripts are through), V(network) (it has an address).\n"
        "The default is V(running).",
        choices=("running", "init", "network"),
    ),
    "timeout": Number(
        "Seconds for a start, and for a shutdown before it is killed.\nThe default is 60.", least=1, most=86400
    ),
    "create_timeout": Number("Seconds for making it.\nThe default is 1200.", least=1, most=86400),
}

LAB_STATES = {"started": "running", "stopped": "stopped", "frozen": "frozen"}

NODE_CONTAINER: t.Mapping[str, Shape] = {
    "state": Text(
        "Whether it runs.\nThe default is V(started).",
        choices=tuple(LAB_STATES),
    ),
    **SETTINGS,
}

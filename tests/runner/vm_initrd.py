# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab VM's initrd: busybox, and the modules that its disk needs.

It boots in a second where a usual one takes ten. As that of initramfs-tools does, it mounts /run so that no program can
be started from there.
"""

from __future__ import annotations

import lzma
import typing as t
from pathlib import Path

MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4")
"""What the root file system needs, as far as the kernel hasn't it built in."""

INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod /modules/$module; done
/bin/busybox mount -t ext4 -o noatime /dev/vda /system || exec /bin/busybox sh
/bin/busybox umount /dev
/bin/busybox mount -t tmpfs -o nodev,noexec,nosuid,mode=0755 run /system/run
exec /bin/busybox switch_root /system /sbin/init
"""


def pack(busybox: Path, modules: Path) -> bytes:
    """The archive, from a static busybox and a kernel's directory below /lib/modules."""
    found = _in_order(modules)
    files: list[tuple[str, int, bytes]] = [(name, 0o040755, b"") for name in ("bin", "dev", "modules", "system")]
    files.append(("bin/busybox", 0o100755, busybox.read_bytes()))
    files += [(f"modules/{name}", 0o100644, content) for name, content in found.items()]
    files.append(("init", 0o100755, INIT.format(modules=" ".join(found)).encode()))
    return b"".join(_entries([*files, ("TRAILER!!!", 0, b"")]))


def _in_order(modules: Path) -> dict[str, bytes]:
    """Name of a module file -> what is in it; what a module needs before the module itself."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _colon, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {path.rsplit("/", 1)[-1].split(".")[0].replace("-", "_"): path for path in needs}
    found: dict[str, bytes] = {}
    for name in MODULES:
        if name in by_name:
            # modules.dep(5) lists what is needed with the innermost last.
            for path in [*reversed(needs[by_name[name]]), by_name[name]]:
                content = (modules / path).read_bytes()
                found[path.rsplit("/", 1)[-1].removesuffix(".xz")] = (
                    lzma.decompress(content) if path.endswith(".xz") else content
                )
    return found


def _entries(files: t.Iterable[tuple[str, int, bytes]]) -> t.Iterator[bytes]:
    """The format `newc`, as the kernel's Documentation/driver-api/early-userspace/buffer-format.rst has it."""
    for number, (name, mode, content) in enumerate(files, 1):
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        yield head + bytes(-len(head) % 4)
        yield content + bytes(-len(content) % 4)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image of the lab VM: Debian 13 with its own kernel and systemd, made from this machine's own package sources.

It is what a school hands out: a user with sudo, an sshd, Python, and nothing that labs need. What the roles install
lies in it as a flat package repository, the only one that its apt knows, so it needs no way out. Made once per content
of this file, and kept in `.cache/vm`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
import typing as t
from pathlib import Path

from . import vm_initrd
from .place import CACHE, run

RELEASE = "trixie"
SIZE = "4G"
"""Of the disk. The file is sparse."""

PACKAGES = (
    "apparmor", "dbus", "iproute2", "iputils-ping", "kmod", "libpam-systemd", "linux-image-amd64", "openssh-server",
    "procps", "python3", "python3-hypothesis", "python3-pytest", "python3-yaml", "sudo", "systemd-sysv", "udev",
    "wireguard-tools",
)  # fmt: skip
"""In the image. What is for tests only (hypothesis, pytest, yaml, wireguard) brings nothing that labs need."""

OFFERED = (
    "busybox-static", "debian-archive-keyring", "dnsmasq-base", "lxc", "mmdebstrap", "nftables", "python3-apt",
    "python3-pyroute2", "rsync", "uidmap",
)  # fmt: skip
"""In the image's package repository, with what they depend on."""

CONTAINER = ("ca-certificates", "dbus", "iproute2", "iputils-ping", "systemd-sysv")
"""In the archive that the template `debian` keeps once it has made it; the scenario puts it where that is kept."""

TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh-keygen": "openssh-client",
}
"""Programs that this machine needs, and Debian's packages with them."""

FILES = {
    "etc/hostname": "lab-vm\n",
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab-vm\n::1 localhost\n",
    "etc/fstab": "/dev/vda / ext4 noatime 0 0\n",
    "etc/sudoers.d/student": "student ALL=(ALL) NOPASSWD: ALL\n",
    "etc/sysctl.d/90-lab-vm.conf": "kernel.printk = 3 4 1 3\n",
    "etc/systemd/network/10-machine.network": (
        "[Match]\nName=ens3\n\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
    ),
    "etc/initramfs-tools/update-initramfs.conf": "update_initramfs=no\n",  # vm_initrd.py makes it
    "etc/apt/sources.list": "deb [trusted=yes] file:/srv/packages ./\n",
    "etc/systemd/journald.conf.d/lab-vm.conf": "[Journal]\nStorage=volatile\nRateLimitBurst=0\n",
}
"""Path -> content. The second and third NIC are nobody's: nothing configures them."""

# Runs for the image's tree $1, outside of it: puts into its repository what it offers and doesn't have. The lists and
# keys are those by which mmdebstrap has made the tree.
REPOSITORY = r"""
set -e
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
mkdir -p "$1/srv/packages/partial"
apt-get -qq -y --no-install-recommends --download-only -o Dir::Cache::archives="$1/srv/packages" \
    -o APT::Keep-Downloaded-Packages=true install {offered}
cd "$1/srv/packages"
rm -rf partial lock
for file in *.deb; do
    dpkg-deb --field "$file"
    printf 'Filename: ./%s\nSize: %s\n' "$file" "$(stat -c %s "$file")"
    printf 'SHA256: %s\n\n' "$(sha256sum "$file" | cut -c -64)"
done >Packages
"""

# Runs for the tree $1 as well: its users, and what it starts at boot.
SETTLE = r"""
set -e
chroot "$1" useradd --create-home --shell /bin/bash student
for home in root home/student; do
    mkdir -p -m 700 "$1/$home/.ssh"
    cp "$PUBLIC_KEY" "$1/$home/.ssh/authorized_keys"
done
chroot "$1" chown -R student:student /home/student/.ssh
chroot "$1" systemctl -q enable systemd-networkd ssh
chroot "$1" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    e2scrub_all.timer e2scrub_reap.service systemd-networkd-wait-online.service systemd-pstore.service \
    getty@tty1.service serial-getty@ttyS0.service
tr -d - </proc/sys/kernel/random/uuid >"$1/etc/machine-id"
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/apt/apt.conf.d/99mmdebstrap
rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*.bin "$1"/boot/initrd*
# Profiles of programs that aren't there cost half a minute in emulation. Those of LXC come with it.
find "$1/etc/apparmor.d" -maxdepth 1 -type f -delete
"""

LEAN = ["--variant=minbase", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*"]
LEAN += ["--dpkgopt=path-exclude=/usr/share/locale/*"]


class Image(t.NamedTuple):
    """A directory with what a VM is started from."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def key(self) -> Path:
        """Opens root and student."""
        return self.folder / "key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"


def source() -> tuple[str, str]:
    """Where this machine's own Debian packages come from, and the keyring, as apt says. Raises RuntimeError."""
    wanted = "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(SIGNED_BY)"
    own = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    if own.get("ID") == "debian" and shutil.which("apt-get"):
        words = ["apt-get", "indextargets", "--format", wanted]
        said = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False).stdout
        for line in said.splitlines():
            uri, suite, component, keyring = line.split("\t")
            if suite == own.get("VERSION_CODENAME") and component == "main":
                keyring = keyring if keyring.startswith("/") else "/usr/share/keyrings/debian-archive-keyring.gpg"
                return uri.rstrip("/"), keyring
    raise RuntimeError("the lab VM is made from Debian package sources, and this machine has none")


def install_tools() -> None:
    """Installs what this machine lacks for image and VM. Raises RuntimeError where that can't be done."""
    lacking = sorted({package for program, package in TOOLS.items() if not shutil.which(program)})
    if not lacking:
        return
    print(f"installing {' '.join(lacking)} (once), for the lab VM", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *lacking]
    if run(*install, env=quiet)[0] and (run("apt-get", "-qq", "update")[0] or run(*install, env=quiet)[0]):
        raise RuntimeError(f"{' '.join(lacking)} can't be installed here")


def build() -> Image:
    """The image, made if it isn't there yet. Raises RuntimeError where it can't be made."""
    mirror, keyring = source()
    said = [mirror.encode(), *(Path(module).read_bytes() for module in (__file__, vm_initrd.__file__))]
    folder = CACHE / "vm"
    folder.mkdir(parents=True, exist_ok=True)
    image = Image(folder / f"image-{hashlib.sha256(b''.join(said)).hexdigest()[:12]}")
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second finds it made
        if image.folder.exists():
            return image
        if os.geteuid():
            raise RuntimeError("the image of the lab VM can be made by root only")
        install_tools()
        for old in folder.glob("image-*"):
            shutil.rmtree(old)
        with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as scratch:
            _make(Path(scratch), f"deb [signed-by={keyring}] {mirror} {RELEASE} main")
            (Path(scratch) / "image").rename(image.folder)
    return image


def _make(scratch: Path, line: str) -> None:
    started = time.monotonic()

    def tell(step: int, what: str) -> None:
        print(f"image of the lab VM, {step} of 5, {time.monotonic() - started:3.0f} s: {what}", flush=True)

    image = Image(scratch / "image")
    image.folder.mkdir()
    for name in ("key", "host-key"):
        _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "netns-lab-vm", "-f", image.folder / name)
    host_key = (image.folder / "host-key.pub").read_text()
    image.known_hosts.write_text(f"lab-vm {host_key}")

    tell(1, "a root file system for containers")
    rootfs = scratch / "rootfs"
    _do("mmdebstrap", "--quiet", *LEAN, f"--include={','.join(CONTAINER)}", RELEASE, rootfs, line)
    _do("sh", "-c", 'cd "$0" && rm -rf var/lib/apt/lists/* var/cache/apt/* dev/* etc/resolv.conf', rootfs)
    _do("tar", "--numeric-owner", "-C", rootfs, "-cf", scratch / "rootfs.tar", ".")

    tell(2, "the system, and the packages that it offers")
    tree = scratch / "tree"
    env = {"PUBLIC_KEY": f"{image.key}.pub"}
    hooks = {"repository": REPOSITORY.replace("{offered}", " ".join(OFFERED)), "settle": SETTLE}
    for name, text in hooks.items():
        (scratch / name).write_text(f"#!/bin/sh{text}")
        (scratch / name).chmod(0o755)
    _do(
        "mmdebstrap", "--quiet", *LEAN, f"--include={','.join(PACKAGES)}",
        *(f"--customize-hook={scratch / name}" for name in hooks), RELEASE, tree, line, env=env,
    )  # fmt: skip
    for path, text in FILES.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    (tree / "etc" / "sudoers.d" / "student").chmod(0o440)
    shutil.rmtree(tree / "etc" / "apt" / "sources.list.d", ignore_errors=True)
    shutil.move(image.folder / "host-key", tree / "etc" / "ssh" / "ssh_host_ed25519_key")
    shutil.move(image.folder / "host-key.pub", tree / "etc" / "ssh" / "ssh_host_ed25519_key.pub")
    shutil.move(scratch / "rootfs.tar", tree / "srv" / "rootfs.tar")

    tell(3, "kernel and initrd")
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    version = kernel.name.removeprefix("vmlinuz-")
    shutil.copy(kernel, image.kernel)
    _do("dpkg-deb", "--extract", *(tree / "srv" / "packages").glob("busybox-static_*.deb"), scratch / "busybox")
    (busybox,) = (scratch / "busybox").glob("**/bin/busybox")
    image.initrd.write_bytes(vm_initrd.pack(busybox, tree / "usr" / "lib" / "modules" / version))

    tell(4, "the disk")
    _do("mke2fs", "-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", tree, image.disk, SIZE)
    tell(5, f"done, {image.disk.stat().st_blocks // 2048} MiB")


def _do(*words: str | Path, env: t.Mapping[str, str] | None = None) -> None:
    code, _output = run(*words, env={"LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "0", **(env or {})})
    if code:
        raise RuntimeError(f"{words[0]} ended with exit code {code}")

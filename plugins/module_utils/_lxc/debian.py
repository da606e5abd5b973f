# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The template `debian`: a root file system from the package sources that this machine itself is set up with.

It is made once and kept as an archive; further containers are unpacked from it. LXC's own template of that name isn't
in every distribution, and names a mirror of its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import re
import tempfile
import typing as t

from .._kernel.command import execute
from . import cgroups, tools
from .errors import LxcError

CACHE = "/var/cache/netns-lab"
PACKAGES = ("systemd-sysv", "dbus", "iproute2", "iputils-ping", "ca-certificates")
"""What a system container has besides the essential packages. Nothing that configures a network by itself."""
_LIST = "mirror+file:"
_SCHEMES = ("http:", "https:", "file:")
"""What mmdebstrap and debootstrap both read from."""
_MOST_LINES = 4
_TEMPLATES = "/usr/share/lxc/templates"
_LEGACY_SYSTEMD = "lxc.environment = SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
"""From version 256 on systemd refuses to start on control groups of version 1 unless it is told that they are meant."""

_SCRIPT = """\
#!/bin/sh
# A template of LXC, as lxc-create(1) calls it: unpacks an archive into the root file system of a container.
set -eu
archive=
for word; do
    case $word in
    --path=*) path=${word#*=} ;;
    --name=*) name=${word#*=} ;;
    --rootfs=*) rootfs=${word#*=} ;;
    --archive=*) archive=${word#*=} ;;
    --line=*) ;;
    esac
done
mkdir -p "$rootfs"
tar --extract --file="$archive" --directory="$rootfs" --numeric-owner --exclude='./dev/*'
mkdir -p "$rootfs/dev"
printf '%s\\n' "$name" >"$rootfs/etc/hostname"
printf '127.0.0.1\\tlocalhost\\n127.0.1.1\\t%s\\n::1\\tlocalhost\\n' "$name" >"$rootfs/etc/hosts"
: >"$rootfs/etc/machine-id"
case " $* " in
*" --mapped-uid"*) # what only the machine's own root may mount
    for unit in sys-kernel-debug sys-kernel-tracing; do
        ln -s /dev/null "$rootfs/etc/systemd/system/$unit.mount"
    done
    ;;
esac
if ! grep -q '^lxc.rootfs.path' "$path/config" 2>/dev/null; then
    printf 'lxc.rootfs.path = dir:%s\\n' "$rootfs" >>"$path/config"
fi
{
    printf 'lxc.include = %s\\n' /usr/share/lxc/config/common.conf
    case " $* " in *" --mapped-uid"*) printf 'lxc.include = %s\\n' /usr/share/lxc/config/userns.conf ;; esac
    printf 'lxc.uts.name = %s\\n' "$name"
    for word; do case $word in --line=*) printf '%s\\n' "${word#*=}" ;; esac done
} >>"$path/config"
"""


def template(options: t.Mapping[str, t.Any], folder: str, timeout: float) -> tuple[str, list[str]]:
    """The template for `lxc-create` and what it is told. `folder` is a place for it that its caller takes away.

    Raises LxcError where there is nothing to make a root file system with.
    """
    release = str(options.get("release") or _own_release())
    architecture = str(options.get("arch") or _architecture())
    mirror = options.get("mirror")
    if not (tools.there("mmdebstrap") or tools.there("debootstrap")):
        if os.path.exists(os.path.join(_TEMPLATES, "lxc-debian")):
            words = [f"--release={release}", f"--arch={architecture}"]
            return "debian", words + ([f"--mirror={mirror}"] if mirror else [])
        raise LxcError(
            "a Debian root file system is made by mmdebstrap or debootstrap, and neither is here: "
            "the role netns.lab.lxc installs one (lxc_templates: [debian])"
        )
    packages = [*PACKAGES, *(str(name) for name in options.get("packages") or ())]
    archive = _archive(release, architecture, packages, str(mirror) if mirror else "", timeout)
    script = os.path.join(folder, "lxc-netns-lab-debian")
    with open(script, "w", encoding="utf-8") as stream:
        stream.write(_SCRIPT)
    os.chmod(script, 0o755)
    lines = [f"--line={_LEGACY_SYSTEMD}"] if "name=systemd" in cgroups.legacy_controllers() else []
    return script, [f"--archive={archive}", *lines]


def _archive(release: str, architecture: str, packages: t.Sequence[str], mirror: str, timeout: float) -> str:
    """The path of the archive with these packages; made if it isn't there."""
    said = json.dumps([release, architecture, sorted(packages), mirror])
    path = os.path.join(CACHE, f"debian-{release}-{architecture}-{hashlib.sha256(said.encode()).hexdigest()[:12]}.tar")
    if os.path.exists(path):
        return path
    keyring = ""
    if not mirror:
        mirror, keyring = _source()
    os.makedirs(CACHE, 0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="making-", dir=CACHE) as folder:
        draft = os.path.join(folder, "root.tar")
        if tools.there("mmdebstrap"):
            line = f"deb {f'[signed-by={keyring}] ' if keyring else ''}{mirror} {release} main"
            words = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}"]
            words += [f"--architectures={architecture}", release, draft, line]
            _build(words, timeout)
        else:
            root = os.path.join(folder, "root")
            words = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", f"--arch={architecture}"]
            _build([*words, *([f"--keyring={keyring}"] if keyring else []), release, root, mirror], timeout)
            _build(["tar", "--create", f"--file={draft}", f"--directory={root}", "--numeric-owner", "."], timeout)
        os.chmod(draft, 0o644)
        os.rename(draft, path)
    return path


def _build(words: list[str], timeout: float) -> None:
    done = execute([tools.find(words[0]), *words[1:]], timeout=timeout, env={**os.environ, "LC_ALL": "C.UTF-8"})
    if done.timed_out:
        raise LxcError(f"{words[0]} didn't end within {timeout:g} s and was ended (create_timeout)")
    if done.code:
        lines = (done.err + done.out).decode("utf-8", "replace").splitlines()
        said = [line.strip() for line in lines if line.lstrip().startswith(("E:", "Err:"))][:_MOST_LINES]
        said = said or tools.plain(done.err) or tools.plain(done.out)
        raise LxcError(f"{words[0]} {tools.ended(done.code)}" + (f": {'; '.join(said)}" if said else ""))


def _source() -> tuple[str, str]:
    """Where this machine's own Debian packages come from, and the keyring, as apt says (apt-get(8), indextargets)."""
    release = _system().get("VERSION_CODENAME", "")
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)\t$(RELEASE)\t$(COMPONENT)\t$(SIGNED_BY)"]
    if tools.there("apt-get") and _system().get("ID") == "debian":
        done = execute([tools.find("apt-get"), *words[1:]], timeout=30.0)
        for line in done.out.decode("utf-8", "replace").splitlines():
            uri, suite, component, keyring = (line.split("\t") + [""] * 4)[:4]
            uri = _of_list(uri[len(_LIST) :]) if uri.startswith(_LIST) else uri
            if suite == release and component == "main" and uri.startswith(_SCHEMES):
                return uri.rstrip("/"), keyring if keyring.startswith("/") else ""
    raise LxcError("this machine has no Debian package sources of its own: say template_options.mirror")


def _of_list(path: str) -> str:
    """The first mirror of a list (apt-transport-mirror(1)), as the images of Debian for clouds have it."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            words = line.partition("#")[0].split()
            if words:
                return words[0]
    return ""


def _system() -> dict[str, str]:
    """os-release(5) of this machine."""
    try:
        with open("/etc/os-release", encoding="utf-8") as stream:
            pairs = (line.strip().partition("=") for line in stream)
            return {key: value.strip("\"'") for key, _equals, value in pairs if key}
    except OSError:
        return {}


def _own_release() -> str:
    """The release of a Debian machine; elsewhere the stable one."""
    system = _system()
    release = system.get("VERSION_CODENAME", "") if system.get("ID") == "debian" else ""
    return release if re.fullmatch(r"[a-z]+", release) else "stable"


def _architecture() -> str:
    """Debian's name of this machine's architecture."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "ppc64le": "ppc64el", "i686": "i386"}.get(
        machine, machine
    )

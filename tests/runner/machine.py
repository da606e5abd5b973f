# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine that has just been installed: the part bare tries on it what needs a machine without LXC.

It is a Debian or Ubuntu of this machine's own release, in namespaces of its own for everything but users: it sees its
own files, processes, network and control groups, and none of this machine's. What it does can't reach this machine's
links or firewall, and all of it is gone as soon as its first process is. Only the way to the package sources leads out:
a SOCKS proxy whose door is inside and which connects from outside, as apt is told.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from pathlib import Path

from .place import BIN, CACHE, CHECKOUT, COLLECTIONS, MARK, environment, run

PACKAGES = ["python3"]
"""What it has besides the least that apt works with: Ansible's modules run in Python."""

SOCKS = 1080
"""The port of the proxy's door."""

GROUP = "netns-lab-bare-"
"""What the machine's control groups are called, before the runner's process number."""

# Runs as the machine's first process, still among this machine's files: puts together the file tree $1 from the archive
# $2, with the checkout $3 at its own path, and with the control groups "$5 $6 ..." (where a hierarchy is mounted, and
# the group in it, in turn), and moves into it. Descriptor $4 is a socket on which the runner gets the proxy's door.
# Descriptor 0 ends with the runner; with it ends this process, and with that, by the kernel's hand, all in the machine.
BOOT = r"""
set -e
root=$1 archive=$2 checkout=$3 channel=$4
shift 4
mount -t tmpfs -o mode=755 machine "$root"
tar -xf "$archive" -C "$root" --numeric-owner
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm" "$root/run/lock"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for name in null zero full random urandom tty; do
    : >"$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir -p "$root$checkout"
mount --bind "$checkout" "$root$checkout"
mount -o remount,bind,ro "$root$checkout"
if [ "${1-}" != /sys/fs/cgroup ] && [ $# -gt 0 ]; then mount -t tmpfs -o mode=755 cgroup "$root/sys/fs/cgroup"; fi
while [ $# -gt 0 ]; do
    mkdir -p "$root$1"
    mount --bind "$2" "$root$1"
    shift 2
done

# What apt needs to reach the sources that mmdebstrap has noted there already.
for path in /etc/apt/keyrings /etc/apt/trusted.gpg /etc/apt/trusted.gpg.d /etc/apt/auth.conf /etc/apt/auth.conf.d \
    /usr/share/keyrings /etc/ssl/certs/ca-certificates.crt; do
    if [ -e "$path" ]; then
        mkdir -p "$root${path%/*}"
        cp -RL "$path" "$root${path%/*}/"
    fi
done
apt-config dump Acquire >"$root/etc/apt/apt.conf.d/80this-machine"
echo bare >"$root/etc/hostname"
hostname bare
printf '127.0.0.1 localhost\n127.0.1.1 bare\n' >"$root/etc/hosts"

ip link set lo up
ip link add eth0 type veth peer name eth0-far
ip link set eth0-far up
ip link set eth0 up
ip address add 192.0.2.2/24 dev eth0
ip route add default via 192.0.2.1
"$PYTHON" -c '
import socket, sys
door = socket.create_server(("127.0.0.1", int(sys.argv[2])))
socket.send_fds(socket.socket(fileno=int(sys.argv[1])), [b"door"], [door.fileno()])
' "$channel" "$SOCKS"

mkdir "$root/.outside"
cd "$root"
pivot_root . .outside
exec chroot . sh -c 'umount -l /.outside && rmdir /.outside && exec 3<&0 && { cat <&3 & wait $!; }'
"""


def archive() -> Path:
    """The file tree of such a machine, made by mmdebstrap from this machine's own package sources if need be.

    Raises RuntimeError where it can't be made.
    """
    release = _system().get("VERSION_CODENAME", "")
    sources = [path for path in _source_files() if release and release in path.read_text(errors="replace")]
    if not sources:
        raise RuntimeError("a bare machine is made from apt's sources of this release, and this machine has none")
    said = "\0".join([release, *PACKAGES, *(path.read_text(errors="replace") for path in sources)])
    target = CACHE / "bare" / f"{release}-{hashlib.sha256(said.encode()).hexdigest()[:12]}.tar"
    if target.exists():
        return target
    if not shutil.which("mmdebstrap"):
        run("apt-get", "-qq", "update")
        install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", "mmdebstrap"]
        code, _output = run(*install, env={"DEBIAN_FRONTEND": "noninteractive"})
        if code:
            raise RuntimeError("mmdebstrap, which makes a bare machine, can't be installed here")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        draft = Path(folder, "root.tar")
        words = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", release]
        code, _output = run(*words, draft, *sources)
        if code:
            raise RuntimeError(f"mmdebstrap ended with exit code {code}")
        for old in target.parent.glob("*.tar"):
            old.unlink()
        draft.rename(target)
    return target


def _source_files() -> list[Path]:
    listed = sorted(Path("/etc/apt/sources.list.d").glob("*"))
    paths = [Path("/etc/apt/sources.list"), *(path for path in listed if path.suffix in (".list", ".sources"))]
    return [path for path in paths if path.is_file()]


def _system() -> dict[str, str]:
    """os-release(5) of this machine."""
    pairs = (line.partition("=") for line in Path("/etc/os-release").read_text().splitlines())
    return {key: value.strip("\"'") for key, _equals, value in pairs}


def _remove(group: Path) -> None:
    """Removes a control group and those below it, as far as they are empty."""
    for folder, _folders, _files in os.walk(group, topdown=False):
        with contextlib.suppress(OSError):
            os.rmdir(folder)


class Groups:
    """A control group for the machine in each hierarchy of this machine, below the one in which the runner is itself.

    What LXC makes then lies in them, also what it leaves behind when it stops a container.
    """

    def __init__(self) -> None:
        self.places: dict[str, Path] = {}
        """Where each hierarchy is mounted -> the machine's group in it."""
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _number, controllers, path = line.split(":", 2)
            for _source, point, kind, options, *_rest in mounts:
                is_it = set(controllers.split(",")) <= set(options.split(",")) if controllers else kind == "cgroup2"
                if is_it and kind in ("cgroup", "cgroup2") and os.path.isdir(point + path):
                    self.places[point] = Path(point + path.rstrip("/"), f"{GROUP}{os.getpid()}")
                    break

    def make(self) -> None:
        """Makes the groups, and takes away those of a runner that was killed before it could."""
        for place in self.places.values():
            for other in place.parent.glob(f"{GROUP}*"):
                if not Path("/proc", other.name.removeprefix(GROUP)).exists():
                    _remove(other)
            place.mkdir()
            for name in ("cpuset.cpus", "cpuset.mems"):  # of version 1: nobody gets in before these are set
                if (place / name).exists() and (place.parent / name).exists():
                    (place / name).write_text((place.parent / name).read_text())

    def arguments(self) -> list[str]:
        """Mount points and groups in turn, an outer mount point before those in it."""
        return [word for point in sorted(self.places) for word in (point, str(self.places[point]))]

    def joining(self) -> list[str]:
        """Before a command: it runs in these groups."""
        files = [str(place / "cgroup.procs") for place in self.places.values()]
        return ["sh", "-c", 'while [ "$1" != -- ]; do echo 0 >"$1"; shift; done; shift; exec "$@"', "sh", *files, "--"]

    def remove(self) -> None:
        """Takes the groups away; they get 10 s to become empty."""
        limit = time.monotonic() + 10
        for place in self.places.values():
            while place.exists():
                _remove(place)
                if place.exists() and time.monotonic() > limit:
                    raise RuntimeError(f"the control group {place} can't be removed")
                time.sleep(0.05 if place.exists() else 0)


class Machine:
    """The machine, from `with` to the end of it."""

    def __init__(self, scratch: Path, cgroups: bool = True) -> None:
        self.root = scratch / "bare-root"
        self.groups = Groups()
        self.shows_groups = cgroups
        self.first: subprocess.Popen[bytes] | None = None
        self.inside: list[str] = []
        self.door: socket.socket | None = None

    def __enter__(self) -> t.Self:
        try:
            self._boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _boot(self) -> None:
        tree = archive()
        self.root.mkdir(exist_ok=True)
        self.groups.make()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [
                *self.groups.joining(), "unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup", "--fork",
                "--kill-child", "--propagation", "private", "sh", "-c", BOOT, "sh",
                str(self.root), str(tree), str(CHECKOUT), str(theirs.fileno()),
                *(self.groups.arguments() if self.shows_groups else []),
            ]  # fmt: skip
            env = environment(SOCKS=str(SOCKS), PYTHON=sys.executable)
            self.first = subprocess.Popen(command, stdin=subprocess.PIPE, env=env, pass_fds=[theirs.fileno()])
            theirs.close()
            ours.settimeout(60)
            _word, (door, *_none), _flags, _address = socket.recv_fds(ours, 4, 1)
        self.door = socket.socket(fileno=door)
        threading.Thread(target=_let_out, args=(self.door,), daemon=True).start()
        children = Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children")
        self.inside = ["nsenter", f"--target={children.read_text().split()[0]}"]
        self.inside += ["--mount", "--net", "--pid", "--ipc", "--uts", "--cgroup", "--root", "--wd"]
        limit = time.monotonic() + 10
        while self.run("test", "!", "-e", "/.outside", quiet=True)[0]:
            if time.monotonic() > limit or self.first.poll() is not None:
                raise RuntimeError("the bare machine didn't come up")
            time.sleep(0.05)
        code, output = self.run(sys.executable, "-c", "import ansible, encodings", quiet=True)
        if code:
            raise RuntimeError(
                f"a bare machine has the Python of {self.root.name} only, and .venv was made with "
                f"{os.path.realpath(sys.executable)}, which doesn't run there: {output.strip()}. "
                "Remove .venv, and let ./lab make it with /usr/bin/python3"
            )

    def __exit__(self, *_unused: object) -> None:
        if self.first:
            assert self.first.stdin is not None
            self.first.stdin.close()
            try:
                self.first.wait(10)
            except subprocess.TimeoutExpired:
                self.first.send_signal(signal.SIGKILL)
                self.first.wait()
        if self.door:
            with contextlib.suppress(OSError):
                self.door.shutdown(socket.SHUT_RDWR)  # wakes up who waits for the next one at the door
            self.door.close()
        self.groups.remove()
        self.root.rmdir()

    def run(
        self, *command: str, env: t.Mapping[str, str] | None = None, quiet: bool = False, limit: float = 300
    ) -> tuple[int, str]:
        """Runs a command in the machine; returns exit code and output, which shows at once unless it is `quiet`."""
        words = [*self.groups.joining(), *self.inside, "env", "-i", *_inside(env or {}), *command]
        if not quiet:
            # What a command leaves running may hold its output open, and is out of reach of run(): then all of it goes.
            assert self.first is not None
            timer = threading.Timer(limit + 10, self.first.kill)
            timer.start()
            try:
                return run(*words, limit=limit)
            finally:
                timer.cancel()
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", timeout=limit, check=False, env=environment(),
        )  # fmt: skip
        return done.returncode, done.stdout


def _inside(more: t.Mapping[str, str]) -> list[str]:
    """The environment of a command in the machine, as words for `env`."""
    way_out = f"socks5h://127.0.0.1:{SOCKS}"  # which apt, mmdebstrap and debootstrap's wget take from the environment
    variables = {
        "PATH": f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1", "http_proxy": way_out, "https_proxy": way_out,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", **more,
    }  # fmt: skip
    return [MARK, *(f"{name}={value}" for name, value in variables.items())]


def _let_out(door: socket.socket) -> None:
    """Serves SOCKS at the door (RFC 1928, no more than apt needs), until the door is closed."""
    while True:
        try:
            client, _address = door.accept()
        except OSError:
            return
        threading.Thread(target=_connect, args=(client,), daemon=True).start()


def _connect(client: socket.socket) -> None:
    with client, contextlib.suppress(OSError), client.makefile("rb", buffering=0) as asked:
        asked.read(asked.read(2)[1])  # the ways to say who one is, none of which is needed
        client.sendall(b"\5\0")
        kind = asked.read(4)[3]
        if kind == 3:
            host = asked.read(asked.read(1)[0]).decode("ascii", "replace")
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, asked.read(16))
        else:
            host = socket.inet_ntop(socket.AF_INET, asked.read(4))
        port = int.from_bytes(asked.read(2), "big")
        try:
            far = socket.create_connection((host, port), 30)
        except OSError:
            client.sendall(b"\5\4\0\1" + bytes(6))  # 4: the host isn't reachable
            return
        client.sendall(b"\5\0\0\1" + bytes(6))
        with far:
            back = threading.Thread(target=_pass_on, args=(far, client), daemon=True)
            back.start()
            _pass_on(client, far)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)

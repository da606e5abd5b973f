#!/bin/sh
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# shellcheck disable=SC1091,SC2016,SC2154 # machine.sh sets place, shared and python
set -eu
for tool in lxc-start busybox rsync; do
    if ! command -v "$tool" >/dev/null; then
        echo "SKIPPED, for $tool isn't here: everything"
        exit
    fi
done
if [ -z "${NLT_ON_ITS_OWN-}" ]; then # where the control groups of the machine are covered they are uncovered
    export NLT_ON_ITS_OWN=1
    exec unshare --mount --propagation private sh -c \
        'if [ -z "$(ls /sys/fs/cgroup)" ]; then umount /sys; fi; exec "$0" "$@"' "$0" "$@"
fi
. "$(dirname "$0")/../connection/machine.sh"
odd="$place/lxc-ö" # templates take no spaces
mkdir -p "$odd"
crowd=10

take_away_nodes() {
    for path in /var/lib/lxc "$odd"; do
        for container in "$path"/nlt-*; do
            if [ -e "$container/config" ]; then
                timeout 10 lxc-unfreeze -P "$path" -n "${container##*/}" 2>/dev/null
                timeout 20 lxc-stop -k -P "$path" -n "${container##*/}" 2>/dev/null
                timeout 20 lxc-destroy -P "$path" -n "${container##*/}" >/dev/null
            fi
        done
    done
    # What LXC leaves of every container that it stops itself; the kernel keeps it where another one uses it.
    rmdir /sys/fs/cgroup/lxc.pivot /sys/fs/cgroup/*/lxc.pivot 2>/dev/null || true
}
trap take_away EXIT

# A container with the programs of the machine, so that it has Python.
make() { # NAME DIRECTORY
    timeout 60 lxc-create -n "$1" -P "$2" -f /dev/null -t busybox >/dev/null
    cat >>"$2/$1/config" <<CONFIG
lxc.mount.entry = /usr/bin usr/bin none ro,bind 0 0
lxc.mount.entry = /etc/pam.d etc/pam.d none ro,bind,create=dir 0 0
CONFIG
    root=$2/$1/rootfs
    cp /etc/passwd /etc/shadow /etc/group /etc/login.defs "$root/etc"
    echo "$1" >"$root/etc/hostname"
    install -d -m 1777 "$root/var/tmp"
    install -d -m 755 "$root$place"
    install -d -o nlt-user "$root$place/nlt-user"
}
start() { # NAME DIRECTORY
    timeout 20 lxc-start -n "$1" -P "$2" >/dev/null 2>&1
}

mkdir -p /var/lib/lxc
make_users
for name in nlt-web nlt-stopped nlt-frozen; do make "$name" /var/lib/lxc; done
make nlt-odd "$odd"
start nlt-web /var/lib/lxc
start nlt-frozen /var/lib/lxc
start nlt-odd "$odd"
timeout 10 lxc-freeze -n nlt-frozen
has_ssh=true
start_sshd || has_ssh=false

{
    machines
    cat <<INI

[yardstick]
nlt-local-pipe ansible_pipelining=true
nlt-local-files ansible_pipelining=false

[over_ssh]
nlt-ssh-pipe ansible_pipelining=true ansible_lxc_machine=nlt-root
nlt-ssh-files ansible_pipelining=false ansible_lxc_machine=nlt-root
nlt-sudo-pipe ansible_pipelining=true ansible_lxc_machine=nlt-sudo
nlt-sudo-files ansible_pipelining=false ansible_lxc_machine=nlt-sudo

[yardstick:vars]
ansible_lxc_name=nlt-odd
ansible_lxc_path=$odd

[nodes]
nlt-web
nlt-none
nlt-stopped
nlt-frozen
nlt-slash ansible_lxc_name=../nlt-web

[nodes_over_ssh]
nlt-far-web ansible_lxc_name=nlt-web ansible_lxc_machine=nlt-root
nlt-far-none ansible_lxc_machine=nlt-sudo
nlt-far-stopped ansible_lxc_machine=nlt-sudo ansible_lxc_name=nlt-stopped
nlt-far-nobody ansible_lxc_name=nlt-web ansible_lxc_machine=nlt-nobody ansible_lxc_sudo=none
nlt-far-refused ansible_lxc_name=nlt-web ansible_lxc_machine=nlt-nobody ansible_lxc_sudo=sudo

[crowd]
nlt-n[1:$crowd]

[all_nodes:children]
yardstick
over_ssh
nodes
nodes_over_ssh
crowd

[all_nodes:vars]
ansible_connection=netns.lab.lxc
node_tmp=/tmp

[all:vars]
ansible_python_interpreter=/usr/bin/python3
INI
    if $has_ssh; then printf '\n[yardstick:children]\nover_ssh\n'; fi
} >"$place/inventory"

play() { ansible-playbook -i "$place/inventory" -e place="$place" -e has_ssh="$has_ssh" -f 10 "$@"; }

play "$shared/yardstick.yml" "$@"
play nodes.yml "$@"

# Many at once, of which one goes.
for number in $(seq "$crowd"); do
    make "nlt-n$number" /var/lib/lxc
    start "nlt-n$number" /var/lib/lxc
done
play "$shared/crowd.yml" -e '{"goes": "lxc-stop -k -n nlt-n7"}' "$@" | tee "$place/said"
grep -c 'ok=3  *changed=1  *unreachable=0  *failed=0' "$place/said" | grep -qx "$((crowd - 1))"
grep 'nlt-n7 .*unreachable=1 ' "$place/said"
grep 'container nlt-n7 on this machine is stopped' "$place/said"
if ! $has_ssh; then
    echo 'SKIPPED, for there is no sshd here: connections over ssh'
fi

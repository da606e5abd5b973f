#!/bin/sh
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the targets of the connections share; their runme.sh sources it. A machine to connect to: sshd on 127.0.0.1, with
# keys of its own, and two users besides root.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
# shellcheck disable=SC2034 # for who sources this
shared=$here/../connection
python=${ANSIBLE_TEST_PYTHON_INTERPRETER:-python3}
place=$(mktemp -d /tmp/nlt-connection-XXXXXX)
chmod 755 "$place"
port=
pid_file=/run/sshd.pid # where the machine's own sshd would have it, for what reloads that
if [ -e "$pid_file" ]; then pid_file=$place/sshd.pid; fi
export ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_SSH_CONTROL_PATH_DIR="$place/cp"
export ANSIBLE_SSH_ARGS='-o ControlMaster=auto -o ControlPersist=20s -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR'
export ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_DEPRECATION_WARNINGS=False

take_away() {
    status=$?
    set +e
    take_away_nodes
    hang_up
    if [ -n "$port" ]; then kill "$(cat "$pid_file")"; fi
    rm -f /etc/sudoers.d/nlt-user /etc/ssh/sshd_config.d/10-netns-lab.conf
    for user in nlt-user nlt-nobody; do userdel "$user" 2>/dev/null; done
    rm -rf "$place"
    exit "$status"
}

# Ends what ssh keeps for the next task.
hang_up() {
    for socket in "$place"/cp/*; do
        if [ -S "$socket" ]; then timeout 10 ssh -q -o ControlPath="$socket" -O exit nowhere 2>/dev/null || true; fi
    done
}

make_users() {
    for user in nlt-user nlt-nobody; do
        useradd -p '*' -M -d "$place/$user" -s /bin/sh "$user"
        install -d -o "$user" "$place/$user"
    done
}

# Returns 1 where there is no sshd.
start_sshd() {
    sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd) || return 1
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    mkdir -p /run/sshd
    ssh-keygen -q -t ed25519 -N '' -f "$place/hostkey"
    ssh-keygen -q -t ed25519 -N '' -f "$place/key"
    cat >"$place/sshd_config" <<CONFIG
Include /etc/ssh/sshd_config.d/*.conf
Port $port
ListenAddress 127.0.0.1
HostKey $place/hostkey
PidFile $pid_file
AuthorizedKeysFile $place/key.pub
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
CONFIG
    if command -v sudo >/dev/null && [ -d /etc/sudoers.d ]; then
        echo 'nlt-user ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/nlt-user
    fi
    "$sshd" -f "$place/sshd_config" -E "$place/log"
}

# The machine, as root and as others, for an inventory.
machines() {
    cat <<INI
[machines]
nlt-root ansible_user=root
nlt-sudo ansible_user=nlt-user
nlt-nobody ansible_user=nlt-nobody
nlt-down ansible_user=root ansible_port=1

[machines:vars]
ansible_connection=ssh
ansible_host=127.0.0.1
ansible_port=$port
ansible_ssh_private_key_file=$place/key
INI
}

# How many connections there have been.
connections() {
    grep -c 'Accepted publickey' "$place/log" || true
}

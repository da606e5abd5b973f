#!/bin/sh
# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# shellcheck disable=SC1091,SC2154 # machine.sh sets place, shared and python
set -eu
. "$(dirname "$0")/../connection/machine.sh"

take_away_nodes() {
    for path in /run/netns/nlt-*; do
        if [ -e "$path" ]; then
            umount -l "$path" 2>/dev/null
            rm -f "$path"
        fi
    done
    rm -rf /etc/netns/nlt-red
}
trap take_away EXIT
odd="nlt-ö \"q\" it's"
for name in nlt-red nlt-blue "$odd"; do ip netns add "$name"; done
ip -n nlt-red link add nlt-r0 type veth peer name nlt-r1
mkdir -p /etc/netns/nlt-red
echo '192.0.2.7 only-in-red' >/etc/netns/nlt-red/hosts
: >/run/netns/nlt-dead
make_users
has_ssh=true
start_sshd || has_ssh=false

{
    machines
    cat <<INI

[yardstick]
nlt-local-pipe ansible_pipelining=true
nlt-local-files ansible_pipelining=false

[over_ssh]
nlt-ssh-pipe ansible_pipelining=true ansible_netns_machine=nlt-root
nlt-ssh-files ansible_pipelining=false ansible_netns_machine=nlt-root
nlt-sudo-pipe ansible_pipelining=true ansible_netns_machine=nlt-sudo
nlt-sudo-files ansible_pipelining=false ansible_netns_machine=nlt-sudo

[yardstick:vars]
ansible_netns_name=$odd

[nodes]
nlt-red
nlt-blue
nlt-none
nlt-dead
nlt-slash ansible_netns_name=../nlt-red

[nodes_over_ssh]
nlt-far-red ansible_netns_name=nlt-red ansible_netns_machine=nlt-root
nlt-far-none ansible_netns_machine=nlt-sudo
nlt-far-nobody ansible_netns_name=nlt-red ansible_netns_machine=nlt-nobody ansible_netns_sudo=none
nlt-far-refused ansible_netns_name=nlt-red ansible_netns_machine=nlt-nobody ansible_netns_sudo=sudo
nlt-far-down ansible_netns_name=nlt-red ansible_netns_machine=nlt-down
nlt-far-nowhere ansible_netns_machine=nlt-nowhere
nlt-far-ring ansible_netns_machine=nlt-far-ring
nlt-inner ansible_netns_name=nlt-blue ansible_netns_machine=nlt-far-red

[crowd]
nlt-n[1:50]

[crowd_over_ssh]
nlt-far-n[1:50]

[crowd_over_ssh:vars]
ansible_netns_name={{ inventory_hostname | replace('far-', '') }}
ansible_netns_machine=nlt-root
ansible_pipelining=true

[all_nodes:children]
yardstick
over_ssh
nodes
nodes_over_ssh
crowd
crowd_over_ssh

[all_nodes:vars]
ansible_connection=netns.lab.netns
node_tmp=$place

[all:vars]
ansible_python_interpreter=$python
INI
    if $has_ssh; then printf '\n[yardstick:children]\nover_ssh\n'; fi
} >"$place/inventory"

play() { ansible-playbook -i "$place/inventory" -e place="$place" -e has_ssh="$has_ssh" -f 10 "$@"; }

play "$shared/yardstick.yml" "$@"
play nodes.yml "$@"

# Fifty at once, of which one goes.
for number in $(seq 50); do ip netns add "nlt-n$number"; done
play "$shared/crowd.yml" -e '{"goes": "ip netns delete nlt-n7"}' "$@" | tee "$place/said"
grep -c 'ok=3  *changed=1  *unreachable=0  *failed=0' "$place/said" | grep -qx 49
grep 'nlt-n7 .*unreachable=1 ' "$place/said"
grep 'there is no namespace nlt-n7 on this machine' "$place/said"

# Fifty at once over ssh: with the sshd of a machine that is prepared none is lost, and there is one connection.
if ! $has_ssh; then
    echo 'SKIPPED, for there is no sshd here: connections over ssh'
elif [ "$pid_file" != /run/sshd.pid ]; then
    echo 'SKIPPED, for the sshd of this machine would be changed: many tasks at once'
else
    ip netns add nlt-n7
    play sshd.yml "$@"
    hang_up
    before=$(connections)
    ansible -i "$place/inventory" -f 50 crowd_over_ssh -m ansible.builtin.ping "$@" >"$place/answers"
    echo "$(grep -c SUCCESS "$place/answers") of 50 over $(($(connections) - before)) connections"
    [ "$(grep -c SUCCESS "$place/answers")" = 50 ]
    [ "$(connections)" = $((before + 1)) ]
fi

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# Ends well if the bridge of lxc-net is whole: up, with its address, its DHCP server and its NAT. Run on the machine by the
# role, which tells the bridge's name, its address with prefix length, and the network if there is to be NAT.

bridge=$1 address=$2 network=$3

set -e
test -e /run/lxc/network_up
test -n "$(ip link show up dev "$bridge")"
ip -oneline -4 address show dev "$bridge" | grep -qF " $address "
kill -0 "$(cat /run/lxc/dnsmasq.pid)"
if [ -n "$network" ]; then
    { nft list ruleset || true; iptables-save -t nat || true; } | grep -iq "$network .*masquerade"
fi

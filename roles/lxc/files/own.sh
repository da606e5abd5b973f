# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# DHCP and NAT of the bridge that the role makes itself, where LXC comes without lxc-net. Run on the machine by the role:
# the name of a function below, the folder in which the parts of the bridge are, and the bridge's network.

verb=$1 folder=$2 network=${3-}
pid=$(cat "$folder/dnsmasq.pid" 2>/dev/null)

dhcp_look() { kill -0 "$pid" 2>/dev/null; }

dhcp_begin() { dnsmasq --conf-file="$folder/dnsmasq.conf"; }

dhcp_end() {
    kill -9 "$pid" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9; do # its address is taken until it is really gone
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
}

nat_rules() {
    nft list table ip netns_lab_lxc 2>/dev/null
    iptables --wait --table nat --list-rules POSTROUTING 2>/dev/null | grep -w netns_lab_lxc
}

nat_look() { # Prints right, other or none.
    case $(nat_rules) in
    *" $network "*) echo right ;;
    ?*) echo other ;;
    *) echo none ;;
    esac
}

nat_begin() {
    if nft list ruleset >/dev/null; then
        nft "add table ip netns_lab_lxc
            add chain ip netns_lab_lxc postrouting { type nat hook postrouting priority 100; }
            add rule ip netns_lab_lxc postrouting ip saddr $network ip daddr != $network masquerade"
    else
        iptables --wait --table nat --append POSTROUTING --source "$network" ! --destination "$network" \
            --match comment --comment netns_lab_lxc --jump MASQUERADE
    fi
}

nat_end() {
    nft delete table ip netns_lab_lxc 2>/dev/null
    nat_rules | sed -n 's/^-A/-D/p' | while read -r rule; do
        # shellcheck disable=SC2086 # a rule is several words
        iptables --wait --table nat $rule
    done
}

forward_look() { cat /proc/sys/net/ipv4/ip_forward; }

forward_begin() { echo 1 >/proc/sys/net/ipv4/ip_forward; }

all_end() {
    dhcp_end
    nat_end
}

"$verb"

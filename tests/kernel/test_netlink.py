# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The netlink socket against the kernel: outcomes, its own words for a refusal, many messages at once, dumps."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import threading

import pytest

from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, decode, netlink
from ansible_collections.netns.lab.plugins.module_utils._kernel.errors import KernelError

NEW = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL


def bridge(name, index=0, **options):
    data = {"attrs": list(options.items())}
    info = {"attrs": [("IFLA_INFO_KIND", "bridge"), ("IFLA_INFO_DATA", data)]}
    return codec.link_message("RTM_NEWLINK", NEW, index=index, attrs=[("IFLA_IFNAME", name), ("IFLA_LINKINFO", info)])


def vxlan(name, number):
    data = {"attrs": [("IFLA_VXLAN_ID", number)]}
    info = {"attrs": [("IFLA_INFO_KIND", "vxlan"), ("IFLA_INFO_DATA", data)]}
    return codec.link_message("RTM_NEWLINK", NEW, attrs=[("IFLA_IFNAME", name), ("IFLA_LINKINFO", info)])


def loopback_address(number):
    local = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return codec.address_message("RTM_NEWADDR", NEW, index=1, prefixlen=32, attrs=[("IFA_LOCAL", local)])


@pytest.fixture
def link():
    with netlink.Socket() as opened:
        yield opened


def names(link):
    return [row.name for row in decode.links(link.dump(netlink.link_dump_request()))]


def test_what_was_done_has_no_error(link, ip):
    assert link.transact([bridge("br0"), bridge("br1")]) == [None, None]
    assert {found["ifname"] for found in ip("link", "show")} == {"lo", "br0", "br1"}


def test_nothing_to_send_is_fine(link):
    assert link.transact([]) == []
    assert link.get_many([]) == []


def test_a_refusal_does_not_stop_what_comes_after_it(link):
    outcomes = link.transact([bridge("br0"), bridge("br0"), bridge("br1")])
    assert [outcome and outcome.errno for outcome in outcomes] == [None, errno.EEXIST, None]
    assert names(link) == ["lo", "br0", "br1"]


def test_a_refusal_comes_with_the_kernels_own_words(link):
    (outcome,) = link.transact([vxlan("vx0", 1 << 28)])
    assert outcome.errno == errno.ERANGE
    assert outcome.reason == "VXLAN ID must be lower than 16777216"


def test_where_the_kernel_has_no_words_the_number_has(link):
    (outcome,) = link.transact([codec.link_message("RTM_DELLINK", index=77)])
    assert (outcome.errno, outcome.reason) == (errno.ENODEV, os.strerror(errno.ENODEV))


def test_thousands_of_messages_have_thousands_of_outcomes_in_order(link):
    wanted = list(range(1, 3001))
    messages = [loopback_address(number) for number in wanted]
    messages[500] = messages[499]
    messages[2000] = messages[1999]
    outcomes = link.transact(messages)
    assert [place for place, outcome in enumerate(outcomes) if outcome] == [500, 2000]
    assert outcomes[500].errno == errno.EEXIST
    assert len(decode.addresses(link.dump(netlink.address_dump_request(socket.AF_INET)))) == 2998 + 1


def test_messages_with_long_refusals_fit_the_receive_buffer_too(link):
    outcomes = link.transact([vxlan("vx0", 1 << 28)] * 1000)
    assert {str(outcome) for outcome in outcomes} == {"VXLAN ID must be lower than 16777216 (ERANGE)"}


def test_what_is_done_takes_no_room_in_the_receive_buffer(link, monkeypatch):
    link._socket.setsockopt(socket.SOL_SOCKET, 33, 2048)  # SO_RCVBUFFORCE
    monkeypatch.setattr(netlink, "MAX_BATCH", 1000)
    assert set(link.transact([loopback_address(number) for number in range(1, 501)])) == {None}
    assert len(decode.addresses(link.dump(netlink.address_dump_request(socket.AF_INET)))) == 501


def test_lost_answers_are_unknown_outcomes_and_the_socket_goes_on(link, monkeypatch):
    link._socket.setsockopt(socket.SOL_SOCKET, 33, 2048)  # SO_RCVBUFFORCE
    monkeypatch.setattr(netlink, "MAX_BATCH", 1000)
    outcomes = link.transact([*[loopback_address(1)] * 500, loopback_address(2)])
    errors = [outcome.errno if outcome else 0 for outcome in outcomes]
    assert set(errors) == {errno.EEXIST, errno.ENOBUFS}
    assert (errors[1], errors[-1]) == (errno.EEXIST, errno.ENOBUFS)
    assert "unknown" in str(outcomes[-1])
    assert len(decode.addresses(link.dump(netlink.address_dump_request(socket.AF_INET)))) == 3


def test_one_link_by_name_by_alternative_name_and_by_index(link, ip):
    long_name = "a-name-much-longer-than-fifteen-bytes"
    link.transact([bridge("br0", index=9)])
    ip("link", "property", "add", "dev", "br0", "altname", "other", "altname", long_name)
    for key in ("br0", "other", long_name, 9):
        (row,) = decode.links([link.get(netlink.link_get_request(key))])
        assert (row.index, row.name, row.altnames) == (9, "br0", ("other", long_name))


def test_a_link_that_is_not_there(link):
    with pytest.raises(KernelError) as caught:
        link.get(netlink.link_get_request("nope"))
    assert caught.value.errno == errno.ENODEV


def test_many_gets_each_have_their_answer(link, ip):
    ip("netns", "add", "red")
    with open("/run/netns/red") as red, open("/proc/thread-self/ns/net") as own:
        number = codec.nsid_message("RTM_NEWNSID", attrs=[("NETNSA_FD", red.fileno()), ("NETNSA_NSID", 42)])
        assert link.transact([number]) == [None]
        requests = [netlink.nsid_get_request(red.fileno()), netlink.nsid_get_request(own.fileno())] * 1000
        requests[700] = netlink.nsid_get_request(999999)
        answers = link.get_many(requests)
    assert isinstance(answers.pop(700), KernelError)
    assert {decode.nsid(answer) for answer in answers} == {42, None}
    assert [decode.nsid(answer) for answer in answers[:4]] == [42, None, 42, None]


def test_a_dump_of_many_datagrams_is_whole(link):
    assert not any(link.transact([bridge(f"br{number}") for number in range(150)]))
    assert sorted(names(link)) == sorted(["lo", *(f"br{number}" for number in range(150))])


def test_a_dump_that_is_refused(link):
    with pytest.raises(KernelError) as caught:
        link.dump(codec.link_message("RTM_GETLINK", attrs=[("IFLA_IF_NETNSID", 77)]))
    assert (caught.value.errno, caught.value.reason) == (errno.EINVAL, "Invalid target network namespace id")


def test_a_dump_while_things_change_is_whole(link):
    """Addresses that stay must be in every dump, however much is added and removed around them."""
    link.transact([loopback_address(number) for number in range(1, 2001)])
    stay = {f"10.0.{number >> 8}.{number & 255}" for number in range(1, 2001)}
    halt = threading.Event()

    def churn():
        with netlink.Socket() as other:
            attrs = [("IFA_LOCAL", "10.9.9.9")]
            while not halt.is_set():
                other.transact([codec.address_message("RTM_NEWADDR", NEW, index=1, prefixlen=32, attrs=attrs)])
                other.transact([codec.address_message("RTM_DELADDR", index=1, prefixlen=32, attrs=attrs)])
                halt.wait(0.01)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _unused in range(30):
            rows = decode.addresses(link.dump(netlink.address_dump_request(socket.AF_INET)))
            seen = [row.local for row in rows]
            assert stay <= set(seen)
            assert len(seen) == len(set(seen))
    finally:
        halt.set()
        thread.join()


def test_a_socket_stays_in_the_namespace_it_was_opened_in(ip):
    before = netlink.Socket()
    ip("link", "add", "here", "type", "bridge")
    ip("netns", "add", "red")
    seen = []

    def elsewhere():
        ctypes.CDLL(None, use_errno=True).unshare(0x40000000)
        with netlink.Socket() as inside:
            seen.append(names(inside))
        seen.append(names(before))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    before.close()
    assert seen == [["lo"], ["lo", "here"]]


def test_closing_twice_is_allowed():
    opened = netlink.Socket()
    opened.close()
    opened.close()
    with pytest.raises(KernelError):
        opened.dump(netlink.link_dump_request())

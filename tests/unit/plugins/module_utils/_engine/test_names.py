# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, addresses and numbers: what is taken, what is refused, and what the refusal says."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._engine import names
from ansible_collections.netns.lab.plugins.module_utils._engine.errors import LabError


@pytest.mark.parametrize("name", ["eth0", "a", "br-lan.100", "fifteen-bytes-x", "é", "-x", "eth0@x"])
def test_a_link_may_be_called(name):
    assert names.link_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "1 to 15 bytes"),
        ("sixteen-bytes-xx", "at most 15 bytes, this has 16"),
        ("ééééééé€", "at most 15 bytes, this has 17"),
        (".", "'.' or '..'"),
        ("..", "'.' or '..'"),
        ("../x", "no '/'"),
        ("a:b", "no '/', ':'"),
        ("eth%d", "or '%'"),
        ("a b", "white space"),
        ("a\u00a0b", "white space"),
        ("a\x07", "control characters"),
        ("à", "byte A0"),
        ("all", "the kernel keeps this name"),
        ("default", "the kernel keeps this name"),
        ("\udc80", "UTF-8"),
    ],
)
def test_a_link_may_not_be_called(name, reason):
    with pytest.raises(LabError, match=reason):
        names.link_name(name)


@pytest.mark.parametrize("name", ["red", "red-test", "r.1", "x" * 255, "büro", "two words", "a:b"])
def test_a_namespace_may_be_called(name):
    assert names.namespace_name(name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "at least one letter"),
        ("x" * 256, "at most 255 bytes, this has 256"),
        ("ü" * 128, "at most 255 bytes, this has 256"),
        (".", "not '.' or '..'"),
        ("..", "not '.' or '..'"),
        ("../x", "no '/'"),
        ("a\0b", "control characters"),
        ("a\nb", "control characters"),
        ("-n", "doesn't start with '-'"),
        ("@", "doesn't start with '@'"),
    ],
)
def test_a_namespace_may_not_be_called(name, reason):
    with pytest.raises(LabError, match=reason):
        names.namespace_name(name)


@pytest.mark.parametrize("name", ["two words", "a:b"])
def test_a_node_has_to_fit_into_the_short_form_of_an_end_too(name):
    with pytest.raises(LabError, match="no ':' and no white space"):
        names.node_name(name)


@pytest.mark.parametrize("name", ["Red", "1a", "-a", "a_b", "", "a" * 32, "a\n"])
def test_a_lab_may_not_be_called(name):
    with pytest.raises(LabError, match="1 to 31 of a-z, 0-9 and '-'"):
        names.lab_name(name)


@pytest.mark.parametrize("text", ["02:00:00:00:00:0A", "02-00-00-00-00-0a"])
def test_a_mac_address_becomes_lower_case_with_colons(text):
    assert names.mac(text) == "02:00:00:00:00:0a"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("02:00:00:00:00", "six pairs"),
        ("02:00:00:00:00:0g", "six pairs"),
        ("02:00-00:00-00:00", "six pairs"),
        ("02:00:00:00:00:00\n", "six pairs"),
        ("03:00:00:00:00:00", "multicast"),
        ("ff:ff:ff:ff:ff:ff", "multicast"),
        ("00:00:00:00:00:00", "all zero"),
    ],
)
def test_a_mac_address_may_not_be(text, reason):
    with pytest.raises(LabError, match=reason):
        names.mac(text)


@pytest.mark.parametrize("number", [68, 1500, 65535])
def test_an_mtu_may_be(number):
    assert names.mtu(number) == number


@pytest.mark.parametrize("number", [67, 65536, 70000, 0, -1])
def test_an_mtu_may_not_be(number):
    with pytest.raises(LabError, match=f"{number}: an MTU is a number from 68 to 65535"):
        names.mtu(number)


@pytest.mark.parametrize(
    ("text", "key", "shown"),
    [
        ("10.0.0.1/24", "10.0.0.1/24", "10.0.0.1/24"),
        ("FD00::0:1/64", "fd00::1", "fd00::1/64"),
        ("::ffff:10.0.0.1/128", "::ffff:10.0.0.1", "::ffff:10.0.0.1/128"),
        ("10.0.0.1 peer 10.0.0.2/32", "10.0.0.1 peer 10.0.0.2/32", "10.0.0.1 peer 10.0.0.2/32"),
        ("10.0.0.1 peer 10.0.0.1/24", "10.0.0.1/24", "10.0.0.1/24"),
        ("10.0.0.0/31", "10.0.0.0/31", "10.0.0.0/31"),
    ],
)
def test_an_address_has_one_spelling(text, key, shown):
    address = names.address(text)
    assert (address.key, address.text) == (key, shown)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.1", "an address without prefix; write 10.0.0.1/24 .* or 10.0.0.1/32"),
        ("fd00::1", "an address without prefix; write fd00::1/64 .* or fd00::1/128"),
        ("10.0.0.1/33", "a number from 0 to 32"),
        ("fd00::1/129", "a number from 0 to 128"),
        ("10.0.0.1/", "a number from 0 to 32"),
        ("10.0.0.1/2_4", "a number from 0 to 32"),
        ("10.0.0.1/024", "a number from 0 to 32"),
        ("10.0.0.1/255.255.255.0", "a number from 0 to 32"),
        ("10.0.0/24", "expected an address"),
        ("10.0.0.01/24", "expected an address"),
        ("fe80::1%eth0/64", "expected an address"),
        ("red", "expected an address"),
        ("", "expected an address"),
        ("10.0.0.1 /24", "no white space"),
        ("10.0.0.1 peer fd00::1/64", "followed by an IPv4 address"),
        ("fd00::1 peer 10.0.0.1/32", "for IPv4"),
        ("0.0.0.0/0", "unspecified"),
        ("::/64", "unspecified"),
        ("224.0.0.1/24", "multicast"),
        ("ff02::1/64", "multicast"),
        ("255.255.255.255/32", "broadcast"),
    ],
)
def test_an_address_may_not_be(text, reason):
    with pytest.raises(LabError, match=reason):
        names.address(text)


def test_a_gateway_has_no_prefix():
    with pytest.raises(LabError, match=r"an address without '/' and prefix length stands here: 10\.0\.0\.1"):
        names.host("10.0.0.1/24")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("10.0.0.0/8", "10.0.0.0/8"), ("FD00:0::/8", "fd00::/8"), ("10.0.0.1", "10.0.0.1/32"), ("fd00::1", "fd00::1/128")],
)
def test_a_destination_has_one_spelling(text, canonical):
    destination = names.destination(text)
    assert destination is not None
    assert destination.text == canonical


def test_only_the_gateway_tells_the_family_of_default():
    assert names.destination("default") is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10.0.0.1/8", "the network is 10.0.0.0/8, the single address 10.0.0.1/32"),
        ("fd00::1/64", "the network is fd00::/64, the single address fd00::1/128"),
        ("10.0.0.0/40", "a number from 0 to 32"),
        ("nowhere", "a route leads to"),
    ],
)
def test_a_destination_may_not_be(text, reason):
    with pytest.raises(LabError, match=reason):
        names.destination(text)


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses())
def test_an_address_covers_what_its_subnet_holds(local, length, other):
    length = min(length, local.max_prefixlen)
    try:
        address = names.address(f"{local}/{length}")
    except LabError:
        return
    subnet = ipaddress.ip_interface(f"{local}/{length}").network
    assert address.covers(names.host(str(other))) == (other in subnet)
    assert address.covers(names.host(str(subnet[-1])))


@given(st.ip_addresses(), st.integers(0, 128))
def test_a_destination_is_taken_exactly_if_it_is_a_network(base, length):
    length = min(length, base.max_prefixlen)
    try:
        network = ipaddress.ip_network(f"{base}/{length}")
    except ValueError:
        with pytest.raises(LabError, match="the bits after the prefix"):
            names.destination(f"{base}/{length}")
    else:
        destination = names.destination(f"{base}/{length}")
        assert destination is not None
        assert ipaddress.ip_network(destination.text) == network


@pytest.mark.parametrize(
    "function",
    [names.link_name, names.namespace_name, names.node_name, names.prefix, names.file_name, names.lab_name, names.mac]
    + [names.host, names.address, names.destination],
)
@given(text=st.text() | st.text(alphabet="0123456789abcdef.:/ @-%") | st.text(st.characters(categories=["Cs"])))
def test_any_text_is_taken_or_refused_in_one_line(function, text):
    message = ""
    try:
        function(text)
    except LabError as error:
        message = str(error)
    assert "\n" not in message
    assert len(message) < 400

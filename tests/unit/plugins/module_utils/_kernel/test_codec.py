# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages written from pyroute2's tables are those that its objects would have written, byte for byte."""

from __future__ import annotations

import socket
import string
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._kernel import codec, errors
from ansible_collections.netns.lab.tests.unit.plugins.module_utils._kernel import reference

u8 = st.integers(0, 255)
u16 = st.integers(0, 65535)
u32 = st.integers(0, 2**32 - 1)
index = st.integers(0, 2**31 - 1)
ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)
mac = st.binary(min_size=6, max_size=6).map(lambda value: value.hex(":"))
name = st.text(string.ascii_letters + string.digits + "-_.@é", min_size=1, max_size=12)
flags = st.sampled_from([0x1, 0x5, 0x601, 0x605, 0x101])


def some(**strategies):
    choices = [st.tuples(st.just(key), values) for key, values in strategies.items()]
    return st.lists(st.one_of(choices), max_size=len(choices) + 1)


def nest(**strategies):
    return some(**strategies).map(lambda attrs: {"attrs": attrs})


def kind(kind_name, **options):
    return nest(**options).map(lambda data: {"attrs": [("IFLA_INFO_KIND", kind_name), ("IFLA_INFO_DATA", data)]})


end_of_pair = st.tuples(index, some(IFLA_IFNAME=name, IFLA_ADDRESS=mac, IFLA_MTU=u32, IFLA_NET_NS_FD=u16)).map(
    lambda end: {"index": end[0], "attrs": end[1]}
)
linkinfo = st.one_of(
    st.just({"attrs": [("IFLA_INFO_KIND", "dummy")]}),
    kind("veth", VETH_INFO_PEER=end_of_pair),
    kind("bridge", IFLA_BR_STP_STATE=u32, IFLA_BR_VLAN_FILTERING=u8, IFLA_BR_FORWARD_DELAY=u32, IFLA_BR_PRIORITY=u16),
    kind(
        "vxlan", IFLA_VXLAN_ID=u32, IFLA_VXLAN_LOCAL=ipv4, IFLA_VXLAN_GROUP=ipv4, IFLA_VXLAN_LOCAL6=ipv6,
        IFLA_VXLAN_PORT=u16, IFLA_VXLAN_TTL=u8, IFLA_VXLAN_LEARNING=u8,
    ),
    kind("vlan", IFLA_VLAN_ID=u16, IFLA_VLAN_PROTOCOL=u16, IFLA_VLAN_FLAGS=st.just({"flags": 1, "mask": 1})),
    kind("vrf", IFLA_VRF_TABLE=u32),
    kind("ipvlan", IFLA_IPVLAN_MODE=u16),
)  # fmt: skip


def same(class_name, type_name, message_flags, fields, attrs):
    written = reference.written(class_name, fields, attrs, codec.TYPES[type_name], message_flags | 1)
    assert codec.message(class_name, type_name, message_flags, fields, attrs).hex(" ", 4) == written.hex(" ", 4)


@given(
    flags,
    st.fixed_dictionaries({"index": index, "flags": u16, "change": u32}),
    some(
        IFLA_IFNAME=name, IFLA_MTU=u32, IFLA_ADDRESS=mac, IFLA_LINK=index, IFLA_MASTER=index, IFLA_GROUP=u32,
        IFLA_IFALIAS=name, IFLA_LINK_NETNSID=index, IFLA_NET_NS_FD=u16, IFLA_LINKINFO=linkinfo, IFLA_TXQLEN=u32,
        IFLA_PROP_LIST=nest(IFLA_ALT_IFNAME=name), IFLA_EXT_MASK=u32,
        IFLA_AF_SPEC=nest(AF_INET6=nest(IFLA_INET6_ADDR_GEN_MODE=u8)),
    ),
)  # fmt: skip
def test_link_messages(message_flags, fields, attrs):
    same("ifinfmsg", "RTM_NEWLINK", message_flags, fields, attrs)


@given(
    flags,
    st.fixed_dictionaries({"index": index, "family": st.sampled_from([2, 10]), "prefixlen": u8, "scope": u8}),
    some(
        IFA_LOCAL=st.one_of(ipv4, ipv6), IFA_ADDRESS=st.one_of(ipv4, ipv6), IFA_BROADCAST=ipv4, IFA_LABEL=name,
        IFA_FLAGS=u32,
        IFA_CACHEINFO=st.just({"ifa_preferred": 3, "ifa_prefered": 3, "ifa_valid": 4, "cstamp": 0, "tstamp": 0}),
    ),
)  # fmt: skip
def test_address_messages(message_flags, fields, attrs):
    same("ifaddrmsg", "RTM_NEWADDR", message_flags, fields, attrs)


@given(st.sampled_from([(2, ipv4), (10, ipv6)]), flags, u8, u8, st.data())
def test_route_messages(family, message_flags, dst_len, table, data):
    number, address = family
    hop = st.fixed_dictionaries({"oif": index, "hops": u8, "attrs": some(RTA_GATEWAY=address)})
    attrs = data.draw(
        some(
            RTA_DST=address, RTA_OIF=index, RTA_GATEWAY=address, RTA_PRIORITY=u32, RTA_PREFSRC=address, RTA_TABLE=u32,
            RTA_METRICS=nest(RTAX_MTU=u32), RTA_MULTIPATH=st.lists(hop, min_size=1, max_size=3),
            RTA_VIA=ipv6.map(lambda text: {"family": socket.AF_INET6, "addr": text}),
        )
    )  # fmt: skip
    fields = {"family": number, "dst_len": dst_len, "table": table, "proto": 4, "type": 1, "scope": 0, "flags": 4}
    same("rtmsg", "RTM_NEWROUTE", message_flags, fields, attrs)


@given(flags, some(NETNSA_FD=u32, NETNSA_NSID=u32, NETNSA_PID=u32))
def test_messages_about_ids_of_namespaces(message_flags, attrs):
    same("nsidmsg", "RTM_NEWNSID", message_flags, {}, attrs)


def test_everything_that_a_lab_is_made_of_is_written_from_the_tables(monkeypatch):
    def refuse(*_):
        raise AssertionError("pyroute2's objects were asked")

    monkeypatch.setattr(codec, "_message_by_pyroute2", refuse)
    peer = {"index": 7, "attrs": [("IFLA_IFNAME", "eth1"), ("IFLA_NET_NS_FD", 9)]}
    veth = {"attrs": [("IFLA_INFO_KIND", "veth"), ("IFLA_INFO_DATA", {"attrs": [("VETH_INFO_PEER", peer)]})]}
    codec.link_message("RTM_NEWLINK", 0x600, index=6, attrs=[("IFLA_IFNAME", "eth0"), ("IFLA_LINKINFO", veth)])
    codec.link_message("RTM_NEWLINK", index=1, up=True, attrs=[("IFLA_IFALIAS", "netns-lab:x")])
    codec.address_message("RTM_NEWADDR", 0x600, index=6, prefixlen=24, attrs=[("IFA_LOCAL", "10.0.0.1")])
    codec.route_message("RTM_NEWROUTE", 0x600, protocol=4, attrs=[("RTA_GATEWAY", "10.0.0.2"), ("RTA_OIF", 6)])
    codec.nsid_message("RTM_NEWNSID", attrs=[("NETNSA_FD", 4), ("NETNSA_NSID", 1)])


def test_up_and_down_change_only_that_flag():
    def flags_and_change(message):
        return struct.unpack_from("=II", message, 24)

    assert flags_and_change(codec.link_message("RTM_NEWLINK", index=1, up=True)) == (1, 1)
    assert flags_and_change(codec.link_message("RTM_NEWLINK", index=1, up=False)) == (0, 1)
    assert flags_and_change(codec.link_message("RTM_NEWLINK", index=1)) == (0, 0)


def test_a_table_above_255_goes_into_its_attribute():
    small, big = (codec.route_message("RTM_NEWROUTE", table=table) for table in (100, 1000))
    assert small[20] == 100
    assert reference.attributes(small, 28) == {}
    assert big[20] == 252
    assert reference.attributes(big, 28) == {15: (1000).to_bytes(4, "little")}


@pytest.mark.parametrize("by_objects", [False, True])
def test_an_attribute_unknown_to_pyroute2_is_refused_not_dropped(by_objects):
    attrs = [("IFLA_WIRELESS_TELEPATHY", 1)]
    if by_objects:
        attrs.append(("IFLA_STATS", {}))
    with pytest.raises(errors.Unsupported, match="IFLA_WIRELESS_TELEPATHY"):
        codec.link_message("RTM_NEWLINK", attrs=attrs)


def test_an_option_unknown_to_pyroute2_is_refused_even_deep_inside():
    data = {"attrs": [("IFLA_VLAN_FLAGS", {"flags": 1, "mask": 1}), ("IFLA_VLAN_TELEPATHY", 1)]}
    info = {"attrs": [("IFLA_INFO_KIND", "vlan"), ("IFLA_INFO_DATA", data)]}
    with pytest.raises(errors.Unsupported, match="IFLA_VLAN_TELEPATHY"):
        codec.link_message("RTM_NEWLINK", attrs=[("IFLA_LINKINFO", info)])


def test_attributes_can_be_given_by_number():
    (named, numbered) = (
        codec.link_message("RTM_NEWLINK", attrs=attrs)
        for attrs in ([("IFLA_MTU", 1400)], [(4, (1400).to_bytes(4, "little"))])
    )
    assert named == numbered


@pytest.mark.parametrize(
    ("attr", "value"),
    [("IFLA_MTU", -1), ("IFLA_MTU", "big"), ("IFLA_ADDRESS", "zz:00:00:00:00:00"), ("IFLA_IFNAME", 7)],
)
def test_a_value_that_does_not_fit_is_refused_by_name(attr, value):
    with pytest.raises(errors.KernelError, match=attr):
        codec.link_message("RTM_NEWLINK", attrs=[(attr, value)])


def test_options_of_a_kind_are_read_from_the_bytes_that_a_dump_left():
    body = reference.body("ifinfmsg", {}, [("IFLA_LINKINFO", {"attrs": [
        ("IFLA_INFO_KIND", "vxlan"), ("IFLA_INFO_DATA", {"attrs": [("IFLA_VXLAN_ID", 7), ("IFLA_VXLAN_PORT", 4789)]}),
    ]})])  # fmt: skip
    assert codec.decode_link(body)["IFLA_LINKINFO"]["IFLA_INFO_DATA"] == {"IFLA_VXLAN_ID": 7, "IFLA_VXLAN_PORT": 4789}
    raw = reference.attributes(reference.attributes(body, 16)[18], 0)[2]
    assert codec.decode_options("vxlan", raw) == {"IFLA_VXLAN_ID": 7, "IFLA_VXLAN_PORT": 4789}
    assert codec.decode_options("quite-new", raw) == {}
    assert codec.decode_options("veth", None) == {}


MEASURE = """
import os
if "COVERAGE_PROCESS_START" in os.environ:
    import coverage
    coverage.process_startup()
"""
"""Without site, coverage doesn't start by itself."""


def run_python(code):
    imports = "import sys\nfrom ansible_collections.netns.lab.plugins.module_utils._kernel import codec, errors\n"
    script = MEASURE + imports + code
    paths = [path for path in sys.path if path]
    return subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {paths!r}\n{script}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def test_only_the_message_classes_are_imported():
    out = run_python("codec.link_message('RTM_NEWLINK')\nprint([m for m in sys.modules if m.startswith('pyroute2.')])")
    assert "pyroute2.netlink.rtnl.ifinfmsg" in out
    assert "ndb" not in out
    assert "iproute" not in out


def test_whoever_imports_pyroute2_later_gets_all_of_it():
    out = run_python("codec.link_message('RTM_NEWLINK')\nimport pyroute2\nprint(pyroute2.IPRoute.__name__)")
    assert out.strip() == "IPRoute"


def test_a_pyroute2_that_was_there_before_stays():
    out = run_python("import pyroute2\ncodec.link_message('RTM_NEWLINK')\nprint(sys.modules['pyroute2'] is pyroute2)")
    assert out.strip() == "True"


def test_nothing_is_imported_to_find_out_whether_it_is_there():
    assert run_python("print(codec.available(), 'pyroute2' in sys.modules)").strip() == "True False"


def test_without_pyroute2_the_error_says_how_to_install_it():
    out = run_python(
        "sys.modules['pyroute2'] = None\nprint(codec.available())\n"
        "try: codec.link_message('RTM_NEWLINK')\nexcept errors.MissingLibrary as error: print(error)"
    )
    assert out.startswith("False\n")
    assert "python3-pyroute2" in out


def test_a_pyroute2_that_lacks_something_is_as_good_as_none(tmp_path):
    (tmp_path / "pyroute2" / "netlink").mkdir(parents=True)
    for package in ("pyroute2", "pyroute2/netlink"):
        (tmp_path / package / "__init__.py").write_text("")
    out = run_python(
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "try: codec.link_message('RTM_NEWLINK')\nexcept errors.MissingLibrary as error: print(error)\n"
        "print('pyroute2' in sys.modules)"
    )
    assert "No module named 'pyroute2.netlink.rtnl'" in out
    assert out.endswith("False\n")


def test_a_fixed_field_that_does_not_fit_is_refused():
    with pytest.raises(errors.KernelError, match="ifinfmsg"):
        codec.message("ifinfmsg", "RTM_NEWLINK", 0, {"index": 2**40}, [])

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container's configuration: what an edit changes, and that it leaves the rest alone."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netns.lab.plugins.module_utils._lxc import config
from ansible_collections.netns.lab.plugins.module_utils._lxc.config import Edit

MARK = "# netns-lab:"
FENCES = {name: (f"# netns.lab, {name}: begin", f"# netns.lab, {name}: end") for name in ("mounts", "environment")}

# -- files and edits at random

VALUES = st.text("ab\"'#= \t\\\x0c\u2028\xa0é", max_size=6).map(str.strip)
"""What the schema lets through: one line, without white space at its ends."""
_SEVERAL = st.lists(VALUES, max_size=3)


def lines(key: str, values: t.Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple((key, value) for value in values)


def key(name: str, *values: str) -> Edit:
    return Edit("key", name, lines(name, values))


def networks(*types: str) -> Edit:
    return Edit("group", "lxc.net", tuple((f"lxc.net.{number}.type", kind) for number, kind in enumerate(types)))


EDITS: dict[str, st.SearchStrategy[Edit]] = {
    "key": _SEVERAL.map(lambda values: key("lxc.cap.drop", *values)),
    "another key": _SEVERAL.map(lambda values: key("lxc.tty.max", *values)),
    "group": st.lists(st.sampled_from(["veth", "macvlan"]), max_size=2).map(lambda types: networks(*types)),
    "mounts": _SEVERAL.map(lambda values: Edit("block", "mounts", lines("lxc.mount.entry", values))),
    "environment": _SEVERAL.map(lambda values: Edit("block", "environment", lines("lxc.environment", values))),
    "owner": st.sampled_from(["", "office", "home"]).map(lambda lab: Edit("owner", lab)),
}
"""By kind, edits of which no two kinds cover the same line."""
EDIT = st.sampled_from(sorted(EDITS)).flatmap(lambda kind: EDITS[kind])
SOME_EDITS = st.permutations(sorted(EDITS)).flatmap(
    lambda kinds: st.integers(0, len(kinds)).flatmap(lambda most: st.tuples(*(EDITS[kind] for kind in kinds[:most])))
)
TWO_ALIKE = st.sampled_from(sorted(EDITS)).flatmap(lambda kind: st.tuples(EDITS[kind], EDITS[kind]))

_LINE = st.one_of(
    st.sampled_from(
        [
            "# A comment: lxc.cap.drop = not_this",
            "#lxc.tty.max=1\x0clxc.tty.max = 2",
            "",
            "   ",
            "lxc.include = /usr/share/lxc/config/common.conf",
            "lxc.nothing.known=x",
            "not of LXC = at all",
            "no key",
            f"{MARK}office",
            "  lxc.net.0.type=veth  ",
            "lxc.net.0.link = br0",
            "lxc.net.1.type = 'macvlan'",
            "lxc.mount.entry = proc proc proc nodev 0 0",
        ]
    ),
    st.tuples(
        st.sampled_from(["lxc.cap.drop", "lxc.tty.max", "lxc.uts.name"]), st.sampled_from(["=", " = ", "\t=  "]), VALUES
    ).map("".join),
)
_INSIDE = {"mounts": "lxc.mount.entry = a b", "environment": "lxc.environment = A=b"}


@st.composite
def files(draw: st.DrawFn) -> str:
    """The text of a file, in which blocks may stand, too."""
    found = draw(st.lists(_LINE, max_size=8))
    for name, (begin, end) in FENCES.items():
        if draw(st.booleans()):
            place = draw(st.integers(0, len(found)))
            if not any(begin in found[:place] and end in found[place:] for begin, end in FENCES.values()):
                inside = draw(st.lists(st.sampled_from([_INSIDE[name], "# by hand"]), min_size=1, max_size=2))
                found[place:place] = [begin, *inside, end]
    return "".join(f"{line}\n" for line in found)


def is_covered(text: str, edit: Edit) -> list[bool]:
    """For each line of a text, whether an edit is about it."""
    parsed = config.parse(text)
    if edit.scope == "key":
        return [line.key == edit.name for line in parsed]
    if edit.scope == "group":
        return [line.key.startswith(f"{edit.name}.") for line in parsed]
    if edit.scope == "owner":
        return [line.text.startswith(MARK) for line in parsed]
    begin, end = FENCES[edit.name]
    texts = [line.text for line in parsed]
    if begin not in texts:
        return [False] * len(texts)
    return [texts.index(begin) <= index <= texts.index(end) for index in range(len(texts))]


def not_covered(text: str, edit: Edit) -> list[str]:
    return [line.text for line, covered in zip(config.parse(text), is_covered(text, edit)) if not covered]


def covered(text: str, edit: Edit) -> tuple[tuple[str, str], ...]:
    """What is set in the lines that an edit is about."""
    pairs = zip(config.parse(text), is_covered(text, edit))
    return tuple((line.key, line.value) for line, covered in pairs if covered and line.key)


# -- every kind of edit


@given(files(), SOME_EDITS)
def test_edits_made_twice_are_edits_made_once(text, edits):
    once = config.edited(text, edits)
    assert config.edited(once, edits) == once


@given(files(), EDIT)
def test_what_an_edit_is_not_about_stays_to_the_letter_and_in_its_order(text, edit):
    assert not_covered(config.edited(text, [edit]), edit) == not_covered(text, edit)


@given(files(), SOME_EDITS)
def test_all_of_several_edits_are_there_afterwards(text, edits):
    after = config.edited(text, edits)
    for edit in edits:
        assert covered(after, edit) == edit.lines
        if edit.scope == "owner":
            assert config.owner(after) == edit.name


@given(files(), TWO_ALIKE)
def test_there_and_back_sets_what_was_set(text, two):
    there, back = two
    before = config.edited(text, [back])
    after = config.edited(config.edited(before, [there]), [back])
    if there.lines or not back.lines:
        assert config.settings(after) == config.settings(before)
    else:  # once it was gone nobody knows any more where it stood
        assert sorted(config.settings(after)) == sorted(config.settings(before))
    assert config.owner(after) == config.owner(before)
    assert config.edited(config.edited(after, [there]), [back]) == after


@given(files(), EDIT)
def test_what_an_edit_already_finds_stays_as_it_is_written(text, edit):
    if covered(text, edit) == edit.lines and edit.lines:
        assert config.edited(text, [edit]) == text


# -- keys


def test_a_key_keeps_the_place_of_its_first_line():
    text = "# one\nlxc.cap.drop = a\n# two\nlxc.cap.drop = b\n# three\n"
    assert config.edited(text, [key("lxc.cap.drop", "c", "d")]) == (
        "# one\nlxc.cap.drop = c\nlxc.cap.drop = d\n# two\n# three\n"
    )


def test_a_new_key_goes_to_the_end():
    assert config.edited("lxc.uts.name = a\n\n", [key("lxc.tty.max", "4")]) == "lxc.uts.name = a\n\nlxc.tty.max = 4\n"


def test_a_key_without_values_is_removed():
    assert config.edited("lxc.tty.max=1\n#\nlxc.tty.max = 2\n", [key("lxc.tty.max")]) == "#\n"


def test_a_value_can_be_empty_which_makes_lxc_forget_what_the_key_had_so_far():
    assert config.edited("", [key("lxc.cap.drop", "", "a")]) == "lxc.cap.drop =\nlxc.cap.drop = a\n"


def test_a_key_is_not_another_one_that_it_begins():
    text = "lxc.cap.drop = a\n"
    assert config.edited(text, [key("lxc.cap")]) == text


def test_the_order_of_values_counts():
    text = "lxc.cap.drop = a\nlxc.cap.drop = b\n"
    assert config.values(config.edited(text, [key("lxc.cap.drop", "b", "a")]), "lxc.cap.drop") == ["b", "a"]


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value):
    assert config.values(config.edited("", [key("lxc.environment", value)]), "lxc.environment") == [value]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a b", "a b"),
        ('"A=b c"', "A=b c"),
        ("'A=b'", "A=b"),
        ('"E=f', '"E=f'),
        ("G=h # i", "G=h # i"),
        ("J='k'", "J='k'"),
        ("'\"N=o\"'", '"N=o"'),
        ('" P=q "', " P=q "),
        ('"', '"'),
        ('""', ""),
        ("a\x0cb\xa0", "a\x0cb\xa0"),
        ("", ""),
    ],
)
def test_a_line_is_read_as_lxc_reads_it(written, value):
    """Compared by hand with what `lxc-info -c` of LXC 5.0.2 says of the same file."""
    for line in (f"lxc.environment = {written}", f"\tlxc.environment={written}  "):
        assert config.settings(f"{line}\n") == [("lxc.environment", value)]


def test_of_a_key_that_has_one_value_the_last_line_counts():
    text = "lxc.uts.name = a\nlxc.uts.name = b\n"
    assert config.last(text, "lxc.uts.name") == "b"
    assert config.last(text, "lxc.tty.max") == ""


def test_a_last_line_without_an_end_is_no_change_and_stays_a_line_of_its_own():
    text = "lxc.uts.name = a"
    assert config.edited(text, []) == text
    assert config.edited(text, [key("lxc.uts.name", "a")]) == text
    assert config.edited(text, [key("lxc.tty.max", "4")]) == "lxc.uts.name = a\nlxc.tty.max = 4\n"


# -- networks

PARTS = {"type": "veth", "link": "br0", "flags": "up", "veth.pair": "v"}


@given(files().filter(lambda text: "lxc.net.0" not in text), st.permutations(sorted(PARTS)))
def test_the_type_of_a_network_comes_first_in_whatever_order_its_keys_are_given(text, parts):
    after = config.edited(text, [key(f"lxc.net.0.{part}", PARTS[part]) for part in parts])
    assert next(name for name, _value in config.settings(after) if name.startswith("lxc.net.0.")) == "lxc.net.0.type"


def test_a_new_key_of_a_network_goes_to_the_others_of_the_same():
    text = "lxc.net.1.type = veth\nlxc.net.1.link = br0\nlxc.net.10.type = veth\nlxc.uts.name = a\n"
    assert config.edited(text, [key("lxc.net.1.flags", "up")]) == (
        "lxc.net.1.type = veth\nlxc.net.1.link = br0\nlxc.net.1.flags = up\nlxc.net.10.type = veth\nlxc.uts.name = a\n"
    )


def test_networks_are_replaced_as_a_whole_where_the_first_one_stood():
    text = "lxc.net.0.type = veth\nlxc.uts.name = a\nlxc.net.0.link = br0\nlxc.network = x\n"
    assert config.edited(text, [networks("macvlan", "veth")]) == (
        "lxc.net.0.type = macvlan\nlxc.net.1.type = veth\nlxc.uts.name = a\nlxc.network = x\n"
    )


# -- blocks and marks

BLOCK = Edit("block", "mounts", lines("lxc.mount.entry", ["a b", "c d"]))


def test_a_block_is_apart_from_the_same_key_elsewhere():
    text = "lxc.mount.entry = proc proc\n"
    begin, end = FENCES["mounts"]
    with_block = f"{text}{begin}\nlxc.mount.entry = a b\nlxc.mount.entry = c d\n{end}\n"
    assert config.edited(text, [BLOCK]) == with_block
    assert config.edited(with_block, [Edit("block", "mounts")]) == text


def test_a_block_keeps_its_place():
    before = config.edited("lxc.tty.max = 1\n", [BLOCK, key("lxc.uts.name", "a")])
    after = config.edited(before, [Edit("block", "mounts", lines("lxc.mount.entry", ["e f"]))])
    assert after == before.replace("lxc.mount.entry = a b\nlxc.mount.entry = c d", "lxc.mount.entry = e f")


def test_a_comment_in_a_block_that_says_what_is_wanted_stays():
    text = config.edited("", [BLOCK]).replace("lxc.mount.entry = c", "# by hand\nlxc.mount.entry = c")
    assert config.edited(text, [BLOCK]) == text


@pytest.mark.parametrize("fence", FENCES["mounts"])
def test_half_a_block_is_mended(fence):
    after = config.edited(f"{fence}\nlxc.tty.max = 1\n", [BLOCK])
    assert after == "lxc.tty.max = 1\n" + config.edited("", [BLOCK])


def test_a_block_goes_when_a_key_takes_all_that_was_in_it():
    text = config.edited("lxc.tty.max = 1\n", [BLOCK])
    assert config.edited(text, [key("lxc.mount.entry")]) == "lxc.tty.max = 1\n"


def test_the_mark_of_a_lab_is_set_changed_and_removed():
    text = "lxc.tty.max = 1\n"
    office = config.edited(text, [Edit("owner", "office")])
    assert office == f"{MARK}office\n{text}"
    assert config.owner(office) == "office"
    home = config.edited(office, [Edit("owner", "home")])
    assert config.owner(home) == "home"
    assert config.edited(home, [Edit("owner", "")]) == text
    assert config.owner(text) == ""


def test_a_mark_counts_where_a_template_put_something_before_it():
    text = f"# Template used\n{MARK}office\n"
    assert config.owner(text) == "office"
    assert config.edited(text, [Edit("owner", "office")]) == text


def test_of_two_marks_one_stays():
    assert config.edited(f"{MARK}home\n{MARK}office\n", [Edit("owner", "office")]) == f"{MARK}office\n"


@given(files(), files(), st.booleans())
def test_a_whole_text_is_given_back_as_it_was(text, other, ends):
    before = text if ends else text.removesuffix("\n")
    assert config.edited(other, [Edit("text", before)]) == before
    assert config.edited(other, [Edit("text", before), Edit("owner", "lab")]) == config.edited(
        before, [Edit("owner", "lab")]
    )


# -- what a running container hasn't seen

MEMORY, PIDS = "lxc.cgroup2.memory.max", "lxc.cgroup.pids.max"


@given(files())
def test_who_was_started_with_a_text_has_seen_it(text):
    assert config.unseen(text, text) == (False, [])


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("lxc.tty.max = 1\n", "# x\n\nlxc.tty.max=1\n"),
        ("lxc.tty.max = '1'\n", f"{MARK}lab\nlxc.tty.max = 1\n"),
        ("", "lxc.start.auto = 1\nlxc.start.delay = 5\nlxc.group = a\n"),
        ("lxc.start.order = 1\nlxc.group = a\nlxc.group = b\n", "lxc.group = b\n"),
        (f"{MEMORY} = 1\n{PIDS} = 2\n", f"{PIDS} = 2\n{MEMORY} = 1\n"),
        ("lxc.tty.max = 1\nlxc.start.auto = 1\n", "lxc.start.auto = 0\nlxc.tty.max = 1\n"),
    ],
)
def test_nothing_is_unseen_of_comments_of_autostart_and_of_the_order_of_limits(known, text):
    assert config.unseen(text, known) == (False, [])


@pytest.mark.parametrize(
    ("known", "text", "live"),
    [
        (f"{MEMORY} = 1G\n", f"{MEMORY} = 2G\n", [(MEMORY, "2G")]),
        ("", f"{PIDS} = 5\n", [(PIDS, "5")]),
        (f"{MEMORY} = 1G\n{PIDS} = 5\n", f"{PIDS} = 6\n{MEMORY} = 1G\nlxc.start.auto = 1\n", [(PIDS, "6")]),
    ],
)
def test_a_new_or_changed_limit_is_taken_on_by_a_running_container(known, text, live):
    assert config.unseen(text, known) == (False, live)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        (f"{MEMORY} = 1G\n", ""),
        (f"{MEMORY} = 1G\n{PIDS} = 5\n", f"{PIDS} = 6\n"),
        ("lxc.tty.max = 1\n", "lxc.tty.max = 2\n"),
        ("lxc.tty.max = 1\n", f"{MEMORY} = 1G\n"),
        ("lxc.cap.drop = a\nlxc.cap.drop = b\n", "lxc.cap.drop = b\nlxc.cap.drop = a\n"),
        ("", "lxc.include = /x\n"),
    ],
)
def test_a_limit_that_is_gone_and_everything_else_needs_a_restart(known, text):
    assert config.unseen(text, known)[0]


@pytest.mark.parametrize("name", ["dir", "dir.container", "dir.monitor.pivot", "relative"])
def test_where_control_groups_are_is_no_limit(name):
    assert config.unseen(f"lxc.cgroup.{name} = 1\n", "") == (True, [])


@pytest.mark.parametrize("name", ["lxc.cgroup.devices.allow", "lxc.cgroup2.devices.deny"])
def test_rules_for_devices_add_up_so_they_need_a_restart(name):
    assert config.unseen(f"{name} = a\n", f"{name} = b\n") == (True, [])
    assert config.unseen("", f"{name} = b\n") == (True, [])

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which ranges of user and group ids root has for containers, or could have, as JSON. Run on the machine by the role.

Arguments: from where on a free range is looked for, and how many ids it must have. A range that root has already is
taken if it is large enough. Nothing that stands in /etc/subuid and /etc/subgid (subuid(5)) is ever given twice.
"""

import json
import sys


def ranges(path: str) -> "list[tuple[str, int, int]]":
    """Owner, first id and number of ids of each line."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            lines = [line.strip().split(":") for line in stream]
    except FileNotFoundError:
        return []
    return [(line[0], int(line[1]), int(line[2])) for line in lines if len(line) == 3 and (line[1] + line[2]).isdigit()]


def main(lowest: int, count: int) -> None:
    answer = []
    for kind, path in (("u", "/etc/subuid"), ("g", "/etc/subgid")):
        standing = ranges(path)
        own = [first for owner, first, length in standing if owner in ("root", "0") and length >= count]
        first = own[0] if own else lowest
        for _owner, start, length in () if own else sorted(standing, key=lambda line: line[1]):
            if start < first + count and first < start + length:
                first = start + length
        if first + count > 2**32 - 1:  # the last id means "none"
            sys.exit(f"lxc_subid_count: {path} has no {count} ids together that are free from {lowest} on")
        answer.append(
            {"path": path, "first": first, "count": count, "is_new": not own, "idmap": f"{kind} 0 {first} {count}"}
        )
    print(json.dumps(answer))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the documentation of modules that run a command shares. Read by ansible-doc and the documentation build only."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment `netns.lab.command`."""

    DOCUMENTATION = r"""
notes:
  - No shell is involved. For a pipe or a redirection, run one, as in the examples.
  - A return code other than 0 fails the task, with the end of its error stream in the message.
attributes:
  check_mode:
    support: partial
    description: Foresees whether the command would be run.
    details: What it would change isn't known. The task is skipped, or ok where O(creates) or O(removes) says so.
  diff_mode:
    support: none
    description: What a command changes isn't known.
  idempotent:
    support: partial
    description: A second run changes nothing.
    details: It runs each time, unless O(creates) or O(removes) says otherwise.
options:
  argv:
    description:
      - The command and its arguments, one an element.
    type: list
    elements: str
  cmd:
    description:
      - The command in one line, split into words as a shell would do it, and nothing else that a shell does.
    type: str
  stdin:
    description:
      - What the command reads. See O(encoding) for what isn't text.
    type: str
  encoding:
    description:
      - How O(stdin), RV(stdout) and RV(stderr) are written. V(base64) passes every byte.
      - With V(utf-8), what isn't UTF-8 in the output is replaced, and line ends at its end are left out.
    type: str
    choices: [utf-8, base64]
    default: utf-8
  chdir:
    description:
      - The directory in which the command runs, as it is called inside.
    type: path
  creates:
    description:
      - A file inside, or a pattern of files. If it is there, the command isn't run.
    type: path
  removes:
    description:
      - A file inside, or a pattern of files. If it isn't there, the command isn't run.
    type: path
  timeout:
    description:
      - After how many seconds the command is ended, with all that it started in its process group. Without it, it may
        take as long as it wants.
    type: float
"""

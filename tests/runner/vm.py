# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab VM's command line, which its Molecule scenario calls, too: python -m tests.runner.vm COMMAND.

build      make the image, if it isn't there
start      start the VM, and wait until it lets one in
wait [ID]  wait until a boot is through, another one than that with this boot id
inventory  how Ansible reaches it
ssh [...]  go there as student, or run a command there
stop       end it, with all that is on it
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from . import vm_image, vm_machine


def main(arguments: list[str]) -> int:
    command, *rest = arguments or ["--help"]
    if command == "keep":
        vm_machine.keep(Path(rest[0]), int(rest[1]))
    elif command == "build":
        print(vm_image.build().folder)
    elif command == "start":
        started = time.monotonic()
        vm = vm_machine.start(int(os.environ.get("NETNS_LAB_VM_OWNER", "0")))
        print(f"the lab VM is up after {time.monotonic() - started:.1f} s: {' '.join(vm.ssh('student'))}")
    elif command == "stop":
        print("the lab VM is gone" if vm_machine.stop() else "there is no lab VM")
    elif command in ("inventory", "ssh", "wait"):
        vm_now = vm_machine.running()
        if vm_now is None:
            print("there is no lab VM: start it first", file=sys.stderr)
            return 1
        if command == "inventory":
            print(vm_now.inventory(), end="")
        elif command == "wait":
            vm_machine.wait(vm_now, *rest)
        else:
            words = [*vm_now.ssh("student"), *rest]
            os.execvp(words[0], words)
    else:
        print(__doc__)
        return 0 if command in ("-h", "--help", "help") else 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RuntimeError as error:
        sys.exit(str(error))

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is common to all modules: only root, and nothing that goes wrong reaches the user as a traceback."""

from __future__ import annotations

import contextlib
import gc
import os
import traceback
import typing as t

from .._engine.errors import LabError
from .._kernel.errors import KernelError

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@contextlib.contextmanager
def readable(module: AnsibleModule) -> t.Iterator[None]:
    """Turn what goes wrong into a sentence for the person who wrote the task."""
    gc.disable()  # a module lives for a second; searching the records of a big lab for garbage takes a twentieth of it
    try:
        yield
    except LabError as error:
        module.fail_json(msg=str(error), **several(error))
    except KernelError as error:
        module.fail_json(msg=str(error))
    except Exception as error:  # pylint: disable=broad-except
        module.fail_json(
            msg=f"a fault in netns.lab, please report it: {type(error).__name__}: {error}",
            exception=traceback.format_exc(),
        )
    finally:
        gc.freeze()  # or Python searches all of it before it ends


def several(error: LabError) -> dict[str, list[str]]:
    """The single problems, where there is more than one: else the message says it all."""
    problems = list(error.problems)
    return {"problems": problems} if len(problems) > 1 else {}


def need_root(module: AnsibleModule) -> None:
    """Fail for anybody else."""
    if os.geteuid() != 0:
        module.fail_json(msg="network namespaces need root: set `become: true` for this task, or run the play as root")

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node of a lab as an Ansible host: what the connection plugins `netns` and `lxc` have in common.

The node is on a machine, and the way to the machine is a connection of Ansible's own (`local`, `ssh`, or whatever the
machine uses), with all of its options. Only two things are different on the way to a node: each command is run inside,
by words that the plugin puts before it, and files travel as input and output of such commands.
"""

from __future__ import annotations

import collections
import copy
import os
import re
import shlex
import typing as t

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.plugins.loader import connection_loader

from ansible_collections.netns.lab.plugins.plugin_utils import control_persist

INSIDE = (
    "[ -d ~root ] && HOME=~root && export HOME; [ -t 1 ] && stty -onlcr 2>/dev/null; "
    '(eval "$1"); rc=$?; [ $rc = 0 ] && exit; echo "netns.lab: rc $rc" >&2; exit 1'
)
"""Run by the node's shell, with the command as its argument.

The last word tells a command that failed from one that was never run: a missing namespace, a refused sudo. `lxc-attach`
puts a second terminal behind one that ssh makes, and both would put a CR before each LF.
"""

_LAST_WORD = re.compile(rb"(?s)(.*)netns\.lab: rc (\d+)\r*\n")

NOBODY_READS = re.compile(r"Data could not be sent to .*? over ssh[.:]?\s*", re.DOTALL | re.IGNORECASE)
"""How Ansible's ssh begins where what it runs ended, or the connection broke, before all the input was read."""

BECOME_ROOT = (
    'if [ "$(id -u)" != 0 ]; then '
    'if command -v sudo >/dev/null; then set -- sudo -n -H "$@"; '
    'elif command -v doas >/dev/null; then set -- doas -n "$@"; fi; fi; exec "$@"'
)
"""Run by a shell on the machine, with the words that follow as its arguments, where it isn't known who we are there."""

ROOT_BY = {"none": [], "sudo": ["sudo", "-n", "-H"], "doas": ["doas", "-n"]}

PIECE = 32 * 1024 * 1024
"""Bytes of a file that travel at once: the wrapped connection holds them in memory."""


class Refusal(t.NamedTuple):
    """What is written where nothing could be run in the node, and what that means to who wrote the playbook."""

    written: str
    """A pattern; its groups can be used in the sentence as {0}, {1}."""
    sentence: str


_NO_SUDO = "root on {machine} isn't to be had by {0} -n: let {user} use it without a password, or connect as root"

REFUSALS = (
    Refusal(r"(?:^|\W)(sudo|doas): .*(?:password|terminal|sudoers|Authentication|not permitted)", _NO_SUDO),
    Refusal(r"Sorry, user .* is not allowed to (?:execute|run) ()", _NO_SUDO.replace("{0}", "sudo")),
    Refusal(
        r"Session open refused by peer|kex_exchange_identification",
        "sshd on {machine} closed what had just begun, as it does where too much begins at once (MaxSessions, "
        "MaxStartups): set prepare_sshd for the role netns.lab.prepare, or use fewer forks",
    ),
    Refusal(
        r"(?:exec: |: |^)(sudo|doas): (?:command )?not found",
        "the command {0} isn't on {machine}: ansible_{kind}_sudo says otherwise",
    ),
)


class NodeConnection(ConnectionBase):  # type: ignore[misc]
    """A connection to a node. What it needs of the machine is asked of `_way`, the connection to the machine."""

    kind = ""
    """As in the names of the variables: ansible_KIND_name."""
    refusals: tuple[Refusal, ...] = ()

    has_pipelining = True
    default_user = "root"

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(*args, **kwargs)
        self._way: t.Any = None
        self._way_options: dict[str, t.Any] = {}
        self._machine: str | None = None
        self._passed: tuple[str, ...] = ()

    def entry(self) -> list[str]:
        """The words that, as root on the machine, run what follows them in the node. Raises AnsibleError."""
        raise NotImplementedError

    # --- The way to the machine ------------------------------------------------------------------------------------

    def _resolve_option_variables(self, variables: t.Mapping[str, t.Any], templar: t.Any) -> dict[str, t.Any]:
        """Called by Ansible before `set_options`, with all that is known of the host: here the way is chosen."""
        own: dict[str, t.Any] = super()._resolve_option_variables(variables, templar)
        self._machine = own.get(f"ansible_{self.kind}_machine") or None
        theirs = variables if self._machine is None else self._variables_of(self._machine, variables)
        transport = own.get(f"ansible_{self.kind}_transport") or self._transport_of(theirs)
        self._way = connection_loader.get(transport, self._play_context, new_stdin=None, shell=self._shell)
        if self._way is None:
            raise AnsibleError(f"ansible_{self.kind}_transport: there is no connection plugin {transport!r}")
        if isinstance(self._way, NodeConnection):
            self._way._passed = (*self._passed, *([self._machine] if self._machine else []))
        self._way_options = self._way._resolve_option_variables(theirs, templar)
        if "ansible_pipelining" in variables:
            self._way_options["ansible_pipelining"] = templar.template(variables["ansible_pipelining"])
        return own

    def _variables_of(self, machine: str, variables: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
        everybody = variables.get("hostvars") or {}
        if machine not in everybody:
            raise AnsibleError(f"ansible_{self.kind}_machine: there is no host {machine} in the inventory")
        if machine in self._passed:
            raise AnsibleError(f"ansible_{self.kind}_machine: the way to {machine} leads through {machine} itself")
        return collections.ChainMap({"hostvars": everybody}, everybody[machine])  # it may be a node of a machine, too

    def _transport_of(self, theirs: t.Mapping[str, t.Any]) -> str:
        """The machine's own connection. Without a machine it is this one."""
        if self._machine is None:
            return "ansible.builtin.local"
        default = "ssh" if C.DEFAULT_TRANSPORT.startswith("netns.lab.") else C.DEFAULT_TRANSPORT
        chosen = str(theirs.get("ansible_connection") or default)
        return "ssh" if chosen == "smart" else chosen

    def set_options(
        self,
        task_keys: dict[str, t.Any] | None = None,
        var_options: dict[str, t.Any] | None = None,
        direct: dict[str, t.Any] | None = None,
    ) -> None:
        """As every plugin does; the way gets what belongs to it."""
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        if self._way is not None:
            self._way.set_options(task_keys=task_keys, var_options=self._way_options, direct=direct)

    def get_option(self, option: str, hostvars: dict[str, t.Any] | None = None) -> t.Any:
        """Whether modules are pipelined is the way's affair: core before 2.19 asks so."""
        if option == "pipelining" and self._way is not None:
            return self._way.get_option(option)
        return super().get_option(option, hostvars=hostvars)

    def is_pipelining_enabled(self, wrap_async: bool = False) -> bool:
        """Core from 2.19 on asks so."""
        return bool(self._ready().is_pipelining_enabled(wrap_async))

    @property
    def has_tty(self) -> bool:
        """Asked for `su`, also before there is a way."""
        return True if self._way is None else bool(self._way.has_tty)

    def _ready(self) -> t.Any:
        """The way, with what Ansible has put into this object in the meantime."""
        if self._way is None:
            raise AnsibleError(f"the connection {self.transport} can't be used without its options")
        self._way.become = self.become
        context = copy.copy(self._play_context)
        address = self._way_options.get("ansible_host") or self._machine
        if address:
            context.remote_addr = address
        self._way._play_context = context
        return self._way

    def _connect(self) -> NodeConnection:
        return self

    def reset(self) -> None:
        """The way begins anew; the node has nothing that could."""
        control_persist.reset(self._ready())

    def close(self) -> None:
        """The way is closed."""
        if self._way is not None:
            self._way.close()
        self._connected = False

    # --- Commands --------------------------------------------------------------------------------------------------

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a shell's command line in the node. Raises AnsibleConnectionFailure if it couldn't be run there."""
        way = self._ready()
        line = self._line("/bin/sh", "-c", INSIDE, "sh", _text(cmd))
        try:
            rc, out, err = control_persist.run(way, line, in_data, sudoable)
        except AnsibleError as error:
            raise self._explained(error, in_data) from None  # a cause would stand in the message a second time
        if rc == 0:
            return rc, out, err
        own, err = _without_last_word(err)
        if own is None:  # with a terminal it is in the output
            own, out = _without_last_word(out)
        if own is None:
            raise AnsibleConnectionFailure(self._why_not(out + err))
        return own, out, err

    def _line(self, *words: str) -> str:
        """The command line for the machine that runs these words in the node.

        `ip netns exec` ends with 255 where there is no namespace, which ssh would take for a failure of its own.
        """
        return shlex.join([*self._as_root(self._way), *self.entry(), *words]) + " || exit 1"

    def _as_root(self, way: t.Any) -> list[str]:
        """Words on the machine that run those that follow as root."""
        means = self.get_option("sudo")
        if means != "auto":
            return list(ROOT_BY[means])
        if way.transport == "local":
            return [] if os.geteuid() == 0 else ["/bin/sh", "-c", BECOME_ROOT, "sh"]
        try:
            user = way.get_option("remote_user")
        except KeyError:
            user = way.default_user
        return [] if user == "root" else ["/bin/sh", "-c", BECOME_ROOT, "sh"]

    def _explained(self, error: AnsibleError, in_data: bytes | None) -> AnsibleError:
        """What the way raised, in the words of the node where the node is the cause."""
        text = str(error)
        own, rest = _without_last_word(text.encode("utf-8", "surrogateescape") + b"\n")
        if own is not None:  # it was run there; `become` may have failed
            return type(error)(_text(rest).rstrip())
        sentence = self._known(text)
        unread = NOBODY_READS.search(text) if in_data else None
        if sentence is None and unread is not None:  # ssh noticed that nobody reads before it noticed why
            sentence = self._why_not(text[unread.end() :].encode("utf-8", "surrogateescape"))
        return error if sentence is None else AnsibleConnectionFailure(sentence)

    def _why_not(self, written: bytes) -> str:
        """Why nothing was run in the node, or why it was ended from outside."""
        text = _text(written).strip()
        known = self._known(text)
        if known is None:
            try:
                again, out, err = self._way.exec_command(self._line("true"), sudoable=False)
            except AnsibleConnectionFailure as error:
                return self._known(str(error)) or str(error)
            if again:
                known = self._known(_text(out + err))
                text = text or _text(out + err).strip()
        if known is not None:
            return known
        return f"the way into {self._place()} broke" + (f": {text[-2000:]}" if text else ", or was ended from outside")

    def _known(self, text: str) -> str | None:
        for refusal in (*self.refusals, *REFUSALS):
            found = re.search(refusal.written, text, re.MULTILINE)
            if found:
                names = {"name": self.get_option("name"), "machine": self._where(), "user": self._who()}
                return refusal.sentence.format(*found.groups(), kind=self.kind, **names)
        return None

    def _place(self) -> str:
        return f"{self.get_option('name')} on {self._where()}"

    def _where(self) -> str:
        """The machine, for a sentence."""
        if self._machine:
            return self._machine
        return "this machine" if self._way.transport == "local" else str(self._ready()._play_context.remote_addr)

    def _who(self) -> str:
        """The user there, for a sentence."""
        try:
            user = self._way.get_option("remote_user")
        except KeyError:
            user = self._way.default_user
        return user or "the user"

    # --- Files -----------------------------------------------------------------------------------------------------

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller to the node."""
        if not os.path.exists(os.fsencode(in_path)):
            raise AnsibleFileNotFound(f"there is no file {in_path} to copy to {self._place()}")
        with open(os.fsencode(in_path), "rb") as source:
            piece = source.read(PIECE)
            self._transfer(f"cat > {shlex.quote(out_path)}" if piece else f": > {shlex.quote(out_path)}", piece)
            while piece:
                piece = source.read(PIECE)
                if piece:
                    self._transfer(f"cat >> {shlex.quote(out_path)}", piece)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the node to the controller, where its directory stands."""
        path = shlex.quote(in_path)
        piece = self._transfer(f"head -c {PIECE} < {path}")
        with open(os.fsencode(out_path), "wb") as target:
            target.write(piece)
            while len(piece) == PIECE:
                piece = self._transfer(f"tail -c +{target.tell() + 1} {path} | head -c {PIECE}")
                target.write(piece)

    def _transfer(self, command: str, given: bytes | None = None) -> bytes:
        """Not `sudoable`: ssh then asks for no terminal, which would change bytes; and `become` is for commands."""
        rc, out, err = self.exec_command(f"/bin/sh -c {shlex.quote(command)}", in_data=given or None, sudoable=False)
        if rc:
            raise AnsibleError(f"{self._place()}: {command} failed with return code {rc}: {_text(err).strip()}")
        return out


def _without_last_word(written: bytes) -> tuple[int | None, bytes]:
    """The return code that the last word of `INSIDE` tells, None if there is none; and the rest."""
    found = _LAST_WORD.match(written)
    if found is None:
        return None, written
    return int(found.group(2)), found.group(1) + written[found.end() :]


def _text(written: str | bytes) -> str:
    return written.decode("utf-8", "surrogateescape") if isinstance(written, bytes) else str(written)

# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Going from one network namespace to the next, in a thread of its own. Called by everything that looks inside one.

A network namespace belongs to a thread (nsproxy in the kernel's task_struct). Only the worker thread made here ever
changes it, so whatever the main thread forks is never in the wrong one. In the worker, ``/proc/thread-self`` is the
worker and ``/proc/sys/net`` follows it; ``/proc/self`` and ``/sys/class/net`` stay with the main thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import typing as t

from . import syscalls
from .errors import KernelError
from .netlink import Socket

if t.TYPE_CHECKING:
    from .nursery import Nursery

T = t.TypeVar("T")

HOME = "@"
"""The namespace that the module itself was started in: the machine's own."""

NOWHERE = ""
"""What `Visit.current` says between making a namespace and giving it its name."""

RUN = "/run/netns"
"""Where the named namespaces are, as ip-netns(8) has it."""

_OWN = "/proc/thread-self/ns/net"
_MANY = 16
"""New namespaces from which on a second thread pays."""


class Interrupted(BaseException):
    """The main thread gave up waiting for the worker. Not an Exception, so nobody in between takes it for a failure."""


class Visit:
    """Where the worker thread is. Made by `in_worker`; for use in that thread only."""

    def __init__(self) -> None:
        self.current = HOME
        self.stay = 0
        """Counts the moves, so that whoever keeps something per stay notices the next one."""
        self.is_prepared = False
        """Whether ``/run/netns`` was made ready in this visit; `namespaces.create` keeps it."""
        self._home = -1
        self._socket: Socket | None = None
        self._home_socket: Socket | None = None
        self._nursery: Nursery | None = None
        self._interrupted = threading.Event()
        self._at_end: list[t.Callable[[], None]] = []

    def enter(self, namespace: str) -> None:
        """Go to a named namespace, or home to ``"@"``, straight from wherever we are. Costs about 10 microseconds.

        Raises KernelError: ENOENT where there is none of that name, EINVAL where its file is no namespace.
        """
        if self._interrupted.is_set():
            raise Interrupted
        if namespace == self.current:
            return
        try:
            if namespace == HOME:
                self._move(self._home, HOME)
                return
            descriptor = os.open(f"{RUN}/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._move(descriptor, namespace)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _refusal(error, namespace, "enter") from error

    @property
    def is_interrupted(self) -> bool:
        """Whether the main thread has given up waiting. May be asked by any thread."""
        return self._interrupted.is_set()

    def check(self) -> None:
        """Raise Interrupted if the main thread has given up waiting."""
        if self._interrupted.is_set():
            raise Interrupted

    def enter_new(self) -> None:
        """Make a new network namespace without a name and go there. Raises KernelError."""
        if self._interrupted.is_set():
            raise Interrupted
        self._leave()
        try:
            made = self._nursery.take() if self._nursery is not None else None
            if made is None:
                syscalls.unshare()
            else:
                try:
                    syscalls.setns(made)
                finally:
                    os.close(made)
        except OSError as error:
            reason = "the limit user.max_net_namespaces is reached" if error.errno == errno.ENOSPC else ""
            raise KernelError(error.errno or 0, reason, "make a network namespace") from error
        self.current = NOWHERE
        self.stay += 1

    @contextlib.contextmanager
    def many_new(self, count: int) -> t.Iterator[None]:
        """Within the block `enter_new` will be called so often: have the namespaces made ahead, if that pays."""
        if count < _MANY:
            yield
            return
        from .nursery import Nursery

        try:
            self._nursery = Nursery(count, self._home)
        except RuntimeError:
            pass  # no more threads are to be had; then they are made when they are needed
        try:
            yield
        finally:
            nursery, self._nursery = self._nursery, None
            if nursery is not None:
                nursery.close()

    @contextlib.contextmanager
    def beside(
        self, function: t.Callable[[Visit], T], meanwhile: t.Iterable[t.Callable[[], t.Any]] = ()
    ) -> t.Iterator[list[T]]:
        """For the time of the block, another process that visits on its own account; what `function` returns there is
        in the list afterwards. Where there can't be one more, or it gets lost, it is called here after the block: so
        it must not matter how often it is called.

        Where the block ends first, these are called in the `meanwhile`, one after the other until the other has ended.

        To be called at home, for a process begins where its maker is. What `function` raises is raised here.
        """
        from .companion import Companion, Lost

        other = Visit()
        results: list[T] = []
        try:
            companion = Companion(lambda: other._alone(function))
        except OSError:
            yield results
            results.append(function(self))
            return
        try:
            yield results
            for call in meanwhile:
                if companion.has_ended():
                    break
                call()
        except BaseException:
            companion.end()
            raise
        try:
            results.append(companion.result())
        except Lost:  # the kernel ran out of memory, or somebody killed it
            results.append(function(self))

    def _alone(self, function: t.Callable[[Visit], T]) -> T:
        """Begin in a process that ends with the visit."""
        self._begin()
        return function(self)

    def come_home(self) -> None:
        """`enter` home that is allowed even after an interruption: for cleaning up."""
        if self.current != HOME:
            self._move(self._home, HOME)

    def is_named(self, name: str) -> None:
        """The namespace that `enter_new` made now has a name."""
        self.current = name

    def socket(self) -> Socket:
        """A netlink socket of the current namespace. Opened once per stay and closed on leaving."""
        if self._socket is None:
            self._socket = Socket()
        return self._socket

    def home_socket(self) -> Socket:
        """A netlink socket of the machine's own namespace, usable from anywhere. Opened once."""
        if self._home_socket is None:
            if self.current == HOME:
                self._home_socket = Socket()
            else:
                here = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    syscalls.setns(self._home)
                    try:
                        self._home_socket = Socket()
                    finally:
                        syscalls.setns(here)
                finally:
                    os.close(here)
        return self._home_socket

    @contextlib.contextmanager
    def descriptor(self, namespace: str) -> t.Iterator[int]:
        """An open file of a namespace, for a netlink attribute such as IFLA_NET_NS_FD. Closed at the end of the block.

        `NOWHERE` (the empty name) means the one that this thread is in. Raises KernelError like `enter`.
        """
        descriptor = self.open(namespace)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def open(self, namespace: str) -> int:
        """The same as `descriptor`, but for the caller to close: half as costly where there are many."""
        try:
            if namespace == HOME:
                return os.dup(self._home)
            return os.open(f"{RUN}/{namespace}" if namespace else _OWN, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _refusal(error, namespace, "open") from error

    def at_end(self, action: t.Callable[[], None]) -> None:
        """Have something closed when the worker ends."""
        self._at_end.append(action)

    def interrupt(self) -> None:
        """Make the next `enter` raise `Interrupted`. The one thing that another thread may call."""
        self._interrupted.set()

    def _move(self, descriptor: int, name: str) -> None:
        syscalls.setns(descriptor)
        self._leave()
        self.current = name
        self.stay += 1

    def _leave(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _begin(self) -> None:
        self._home = os.open(_OWN, os.O_RDONLY | os.O_CLOEXEC)

    def _end(self) -> None:
        self._leave()
        for action in self._at_end:
            action()
        if self._home_socket is not None:
            self._home_socket.close()
        if self._home >= 0:
            os.close(self._home)


def in_worker(function: t.Callable[[Visit], T]) -> T:
    """Run `function` in a fresh thread that may change its network namespace, and return what it returns.

    What it raises is raised here. Where waiting for it is interrupted (Control-C, or a signal whose handler raises),
    the worker stops at the next namespace that it enters, and the interruption goes on once it has.
    """
    visit = Visit()
    results: list[T] = []
    failures: list[BaseException] = []
    # Thread.join takes a thread for ended when a signal interrupts it (bpo-46726).
    over = threading.Event()

    def work() -> None:
        try:
            visit._begin()
            try:
                results.append(function(visit))
            finally:
                visit._end()
        except BaseException as failure:  # pylint: disable=broad-except
            failures.append(failure)
        finally:
            over.set()

    worker = threading.Thread(target=work, name="netns-lab", daemon=True)
    worker.start()
    try:
        over.wait()
    except BaseException:
        visit.interrupt()
        over.wait()
        raise
    worker.join()
    if failures:
        try:
            raise failures[0]
        finally:
            failures.clear()  # the traceback holds this frame, and this frame must not hold the traceback
    return results[0]


def _refusal(error: OSError, namespace: str, doing: str) -> KernelError:
    reason = ""
    if error.errno == errno.ENOENT:
        reason = "there is no such namespace"
    elif error.errno == errno.EINVAL:
        reason = f"{RUN}/{namespace} is a plain file on which no namespace is mounted"
    elif error.errno == errno.EPERM:
        reason = "only root (CAP_SYS_ADMIN) may enter a namespace"
    where = "the machine's own namespace" if namespace == HOME else f"the namespace {namespace}"
    return KernelError(error.errno or 0, reason, f"{doing} {where}")

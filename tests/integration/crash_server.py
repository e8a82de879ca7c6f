"""
Servers that kill themselves at a chosen step.

Run as a program: each line on its standard input, a JSON object with fields of `ftpx.config.Config`, makes it fork a
server; all is imported already, so that takes a few milliseconds. It says ``ready PID`` when the server serves, or
``ended`` if it died before. ``end`` waits for its end, and is answered by ``ended``.

A step is a call that changes a file system; with CRASH_STEPS=all, every call that may have to do with one. They are
counted while a test says so, by a `Trap`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import mmap
import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any, Final

import twisted.internet.epollreactor  # noqa: F401 - what the reactor needs, without the reactor
from twisted.logger import globalLogBeginner, textFileLogObserver

import ftpx.service
import ftpx.storage.local
import ftpx.storage.memory
from ftpx.config import Config
from ftpx.storage import syscalls
from ftpx.tls.policy import TlsPolicy

__all__ = ["Trap", "main"]

_SIZE: Final = 4096
_FORM: Final = struct.Struct("<QQQ")

# The functions that change a file system; those behind them change nothing that would outlive the process.
_CHANGING: Final[dict[ModuleType, tuple[str, ...]]] = {
    os: (
        "link", "symlink", "rename", "replace", "unlink", "remove", "mkdir", "rmdir", "pwrite", "pwritev", "ftruncate",
        "truncate", "fsync", "fdatasync", "sync", "fchmod", "chmod", "fchown", "chown", "utime", "copy_file_range",
        "setxattr", "removexattr",
    ),
    syscalls: ("rename_exclusively",),
}  # fmt: skip
_HARMLESS: Final[dict[ModuleType, tuple[str, ...]]] = {
    os: ("open", "close", "dup"),
    fcntl: ("flock",),
    syscalls: ("openat2",),
}


class Trap:
    """
    What a test and a server share to agree on the step at which the server dies.

    :param path: a file, which is made if it is not there.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, _SIZE)
            self._memory = mmap.mmap(descriptor, _SIZE)
        finally:
            os.close(descriptor)

    def _get(self) -> tuple[int, int, int]:
        armed, counted, deadly = _FORM.unpack_from(self._memory)
        return armed, counted, deadly

    def arm(self, step: int | None = None) -> None:
        """Count steps from now on, and die before this one, the first being 0; ``None``: do not die."""
        _FORM.pack_into(self._memory, 0, 1, 0, 0 if step is None else step + 1)

    def disarm(self) -> int:
        """Do not count any more; how many steps there were."""
        _, counted, _ = self._get()
        _FORM.pack_into(self._memory, 0, 0, 0, 0)
        return counted

    @property
    def counted(self) -> int:
        """How many steps there were so far."""
        return self._get()[1]

    def step(self) -> None:
        """A step is about to be made."""
        armed, counted, deadly = self._get()
        if not armed:
            return
        if counted + 1 == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        _FORM.pack_into(self._memory, 0, 1, counted + 1, deadly)


class _Watch:
    """Tells every step to a trap, once there is one."""

    def __init__(self) -> None:
        self.trap: Trap | None = None
        self._lock = Lock()
        modules = [module for name, module in sys.modules.items() if name.startswith("ftpx.")]
        tables = [_CHANGING, _HARMLESS] if os.environ.get("CRASH_STEPS") == "all" else [_CHANGING]
        for owner, name in [(owner, name) for table in tables for owner, names in table.items() for name in names]:
            plain = getattr(owner, name)
            watched = self._watched(plain)
            setattr(owner, name, watched)
            for module in modules:
                for alias, value in list(vars(module).items()):
                    if value is plain:
                        setattr(module, alias, watched)

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            if self.trap is not None:
                with self._lock:
                    self.trap.step()
            return function(*arguments, **named)

        return call


def _forget_tmpfile() -> None:
    """Be on a file system that has no files without names."""
    plain = os.open

    def without(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return plain(path, flags, mode, dir_fd=dir_fd)

    os.open = without


def _serve(watch: _Watch, settings: dict[str, Any], ready: int) -> None:
    """In the child: serve until killed."""
    # It must be one of this process, whose descriptors nobody else has.
    from twisted.internet import reactor as installed

    reactor: Any = installed

    trap = Trap(Path(settings.pop("trap")))
    log = open(settings.pop("log"), "a", encoding="utf-8")  # noqa: SIM115 - as long as the process
    globalLogBeginner.beginLoggingTo([textFileLogObserver(log)], redirectStandardIO=False)
    if not settings.pop("tmpfile", True):
        _forget_tmpfile()
    watch.trap = trap
    config = Config(**settings, tls_policy=TlsPolicy.OPTIONAL if settings.get("tls_cert") else None)
    service = ftpx.service.make_service(config, reactor)
    service.startService()

    def say_ready() -> None:
        os.write(ready, b"1")
        os.close(ready)

    reactor.callWhenRunning(say_ready)
    reactor.run(installSignalHandlers=False)


def _start(watch: _Watch, settings: dict[str, Any]) -> int | None:
    """Fork a server; its process, or ``None`` if it died before it served."""
    readable, writable = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(readable)
            _serve(watch, settings, writable)
        finally:
            # Neither a clean end nor an error may get back into the parent's code.
            traceback.print_exc()
            os._exit(1)
    os.close(writable)
    with open(readable, "rb") as ready:
        if ready.read(1):
            return process
    os.waitpid(process, 0)
    return None


def main() -> None:
    """Start servers one after the other, as told on the standard input."""
    watch = _Watch()
    process: int | None = None
    for line in sys.stdin:
        if line.strip() == "end":
            if process is not None:
                os.waitpid(process, 0)
            process = None
        else:
            process = _start(watch, json.loads(line))
        print("ended" if process is None else f"ready {process}", flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise

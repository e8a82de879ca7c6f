"""File systems whose requests wait until a test lets them through."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

from tests.integration import slow_fuse

__all__ = ["PATIENCE", "SlowFileSystem", "slow_disk", "slow_file_system"]

#: How long a test waits for a request to come, in seconds.
PATIENCE = 20.0


class SlowFileSystem:
    """
    An empty file system at a directory; see `tests.integration.slow_fuse`.

    A request that is held keeps its process waiting, whatever that is: a test must not look into ``directory`` then.

    :raises unittest.SkipTest: this user may not mount it, or the kernel does not have it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._said = b""
        self._process = subprocess.Popen(
            [sys.executable, "-I", slow_fuse.__file__, str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        if self._line() != b"ready":
            _, errors = self._process.communicate()
            raise unittest.SkipTest(errors.decode(errors="replace").strip().splitlines()[-1])

    def _line(self, seconds: float = PATIENCE) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while b"\n" not in self._said:
                if not selector.select(seconds):
                    raise AssertionError("nothing came to the slow file system")
                block = os.read(self._output, 65536)
                if not block:
                    return b""
                self._said += block
        line, _, self._said = self._said.partition(b"\n")
        return line

    def _tell(self, line: str, answer: bytes) -> None:
        assert self._process.stdin is not None
        os.write(self._process.stdin.fileno(), os.fsencode(line) + b"\n")
        while (said := self._line()) != answer:
            assert said.startswith(b"held "), said

    def hold(self, request: str, name: str = "*") -> None:
        """Let requests of a kind for a name wait from now on."""
        self._tell(f"hold {request} {name}", b"holding")

    @contextlib.contextmanager
    def holding(self, request: str, name: str = "*") -> Iterator[None]:
        """Let such requests wait; they are answered at the end of the context."""
        self.hold(request, name)
        try:
            yield
        finally:
            self.release()

    def wait_held(self) -> str:
        """Wait until a request is held; its kind and name."""
        return self._line().removeprefix(b"held ").decode("utf-8", "surrogateescape")

    def release(self) -> None:
        """Answer those that wait and let all others through."""
        self._tell("release", b"released")

    def close(self) -> None:
        """Unmount it. What waits for it fails."""
        self._process.kill()
        self._process.communicate()
        subprocess.run(["umount", "--lazy", str(self.directory)], capture_output=True, check=False)


@contextlib.contextmanager
def slow_file_system(directory: Path) -> Iterator[SlowFileSystem]:
    """A slow file system for the time of a test. :raises unittest.SkipTest: there can be none."""
    mounted = SlowFileSystem(directory)
    try:
        yield mounted
    finally:
        mounted.close()


def _run(*arguments: str) -> bool:
    return subprocess.run(arguments, capture_output=True, timeout=60, check=False).returncode == 0


@contextlib.contextmanager
def slow_disk(work: Path, directory: Path, files: Path, megabytes: int) -> Iterator[SlowFileSystem]:
    """
    A read-only ext4 at ``directory`` with the content of ``files``, on a disk whose ``READ image`` can be held.

    Unlike FUSE itself, ext4 answers ``preadv2`` with RWF_NOWAIT.

    :param work: an empty directory to make it in.
    :raises unittest.SkipTest: there can be none.
    """
    if any(shutil.which(program) is None for program in ("mkfs.ext4", "mount", "umount")):
        raise unittest.SkipTest("mkfs.ext4, mount or umount is not installed")
    image, below = work / "image", work / "below"
    below.mkdir()
    if not _run("mkfs.ext4", "-q", "-O", "^has_journal", "-d", str(files), str(image), f"{megabytes}M"):
        raise unittest.SkipTest("no ext4 can be made here")
    with slow_file_system(below) as slow:
        shutil.copyfile(image, below / "image")
        image.unlink()
        if not _run("mount", "-t", "ext4", "-o", "loop,ro,noatime", str(below / "image"), str(directory)):
            raise unittest.SkipTest("no loop device can be mounted here")
        try:
            yield slow
        finally:
            slow.release()
            _run("umount", "--lazy", str(directory))

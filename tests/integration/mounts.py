"""Small file systems of our own, where the machine lets us mount them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import unittest
from collections.abc import Iterator
from pathlib import Path

__all__ = ["make_read_only", "small_file_system"]


def _run(*arguments: str) -> bool:
    return subprocess.run(arguments, capture_output=True, timeout=20, check=False).returncode == 0


@contextlib.contextmanager
def small_file_system(directory: Path, size: int) -> Iterator[None]:
    """
    A file system in memory of so many octets at a directory.

    :raises unittest.SkipTest: this user may not mount.
    """
    if os.getuid() != 0 or shutil.which("mount") is None:
        raise unittest.SkipTest("only root can mount a small file system")
    if not _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", str(directory)):
        raise unittest.SkipTest("this root cannot mount a small file system")
    try:
        yield
    finally:
        _run("umount", "--lazy", str(directory))


def make_read_only(directory: Path) -> None:
    """:raises unittest.SkipTest: the small file system cannot be made read-only."""
    if not _run("mount", "-o", "remount,ro", str(directory)):
        raise unittest.SkipTest("this root cannot remount")

"""A real SMB server, Samba's smbd, on a free loopback port, with a share of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.integration.server import free_port
from tests.integration.waiting import eventually

__all__ = ["Samba"]

_PATH = "/usr/sbin:/usr/bin:/usr/local/sbin"
_SETTINGS = """\
[global]
    smb ports = {port}
    interfaces = 127.0.0.1
    bind interfaces only = yes
    private dir = {folder}/private
    lock directory = {folder}/run
    state directory = {folder}/run
    cache directory = {folder}/run
    pid directory = {folder}/run
    ncalrpc dir = {folder}/run/ncalrpc
    passdb backend = tdbsam:{folder}/private/passwords
    log file = {folder}/log
    disable spoolss = yes
    load printers = no
[share]
    path = {folder}/share
    read only = no
"""


class Samba:
    """
    The server, and its share.

    :raises unittest.SkipTest: it is not installed, or not ours to start.
    """

    def __init__(self) -> None:
        program, passwords = shutil.which("smbd", path=_PATH), shutil.which("smbpasswd", path=_PATH)
        if program is None or passwords is None:
            raise unittest.SkipTest("Samba (smbd, smbpasswd) is not installed")
        if os.getuid() != 0:
            raise unittest.SkipTest("smbd wants to be started by root")
        self._program = program
        self._folder = Path(tempfile.mkdtemp(prefix="ftpx-samba-"))
        self.root = self._folder / "share"
        for name in ("share", "private", "run"):
            (self._folder / name).mkdir()
        self.port = free_port()
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self._settings = self._folder / "smb.conf"
        self._settings.write_text(_SETTINGS.format(port=self.port, folder=self._folder), encoding="ascii")
        password = secrets.token_hex(8)
        subprocess.run(
            [passwords, "-c", str(self._settings), "-s", "-a", self.user],
            input=f"{password}\n{password}\n".encode(),
            check=True,
            capture_output=True,
            timeout=30,
        )
        self.options: dict[str, object] = {"password": password}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the share is."""
        return f"smb://{self.user}@127.0.0.1:{self.port}/share"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        self._process = subprocess.Popen(
            [self._program, "--foreground", "--no-process-group", "-s", str(self._settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Each session is a process of its own: with a group, all of them can be ended.
            start_new_session=True,
        )
        eventually(self._answers, seconds=20, what="smbd answers")

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"smbd ended with status {self._process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it with all its sessions, at once."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def remove(self) -> None:
        """End it, and remove what it had."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

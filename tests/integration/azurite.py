"""A real server of Azure's blob storage, the emulator Azurite, on a free loopback port with a directory of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import secrets
import shutil
import socket
import subprocess
import tempfile
import unittest
from email.utils import formatdate
from pathlib import Path

from tests.integration.server import free_port
from tests.integration.waiting import eventually

__all__ = ["CREDENTIALS", "Azurite"]

# The account that every Azurite has, and its key, which is no secret: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
# The variables of a process that speaks to it.
CREDENTIALS = {"AZURE_STORAGE_ACCOUNT_KEY": _KEY}


class Azurite:
    """
    The server. It runs until `remove`.

    :raises unittest.SkipTest: it is not installed.
    """

    def __init__(self) -> None:
        program = shutil.which("azurite-blob")
        if program is None:
            raise unittest.SkipTest("Azurite (azurite-blob) is not installed")
        self._folder = Path(tempfile.mkdtemp(prefix="ftpx-azurite-"))
        self.port = free_port()
        self._process = subprocess.Popen(
            [
                program,
                "--silent",
                "--disableTelemetry",
                "--skipApiVersionCheck",
                "--blobHost=127.0.0.1",
                f"--blobPort={self.port}",
                f"--location={self._folder}",
            ],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, seconds=60, what="Azurite answers")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise AssertionError(f"Azurite ended with status {self._process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def container(self) -> str:
        """The name of a new container."""
        name = f"ftpx-{secrets.token_hex(6)}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-12-02"}
        signed = "".join(f"{header}:{value}\n" for header, value in headers.items())
        # The name of the account stands twice in what an emulator signs: for itself, and in the path.
        text = f"PUT{chr(10) * 12}{signed}/{_ACCOUNT}/{_ACCOUNT}/{name}\nrestype:container"
        signature = base64.b64encode(hmac.digest(base64.b64decode(_KEY), text.encode(), hashlib.sha256)).decode()
        headers |= {"Authorization": f"SharedKey {_ACCOUNT}:{signature}", "Content-Length": "0"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("PUT", f"/{_ACCOUNT}/{name}?restype=container", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 201, answer.read()
        connection.close()
        return name

    def address(self, prefix: str) -> str:
        """What names a new container, behind ``object:``."""
        endpoint = f"http://127.0.0.1:{self.port}/{_ACCOUNT}"
        return f"az://{self.container()}/{prefix}?account={_ACCOUNT}&endpoint={endpoint}"

    def remove(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.wait(10)
        shutil.rmtree(self._folder, ignore_errors=True)

"""What the tests ask of any FTP client, whatever program it is."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import attrs

__all__ = ["Client", "ClientFailed", "Login", "Mode", "Tls", "run_program"]

# How long one run of a client may take, in seconds.
PATIENCE = 40

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class ClientFailed(AssertionError):
    """A client program ended with an error."""


@attrs.frozen
class Mode:
    """How data connections come about: ``PASV``, ``EPSV``, ``PORT`` or ``EPRT``."""

    name: str = "EPSV"

    @property
    def active(self) -> bool:
        """Whether the server connects to the client."""
        return self.name in {"PORT", "EPRT"}


@attrs.frozen
class Tls:
    """
    What a client is told about TLS; it verifies the server.

    :param authority: the PEM file of whom to trust.
    :param version: the only one to speak: ``1.2`` or ``1.3``.
    :param implicit: TLS from the first octet, and not behind AUTH.
    :param certificate: a PEM file of our own to show, with its key.
    """

    authority: Path
    version: str = "1.3"
    implicit: bool = False
    certificate: Path | None = None

    def context(self) -> ssl.SSLContext:
        """The same for Python's own clients."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.minimum_version = context.maximum_version = _VERSIONS[self.version]
        if self.certificate is not None:
            context.load_cert_chain(self.certificate)
        return context


@attrs.frozen
class Login:
    """Where to connect to and as whom; no name: anonymous; no ``tls``: in clear."""

    host: str
    port: int
    user: str | None = None
    password: str = ""
    mode: Mode = Mode()
    tls: Tls | None = None


def run_program(
    arguments: Sequence[str | bytes], *, home: Path, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program with an empty home directory and a time limit."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return subprocess.run(
        arguments,
        cwd=home,
        env={**kept, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE,
        check=False,
    )


class Client:
    """
    A client as one login. An operation that the program does not have raises `unittest.SkipTest`.

    Remote paths are absolute.
    """

    program: ClassVar[str]
    modes: ClassVar[frozenset[str]] = frozenset({"EPSV", "PASV", "EPRT", "PORT"})
    usual_mode: ClassVar[str] = "EPSV"
    ipv6_modes: ClassVar[frozenset[str]] = frozenset({"EPSV", "EPRT"})

    def __init__(self, login: Login, home: Path) -> None:
        self.login = login
        self.home = home

    @classmethod
    def require(cls) -> None:
        """:raises unittest.SkipTest: the program is not installed."""
        if shutil.which(cls.program) is None:
            raise unittest.SkipTest(f"{cls.program} is not installed")

    def run(
        self, *arguments: str | bytes, stdin: str = "", environment: dict[str, str] | None = None, check: bool = True
    ) -> str:
        """Run the program and return what it prints; raises `ClientFailed` for a status that is not 0."""
        done = run_program([self.program, *arguments], home=self.home, stdin=stdin, environment=environment)
        if check and done.returncode != 0:
            raise ClientFailed(
                f"{arguments} ended with status {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            )
        return done.stdout

    def cannot(self, what: str) -> unittest.SkipTest:
        """The exception for an operation that the program does not have."""
        return unittest.SkipTest(f"{self.program} cannot {what}")

    def names(self, directory: str) -> set[str]:
        """The names in a remote directory."""
        raise self.cannot("list")

    def upload(self, local: Path, remote: str) -> None:
        """Store a file."""
        raise self.cannot("upload")

    def download(self, remote: str, local: Path) -> None:
        """Fetch a file."""
        raise self.cannot("download")

    def resume_upload(self, local: Path, remote: str) -> None:
        """Store the rest of a file whose beginning is there."""
        raise self.cannot("resume an upload")

    def resume_download(self, remote: str, local: Path) -> None:
        """Fetch the rest of a file whose beginning is here."""
        raise self.cannot("resume a download")

    def rename(self, old: str, new: str) -> None:
        """Give a file another name."""
        raise self.cannot("rename")

    def remove_file(self, remote: str) -> None:
        """Remove a file."""
        raise self.cannot("remove files")

    def make_directory(self, remote: str) -> None:
        """Make a directory."""
        raise self.cannot("make directories")

    def remove_directory(self, remote: str) -> None:
        """Remove an empty directory."""
        raise self.cannot("remove directories")

    def mirror_up(self, local: Path, remote: str) -> None:
        """Make a remote directory, which is not there yet, like a local one."""
        raise self.cannot("upload a tree")

    def mirror_down(self, remote: str, local: Path) -> None:
        """Make a local directory, which is not there yet, like a remote one."""
        raise self.cannot("download a tree")

    def upload_text(self, local: Path, remote: str) -> None:
        """Store a text file by TYPE A."""
        raise self.cannot("upload in ASCII mode")

    def download_text(self, remote: str, local: Path) -> None:
        """Fetch a text file by TYPE A."""
        raise self.cannot("download in ASCII mode")

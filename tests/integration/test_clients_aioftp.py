"""aioftp."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from tests.integration import contract
from tests.integration.cases import tree
from tests.integration.clients import Client, ClientFailed


def _aioftp() -> Any:
    """
    The package.

    :raises unittest.SkipTest: it is not installed.
    """
    try:
        return importlib.import_module("aioftp")
    except ImportError:
        raise unittest.SkipTest("aioftp is not installed") from None


_T = TypeVar("_T")


class Aioftp(Client):
    """aioftp: one session, and one event loop, an operation."""

    program = "aioftp"
    modes = frozenset({"EPSV", "PASV"})
    ipv6_modes = frozenset({"EPSV"})

    @classmethod
    def require(cls) -> None:
        """The package must be there."""
        _aioftp()

    @classmethod
    def resumes(cls) -> bool:
        """Whether its data connections resume the TLS session of the control connection."""
        cls.require()
        return hasattr(importlib.import_module("aioftp.common"), "SSLSessionBoundContext")

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Any]:
        commands = ("epsv",) if self.login.mode.name == "EPSV" else ("pasv",)
        tls = self.login.tls
        context = None if tls is None else tls.context()
        session = _aioftp().Client(
            passive_commands=commands,
            socket_timeout=20,
            ssl=context if tls is not None and tls.implicit else None,
        )
        try:
            await session.connect(self.login.host, self.login.port)
            if tls is not None and not tls.implicit:
                await session.upgrade_to_tls(context)
            await session.login(self.login.user or "anonymous", self.login.password or "someone@example.org")
            yield session
            await session.quit()
        finally:
            session.close()

    def _do(self, work: Callable[[Any], Awaitable[_T]]) -> _T:
        async def run() -> _T:
            async with asyncio.timeout(40), self._session() as session:
                return await work(session)

        try:
            return asyncio.run(run())
        except _aioftp().StatusCodeError as refused:
            raise ClientFailed(str(refused)) from refused

    def names(self, directory: str) -> set[str]:
        """By MLSD."""

        async def work(session: Any) -> set[str]:
            return {path.name for path, _ in await session.list(directory)}

        return self._do(work)

    def upload(self, local: Path, remote: str) -> None:
        """``upload``."""
        self._do(lambda session: session.upload(local, remote, write_into=True))

    def download(self, remote: str, local: Path) -> None:
        """``download``."""
        self._do(lambda session: session.download(remote, local, write_into=True))

    def resume_upload(self, local: Path, remote: str) -> None:
        """By REST and STOR."""

        async def work(session: Any) -> None:
            size = int((await session.stat(remote))["size"])
            async with session.upload_stream(remote, offset=size) as stream:
                await stream.write(local.read_bytes()[size:])

        self._do(work)

    def resume_download(self, remote: str, local: Path) -> None:
        """By REST and RETR."""

        async def work(session: Any) -> None:
            with local.open("ab") as file:
                async with session.download_stream(remote, offset=file.tell()) as stream:
                    async for block in stream.iter_by_block():
                        file.write(block)

        self._do(work)

    def rename(self, old: str, new: str) -> None:
        """``rename``."""
        self._do(lambda session: session.rename(old, new))

    def remove_file(self, remote: str) -> None:
        """``remove_file``."""
        self._do(lambda session: session.remove_file(remote))

    def make_directory(self, remote: str) -> None:
        """``make_directory``."""
        self._do(lambda session: session.make_directory(remote))

    def remove_directory(self, remote: str) -> None:
        """``remove_directory``."""
        self._do(lambda session: session.remove_directory(remote))

    def mirror_up(self, local: Path, remote: str) -> None:
        """``upload`` of a directory."""
        self._do(lambda session: session.upload(local, remote, write_into=True))

    def mirror_down(self, remote: str, local: Path) -> None:
        """``download`` of a directory."""
        self._do(lambda session: session.download(remote, local, write_into=True))


class AioftpTests(contract.ClientContract):
    """aioftp against the server."""

    client_class = Aioftp

    def test_lists_recursively(self) -> None:
        """A recursive listing finds every file and directory of a tree."""
        theirs = self.plant(self.server.root / "theirs")
        client = self.client()
        assert isinstance(client, Aioftp)

        async def work(session: Any) -> set[PurePosixPath]:
            return {path async for path, _ in session.list("/theirs", recursive=True)}

        found = {str(path.relative_to("/theirs")) for path in client._do(work)}
        self.assertEqual(found, set(tree(theirs)))


class AioftpTls13Tests(contract.TlsContract, AioftpTests):
    """aioftp over TLS 1.3."""


class AioftpTlsTests(contract.BriefTlsContract):
    """aioftp over other kinds of TLS."""

    client_class = Aioftp

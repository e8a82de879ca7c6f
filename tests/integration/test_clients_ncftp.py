"""ncftpls, ncftpget, ncftpput and ncftp."""

from __future__ import annotations

import shutil
import unittest
from pathlib import Path
from urllib.parse import quote

from tests.integration import contract
from tests.integration.clients import Client, ClientFailed

_MODES = {"PASV": "-F", "PORT": "-E"}


class Ncftp(Client):
    """The four programs of ncftp: the shell for what the other three do not do."""

    program = "ncftp"
    modes = frozenset(_MODES)
    usual_mode = "PASV"
    ipv6_modes = frozenset()

    @classmethod
    def require(cls) -> None:
        """All four are needed."""
        for program in ("ncftp", "ncftpls", "ncftpget", "ncftpput"):
            if shutil.which(program) is None:
                raise unittest.SkipTest(f"{program} is not installed")

    def _flags(self) -> list[str]:
        who = [] if self.login.user is None else ["-u", self.login.user, "-p", self.login.password]
        mode = [_MODES[self.login.mode.name]] if self.login.mode.name in _MODES else []
        return [*who, "-P", str(self.login.port), "-t", "15", "-r", "0", *mode]

    def _tool(self, program: str, *arguments: str) -> str:
        one = type(self)(self.login, self.home)
        one.program = program  # type: ignore[misc]
        return one.run(*self._flags(), *arguments)

    def _shell(self, *lines: str) -> str:
        """
        A script on the standard input of ``ncftp``.

        :raises ClientFailed: it printed that something failed; its exit status does not say.
        """
        flags = [flag for flag in self._flags() if flag not in {*_MODES.values()}]
        del flags[flags.index("-t") : flags.index("-t") + 2]
        output = self.run(*flags, self.login.host, stdin="\n".join([*lines, "quit"]) + "\n")
        if "server said:" in output or "Could not" in output:
            raise ClientFailed(output)
        return output

    def names(self, directory: str) -> set[str]:
        """``ncftpls -1``."""
        url = f"ftp://{self.login.host}{quote(directory.rstrip('/'))}/"
        return set(self._tool("ncftpls", "-1", url).splitlines())

    def upload(self, local: Path, remote: str) -> None:
        """``ncftpput -C``."""
        self._tool("ncftpput", "-V", "-C", self.login.host, str(local), remote)

    def download(self, remote: str, local: Path) -> None:
        """``ncftpget -C``."""
        self._tool("ncftpget", "-V", "-C", self.login.host, remote, str(local))

    def resume_upload(self, local: Path, remote: str) -> None:
        """``ncftpput -z``, without sendfile, with which it sends the wrong part."""
        self._tool("ncftpput", "-V", "-z", "-s", self.login.host, str(Path(remote).parent), str(local))

    def resume_download(self, remote: str, local: Path) -> None:
        """``ncftpget -z``."""
        self._tool("ncftpget", "-V", "-z", self.login.host, str(local.parent), remote)

    def rename(self, old: str, new: str) -> None:
        """``rename`` in the shell."""
        self._shell(f'rename "{old}" "{new}"')

    def remove_file(self, remote: str) -> None:
        """``rm`` in the shell."""
        self._shell(f'rm "{remote}"')

    def make_directory(self, remote: str) -> None:
        """``mkdir`` in the shell."""
        self._shell(f'mkdir "{remote}"')

    def remove_directory(self, remote: str) -> None:
        """``rmdir`` in the shell."""
        self._shell(f'rmdir "{remote}"')

    def mirror_up(self, local: Path, remote: str) -> None:
        """``ncftpput -R``, which puts the directory itself under the remote one."""
        copy = self.home / remote.strip("/")
        shutil.copytree(local, copy)
        self._tool("ncftpput", "-V", "-R", self.login.host, "/", str(copy))

    def mirror_down(self, remote: str, local: Path) -> None:
        """``ncftpget -R``, which makes the directory itself under the local one."""
        self._tool("ncftpget", "-V", "-R", "-T", self.login.host, str(self.home), remote)
        (self.home / remote.strip("/")).rename(local)

    def upload_text(self, local: Path, remote: str) -> None:
        """``ncftpput -a``."""
        self._tool("ncftpput", "-V", "-a", "-C", self.login.host, str(local), remote)

    def download_text(self, remote: str, local: Path) -> None:
        """``ncftpget -a``."""
        self._tool("ncftpget", "-V", "-a", "-C", self.login.host, remote, str(local))


class NcftpTests(contract.ClientContract):
    """ncftp against the server."""

    client_class = Ncftp

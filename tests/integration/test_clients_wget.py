"""wget."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from tests.integration import contract
from tests.integration.clients import Client, Tls, run_program


def _tls(tls: Tls | None) -> tuple[str, ...]:
    if tls is None:
        return ()
    how = ("--ftps-implicit",) if tls.implicit else ()
    # Of the versions that --secure-protocol names, those built with GnuTLS speak newer ones as well.
    priority = f"NORMAL:-VERS-ALL:+VERS-TLS{tls.version}" if _has_gnutls() else "DEFAULT"
    version = f"--secure-protocol=TLSv{tls.version.replace('.', '_')}"
    return (*how, f"--ca-certificate={tls.authority}", version, f"--ciphers={priority}")


def _has_gnutls() -> bool:
    return "+ssl/gnutls" in run_program(["wget", "--version"], home=Path("/")).stdout


class Wget(Client):
    """wget: downloads only. It asks for PASV over IPv4 and EPSV over IPv6."""

    program = "wget"
    modes = frozenset({"EPSV", "PASV", "EPRT", "PORT"})

    def _url(self, path: str, suffix: str = "") -> str:
        host = f"[{self.login.host}]" if ":" in self.login.host else self.login.host
        scheme = "ftp" if self.login.tls is None else "ftps"
        return f"{scheme}://{host}:{self.login.port}{quote(path, errors='surrogateescape')}{suffix}"

    def wget(self, *arguments: str) -> str:
        """Run wget as this login."""
        user = [] if self.login.user is None else [f"--ftp-user={self.login.user}"]
        password = [f"--ftp-password={self.login.password}"] if self.login.password else []
        mode = ["--no-passive-ftp"] if self.login.mode.active else []
        common = [
            *_tls(self.login.tls),
            "--no-config",
            "--no-hsts",
            "--no-verbose",
            "--tries=1",
            "--timeout=20",
            "--restrict-file-names=nocontrol",
        ]
        return self.run(*common, *user, *password, *mode, *arguments)

    def names(self, directory: str) -> set[str]:
        """The ``.listing`` that wget keeps of what LIST sent."""
        listing = self.home / ".listing"
        listing.unlink(missing_ok=True)
        self.wget("--no-remove-listing", "--output-document=index", self._url(directory.rstrip("/") + "/"))
        lines = listing.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        return {line.split(None, 8)[8] for line in lines}

    def download(self, remote: str, local: Path) -> None:
        """By RETR."""
        self.wget(f"--output-document={local}", self._url(remote))

    def resume_download(self, remote: str, local: Path) -> None:
        """``--continue``: REST."""
        self.wget("--continue", f"--directory-prefix={local.parent}", self._url(remote))

    def mirror_down(self, remote: str, local: Path) -> None:
        """``--mirror``."""
        depth = len(remote.strip("/").split("/"))
        self.wget(
            "--mirror", "--no-host-directories", f"--cut-dirs={depth}", f"--directory-prefix={local}",
            self._url(remote.rstrip("/") + "/"),
        )  # fmt: skip
        for listing in local.rglob(".listing"):
            listing.unlink()

    def download_text(self, remote: str, local: Path) -> None:
        """``;type=a``."""
        self.wget(f"--output-document={local}", self._url(remote, ";type=a"))


class WgetTests(contract.ClientContract):
    """wget against the server."""

    client_class = Wget
    keeps_empty_directories = False
    text_endings = b"\r\n"  # it leaves them as they were on the wire

    def test_keeps_names(self) -> None:
        """Names with blanks, quotes and any script come down as they are."""
        client = self.client()
        for name in self.names_to_try:
            with self.subTest(name=name):
                self.make(name, name.encode())
                target = self.work / "target"
                client.download("/" + name, target)
                self.assertEqual(target.read_bytes(), name.encode())
        self.assertEqual(client.names("/"), set(self.names_to_try))

    def test_mirrors_only_what_is_newer(self) -> None:
        """A second mirror leaves the files of the first alone."""
        self.plant(self.server.root / "theirs")
        client = self.client()
        target = self.work / "ours"
        client.mirror_down("/theirs", target)
        before = {path: path.stat().st_ino for path in target.rglob("*")}
        client.mirror_down("/theirs", target)
        self.assertEqual({path: path.stat().st_ino for path in target.rglob("*")}, before)


class WgetTls13Tests(contract.TlsContract, WgetTests):
    """wget over TLS 1.3."""


class WgetTlsTests(contract.BriefTlsContract):
    """wget over other kinds of TLS."""

    client_class = Wget
    keeps_empty_directories = False

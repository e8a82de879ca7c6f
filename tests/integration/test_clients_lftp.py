"""lftp."""

from __future__ import annotations

from pathlib import Path

from tests.integration import contract
from tests.integration.cases import checksum, content, tree
from tests.integration.clients import Client, Tls

_SETTINGS = (
    "set cmd:fail-exit yes",
    "set cmd:trace no",
    "set net:max-retries 1",
    "set net:timeout 10",
    "set net:persist-retries 0",
    "set bmk:save-passwords no",
    "set xfer:log no",
)
_MODES = {
    "EPSV": ("set ftp:passive-mode on", "set ftp:prefer-epsv on"),
    "PASV": ("set ftp:passive-mode on", "set ftp:prefer-epsv off"),
    "PORT": ("set ftp:passive-mode off", "set ftp:prefer-epsv off"),
    "EPRT": ("set ftp:passive-mode off",),
}


_PROTECTED = (
    "set ftp:ssl-force yes",
    "set ftp:ssl-allow-anonymous yes",
    "set ftp:ssl-protect-data yes",
    "set ftp:ssl-protect-list yes",
    "set ssl:verify-certificate yes",
)


def _tls(tls: Tls | None) -> tuple[str, ...]:
    if tls is None:
        return ("set ftp:ssl-allow no",)
    return (
        *_PROTECTED,
        f"set ssl:ca-file {_quoted(tls.authority)}",
        f"set ssl:priority NORMAL:-VERS-ALL:+VERS-TLS{tls.version}",
    )


def _quoted(text: str | Path) -> str:
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


class Lftp(Client):
    """lftp: one script an operation."""

    program = "lftp"
    ipv6_modes = frozenset({"EPSV"})  # its EPRT over IPv6 tells the address ::, which is nobody's

    def script(self, *lines: str) -> str:
        """Run lines of lftp's language as this login."""
        who = "" if self.login.user is None else f"-u {self.login.user},{self.login.password}"
        host = f"[{self.login.host}]" if ":" in self.login.host else self.login.host
        tls = self.login.tls
        scheme = "ftps://" if tls is not None and tls.implicit else ""
        where = f"open -p {self.login.port} {who} {scheme}{host}"
        start = (*_SETTINGS, *_tls(tls), *_MODES[self.login.mode.name], where)
        return self.run("--norc", "-c", "\n".join([*start, *lines, "exit"]))

    def names(self, directory: str) -> set[str]:
        """By LIST or MLSD."""
        lines = self.script(f"cls -1 {_quoted(directory.rstrip('/') + '/')}").splitlines()
        return {line.removesuffix("/").rpartition("/")[2] for line in lines}

    def upload(self, local: Path, remote: str) -> None:
        """``put``."""
        self.script(f"put {_quoted(local)} -o {_quoted(remote)}")

    def download(self, remote: str, local: Path) -> None:
        """``get``."""
        self.script(f"get {_quoted(remote)} -o {_quoted(local)}")

    def resume_upload(self, local: Path, remote: str) -> None:
        """``put -c``: REST and STOR."""
        self.script(f"put -c {_quoted(local)} -o {_quoted(remote)}")

    def resume_download(self, remote: str, local: Path) -> None:
        """``get -c``: REST and RETR."""
        self.script(f"get -c {_quoted(remote)} -o {_quoted(local)}")

    def rename(self, old: str, new: str) -> None:
        """``mv``."""
        self.script(f"mv {_quoted(old)} {_quoted(new)}")

    def remove_file(self, remote: str) -> None:
        """``rm``."""
        self.script(f"rm {_quoted(remote)}")

    def make_directory(self, remote: str) -> None:
        """``mkdir``."""
        self.script(f"mkdir {_quoted(remote)}")

    def remove_directory(self, remote: str) -> None:
        """``rmdir``."""
        self.script(f"rmdir {_quoted(remote)}")

    def mirror_up(self, local: Path, remote: str) -> None:
        """``mirror --reverse`` with three transfers at once."""
        self.script(f"mirror --reverse --parallel=3 {_quoted(local)} {_quoted(remote)}")

    def mirror_down(self, remote: str, local: Path) -> None:
        """``mirror`` with three transfers at once."""
        self.script(f"mirror --parallel=3 {_quoted(remote)} {_quoted(local)}")

    def upload_text(self, local: Path, remote: str) -> None:
        """``put -a``."""
        self.script(f"put -a {_quoted(local)} -o {_quoted(remote)}")

    def download_text(self, remote: str, local: Path) -> None:
        """``get -a``."""
        self.script(f"get -a {_quoted(remote)} -o {_quoted(local)}")


class LftpTests(contract.ClientContract):
    """lftp against the server."""

    client_class = Lftp
    names_to_try = (*contract.ClientContract.names_to_try, "-leading dash", "back\\slash", "[a-z]*?", " blanks ")

    def _lftp(self) -> Lftp:
        client = self.client()
        assert isinstance(client, Lftp)
        return client

    def test_fetches_in_pieces(self) -> None:
        """``pget`` gets four pieces of one file at once."""
        data = content(2_000_000, 30)
        self.make("big", data)
        target = self.work / "big"
        self._lftp().script(f"pget -n 4 /big -o {_quoted(target)}")
        self.assertEqual(checksum(target), checksum(data))

    def test_mirrors_with_list_instead_of_mlsd(self) -> None:
        """``mirror`` parses LIST where MLSD is switched off."""
        theirs = self.plant(self.server.root / "theirs")
        self._lftp().script(
            "set ftp:use-mlsd no", "set ftp:use-feat no", f"mirror /theirs {_quoted(self.work / 'ours')}"
        )
        self.assertEqual(tree(self.work / "ours"), tree(theirs))

    def test_mirrors_only_what_is_newer(self) -> None:
        """A second mirror moves nothing: times and sizes agree on both sides."""
        ours = self.local_tree()
        client = self._lftp()
        client.script(f"mirror --reverse {_quoted(ours)} /theirs")
        again = client.script(f"mirror --reverse --verbose=1 --dry-run --only-newer {_quoted(ours)} /theirs")
        self.assertNotIn("put", again)

    def test_removes_a_tree(self) -> None:
        """``rm -r`` takes a directory with all it holds."""
        self.plant(self.server.root / "theirs")
        self._lftp().script("rm -r /theirs")
        self.assertEqual(tree(self.server.root), {})

    def test_changes_permissions(self) -> None:
        """``chmod`` goes by SITE CHMOD."""
        path = self.make("file", b"1")
        self._lftp().script("chmod 0640 /file")
        self.assertEqual(path.stat().st_mode & 0o7777, 0o640)

    def test_takes_patterns(self) -> None:
        """``mget`` and ``mrm`` find names by a pattern."""
        for name in ("a1.txt", "a2.txt", "b1.txt"):
            self.make(name, name.encode())
        self._lftp().script(f"lcd {_quoted(self.work)}", "mget a*.txt", "mrm a*.txt")
        self.assertEqual((self.work / "a2.txt").read_bytes(), b"a2.txt")
        self.assertEqual(set(tree(self.server.root)), {"b1.txt"})


class LftpTls13Tests(contract.TlsContract, LftpTests):
    """lftp over TLS 1.3."""


class LftpTlsTests(contract.BriefTlsContract):
    """lftp over other kinds of TLS."""

    client_class = Lftp

"""tnftp, the ftp of the BSDs."""

from __future__ import annotations

from pathlib import Path

from tests.integration import contract
from tests.integration.clients import Client, ClientFailed

_MODES = {
    "EPSV": ("passive on", "epsv on"),
    "PASV": ("passive on", "epsv off"),
    "EPRT": ("passive off", "epsv on"),
    "PORT": ("passive off", "epsv off"),
}
_REFUSALS = ("550 ", "553 ", "501 ", "500 ", "425 ", "426 ", "451 ", "530 ", "Not connected")


def _quoted(text: str | Path) -> str:
    return "".join("\\" + letter if letter in " \\\"'" else letter for letter in str(text))


class Tnftp(Client):
    """tnftp: one script on the standard input an operation."""

    program = "tnftp"

    def script(self, *lines: str) -> str:
        """
        Run commands of tnftp as this login.

        :raises ClientFailed: the server refused one; the exit status does not say.
        """
        who = (self.login.user or "anonymous", self.login.password or "someone@example.org")
        epsv = ("epsv4",) if self.login.mode.name in {"PASV", "PORT"} else ()
        passive = "passive off" if self.login.mode.active else "passive on"
        start = (f"open {self.login.host} {self.login.port}", f"user {who[0]} {who[1]}", passive, *epsv, "binary")
        output = self.run("-n", "-i", "-v", stdin="\n".join([*start, *lines, "bye"]) + "\n")
        if any(line.startswith(_REFUSALS) for line in output.splitlines()):
            raise ClientFailed(output)
        return output

    def names(self, directory: str) -> set[str]:
        """``nlist`` into a file."""
        target = self.home / "names"
        target.unlink(missing_ok=True)
        self.script(f"nlist {_quoted(directory)} {_quoted(target)}")
        lines = target.read_text(encoding="utf-8", errors="surrogateescape").splitlines() if target.exists() else []
        return {line.rpartition("/")[2] for line in lines}

    def upload(self, local: Path, remote: str) -> None:
        """``put``."""
        self.script(f"put {_quoted(local)} {_quoted(remote)}")

    def download(self, remote: str, local: Path) -> None:
        """``get``."""
        self.script(f"get {_quoted(remote)} {_quoted(local)}")

    def resume_upload(self, local: Path, remote: str) -> None:
        """``restart`` and ``put``: REST and STOR."""
        answers = self.script(f"size {_quoted(remote)}").splitlines()
        size = next(line.rpartition("\t")[2] for line in answers if line.startswith(remote + "\t"))
        self.script(f"restart {size}", f"put {_quoted(local)} {_quoted(remote)}")

    def resume_download(self, remote: str, local: Path) -> None:
        """``reget``: REST and RETR."""
        self.script(f"reget {_quoted(remote)} {_quoted(local)}")

    def rename(self, old: str, new: str) -> None:
        """``rename``."""
        self.script(f"rename {_quoted(old)} {_quoted(new)}")

    def remove_file(self, remote: str) -> None:
        """``delete``."""
        self.script(f"delete {_quoted(remote)}")

    def make_directory(self, remote: str) -> None:
        """``mkdir``."""
        self.script(f"mkdir {_quoted(remote)}")

    def remove_directory(self, remote: str) -> None:
        """``rmdir``."""
        self.script(f"rmdir {_quoted(remote)}")

    def mirror_up(self, local: Path, remote: str) -> None:
        """Every directory and file by its own command, in one session."""
        lines = [f"mkdir {_quoted(remote)}"]
        for path in sorted(local.rglob("*")):
            theirs = _quoted(f"{remote}/{path.relative_to(local)}")
            lines.append(f"mkdir {theirs}" if path.is_dir() else f"put {_quoted(path)} {theirs}")
        self.script(*lines)

    def mirror_down(self, remote: str, local: Path) -> None:
        """``mget`` of each directory, as ``dir`` shows them."""
        local.mkdir()
        listing = self.home / "listing"
        listing.unlink(missing_ok=True)
        self.script(f"dir {_quoted(remote)} {_quoted(listing)}")
        lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
        entries = [(line[0], line.split(None, 8)[8]) for line in lines]
        files = " ".join(_quoted(name) for kind, name in entries if kind == "-")
        if files:
            self.script(f"cd {_quoted(remote)}", f"lcd {_quoted(local)}", f"mget {files}")
        for kind, name in entries:
            if kind == "d":
                self.mirror_down(f"{remote}/{name}", local / name)

    def upload_text(self, local: Path, remote: str) -> None:
        """``ascii`` and ``put``."""
        self.script("ascii", f"put {_quoted(local)} {_quoted(remote)}")

    def download_text(self, remote: str, local: Path) -> None:
        """``ascii`` and ``get``."""
        self.script("ascii", f"get {_quoted(remote)} {_quoted(local)}")


class TnftpTests(contract.ClientContract):
    """tnftp against the server."""

    client_class = Tnftp

    def test_appends(self) -> None:
        """``append`` goes by APPE."""
        path = self.make("file", b"first ")
        client = self.client()
        assert isinstance(client, Tnftp)
        client.script(f"append {_quoted(self.local('more', b'second'))} /file")
        self.assertEqual(path.read_bytes(), b"first second")

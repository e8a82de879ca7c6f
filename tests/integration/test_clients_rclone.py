"""rclone."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from tests.integration import contract
from tests.integration.cases import tree
from tests.integration.clients import Client, Tls, run_program


def _tls(tls: Tls | None) -> dict[str, str]:
    if tls is None:
        return {}
    return {"TLS" if tls.implicit else "EXPLICIT_TLS": "true", "DISABLE_TLS13": str(tls.version == "1.2").lower()}


@functools.cache
def _obscured(password: str) -> str:
    return run_program(["rclone", "obscure", password], home=Path("/")).stdout.strip()


class Rclone(Client):
    """rclone with a remote described in its environment."""

    program = "rclone"
    modes = frozenset({"EPSV", "PASV"})
    ipv6_modes = frozenset({"EPSV"})

    def rclone(self, *arguments: str, settings: dict[str, str] | None = None) -> str:
        """Run rclone as this login."""
        host = f"[{self.login.host}]" if ":" in self.login.host else self.login.host
        remote = {
            "TYPE": "ftp",
            "HOST": host,
            "PORT": str(self.login.port),
            "USER": self.login.user or "anonymous",
            "PASS": _obscured(self.login.password or "someone@example.org"),
            "DISABLE_EPSV": "true" if self.login.mode.name == "PASV" else "false",
            "IDLE_TIMEOUT": "0",
            **_tls(self.login.tls),
            **(settings or {}),
        }
        environment = {f"RCLONE_CONFIG_THERE_{name}": value for name, value in remote.items()}
        if self.login.tls is not None:
            environment["SSL_CERT_FILE"] = str(self.login.tls.authority)
            environment["SSL_CERT_DIR"] = str(self.home)
        return self.run(
            "--config", "/dev/null", "--retries", "1", "--low-level-retries", "1", "--contimeout", "10s",
            "--timeout", "20s", *arguments, environment=environment,
        )  # fmt: skip

    def names(self, directory: str) -> set[str]:
        """``lsf``."""
        return {name.rstrip("/") for name in self.rclone("lsf", f"there:{directory}").splitlines()}

    def upload(self, local: Path, remote: str) -> None:
        """``copyto``."""
        self.rclone("copyto", str(local), f"there:{remote}")

    def download(self, remote: str, local: Path) -> None:
        """``copyto``."""
        self.rclone("copyto", f"there:{remote}", str(local))

    def rename(self, old: str, new: str) -> None:
        """``moveto``."""
        self.rclone("moveto", f"there:{old}", f"there:{new}")

    def remove_file(self, remote: str) -> None:
        """``deletefile``."""
        self.rclone("deletefile", f"there:{remote}")

    def make_directory(self, remote: str) -> None:
        """``mkdir``."""
        self.rclone("mkdir", f"there:{remote}")

    def remove_directory(self, remote: str) -> None:
        """``rmdir``."""
        self.rclone("rmdir", f"there:{remote}")

    def mirror_up(self, local: Path, remote: str) -> None:
        """``sync``, then ``check`` of the contents."""
        self.rclone("sync", "--create-empty-src-dirs", str(local), f"there:{remote}")
        self.rclone("check", "--download", str(local), f"there:{remote}")

    def mirror_down(self, remote: str, local: Path) -> None:
        """``sync``, then ``check`` of the contents."""
        self.rclone("sync", "--create-empty-src-dirs", f"there:{remote}", str(local))
        self.rclone("check", "--download", f"there:{remote}", str(local))


class RcloneTests(contract.ClientContract):
    """rclone against the server."""

    client_class = Rclone
    names_to_try = (*contract.ClientContract.names_to_try, "-leading dash", "back\\slash", "[a-z]*?", " blank")

    def _rclone(self) -> Rclone:
        client = self.client()
        assert isinstance(client, Rclone)
        return client

    def test_sync_removes_what_is_gone(self) -> None:
        """A second sync deletes, replaces and adds, so that both sides agree again."""
        ours = self.local_tree()
        client = self._rclone()
        client.mirror_up(ours, "/theirs")
        (ours / "top.bin").unlink()
        (ours / "one" / "a.txt").write_bytes(b"changed\n")
        (ours / "one" / "added").write_bytes(b"added")
        client.mirror_up(ours, "/theirs")
        self.assertEqual(tree(self.server.root / "theirs"), tree(ours))

    def test_lists_without_mlsd(self) -> None:
        """A sync down by LIST gives the same tree."""
        theirs = self.plant(self.server.root / "theirs")
        self._rclone().rclone(
            "copy",
            "--create-empty-src-dirs",
            "there:/theirs",
            str(self.work / "ours"),
            settings={"DISABLE_MLSD": "true"},
        )
        self.assertEqual(tree(self.work / "ours"), tree(theirs))

    def test_keeps_times(self) -> None:
        """A copied file keeps its time of modification to the second."""
        source = self.local("source", b"1")
        os.utime(source, (1_500_000_000, 1_500_000_000))
        self._rclone().upload(source, "/file")
        self.assertEqual(int((self.server.root / "file").stat().st_mtime), 1_500_000_000)

    def test_purges(self) -> None:
        """``purge`` takes a directory with all it holds."""
        self.plant(self.server.root / "theirs")
        self._rclone().rclone("purge", "there:/theirs")
        self.assertEqual(tree(self.server.root), {})


class RcloneTls13Tests(contract.TlsContract, RcloneTests):
    """rclone over TLS 1.3."""


class RcloneTlsTests(contract.BriefTlsContract):
    """rclone over other kinds of TLS."""

    client_class = Rclone

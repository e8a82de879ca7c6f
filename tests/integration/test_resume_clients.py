"""Real clients whose upload breaks off, and who go on with it as they are made to."""

from __future__ import annotations

import contextlib
import ftplib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tests.integration.cases import PASSWORD, USER, ServerTestCase, checksum, content
from tests.integration.clients import Client, ClientFailed, Login, Mode
from tests.integration.control import Control
from tests.integration.resume_proxy import BreakingProxy
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_lftp import Lftp
from tests.integration.test_clients_ncftp import Ncftp
from tests.integration.test_clients_rclone import Rclone
from tests.integration.waiting import eventually

_WHOLE = content(2_000_000, 400)
_OLD = content(1_500_000, 401)
_PART = 700_000
# What says nothing about how a client goes on.
_USUAL = frozenset(
    [
        "USER",
        "PASS",
        "TYPE",
        "FEAT",
        "OPTS",
        "PWD",
        "SYST",
        "EPSV",
        "PASV",
        "QUIT",
        "CWD",
        "ALLO",
        "NOOP",
        "CLNT",
        "HELP",
        "SITE",
        "ABOR",
    ]
)

_C = TypeVar("_C", bound=Client)


class ResumeCase(ServerTestCase):
    """A file of ours, and a way to the server that breaks."""

    def setUp(self) -> None:
        """Make both."""
        super().setUp()
        self.home = self.work / "home"
        self.home.mkdir()
        self.local = self.work / "file"
        self.local.write_bytes(_WHOLE)
        self.proxy = BreakingProxy(self.server.port)
        self.addCleanup(self.proxy.__exit__, None, None, None)

    def client(self, kind: Callable[[Login, Path], _C], mode: str = "EPSV") -> _C:
        """A client that goes that way. :raises unittest.SkipTest: the program is not installed."""
        client = kind(Login("127.0.0.1", self.proxy.port, USER, PASSWORD, Mode(mode)), self.home)
        client.require()
        return client

    @contextlib.contextmanager
    def broken(self) -> Iterator[None]:
        """An upload in the context fails in the middle, and what has come by then is kept."""
        self.proxy.break_after = _PART
        try:
            yield
        except (ClientFailed, OSError, EOFError, ftplib.Error):
            pass
        else:
            raise AssertionError("the upload did not break off")
        self.assertIsNone(self.proxy.break_after)

    def kept(self) -> int:
        """How much is kept; there is no file. With MODE Z, what was to be read of the octets that came."""
        self.assertFalse((self.server.root / "file").exists())
        with Control(("127.0.0.1", self.server.port)) as control:
            control.login(USER, PASSWORD)
            eventually(lambda: control.command("SIZE file").code == 213, what="something is kept")
            size = int(control.expect("SIZE file", 213).text.split()[1])
        self.assertIn(size, range(_PART - 40_000, _PART + 1))
        return size

    def assert_whole(self, name: str = "file") -> None:
        """The file is there, and nothing else but, it may be, the note that what broke off must not be continued."""
        self.assertEqual(checksum(self.server.root / name), checksum(_WHOLE))
        hidden = {path for path in self.server.root.rglob("*") if any(part[:6] == ".ftpx-" for part in path.parts)}
        self.assertEqual([path.stat().st_size for path in hidden if path.is_file()], [0] * (len(hidden) // 2))
        shown = [path for path in self.server.root.rglob("*") if path.is_file() and path not in hidden]
        self.assertEqual(shown, [self.server.root / name])

    def said(self) -> list[str]:
        """What the client has sent since the last call, less the usual."""
        commands, self.proxy.commands = self.proxy.commands, []
        return [line for line in commands if line.split(" ")[0] not in _USUAL]


class CurlResumeTests(ResumeCase):
    """curl: SIZE, then APPE."""

    def test_continue_at(self) -> None:
        """``--continue-at -`` appends behind what SIZE tells."""
        client = self.client(Curl)
        with self.broken():
            client.upload(self.local, "/file")
        self.kept()
        self.said()
        client.resume_upload(self.local, "/file")
        self.assertEqual(self.said(), ["SIZE file", "APPE file"])
        self.assert_whole()

    def test_retry(self) -> None:
        """``--retry`` begins again from the start, unless told to continue."""
        client = self.client(Curl)
        self.proxy.break_after = _PART
        client.curl(
            "--retry",
            "2",
            "--retry-all-errors",
            "--retry-delay",
            "1",
            "--upload-file",
            str(self.local),
            client.url("/file"),
        )
        self.assert_whole()

    def test_old_file_stands(self) -> None:
        """
        With an old file, SIZE tells curl the old one's, and APPE would make a mixture: it is refused, and without
        ``--continue-at`` the file goes up from the start.
        """
        client = self.client(Curl)
        (self.server.root / "file").write_bytes(_OLD)
        with self.broken():
            client.upload(self.local, "/file")
        self.assertEqual(checksum(self.server.root / "file"), checksum(_OLD))
        with self.assertRaises(ClientFailed):
            client.resume_upload(self.local, "/file")
        self.assertEqual(checksum(self.server.root / "file"), checksum(_OLD))
        client.upload(self.local, "/file")
        self.assert_whole()


class LftpResumeTests(ResumeCase):
    """
    lftp: SIZE, then REST and STOR.

    It compresses, as it does by itself. Without, lftp 4.9.2 stops in the middle of what it sends again after a break
    and waits for ever, whatever server it is.
    """

    def test_continue(self) -> None:
        """``put -c`` and ``reput``, also with an old file that is shorter than what has come."""
        for old in (None, _OLD[:500_000]):
            for resume in ("put -c", "reput"):
                with self.subTest(old=old is not None, resume=resume):
                    client = self.client(Lftp)
                    if old is not None:
                        (self.server.root / "file").write_bytes(old)
                    with self.broken():
                        self.upload(client)
                    offset = self.kept() if old is None else len(old)
                    self.said()
                    self.script(client, f'{resume} "{self.local}" -o /file')
                    said = [line for line in self.said() if line.split(" ")[0] in {"SIZE", "REST", "STOR", "APPE"}]
                    self.assertEqual(said, ["SIZE /file", f"REST {offset}", "STOR file"])
                    self.assert_whole()
                    (self.server.root / "file").unlink()

    def test_longer_old_file(self) -> None:
        """An old file that is longer than what has come: ``put -c`` is refused, and then begins again by itself."""
        client = self.client(Lftp)
        (self.server.root / "file").write_bytes(_OLD)
        with self.broken():
            self.upload(client)
        self.said()
        self.script(client, f'put -c "{self.local}" -o /file')
        said = [line for line in self.said() if line.split(" ")[0] in {"SIZE", "REST", "STOR", "APPE"}]
        self.assertEqual(said, ["SIZE /file", f"REST {len(_OLD)}", "STOR file", "REST 0", "STOR file"])
        self.assert_whole()

    def script(self, client: Lftp, *lines: str) -> None:
        """Run lines of lftp's language without half a minute's wait behind a break."""
        client.script("set net:reconnect-interval-base 1", *lines)

    def upload(self, client: Lftp) -> None:
        """``put``."""
        self.script(client, f'put "{self.local}" -o /file')

    def test_retries_by_itself(self) -> None:
        """``put`` with retries continues after the break by itself."""
        client = self.client(Lftp)
        self.proxy.break_after = _PART
        self.script(client, "set net:max-retries 3", f'put "{self.local}" -o /file')
        self.assertIsNone(self.proxy.break_after)
        self.assert_whole()

    def test_mirror(self) -> None:
        """``mirror -R -c`` finds nothing in the listing, and sends the file again, or goes on: it comes to be whole."""
        client = self.client(Lftp)
        ours = self.work / "ours"
        ours.mkdir()
        shutil.copy(self.local, ours / "file")
        self.proxy.break_after = _PART
        with contextlib.suppress(ClientFailed):
            self.script(client, f'mirror -R "{ours}" /theirs')
        self.assertIsNone(self.proxy.break_after)
        self.script(client, f'mirror -R -c "{ours}" /theirs')
        self.assert_whole("theirs/file")


class NcftpResumeTests(ResumeCase):
    """ncftp: SIZE, then REST and STOR, or APPE."""

    def test_continue(self) -> None:
        """``ncftpput -z``."""
        client = self.client(Ncftp, "PASV")
        with self.broken():
            client.upload(self.local, "/file")
        self.kept()
        self.said()
        client.resume_upload(self.local, "/file")
        said = [line for line in self.said() if line.split(" ")[0] in {"SIZE", "REST", "STOR", "APPE"}]
        self.assertEqual(said, ["SIZE file", f"REST {_PART}", "STOR file"])
        self.assert_whole()


class RcloneResumeTests(ResumeCase):
    """rclone: looks at the listing, does not continue uploads, and sends the file again."""

    def test_retry(self) -> None:
        """``--retries`` makes it whole."""
        client = self.client(Rclone)
        self.proxy.break_after = _PART
        client.rclone("--retries", "3", "copyto", str(self.local), "there:/file")
        self.assertIsNone(self.proxy.break_after)
        said = [line for line in self.said() if line.split(" ")[0] not in {"MLSD", "LIST"}]
        self.assertEqual([line for line in said if not line.startswith("MFMT ")], ["STOR /file", "STOR /file"])
        self.assert_whole()


class FtplibResumeTests(ResumeCase):
    """Python's ftplib, as its documentation has it."""

    def session(self) -> ftplib.FTP:
        """A session that goes the way that breaks."""
        session = ftplib.FTP()
        session.connect("127.0.0.1", self.proxy.port, 20)
        self.addCleanup(session.close)
        session.login(USER, PASSWORD)
        session.voidcmd("TYPE I")
        return session

    def test_continue(self) -> None:
        """``size`` and ``storbinary`` with ``rest``."""
        with self.broken(), self.local.open("rb") as file:
            self.session().storbinary("STOR file", file)
        self.kept()
        session = self.session()
        size = session.size("file")
        self.assertEqual(size, _PART)
        with self.local.open("rb") as file:
            file.seek(size or 0)
            session.storbinary("STOR file", file, rest=size)
        self.assert_whole()

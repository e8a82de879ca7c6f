"""MODE Z against the real server: by hand with zlib, and by lftp."""

from __future__ import annotations

import socket
import zlib
from pathlib import Path
from typing import ClassVar

from tests.integration.cases import AUTH, checksum, content
from tests.integration.certified import CertifiedServerTestCase
from tests.integration.clients import Login, Mode
from tests.integration.control import Control, read_all, reset
from tests.integration.data_cases import DataTestCase
from tests.integration.test_clients_lftp import Lftp
from tests.integration.tls_cases import TlsTestCase
from tests.integration.waiting import eventually

_MEGABYTE = 1 << 20
_TEXT = b"".join(b"%08d: the same line, or nearly so\n" % number for number in range(100_000))


class ModeZTests(DataTestCase):
    """What goes over the wire, and what is stored."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--deflate-level", "1")

    def deflating(self) -> Control:
        """A session in MODE Z."""
        control = self.login()
        control.expect("MODE Z", 200)
        return control

    def test_both_ways(self) -> None:
        """Text and noise come and go whole, and text takes little room on the wire."""
        control = self.deflating()
        for data, most in ((_TEXT, len(_TEXT) // 5), (content(8 * _MEGABYTE), 9 * _MEGABYTE), (b"", 8)):
            self.assertEqual(control.store("STOR file", zlib.compress(data)).code, 226)
            self.assertEqual(checksum(self.server.root / "file"), checksum(data))
            sent = control.retrieve("RETR file")
            self.assertLessEqual(len(sent), most)
            self.assertEqual(checksum(zlib.decompress(sent)), checksum(data))

    def test_empty_upload_without_a_stream(self) -> None:
        """A client that sends nothing at all for an empty file has sent an empty file."""
        control = self.deflating()
        self.assertEqual(control.store("STOR file", b"").code, 226)
        self.assert_only(file=b"")

    def test_offsets_are_of_the_file(self) -> None:
        """REST and RANG count what is in the file, in both directions."""
        control = self.deflating()
        self.make("file", _TEXT)
        control.expect("REST 1000000", 350)
        self.assertEqual(zlib.decompress(control.retrieve("RETR file")), _TEXT[1_000_000:])
        control.expect("RANG 10 19", 350)
        self.assertEqual(zlib.decompress(control.retrieve("RETR file")), _TEXT[10:20])
        control.expect("REST 3000000", 350)
        self.assertEqual(control.store("STOR file", zlib.compress(_TEXT[3_000_000:])).code, 226)
        self.assert_only(file=_TEXT)

    def test_listings(self) -> None:
        """Every listing is deflated, and MODE S ends that."""
        control = self.deflating()
        self.make("a", b"1")
        for command in ("LIST", "NLST", "MLSD"):
            self.assertIn(b"a\r\n", zlib.decompress(control.retrieve(command)))
        control.expect("MODE S", 200)
        self.assertEqual(control.retrieve("NLST"), b"a\r\n")

    def test_level(self) -> None:
        """The client's level is in the place of the operator's."""
        control = self.deflating()
        self.make("file", _TEXT)
        quick = len(control.retrieve("RETR file"))
        control.expect("OPTS MODE Z LEVEL 9", 200)
        self.assertLess(len(control.retrieve("RETR file")), quick)

    def test_refused(self) -> None:
        """What ends early, is no stream or goes on behind it is told so, and the file stays as it was."""
        control = self.deflating()
        self.make("file", b"old")
        stream = zlib.compress(_TEXT)
        for octets, code, said in (
            (stream[:-1], 426, "in the middle of the compressed data"),
            (stream[: len(stream) // 2], 426, "in the middle of the compressed data"),
            (_TEXT[:1000], 501, "zlib's format"),
            (stream + b"x", 501, "zlib's format"),
        ):
            reply = control.store("STOR file", octets)
            self.assertEqual(reply.code, code)
            self.assertIn(said, reply.text)
            self.assertEqual((self.server.root / "file").read_bytes(), b"old")
        self.assert_alive(control)

    def test_bomb(self) -> None:
        """What inflates to hundreds of megabytes is refused early; it takes neither memory nor room."""
        control = self.deflating()
        bomb = zlib.compressobj(9)
        octets = b"".join(bomb.compress(bytes(16 * _MEGABYTE)) for _ in range(24)) + bomb.flush()
        self.server.process.reset_peak_memory()
        before = self.server.process.memory
        with control.open_data() as data:
            control.expect("STOR bomb", 150)
            data.settimeout(20)
            # The server breaks off before it has all of it.
            try:
                data.sendall(octets)
                data.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            reply = control.reply()
        self.assertEqual(reply.code, 552)
        self.assertIn("inflates to far too much", reply.text)
        self.assertLess(self.server.process.peak_memory - before, 48 * _MEGABYTE)
        self.assert_only()
        self.assert_alive(control)

    def test_abort(self) -> None:
        """DC21: ABOR ends a download that is being deflated, though its peer takes nothing."""
        control = self.deflating()
        self.make("big", content(32 * _MEGABYTE))
        quiet = self.quiet_descriptors()
        with control.open_data(receive_buffer=4096):
            control.expect("RETR big", 150)
            self.assertEqual(control.command("ABOR").code, 426)
            control.expect_reply(226)
        self.assert_alive(control)
        self.assert_descriptors(quiet)

    def test_lost_upload(self) -> None:
        """CR01: an upload whose control connection goes away in the middle leaves the old file."""
        control = self.deflating()
        self.make("file", b"old")
        data = self.begin_upload(control, "file", zlib.compress(_TEXT)[:10_000])
        control.reset()
        data.close()
        eventually(
            lambda: [path.name for path in self.server.root.iterdir() if not path.name.startswith(".")] == ["file"],
            what="the upload is gone",
        )
        self.assertEqual((self.server.root / "file").read_bytes(), b"old")

    def test_continued(self) -> None:
        """What came of an upload that ended in the middle is the beginning of the file, and can be continued."""
        control = self.deflating()
        stream = zlib.compress(_TEXT)
        self.assertEqual(control.store("STOR file", stream[: len(stream) // 2]).code, 426)
        kept = int(control.expect("SIZE file", 213).text.split(" ")[1])
        self.assertTrue(0 < kept < len(_TEXT), kept)
        control.expect(f"REST {kept}", 350)
        self.assertEqual(control.store("STOR file", zlib.compress(_TEXT[kept:])).code, 226)
        self.assertEqual(checksum(self.server.root / "file"), checksum(_TEXT))

    def test_nothing_kept_of_what_is_refused(self) -> None:
        """Of a bomb and of garbage nothing is left that could be continued."""
        control = self.deflating()
        for octets, code in ((zlib.compress(bytes(64 * _MEGABYTE), 9), 552), (zlib.compress(_TEXT) + b"x", 501)):
            self.assertEqual(control.store("STOR file", octets).code, code)
            self.assertEqual(control.command("SIZE file").code, 550)

    def test_many_at_once(self) -> None:
        """Ten transfers at once share the threads, and all are whole."""
        self.make("file", _TEXT)
        controls = [self.deflating() for _ in range(10)]
        datas = [control.open_data() for control in controls]
        for control, data in zip(controls, datas, strict=True):
            self.addCleanup(data.close)
            control.expect("RETR file", 150)
        for control, data in zip(controls, datas, strict=True):
            self.assertEqual(checksum(zlib.decompress(read_all(data))), checksum(_TEXT))
            control.expect_reply(226)


class StallTests(DataTestCase):
    """A peer that does not take what is deflated for it."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--data-timeout", "2")

    def test_peer_that_takes_nothing(self) -> None:
        """DC14: such a peer costs no memory, and its time runs out."""
        control = self.login()
        control.expect("MODE Z", 200)
        self.make("big", content(64 * _MEGABYTE))
        self.server.process.reset_peak_memory()
        before = self.server.process.memory
        with control.open_data(receive_buffer=4096):
            control.expect("RETR big", 150)
            control.expect_reply(426)
        self.assertLess(self.server.process.peak_memory - before, 16 * _MEGABYTE)


class OffTests(DataTestCase):
    """``--deflate-level 0``."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--deflate-level", "0")

    def test_off(self) -> None:
        """There is no MODE Z, and FEAT does not tell of it."""
        control = self.login()
        self.assertEqual(control.command("MODE Z").code, 504)
        self.assertNotIn("MODE Z", control.command("FEAT").text)


class NoLimitTests(DataTestCase):
    """``--deflate-ratio 0``."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--deflate-ratio", "0")

    def test_zeroes(self) -> None:
        """A large file of zeroes is stored."""
        control = self.login()
        control.expect("MODE Z", 200)
        self.assertEqual(control.store("STOR file", zlib.compress(bytes(64 * _MEGABYTE), 9)).code, 226)
        self.assertEqual((self.server.root / "file").stat().st_size, 64 * _MEGABYTE)


class TlsModeZTests(TlsTestCase):
    """Under TLS octets are deflated and then encrypted."""

    def test_both_ways(self) -> None:
        """A file comes and goes whole; one that ends in the middle of the stream is refused."""
        control = self.login_tls()
        control.expect("MODE Z", 200)
        stream = zlib.compress(_TEXT)
        self.assertEqual(control.store("STOR file", stream).code, 226)
        self.assertEqual(checksum(self.server.root / "file"), checksum(_TEXT))
        self.assertEqual(zlib.decompress(control.retrieve("RETR file")), _TEXT)
        self.assertEqual(control.store("STOR other", stream[:-5]).code, 426)
        self.assertFalse((self.server.root / "other").exists())

    def test_closed_behind_the_stream(self) -> None:
        """
        A client that closes as soon as it has the whole stream, with close_notify unread, resets the connection, and
        has had everything.
        """
        control = self.login_tls()
        control.expect("MODE Z", 200)
        for size in (0, 1000, 1_000_000):
            (self.server.root / "file").write_bytes(_TEXT[:size])
            for _ in range(20):
                stream = zlib.decompressobj()
                plain = b""
                with control.open_data() as data:
                    control.expect("RETR file", 150)
                    while not stream.eof:
                        plain += stream.decompress(data.recv(_MEGABYTE))
                    reset(data)
                self.assertEqual(control.reply().code, 226)
                self.assertEqual(len(plain), size)


class LftpModeZTests(CertifiedServerTestCase):
    """lftp, which takes MODE Z wherever it is offered."""

    tls_options: ClassVar[tuple[str, ...]] = ("--tls-policy", "optional")

    def setUp(self) -> None:
        """Skip where there is no lftp."""
        Lftp.require()
        super().setUp()
        self.home = self.work / "home"
        self.home.mkdir()

    def sessions(self) -> list[Lftp]:
        """lftp in clear and over TLS."""
        clear = Login("127.0.0.1", self.server.port, "alice", "open-sesame", Mode("EPSV"))
        return [Lftp(clear, self.home), Lftp(self.login_over_tls(), self.home)]

    def file(self, name: str, data: bytes) -> Path:
        """A file of ours."""
        path = self.work / name
        path.write_bytes(data)
        return path

    def test_both_ways(self) -> None:
        """Text, noise and nothing go up and come down."""
        for lftp in self.sessions():
            for name, data in (("text", _TEXT), ("noise", content(8 * _MEGABYTE)), ("empty", b"")):
                local, target = self.file(name, data), self.work / "target"
                target.unlink(missing_ok=True)
                log = self.work / "log"
                lftp.script(
                    "set ftp:use-mode-z yes",
                    "set ftp:mode-z-level 9",
                    f"debug -o {log} 9",
                    f"put {local} -o /{name}",
                    f"get /{name} -o {target}",
                    "cls -1",
                )
                self.assertIn("---> MODE Z", log.read_text())
                self.assertEqual(checksum(self.server.root / name), checksum(data))
                self.assertEqual(checksum(target), checksum(data))

    def test_resumes(self) -> None:
        """``put -c`` and ``get -c`` go on behind what is there."""
        for lftp in self.sessions():
            (self.server.root / "file").write_bytes(_TEXT[:1_000_000])
            local, target = self.file("file", _TEXT), self.file("target", _TEXT[:2_000_000])
            lftp.script("set ftp:use-mode-z yes", f"put -c {local} -o /file", f"get -c /file -o {target}")
            self.assertEqual(checksum(self.server.root / "file"), checksum(_TEXT))
            self.assertEqual(checksum(target), checksum(_TEXT))

    def test_without(self) -> None:
        """lftp that is told not to use it moves the same files."""
        for lftp in self.sessions():
            local = self.file("file", _TEXT)
            lftp.script("set ftp:use-mode-z no", f"put {local} -o /file")
            self.assertEqual(checksum(self.server.root / "file"), checksum(_TEXT))

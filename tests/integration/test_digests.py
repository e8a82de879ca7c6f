"""Digests on the wire: HASH, XCRC and its like, SITE EXPECT, companions, and what they cost others."""

from __future__ import annotations

import contextlib
import ftplib
import hashlib
import select
import socket
import zlib
from pathlib import Path
from typing import ClassVar

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase, content
from tests.integration.clients import Client, Login
from tests.integration.control import Control, reset
from tests.integration.test_clients_curl import Curl
from tests.integration.test_clients_lftp import Lftp
from tests.integration.waiting import eventually

CONTENT = content(3_000_000)
HUGE = 20 << 30
"""A sparse file of that size is not read in the time that any test has."""


def hexes(octets: bytes) -> dict[str, str]:
    """The digests of some octets by the names that HASH has for them."""
    return {
        "SHA-256": hashlib.sha256(octets).hexdigest(),
        "SHA-512": hashlib.sha512(octets).hexdigest(),
        "SHA-1": hashlib.sha1(octets, usedforsecurity=False).hexdigest(),
        "MD5": hashlib.md5(octets, usedforsecurity=False).hexdigest(),
        "CRC32": f"{zlib.crc32(octets):08x}",
    }


OLDER = {"XCRC": "CRC32", "XMD5": "MD5", "XSHA1": "SHA-1", "XSHA256": "SHA-256", "XSHA512": "SHA-512"}


class LocalDigestsTests(ServerTestCase):
    """A directory of this machine; what holds here holds on every storage."""

    def setUp(self) -> None:
        """Put a file where the tests find it."""
        super().setUp()
        self.control = self.login()
        self.assertEqual(self.control.store("STOR a b.bin", CONTENT).code, 226)

    def fetched(self, name: str) -> bytes:
        """What a file holds now."""
        return self.control.retrieve(f"RETR {name}")

    def test_hash(self) -> None:
        """Every algorithm, of all and of a part."""
        for name, expected in hexes(CONTENT).items():
            self.control.expect(f"OPTS HASH {name}", 200)
            answer = self.control.expect("HASH a b.bin", 213)
            self.assertEqual(answer.text, f"213 {name} 0-2999999 {expected} a b.bin")
        for name, expected in hexes(CONTENT[1000:2_500_001]).items():
            self.control.expect(f"OPTS HASH {name}", 200)
            self.control.expect("RANG 1000 2500000", 350)
            answer = self.control.expect("HASH a b.bin", 213)
            self.assertEqual(answer.text, f"213 {name} 1000-2500000 {expected} a b.bin")

    def test_older_commands(self) -> None:
        """Every one of them, of all and of a part."""
        for verb, name in OLDER.items():
            answer = self.control.expect(f"{verb} a b.bin", 250)
            self.assertEqual(answer.text, f"250 {hexes(CONTENT)[name].upper()}")
            answer = self.control.expect(f'{verb} "a b.bin" 7 1500000', 250)
            self.assertEqual(answer.text, f"250 {hexes(CONTENT[7:1500000])[name].upper()}")
        answer = self.control.expect("MD5 a b.bin", 251)
        self.assertEqual(answer.text, f"251 a b.bin {hexes(CONTENT)['MD5'].upper()}")

    def test_after_a_change(self) -> None:
        """The digest is always that of what is there now."""
        for octets in (b"", b"x", CONTENT, content(3_000_000, seed=2)):
            self.control.store("STOR a b.bin", octets)
            for _ in range(2):
                answer = self.control.expect("XSHA256 a b.bin", 250)
                self.assertEqual(answer.text, f"250 {hexes(octets)['SHA-256'].upper()}")

    def test_expectation_met(self) -> None:
        """SITE EXPECT: the upload is stored, whatever its size and whatever comes between."""
        for size in (0, 1, 16384, 16385, 70000, 3_000_000):
            octets = content(size, seed=size)
            for name, expected in hexes(octets).items():
                self.control.expect(f"SITE EXPECT {name} {expected}", 350)
            self.control.expect(f"SITE EXPECT SIZE {size}", 350)
            self.control.expect("NOOP", 200)
            self.control.expect("TYPE I", 200)
            self.assertEqual(self.control.store("STOR new", octets).code, 226, size)
            self.assertEqual(self.fetched("new"), octets)

    def test_expectation_not_met(self) -> None:
        """SITE EXPECT: the reply tells both values, and what was there stands."""
        for size in (0, 1, 16384, 16385, 70000, 3_000_001):
            octets = content(size, seed=size)
            for name, expected in hexes(CONTENT).items():
                self.control.expect(f"SITE EXPECT {name} {expected}", 350)
                answer = self.control.store("STOR a b.bin", octets)
                found = hexes(octets)[name]
                self.assertEqual(answer.text, f"550 Nothing was stored: expected {name} {expected}, got {found}.")
            self.control.expect("SITE EXPECT SIZE 3000000", 350)
            answer = self.control.store("STOR a b.bin", octets)
            self.assertEqual(answer.text, f"550 Nothing was stored: expected 3000000 octets, got {size}.")
        self.assertEqual(self.fetched("a b.bin"), CONTENT)

    def test_expectation_of_a_continued_file(self) -> None:
        """What is kept belongs to the digest, by REST as by APPE."""
        whole = content(400_000, seed=5)
        for begin, kept in (("REST 100000", 100_000), (None, 100_000)):
            self.control.store("STOR part", whole[:kept])
            with self.control.open_data() as data:
                self.control.expect(f"SITE EXPECT SHA-256 {hexes(whole)['SHA-256']}", 350)
                self.control.expect("SITE EXPECT SIZE 400000", 350)
                if begin is not None:
                    self.control.expect(begin, 350)
                self.control.expect("STOR part" if begin else "APPE part", 150)
                data.sendall(whole[kept:])
            self.control.expect_reply(226)
            self.assertEqual(self.fetched("part"), whole)

    def test_continued_file_not_met(self) -> None:
        """A file made of two would be refused, and what was there stands."""
        whole = content(400_000, seed=5)
        self.control.store("STOR part", b"x" + whole[1:100_000])
        self.control.expect(f"SITE EXPECT MD5 {hexes(whole)['MD5']}", 350)
        self.assertEqual(self.control.store("APPE part", whole[100_000:]).code, 550)
        self.assertEqual(self.fetched("part"), b"x" + whole[1:100_000])

    def test_expectation_in_ascii(self) -> None:
        """What counts are the octets as they are stored."""
        stored = b"a line\n" * 30_000
        self.control.expect("TYPE A", 200)
        for name, expected in hexes(stored).items():
            self.control.expect(f"SITE EXPECT {name} {expected}", 350)
        self.control.expect(f"SITE EXPECT SIZE {len(stored)}", 350)
        self.assertEqual(self.control.store("STOR text", stored.replace(b"\n", b"\r\n")).code, 226)
        self.control.expect("TYPE I", 200)
        self.assertEqual(self.fetched("text"), stored)

    def test_broken_upload(self) -> None:
        """An upload that breaks off while its digest is taken leaves nothing open."""
        before = self.quiet_descriptors()
        for octets in (b"", b"x", content(200_000), CONTENT):
            with contextlib.ExitStack() as cleanup:
                data = cleanup.enter_context(self.control.open_data())
                self.control.expect(f"SITE EXPECT SHA-256 {hexes(CONTENT)['SHA-256']}", 350)
                self.control.expect("STOR a b.bin", 150)
                data.sendall(octets)
                reset(data)
            self.control.expect_reply(426)
        self.assert_descriptors(before)
        self.assertEqual(self.fetched("a b.bin"), CONTENT)

    def test_read_only(self) -> None:
        """Those who may only look can ask, too."""
        reader = self.login("anonymous", "me@")
        answer = reader.expect("HASH /a b.bin", 213)
        self.assertEqual(answer.text, f"213 SHA-256 0-2999999 {hexes(CONTENT)['SHA-256']} /a b.bin")
        reader.expect("HASH /", 550)
        reader.expect("HASH missing", 550)

    def test_ftplib(self) -> None:
        """ftplib sends what it is told to."""
        with ftplib.FTP() as client:
            client.connect("127.0.0.1", self.server.port, timeout=15)
            client.login(USER, PASSWORD)
            self.assertIn("HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32", client.sendcmd("FEAT"))
            self.assertEqual(client.sendcmd("XMD5 a b.bin"), f"250 {hexes(CONTENT)['MD5'].upper()}")

    def client(self, kind: type[Client]) -> Client:
        """A client program that is logged in."""
        kind.require()
        return kind(Login("127.0.0.1", self.server.port, USER, PASSWORD), self.work)

    def test_curl(self) -> None:
        """curl uploads what was announced before, into a directory, and fails for anything else."""
        curl = self.client(Curl)
        assert isinstance(curl, Curl)
        self.control.expect("MKD d", 257)
        local = self.work / "local"
        local.write_bytes(CONTENT)
        announced = f"SITE EXPECT SHA-256 {hexes(CONTENT)['SHA-256']}"
        curl.curl("--quote", announced, "--upload-file", str(local), curl.url("/d/new"))
        self.assertEqual(self.fetched("d/new"), CONTENT)
        local.write_bytes(CONTENT[:-1])
        self.assertNotEqual(curl.outcome("--quote", announced, "--upload-file", str(local), curl.url("/d/new")), 0)
        self.assertEqual(self.fetched("d/new"), CONTENT)
        self.assertEqual(curl.outcome("--quote", "XMD5 a b.bin", "--quote", "HASH a b.bin", "--head", curl.url("/")), 0)

    def test_lftp(self) -> None:
        """lftp prints the digests, and uploads what was announced before."""
        lftp = self.client(Lftp)
        assert isinstance(lftp, Lftp)
        local = self.work / "local"
        local.write_bytes(CONTENT)
        printed = lftp.script(
            "quote XCRC a b.bin",
            "quote HASH a b.bin",
            f"quote SITE EXPECT SHA-256 {hexes(CONTENT)['SHA-256']}",
            f"put {local} -o new",
        )
        self.assertIn(hexes(CONTENT)["CRC32"].upper(), printed)
        self.assertIn(f"SHA-256 0-2999999 {hexes(CONTENT)['SHA-256']} a b.bin", printed)
        self.assertEqual(self.fetched("new"), CONTENT)


class MemoryDigestsTests(LocalDigestsTests):
    """Files in memory."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--storage", "memory")


class EveryUploadTests(ServerTestCase):
    """``--digest``: of every upload, and told in the reply."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--digest", "sha-256")

    def test_told_and_known(self) -> None:
        """The reply to the upload tells the digest, and HASH needs not read the file any more."""
        control = self.login()
        for size in (0, 100, 100_000, 20_000_000):
            octets = content(size, seed=size)
            answer = control.store("STOR big", octets)
            self.assertEqual(answer.code, 226)
            self.assertIn(f"SHA-256 {hexes(octets)['SHA-256']}", answer.text)
            before = octets_read(self.server.process.pid)
            answer = control.expect("HASH big", 213)
            self.assertIn(hexes(octets)["SHA-256"], answer.text)
            self.assertLess(octets_read(self.server.process.pid) - before, 100_000)

    def test_broken_off_in_the_middle(self) -> None:
        """Nothing is open any more of an upload that breaks off while a thread reads it back, nor is it read on."""
        control = self.login()
        before = self.quiet_descriptors()
        read = octets_read(self.server.process.pid)
        for number in range(1, 4):
            data = control.open_data()
            control.expect("STOR big", 150)
            data.sendall(content(3_000_000))
            most = read + number * 2_000_000
            eventually(lambda: octets_read(self.server.process.pid) > most, what="a thread reads behind")  # noqa: B023
            if number == 1:
                control.send(b"ABOR\r\n")
                self.assertEqual([control.reply().code, control.reply().code], [426, 226])
                data.close()
            else:
                reset(data)
                control.expect_reply(426)
        self.assert_descriptors(before)

    def test_known_over_attributes(self) -> None:
        """Clients set the time of what they have uploaded: that changes nothing of the content."""
        control = self.login()
        octets = content(20_000_000)
        control.store("STOR big", octets)
        control.expect("MFMT 20200101000000 big", 213)
        control.expect("SITE CHMOD 600 big", 200)
        before = octets_read(self.server.process.pid)
        self.assertIn(hexes(octets)["SHA-256"], control.expect("HASH big", 213).text)
        self.assertLess(octets_read(self.server.process.pid) - before, 100_000)

    def test_changed_behind_our_back(self) -> None:
        """Another program changes the file: the digest is that of what is there now."""
        control = self.login()
        control.store("STOR a", b"before")
        (self.server.root / "a").write_bytes(b"behind")
        self.assertIn(hexes(b"behind")["SHA-256"], control.expect("HASH a", 213).text)

    def test_many_at_once(self) -> None:
        """Twenty uploads at once have each their own digest."""
        controls = [self.login() for _ in range(20)]
        uploads = []
        for number, control in enumerate(controls):
            data = control.open_data()
            self.addCleanup(data.close)
            control.expect(f"STOR {number}", 150)
            uploads.append((control, data, content(500_000, seed=number)))
        for start in range(0, 500_000, 50_000):
            for _, data, octets in uploads:
                data.sendall(octets[start : start + 50_000])
        for control, data, octets in uploads:
            data.close()
            self.assertIn(f"SHA-256 {hexes(octets)['SHA-256']}", control.expect_reply(226).text)


class CompanionsTests(ServerTestCase):
    """``--verify-companions``: what stands beside decides."""

    options: ClassVar[tuple[str, ...]] = (*AUTH, "--verify-companions")

    def test_met_and_not_met(self) -> None:
        """A file is published only if it is what its companion says."""
        control = self.login()
        for suffix, name in ((".sha256", "SHA-256"), (".sha512", "SHA-512"), (".sha1", "SHA-1"), (".md5", "MD5")):
            expected = hexes(CONTENT)[name]
            control.store(f"STOR file{suffix}", f"{expected}  file\n".encode())
            answer = control.store("STOR file", CONTENT[:-1])
            found = hexes(CONTENT[:-1])[name]
            self.assertEqual(answer.text, f"550 Nothing was stored: expected {name} {expected}, got {found}.")
            self.assertFalse((self.server.root / "file").exists())
            self.assertEqual(control.store("STOR file", CONTENT).code, 226)
            control.expect("DELE file", 250)
            control.expect(f"DELE file{suffix}", 250)

    def test_all_must_agree(self) -> None:
        """Companions, and what the client itself has announced."""
        control = self.login()
        control.store("STOR file.md5", hexes(CONTENT)["MD5"].encode())
        control.store("STOR file.sha1", hexes(b"")["SHA-1"].encode())
        self.assertEqual(control.store("STOR file", CONTENT).code, 550)
        control.expect("DELE file.sha1", 250)
        control.expect(f"SITE EXPECT MD5 {hexes(b'')['MD5']}", 350)
        with control.open_data() as data:
            # They contradict each other, so nothing need be sent to know the outcome.
            data.shutdown(socket.SHUT_WR)
            answer = control.command("STOR file")
        self.assertEqual(answer.code, 550)
        self.assertIn(hexes(CONTENT)["MD5"], answer.text)
        self.assertEqual(control.store("STOR file", CONTENT).code, 226)

    def test_unusable(self) -> None:
        """A companion that says nothing of the file lets nothing pass, and without one everything does."""
        control = self.login()
        control.store("STOR file.md5", b"nonsense")
        self.assertEqual(control.store("STOR other", CONTENT).code, 226)
        control.open_data().close()
        answer = control.command("STOR file")
        self.assertEqual(answer.text, "550 Nothing was stored: the companion tells no MD5 of this file.")


def octets_read(pid: int) -> int:
    """How much a process has read so far, from wherever."""
    for line in Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(": ")
        if name == "rchar":
            return int(value)
    raise AssertionError("no rchar")


class EffortTests(ServerTestCase):
    """RS19: what digests of huge files cost everybody else."""

    def setUp(self) -> None:
        """Put a file that nobody can read to its end in time."""
        super().setUp()
        self.make_sparse("huge", HUGE)

    def assert_silent(self, *controls: Control) -> None:
        """No reply has come."""
        readable, _, _ = select.select([control.socket for control in controls], [], [], 0)
        self.assertEqual(readable, [])

    def abort_at_once(self, control: Control) -> None:
        """ABOR is answered long before the file could have been read."""
        control.send(b"ABOR\r\n")
        self.assertEqual([control.reply().code, control.reply().code], [426, 226])

    def test_abort(self) -> None:
        """ABOR ends each of the commands at once; the session and its descriptors are as before."""
        control = self.login()
        before = self.quiet_descriptors()
        started = octets_read(self.server.process.pid)
        for command in ("HASH huge", "XMD5 huge", 'XSHA512 "huge" 5 20000000000', "MD5 huge"):
            control.send(command.encode() + b"\r\n")
            eventually(lambda: self.server.process.descriptors > before, what="the file is open")
            self.assert_silent(control)
            self.abort_at_once(control)
            self.assert_alive(control)
        self.assertLess(octets_read(self.server.process.pid) - started, HUGE)
        self.assert_descriptors(before)

    def test_client_gone(self) -> None:
        """Nothing is read for a client that has hung up."""
        before = self.quiet_descriptors()
        for _ in range(5):
            control = self.login()
            control.send(b"XMD5 huge\r\n")
            control.reset()
        self.assert_descriptors(before)
        read = [-1, 0]

        def settled() -> bool:
            read.append(octets_read(self.server.process.pid))
            return read[-1] - read[-2] < 10_000_000

        eventually(settled, pause=0.2, what="nothing huge is read any more")

    def test_fifty_sessions(self) -> None:
        """RS19: fifty digests of a huge file are computed or wait, and others are served meanwhile."""
        other = self.login()
        small = self.login("anonymous", "me@")
        self.make("small", b"abc")
        memory = self.server.process.memory
        sessions = [self.login() for _ in range(50)]
        for session in sessions:
            session.send(b"XMD5 huge\r\n")
        for _ in range(200):
            other.expect("PWD", 257)
        self.assertEqual(other.retrieve("RETR small"), b"abc")
        self.assertEqual(small.expect("XMD5 small", 250).text, "250 900150983CD24FB0D6963F7D28E17F72")
        self.assert_silent(*sessions)
        self.assertLess(self.server.process.memory - memory, 200 << 20)
        for session in sessions:
            self.abort_at_once(session)

    def test_bound(self) -> None:
        """One user has so many, and no more: the rest is told to come back."""
        sessions = [self.login() for _ in range(150)]
        for session in sessions:
            session.send(b"XMD5 huge\r\n")
        refused = self.sockets_that_answer(sessions, 150 - 8 - 128)
        self.assertEqual({session.reply().code for session in refused}, {450})
        for session in sessions:
            if session not in refused:
                self.abort_at_once(session)

    def sockets_that_answer(self, controls: list[Control], count: int) -> list[Control]:
        """Those that get a reply, when as many did as should."""

        def answering() -> list[socket.socket]:
            return select.select([control.socket for control in controls], [], [], 0)[0]

        eventually(lambda: len(answering()) >= count, what=f"{count} refusals")
        answered = answering()
        self.assertEqual(len(answered), count)
        return [control for control in controls if control.socket in answered]

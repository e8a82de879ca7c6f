"""Hostile cases of TLS: what a peer may do over and over behind a good handshake."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from tests.integration.cases import AUTH, content
from tests.integration.process import ProcessView
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import TlsControl, TlsSocket, client_context
from tests.integration.tls_records import (
    ALERT,
    APPLICATION_DATA,
    HANDSHAKE,
    SealingTls12,
    SealingTls13,
    client_hello,
)

_log = logging.getLogger(__name__)

_UPDATES = 100_000
_AT_A_TIME = 500
_RENEGOTIATIONS = 1000
_MEMORY = 4 << 20


class FloodTestCase(TlsTestCase):
    """Sends what no library would, and watches what it costs the server."""

    key_log: Path

    def setUp(self) -> None:
        """Have a file for secrets, and the server warm."""
        super().setUp()
        self.key_log = self.work / "secrets"
        with self.usual_session() as control:
            control.retrieve("NLST")

    def context_1_2(self) -> ssl.SSLContext:
        """A client whose records can be made by hand, of TLS 1.2."""
        context = client_context(version=ssl.TLSVersion.TLSv1_2, key_log=self.key_log)
        context.set_ciphers("ECDHE+AES128+AESGCM")
        return context

    def context_1_3(self) -> ssl.SSLContext:
        """The same of TLS 1.3."""
        return client_context(version=ssl.TLSVersion.TLSv1_3, key_log=self.key_log)

    def upload(self) -> tuple[TlsControl, TlsSocket, SealingTls13]:
        """An upload under way whose records are made by hand."""
        self.make("file", b"old")
        control = self.login_tls(self.context_1_3())
        control.resumes = False
        data = control.open_tls()
        self.addCleanup(data.close)
        control.expect("STOR file", 150)
        data.shake_hands()
        return control, data, SealingTls13(data, self.key_log)

    def flood(self, tls: TlsSocket, octets: Iterable[bytes], *, reads: bool = True) -> int:
        """
        Send block after block until all is sent or the server has had enough; how many were.

        What the server says is taken, and not looked at; unless nothing is read, then until nothing goes any more.
        """
        sent = 0
        with contextlib.suppress(ConnectionError):
            for block in octets:
                left = memoryview(block)
                while left:
                    readable, writable, _ = select.select([tls] if reads else [], [tls], [], 5)
                    if readable and not tls.receive_raw():
                        return sent
                    if not readable and not writable:
                        return sent
                    if writable:
                        left = left[tls.send(left, socket.MSG_DONTWAIT) :]
                sent += 1
        return sent

    def watch(self) -> tuple[ProcessView, float, int]:
        """The server's process, its processor time and its memory, now."""
        process = self.server.process
        process.reset_peak_memory()
        return process, process.processor_seconds, process.memory

    def assert_cheap(self, before: tuple[ProcessView, float, int], seconds: float, what: str) -> None:
        """Neither the time nor the memory is more than that."""
        process, processor, memory = before
        used, grown = process.processor_seconds - processor, process.peak_memory - memory
        _log.info("%s: %.2f s of the processor, %d KiB", what, used, grown >> 10)
        self.assertLess(used, seconds)
        self.assertLess(grown, _MEMORY)


class RenegotiationTests(FloodTestCase):
    """TL21: a client of TLS 1.2 that wants another handshake, again and again."""

    def hellos(self, tls: TlsSocket) -> Iterable[bytes]:
        """Encrypted ClientHellos."""
        sealing = SealingTls12(tls, self.key_log)
        hello = client_hello(0x0303, (0xC02B, 0xC02F))[5:]
        for _ in range(_RENEGOTIATIONS):
            yield sealing.seal(HANDSHAKE, hello)

    def test_sealing(self) -> None:
        """TL21: records made by hand are what the server takes for the client's."""
        control = self.implicit(self.context_1_2())
        sealing = SealingTls12(control.tls, self.key_log)
        for _ in range(3):
            control.tls.send_raw(sealing.seal(APPLICATION_DATA, b"NOOP\r\n"))
            control.expect_reply(200)

    def test_refused(self) -> None:
        """TL21: one is refused by a warning, or ends the session; no handshake begins."""
        control = self.implicit(self.context_1_2())
        self.assertNotIn(HANDSHAKE, self.kinds_behind(control, next(iter(self.hellos(control.tls)))))

    def kinds_behind(self, control: TlsControl, octets: bytes) -> set[int]:
        """The kinds of the records that the server sends to some octets and the end of the sending side."""
        tls = control.tls
        tls.received.clear()
        with contextlib.suppress(ConnectionError):
            tls.send_raw(octets)
            tls.shutdown(socket.SHUT_WR)
            while tls.receive_raw():
                pass
        kinds, octets = set(), bytes(tls.received)
        while octets:
            kinds.add(octets[0])
            octets = octets[5 + int.from_bytes(octets[3:5], "big") :]
        return kinds

    def test_control_connection(self) -> None:
        """TL21: 1,000 of them on the control connection cost the server next to nothing; others are served."""
        control = self.implicit(self.context_1_2())
        before = self.watch()
        sent = self.flood(control.tls, self.hellos(control.tls))
        self.assert_cheap(before, 2, f"TL21: {sent} renegotiations")

    def test_nobody_reads(self) -> None:
        """TL21: the same of a client that reads none of the warnings."""
        control = self.implicit(self.context_1_2())
        before = self.watch()
        sent = self.flood(control.tls, self.hellos(control.tls), reads=False)
        self.assert_cheap(before, 2, f"TL21: {sent} renegotiations, unread")

    def test_data_connection(self) -> None:
        """TL21: the same on a data connection: the transfer ends, the old file stays, the session lives."""
        self.make("file", b"old")
        control = self.login_tls(self.context_1_2())
        control.resumes = False
        data = control.open_tls()
        self.addCleanup(data.close)
        control.expect("STOR file", 150)
        data.shake_hands()
        before = self.watch()
        sent = self.flood(data, self.hellos(data))
        data.close()
        control.expect_reply(426, 451)
        self.assert_cheap(before, 2, f"TL21: {sent} renegotiations of data")
        self.assert_only(file=b"old")
        self.assert_alive(control)


class KeyUpdateTests(FloodTestCase):
    """TL22: a client of TLS 1.3 that changes its keys, again and again, and may want the server to do so, too."""

    options = (*AUTH, "--data-timeout", "3")

    def updates(self, sealing: SealingTls13, *, wants_answer: bool) -> Iterable[bytes]:
        """100,000 of them."""
        for _ in range(_UPDATES // _AT_A_TIME):
            yield b"".join(sealing.update(wants_answer=wants_answer) for _ in range(_AT_A_TIME))

    def test_sealing(self) -> None:
        """TL22: a few are no harm: commands between them are answered, on both sides' new keys."""
        for wants_answer in (False, True):
            control = self.implicit(self.context_1_3())
            sealing = SealingTls13(control.tls, self.key_log)
            for _ in range(20):
                control.tls.send_raw(sealing.update(wants_answer=wants_answer))
                control.tls.send_raw(sealing.seal(APPLICATION_DATA, b"NOOP\r\n"))
                control.expect_reply(200)

    def test_control_connection(self) -> None:
        """TL22: a flood of them on the control connection is ended."""
        for wants_answer in (False, True):
            control = self.implicit(self.context_1_3())
            sealing = SealingTls13(control.tls, self.key_log)
            before = self.watch()
            sent = self.flood(control.tls, self.updates(sealing, wants_answer=wants_answer))
            self.assert_cheap(before, 2, f"TL22: {sent * _AT_A_TIME} updates")
            self.assertLess(sent * _AT_A_TIME, _UPDATES)

    def test_nobody_reads(self) -> None:
        """TL22: the same of a client that reads none of the answers."""
        control = self.implicit(self.context_1_3())
        sealing = SealingTls13(control.tls, self.key_log)
        before = self.watch()
        sent = self.flood(control.tls, self.updates(sealing, wants_answer=True), reads=False)
        self.assert_cheap(before, 2, f"TL22: {sent * _AT_A_TIME} updates, unread")
        self.assertLess(sent * _AT_A_TIME, _UPDATES)

    def test_upload_with_some(self) -> None:
        """TL22: an upload with a few of them in it arrives whole."""
        for wants_answer in (False, True):
            control, data, sealing = self.upload()
            sent = content(200_000)
            for start in range(0, len(sent), 10_000):
                data.send_raw(sealing.update(wants_answer=wants_answer))
                data.send_raw(sealing.seal(APPLICATION_DATA, sent[start : start + 10_000]))
            data.send_raw(sealing.seal(ALERT, b"\x01\x00"))
            control.expect_reply(226)
            data.close()
            self.assert_only(file=sent)

    def test_data_connection(self) -> None:
        """TL22: a flood of them on a data connection: bounded, others are served, and the old file stays."""
        for wants_answer, reads in ((False, True), (True, False)):
            with self.subTest(wants_answer=wants_answer, reads=reads):
                control, data, sealing = self.upload()
                before = self.watch()
                sent = self.flood(data, self.updates(sealing, wants_answer=wants_answer), reads=reads)
                data.close()
                control.expect_reply(426, 451)
                self.assert_cheap(before, 6, f"TL22: {sent * _AT_A_TIME} updates of data")
                self.assert_only(file=b"old")
                self.assert_alive(control)

    def test_no_progress(self) -> None:
        """TL22: updates are no progress: an upload that has nothing else is ended as one that stalls."""
        control, data, sealing = self.upload()
        deadline = time.monotonic() + 12
        while not select.select([control.socket], [], [], 0.02)[0]:
            self.assertLess(time.monotonic(), deadline, "updates alone keep an upload alive")
            with contextlib.suppress(ConnectionError):
                data.send_raw(sealing.update(wants_answer=True))
                if select.select([data], [], [], 0)[0]:
                    data.receive_raw()
        control.expect_reply(426, 451)
        self.assert_only(file=b"old")


class OtherSessionTests(FloodTestCase):
    """TL21, TL22: what others notice of a flood on a data connection."""

    def assert_served_meanwhile(self, control: TlsControl, data: TlsSocket, octets: bytes) -> None:
        """Until the server is done with the octets, others are answered; or it is done with little work."""
        other = self.login_tls()
        used = self.server.process.processor_seconds
        sender = threading.Thread(target=self.send_and_close, args=(data, octets))
        sender.start()
        answers, slowest = 0, 0.0
        while not select.select([control.socket], [], [], 0.005)[0]:
            start = time.monotonic()
            self.assert_alive(other)
            answers, slowest = answers + 1, max(slowest, time.monotonic() - start)
        sender.join()
        used = self.server.process.processor_seconds - used
        _log.info("%d octets: %.2f s, %d answers, the slowest after %.3f s", len(octets), used, answers, slowest)
        control.expect_reply(426, 451)
        self.assertTrue(answers >= 10 or used < 0.2, f"{answers} answers while {used:.2f} s were spent on one client")
        self.assert_only(file=b"old")

    def send_and_close(self, data: TlsSocket, octets: bytes) -> None:
        """Send what goes, and close."""
        with contextlib.suppress(OSError), data:
            data.send_raw(octets)

    def test_updates(self) -> None:
        """TL22: whoever floods a data connection with KeyUpdate stops nobody else from being served."""
        control, data, sealing = self.upload()
        self.assert_served_meanwhile(control, data, b"".join(sealing.update() for _ in range(_UPDATES)))

    def test_renegotiations(self) -> None:
        """TL21: the same of ClientHellos inside TLS 1.2."""
        self.make("file", b"old")
        control = self.login_tls(self.context_1_2())
        control.resumes = False
        data = control.open_tls()
        self.addCleanup(data.close)
        control.expect("STOR file", 150)
        data.shake_hands()
        sealing = SealingTls12(data, self.key_log)
        hello = client_hello(0x0303, (0xC02B, 0xC02F))[5:]
        octets = b"".join(sealing.seal(HANDSHAKE, hello) for _ in range(2 * _UPDATES))
        self.assert_served_meanwhile(control, data, octets)

"""Hostile cases of TLS: records that carry next to nothing."""

from __future__ import annotations

import logging
import socket
import threading
import time

from tests.integration.cases import PASSWORD, USER, content
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_control import TlsControl

_log = logging.getLogger(__name__)


class SmallRecordTests(TlsTestCase):
    """TL28: records of one octet."""

    def test_upload(self) -> None:
        """TL28: one MiB as records of one octet arrives whole, within 10 s of the processor; others are served."""
        sent = content(1 << 20)
        control = self.login_tls()
        other = self.login_tls()
        with control.open_tls() as data:
            control.expect("STOR file", 150)
            data.shake_hands()
            process = self.server.process
            used = process.processor_seconds
            served = _Served(other)
            for start in range(0, len(sent), 2000):
                data.send_raw(
                    b"".join(data.sealed(sent[at : at + 1]) for at in range(start, min(start + 2000, len(sent))))
                )
            data.end()
        control.expect_reply(226)
        used = process.processor_seconds - used
        answers, slowest = served.stop()
        _log.info("TL28: %.1f s of the processor, %d answers, the slowest after %.3f s", used, answers, slowest)
        self.assertLess(used, 10)
        self.assertGreater(answers, 0)
        self.assert_only(file=sent)

    def test_commands(self) -> None:
        """TL28: commands octet by octet, each a record and a segment, are commands."""
        control = self.connect_tls(implicit=True)
        control.shake_hands()
        control.expect_reply(220)
        control.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in f"USER {USER}\r\nPASS {PASSWORD}\r\nPWD\r\n".encode():
            control.send(bytes([octet]))
        self.assertEqual([control.reply().code for _ in range(3)], [331, 230, 257])


class _Served:
    """Sends NOOP again and again in a thread of its own until it is stopped."""

    def __init__(self, control: TlsControl) -> None:
        self._control = control
        self._stop = threading.Event()
        self._times: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            start = time.monotonic()
            self._control.expect("NOOP", 200)
            self._times.append(time.monotonic() - start)
            self._stop.wait(0.02)

    def stop(self) -> tuple[int, float]:
        """How many were answered, and how long the slowest answer took, in seconds."""
        self._stop.set()
        self._thread.join()
        return len(self._times), max(self._times, default=0.0)

"""The benchmark's client under TLS, in memory."""

from __future__ import annotations

import contextlib
import os
import ssl
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.certificate import write_certificate
from benchmarks.secure import Upload, half_of_a_client_hello, least_encrypted


class EncryptedTests(SynchronousTestCase):
    """How large clear octets are when they are encrypted."""

    def test_least(self) -> None:
        """It is what OpenSSL makes of them, in records as large as they may be."""
        path = Path(self.mktemp())
        write_certificate(path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(path)
        trusting = ssl.create_default_context(cafile=path)
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = trusting.wrap_bio(down, up, server_hostname="localhost")
        server = context.wrap_bio(up, down, server_side=True)
        for end in (client, server, client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
        for size in (1, 16384, 16385, 100_000):
            client.write(bytes(size))
            self.assertEqual(len(up.read()), least_encrypted(size))

    def test_upload(self) -> None:
        """An upload is one file, whatever it was made of."""
        with Upload() as upload:
            upload.add(b"ab")
            upload.add(b"")
            upload.add(b"cde")
            self.assertEqual(os.pread(upload.descriptor, 10, 0), b"abcde")
            self.assertEqual(upload.size, 5)


class StalledTests(SynchronousTestCase):
    """A handshake that stops in the middle of its first message."""

    def test_half(self) -> None:
        """It begins as a handshake of TLS, and its record says that more has to come."""
        half = half_of_a_client_hello()
        self.assertEqual(half[:2], b"\x16\x03")
        self.assertEqual(half[5], 1)
        self.assertGreater(int.from_bytes(half[3:5], "big"), len(half) - 5)

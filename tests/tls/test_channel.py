"""TLS of a control connection in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from ftpx.testing.tls import TlsClient, make_tls_server
from ftpx.tls.channel import Channel, TlsFailed
from ftpx.tls.credentials import Credentials
from ftpx.tls.policy import ClientCertificates
from ftpx.tls.server import TlsRules
from tests.tls.ends import AUTHORITY, client_context, identity, meet_channel

_CREDENTIALS = Credentials(
    (identity(AUTHORITY.issue("ftp.example", "ftp.example")),),
    (AUTHORITY.certificate,),
)
_SERVER = make_tls_server(credentials=_CREDENTIALS)
_VERSIONS = (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
_CONTEXTS = {version: client_context(version) for version in _VERSIONS}
_MOST_SILENCE = 65536
_CERTIFIED = TlsRules(client_certificates=ClientCertificates.OPTIONAL)


def _pieces(octets: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    """Octets cut at places, none of the pieces empty."""
    places = sorted({0, len(octets), *(cut % (len(octets) + 1) for cut in cuts)})
    return (octets[begin:end] for begin, end in pairwise(places))


def _met(version: int = SSL.TLS1_3_VERSION) -> tuple[Channel, TlsClient]:
    """A channel and its client behind the handshake."""
    channel, client = _SERVER.session().control(), TlsClient(_CONTEXTS[version])
    meet_channel(channel, client)
    return channel, client


class ChannelTests(SynchronousTestCase):
    """Octets in, octets out."""

    def test_life(self) -> None:
        """Handshake, octets in both directions, and the end."""
        for version in _VERSIONS:
            channel, client = _SERVER.session().control(), TlsClient(_CONTEXTS[version])
            self.assertEqual((channel.established, channel.ended, channel.outgoing()), (False, False, b""))
            meet_channel(channel, client)
            self.assertTrue(channel.established)
            self.assertEqual(client.receive(channel.protect(b"220 Ready.\r\n")), b"220 Ready.\r\n")
            self.assertEqual(channel.receive(client.protect(b"NOOP\r\n")), b"NOOP\r\n")
            self.assertFalse(channel.ended)
            self.assertEqual(channel.receive(client.end()), b"")
            self.assertTrue(channel.ended)
            client.receive(channel.leave())
            self.assertTrue(client.ended)

    def test_large(self) -> None:
        """More than a record goes as several, whole."""
        channel, client = _met()
        octets = bytes(range(256)) * 1000
        self.assertEqual(client.receive(channel.protect(octets)), octets)
        self.assertEqual(channel.protect(b""), b"")

    def test_outgoing_once(self) -> None:
        """What TLS has to send is given once."""
        channel, client = _SERVER.session().control(), TlsClient()
        client.receive(b"")
        channel.receive(client.outgoing())
        self.assertNotEqual(channel.outgoing(), b"")
        self.assertEqual(channel.outgoing(), b"")

    @given(
        st.sampled_from(_VERSIONS), st.lists(st.binary(min_size=1, max_size=100), max_size=5), st.lists(st.integers(0))
    )
    def test_any_split(self, version: int, said: list[bytes], cuts: list[int]) -> None:
        """However the network cuts a handshake, records and the end: what was said arrives, in order."""
        channel, client = _SERVER.session().control(), TlsClient(_CONTEXTS[version])
        heard = b""

        def take(octets: bytes) -> None:
            nonlocal heard
            for piece in _pieces(octets, cuts):
                heard += channel.receive(piece)
                client.receive(channel.outgoing())

        client.receive(b"")
        while not client.established:
            take(client.outgoing())
        # The last flight of TLS 1.3 and the first octets come together.
        take(client.outgoing() + b"".join(map(client.protect, said)) + client.end())
        self.assertEqual((heard, channel.established, channel.ended), (b"".join(said), True, True))

    def test_single_octets(self) -> None:
        """TL28: records of one octet each are as good as any."""
        channel, client = _met()
        records = b"".join(client.protect(bytes([octet])) for octet in b"NOOP\r\n" * 100)
        self.assertEqual(channel.receive(records), b"NOOP\r\n" * 100)

    def test_said_and_ended(self) -> None:
        """What comes together with close_notify is said all the same."""
        channel, client = _met()
        self.assertEqual(channel.receive(client.protect(b"NOOP\r\n") + client.end()), b"NOOP\r\n")
        self.assertTrue(channel.ended)

    def test_certified_name(self) -> None:
        """The name of a client's certificate is its common name, if there is exactly one certificate and name."""
        server = make_tls_server(_CERTIFIED, _CREDENTIALS)
        for issued, name in (
            (AUTHORITY.issue("alice", client=True), "alice"),
            (AUTHORITY.issue("alice", "bob.example", client=True), "alice"),
            (AUTHORITY.issue("z\u00f6e", client=True), "z\u00f6e"),
            (AUTHORITY.issue("alice", also="root", client=True), None),
            (None, None),
        ):
            channel = server.session().control()
            self.assertIsNone(channel.certified_name())
            meet_channel(channel, TlsClient(client_context(issued=issued)))
            self.assertEqual(channel.certified_name(), name)


class BrokenTests(SynchronousTestCase):
    """TL19, TL22: what is not as it should be."""

    def failed(self, channel: Channel, octets: bytes) -> str:
        """What octets fail with."""
        return str(self.assertRaises(TlsFailed, channel.receive, octets))

    def test_garbage(self) -> None:
        """TL02, TL19: what is no TLS is refused at once, with an alert if it looked like one."""
        for octets in (
            b"PWD\r\nNOOP\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x80" * 100,
            b"\x16\x03\x01\x00\x00" * 40,
            b"\x16\x03\x01\xff\xff" + bytes(65535),
            b"\x17\x03\x03\x00\x10" + bytes(16),
            b"\x15\x03\x03\x00\x02\x02\x28",
        ):
            channel = _SERVER.session().control()
            reason = self.failed(channel, octets)
            self.assertNotIn("\n", reason)
            self.assertFalse(channel.established)
            channel.outgoing()
            self.assertEqual(channel.leave(), b"")

    @given(
        st.binary(min_size=1, max_size=300), st.sampled_from((b"", b"\x16\x03\x01\x00\x80\x01", b"\x16\x03\x01\x01"))
    )
    def test_any_garbage(self, octets: bytes, begin: bytes) -> None:
        """TL19: whatever comes, it is refused or waited for; nothing is said by it."""
        channel = _SERVER.session().control()
        try:
            said = channel.receive(begin + octets)
        except TlsFailed:
            said = b""
        self.assertEqual((said, channel.established), (b"", False))

    @given(st.integers(0), st.integers(1, 255))
    def test_changed(self, place: int, change: int) -> None:
        """A record that was changed on the way says nothing."""
        channel, client = _met()
        record = bytearray(client.protect(b"NOOP\r\n"))
        record[place % len(record)] ^= change
        try:
            said = channel.receive(bytes(record))
        except TlsFailed:
            said = b""
        self.assertEqual(said, b"")

    def test_in_clear(self) -> None:
        """TL17: octets in clear on an established channel end it, with an alert; leaving it then is in vain."""
        channel, client = _met()
        self.failed(channel, b"NOOP\r\n")
        error = self.assertRaises(SSL.Error, client.receive, channel.outgoing())
        self.assertIn("alert", str(error))
        self.assertEqual(channel.leave(), b"")

    def test_no_reason(self) -> None:
        """OpenSSL need not say why."""
        for error, reason in (
            (SSL.SysCallError(-1, "Unexpected EOF"), "the connection ended in the middle of TLS"),
            (SSL.Error(), "the connection ended in the middle of TLS"),
            (SSL.Error([]), "the TLS connection broke"),
            (SSL.Error([("a", "b", "one"), ("a", "b", "two")]), "one, two"),
        ):
            connection = _Failing(SSL.Context(SSL.TLS_METHOD), None)
            connection.error = error
            self.assertEqual(self.failed(Channel(connection), b"x"), reason)

    def test_silence(self) -> None:
        """TL22: so much that says nothing is refused, whatever OpenSSL makes of it."""
        connection = _Failing(SSL.Context(SSL.TLS_METHOD), None)
        connection.error = SSL.WantReadError()
        channel = Channel(connection)
        for _ in range(64):
            self.assertEqual(channel.receive(bytes(_MOST_SILENCE // 64)), b"")
        self.assertIn("busy", self.failed(channel, b"x"))

    def test_endless_hello(self) -> None:
        """TL19: a ClientHello that is never complete is refused before that."""
        channel = _SERVER.session().control()
        taken = 0
        with self.assertRaises(TlsFailed):
            while taken <= _MOST_SILENCE:
                channel.receive(b"\x16\x03\x01\x10\x00\x01\xff\xff\xff" + bytes(0x1000 - 4))
                taken += 0x1005
        self.assertLessEqual(taken, _MOST_SILENCE)

    def test_silence_before_many_commands(self) -> None:
        """A read may be as large as that, behind a part of a record; whatever says something is no silence."""
        channel, client = _met()
        record = client.protect(b"x" * 16000)
        self.assertEqual(channel.receive(record[:9000]), b"")
        rest = record[9000:] + b"".join(client.protect(b"x" * 16000) for _ in range(4))
        self.assertEqual(len(channel.receive(rest[:_MOST_SILENCE])), 64000)

    def test_silence_is_forgotten(self) -> None:
        """A command between makes it good, however long a session is."""
        channel, client = _met()
        for _ in range(40):
            self.assertEqual(len(channel.receive(client.protect(b"x" * 16000))), 16000)


class _Failing(SSL.Connection):
    """A connection that fails as it is told."""

    error: SSL.Error

    def bio_write(self, buf: Any) -> int:
        """Take it."""
        return len(buf)

    def do_handshake(self) -> None:
        """Fail."""
        raise self.error


class LeaveTests(SynchronousTestCase):
    """TL12: TLS ends, and the connection goes on in clear."""

    def left(self, version: int = SSL.TLS1_3_VERSION) -> tuple[Channel, TlsClient]:
        """A channel that has said its end."""
        channel, client = _met(version)
        client.receive(channel.leave())
        self.assertTrue(client.ended)
        return channel, client

    def test_end(self) -> None:
        """The peer's end is waited for, and what stands behind it in the same segment is in clear."""
        for version in _VERSIONS:
            channel, client = self.left(version)
            self.assertEqual(channel.receive(client.end() + b"PWD\r\n"), b"PWD\r\n")
            self.assertTrue(channel.ended)

    def test_end_alone(self) -> None:
        """The end may come alone."""
        channel, client = self.left()
        self.assertEqual((channel.receive(client.end()), channel.ended), (b"", True))

    def test_without_end(self) -> None:
        """A client may go on in clear without an end."""
        channel, _ = self.left()
        self.assertEqual((channel.receive(b"PWD\r\n"), channel.ended), (b"PWD\r\n", True))

    def test_pipelined(self) -> None:
        """What the client still said by TLS is dropped."""
        channel, client = self.left()
        octets = client.protect(b"DELE a\r\n") + client.protect(b"DELE b\r\n")
        self.assertEqual((channel.receive(octets), channel.ended), (b"", False))
        self.assertEqual(channel.receive(client.end() + b"PWD\r\n"), b"PWD\r\n")

    @given(st.sampled_from(_VERSIONS), st.booleans(), st.lists(st.integers(0)))
    def test_any_split(self, version: int, ends: bool, cuts: list[int]) -> None:
        """However the network cuts what comes, exactly what is in clear is given."""
        channel, client = self.left(version)
        octets = client.protect(b"DELE a\r\n") + (client.end() if ends else b"") + b"PWD\r\nNOOP\r\n"
        clear = b"".join([channel.receive(piece) for piece in _pieces(octets, cuts)])
        self.assertEqual((clear, channel.ended), (b"PWD\r\nNOOP\r\n", True))

    def test_broken(self) -> None:
        """A record that is broken is an error here too."""
        channel, client = self.left()
        record = bytearray(client.protect(b"x"))
        record[-1] ^= 1
        self.assertRaises(TlsFailed, channel.receive, bytes(record))

    def test_before_the_handshake(self) -> None:
        """Before the handshake there is nothing to end."""
        channel = _SERVER.session().control()
        self.assertEqual(channel.leave(), b"")

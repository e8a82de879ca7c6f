"""AUTH, PBSZ, PROT and CCC, and what other commands make of TLS."""

from __future__ import annotations

from ftpx.server.verbs import COMMANDS
from ftpx.testing.server import ServerHarness
from ftpx.testing.tls import make_tls_server
from ftpx.tls.policy import TlsPolicy
from tests.server.doubles import ServerCase, codes

_TLS = make_tls_server()


class TlsCase(ServerCase):
    """A server with a certificate, and a client that is connected and nothing else."""

    policy = TlsPolicy.OPTIONAL
    ccc = False

    def setUp(self) -> None:
        """Nobody is logged in."""
        super().setUp()
        self.client = self.server.connect()
        self.client.replies()

    def make_server(self) -> ServerHarness:
        """The server."""
        return ServerHarness(self.storage, tls=_TLS, tls_policy=self.policy, allow_ccc=self.ccc)

    @property
    def protected(self) -> bool:
        """Whether a data port that is asked for now has TLS."""
        self.assertEqual(self.in_session("EPSV"), [229])
        return self.client.last_port.security is not None


class AuthTests(TlsCase):
    """The control connection gets TLS."""

    def test_mechanisms(self) -> None:
        """RFC 4217: TLS and its older names; the data connections of the last two are protected at once."""
        for mechanism, protects in (("TLS", False), ("tls", False), ("TLS-C", False), ("SSL", True), ("TLS-P", True)):
            self.client = self.server.connect()
            self.client.replies()
            self.assertEqual(codes(self.client.secure(mechanism=mechanism)), [234], mechanism)
            self.client.login()
            self.assertEqual(self.protected, protects, mechanism)

    def test_unknown_mechanism(self) -> None:
        """Another mechanism is 504, and the session goes on in clear."""
        self.assertEqual(self.in_session("AUTH GSSAPI", "AUTH TLSX", "AUTH", "NOOP"), [504, 504, 501, 200])

    def test_no_certificate(self) -> None:
        """Without a certificate there is no TLS."""
        client = ServerHarness().client
        self.assertEqual(codes(client.command("AUTH TLS", "PBSZ 0", "NOOP")), [502, 502, 200])

    def test_twice(self) -> None:
        """TL06: AUTH in TLS is 503, and nothing changes."""
        self.client.secure()
        self.client.login()
        self.assertEqual(self.in_session("AUTH TLS", "AUTH SSL", "PWD"), [503, 503, 257])

    def test_after_login(self) -> None:
        """TL05: a login and a data port that came about in clear end with AUTH."""
        self.client.login()
        self.client.command("EPSV")
        port = self.client.last_port
        self.assertEqual(codes(self.client.secure()), [234])
        self.assertTrue(port.closed)
        self.assertEqual(self.in_session("PWD", "PASS secret"), [530, 503])

    def test_pipelined(self) -> None:
        """TL01, CVE-2011-0411: what came in clear behind AUTH is dropped, whole lines and parts of them."""
        for rest in (b"SYST\r\nUSER alice\r\n", b"SYS", b"\r\n", b"NOOP\r\n" * 1000):
            self.client = self.server.connect()
            self.client.replies()
            self.client.send(b"AUTH TLS\r\n" + rest)
            self.client.settle()
            self.assertEqual(codes(self.client.replies()), [234])
            self.client.shake_hands()
            self.assertEqual(self.in_session("NOOP"), [200], rest[:20])

    def test_behind_other_commands(self) -> None:
        """What came before AUTH is answered in clear."""
        self.assertEqual(codes(self.client.command("NOOP", "FEAT", "AUTH TLS")), [200, 211, 234])
        self.client.shake_hands()
        self.assertEqual(self.in_session("NOOP"), [200])

    def test_failures_are_kept(self) -> None:
        """AU04: AUTH does not make failed logins good."""
        for _ in range(2):
            self.client.command("USER alice", "PASS wrong")
            self.server.clock.advance(4)
            self.client.settle()
            self.assertEqual(codes(self.client.replies()), [530])
        self.client.secure()
        self.client.command("USER alice", "PASS wrong")
        self.server.clock.advance(9)
        self.client.settle()
        self.assertEqual(codes(self.client.replies()), [530, 421])
        self.assertTrue(self.client.closed)


class ProtectionTests(TlsCase):
    """PBSZ and PROT."""

    def test_sequence(self) -> None:
        """TL08: AUTH, PBSZ, PROT, in this order."""
        self.assertEqual(self.in_session("PROT P", "PBSZ 0", "PROT P"), [503, 503, 503])
        self.client.secure()
        self.assertEqual(self.in_session("PROT P", "PBSZ 0", "PROT P"), [503, 200, 200])

    def test_buffer_size(self) -> None:
        """TL09: any size of 32 bits is answered with the one there is, anything else is 501."""
        self.client.secure()
        for size, code in (
            ("0", 200),
            ("999", 200),
            ("4294967295", 200),
            ("4294967296", 501),
            ("-1", 501),
            ("x", 501),
            ("", 501),
            ("9" * 500, 501),
        ):
            reply = self.client.command(f"PBSZ {size}")[0]
            self.assertEqual(reply.code, code, size[:20])
            self.assertTrue(code != 200 or reply.lines == ("PBSZ=0",))

    def test_levels(self) -> None:
        """TL11: C and P are known, S and E are none of TLS, and what is none at all is 504."""
        self.client.secure()
        self.client.command("PBSZ 0")
        self.assertEqual(
            self.in_session("PROT C", "PROT p", "PROT S", "PROT E", "PROT X", "PROT PP", "PROT"),
            [200, 200, 536, 536, 504, 504, 501],
        )
        self.client.login()
        self.assertTrue(self.protected)
        self.client.command("PROT c")
        self.assertFalse(self.protected)

    def test_ports(self) -> None:
        """A port that was set up before PROT is closed; each kind of port gets the protection."""
        self.client.secure()
        self.client.login()
        self.client.command("EPSV")
        port = self.client.last_port
        self.client.protect()
        self.assertTrue(port.closed)
        self.assertEqual(self.in_session("RETR a"), [425])
        for line in ("EPSV", "PASV", "PORT 127,0,0,1,20,0", "EPRT |1|127.0.0.1|5120|"):
            self.client.command(line)
            self.assertIsNotNone(self.client.last_port.security, line)

    def test_second_user(self) -> None:
        """RFC 4217: another login keeps the protection, and data ports are closed."""
        self.client.secure()
        self.client.protect()
        self.client.login()
        self.client.command("EPSV")
        port = self.client.last_port
        self.client.login()
        self.assertTrue(port.closed)
        self.assertTrue(self.protected)


class ClearTests(TlsCase):
    """CCC, and REIN: the control connection goes back to clear."""

    ccc = True

    def test_refused(self) -> None:
        """TL12: CCC is refused unless the operator allows it, and without TLS; before login it is 530."""
        self.client.login()
        self.assertEqual(self.in_session("CCC"), [533])
        server = ServerHarness(tls=_TLS)
        server.client.secure()
        self.assertEqual(codes(server.command("CCC")), [530])
        server.login()
        self.assertEqual(codes(server.command("CCC", "PWD")), [533, 257])

    def clear(self, *, end: bool = True) -> None:
        """Log in by TLS and go back to clear."""
        self.client.secure()
        self.client.protect()
        self.client.login()
        self.assertEqual(self.in_session("CCC"), [200])
        self.client.leave_tls(end=end)

    def test_cleared(self) -> None:
        """TL12: the login and the protection of data connections stay."""
        for end in (True, False):
            self.client = self.server.connect()
            self.client.replies()
            self.clear(end=end)
            self.client.send_raw(b"PWD\r\n")
            self.client.settle()
            self.assertEqual(codes(self.client.replies()), [257])
            self.assertTrue(self.protected)

    def test_pipelined(self) -> None:
        """TL12: what came by TLS behind CCC is dropped."""
        self.put("a")
        self.client.secure()
        self.client.login()
        self.assertEqual(self.codes("CCC", "DELE a"), [200])
        self.client.leave_tls()
        self.assertEqual((self.in_session("PWD"), self.names()), ([257], ["a"]))

    def test_again(self) -> None:
        """Behind CCC, AUTH is possible again, and begins from nothing."""
        self.clear()
        self.assertEqual(codes(self.client.secure()), [234])
        self.assertEqual(self.in_session("PWD"), [530])
        self.client.login()
        self.assertFalse(self.protected)

    def test_reinitialize(self) -> None:
        """RFC 4217: REIN is answered by TLS and ends it, with the login, the protection and all."""
        self.client.secure()
        self.client.protect()
        self.client.login()
        self.client.command("EPSV")
        self.assertEqual(self.in_session("REIN"), [220])
        self.assertTrue(self.client.last_port.closed)
        self.client.leave_tls()
        self.assertEqual(self.in_session("PWD", "PROT P", "PBSZ 0"), [530, 503, 503])
        self.client.login()
        self.assertFalse(self.protected)
        self.assertEqual(codes(self.client.secure()), [234])
        self.assertEqual(self.in_session("NOOP"), [200])

    def test_reinitialize_after_ccc(self) -> None:
        """REIN in clear behind CCC forgets the TLS that data connections had."""
        self.clear()
        self.assertEqual(self.in_session("REIN", "PBSZ 0"), [220, 503])

    def test_reinitialize_in_clear(self) -> None:
        """REIN without TLS is what it is."""
        self.client.login()
        self.assertEqual(self.in_session("REIN", "PWD"), [220, 530])


class PolicyTests(TlsCase):
    """TL07, TL10: what the operator demands."""

    policy = TlsPolicy.LOGIN

    def test_login(self) -> None:
        """TL07: USER is refused in clear, so no password is ever sent; and behind CCC too."""
        for policy in (TlsPolicy.LOGIN, TlsPolicy.REQUIRED):
            server = ServerHarness(tls=_TLS, tls_policy=policy, allow_ccc=True)
            self.assertEqual(codes(server.command("USER alice", "PASS secret", "USER anonymous")), [530, 503, 530])
            self.assertEqual(codes(server.command("FEAT", "NOOP", "SYST")), [211, 200, 215])
            server.client.secure()
            self.assertEqual(codes(server.login()), [331, 230, 200])
            server.command("CCC")
            server.client.leave_tls()
            self.assertEqual(codes(server.command("PWD", "USER alice", "PWD")), [257, 530, 257])

    def test_data(self) -> None:
        """With ``login``, data may go in clear."""
        self.client.secure()
        self.client.login()
        self.assertEqual(codes(self.client.store("STOR a", b"content")), [150, 226])
        self.client.protect()
        self.assertEqual(self.in_session("PROT C"), [200])

    def test_required(self) -> None:
        """TL10: with ``required`` every verb that opens a data connection is refused until it is protected."""
        self.policy = TlsPolicy.REQUIRED
        self.server = self.make_server()
        self.client = self.server.client
        self.client.secure()
        self.client.login()
        self.put("a", b"content")
        arguments = {"RETR": " a", "STOR": " b", "APPE": " b"}
        opening = [name for name, record in COMMANDS.items() if record.opens_data]
        self.assertLessEqual({"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"}, set(opening))
        for name in opening:
            self.client.command("EPSV")
            self.assertEqual(self.in_session(name + arguments.get(name, "")), [521], name)
        self.client.command("PBSZ 0")
        self.assertEqual(self.in_session("PROT C"), [534])
        self.client.command("PROT P")
        for name in opening:
            replies, peer = self.client.begin(name + arguments.get(name, ""))
            peer.end()
            self.client.settle()
            self.assertEqual(codes([*replies, *self.client.replies()]), [150, 226], name)

"""Hostile cases of TLS: what goes over it, and what is refused in clear."""

from __future__ import annotations

import contextlib
import socket
import ssl

from tests.integration.cases import AUTH, PASSWORD, USER, ServerTestCase
from tests.integration.clients import run_program
from tests.integration.control import Control, read_all
from tests.integration.tls_cases import TlsTestCase
from tests.integration.tls_records import ALERT, APPLICATION_DATA, HANDSHAKE, record

_SECRETS = ("open-sesame", "hush")
_CURL_TLS_FAILED = 64


class NoCertificateTests(ServerTestCase):
    """TL04: a server that has no certificate."""

    def test_auth(self) -> None:
        """TL04: AUTH is refused in each form, TLS is not offered, and the session goes on in clear."""
        control = self.connect()
        control.expect_reply(220)
        for line in ("AUTH TLS", "AUTH SSL", "AUTH X", "AUTH"):
            self.assertIn(control.command(line).code, range(500, 510))
        self.assertNotIn("AUTH", control.expect("FEAT", 211).text)
        for line in ("PBSZ 0", "PROT P", "CCC"):
            self.assertGreaterEqual(control.command(line).code, 500)
        control.login_after_greeting(USER, PASSWORD)

    def test_curl_demands_tls(self) -> None:
        """TL04: curl that demands TLS stops before USER."""
        (self.server.root / "file").write_bytes(b"data")
        done = run_program(
            ["curl", "--silent", "--verbose", "--insecure", "--ssl-reqd", "--user", f"{USER}:{PASSWORD}",
             f"ftp://127.0.0.1:{self.server.port}/file"],
            home=self.work,
        )  # fmt: skip
        self.assertEqual(done.returncode, _CURL_TLS_FAILED, done.stderr)
        self.assertIn("> AUTH TLS", done.stderr)
        self.assertNotIn("> USER", done.stderr)
        self.assertNotIn("> PASS", done.stderr)


class ClearLoginTests(TlsTestCase):
    """TL07 with the policy that a certificate brings along, ``required``."""

    def test_user(self) -> None:
        """TL07: USER in clear is refused before a password is asked for, and a PASS behind it is no login."""
        for user in (USER, "nobody", "anonymous", "ftp"):
            with self.subTest(user=user):
                control = self.greeted()
                control.expect(f"USER {user}", 530, 534)
                control.expect(f"PASS {PASSWORD}", 503)
                control.expect("PWD", 530)

    def test_pipelined(self) -> None:
        """TL07: the same in one segment; the password is not in the log, and the account is not delayed by it."""
        control = self.greeted()
        control.send(b"USER alice\r\nPASS hush\r\nACCT hush\r\nUSER alice\r\nPASS open-sesame\r\nPWD\r\nMKD clear\r\n")
        codes = [control.reply().code for _ in range(7)]
        self.assertEqual([codes[0], *codes[3:]], [530, 530, 503, 530, 530])
        self.assertEqual(codes[1], 503)
        control.begin_tls()
        control.login_after_greeting(USER, PASSWORD)
        for secret in _SECRETS:
            self.assertNotIn(secret, self.server.log)
        self.assert_only()

    def test_data_commands(self) -> None:
        """TL07: in clear no command of a transfer goes further than 530."""
        control = self.greeted()
        for line in ("EPSV", "PASV", "STOR file", "RETR file", "LIST", "PROT C", "CCC"):
            self.assertIn(control.command(line).code, (530, 503, 521, 533), line)


class ClearLoginByPolicyTests(ClearLoginTests):
    """TL07 with the policy ``login``."""

    options = (*AUTH, "--tls-policy", "login")

    def test_clear_data(self) -> None:
        """TL10: here data in clear is allowed, and a port of before PROT is closed by it."""
        control = self.greeted()
        control.begin_tls()
        control.login_after_greeting(USER, PASSWORD)
        self.assertEqual(control.store("STOR file", b"clear").code, 226)
        control.protect()
        self.assertEqual(control.store("STOR file", b"protected").code, 226)
        address = control.extended_passive()
        control.expect("PROT C", 200)
        with self.assertRaises(ConnectionRefusedError):
            control.connect_data(address)
        control.protected = False
        self.assertEqual(control.retrieve("RETR file"), b"protected")


class LevelTests(TlsTestCase):
    """TL08 to TL11: PBSZ and PROT."""

    def test_order(self) -> None:
        """TL08: PROT comes behind PBSZ, and both behind AUTH."""
        control = self.greeted()
        control.expect("PBSZ 0", 503)
        control.expect("PROT P", 503)
        control.begin_tls()
        control.expect("PROT P", 503)
        control.expect("PROT C", 503)
        control.login_after_greeting(USER, PASSWORD)
        control.expect("PROT P", 503)
        control.expect("PBSZ 0", 200)
        control.expect("PROT P", 200)

    def test_buffer_sizes(self) -> None:
        """TL09: whatever number of 32 bits is asked for, it becomes 0; what is none is 501."""
        control = self.greeted()
        control.begin_tls()
        for value in ("-1", "x", "", "4294967296", "99999999999999999999999", "0x10", "1.0", "+1", "\u0663", "0 0"):
            with self.subTest(value=value):
                control.expect(f"PBSZ {value}", 501)
                control.expect("PROT P", 503)
        control.expect("PBSZ", 501)
        for value in ("0", "999", "4294967295", "000"):
            self.assertIn("PBSZ=0", control.expect(f"PBSZ {value}", 200).text)
        control.expect("PROT P", 200)

    def test_clear_data(self) -> None:
        """TL10: where data must be protected PROT C is refused and leaves PROT P as it is."""
        control = self.login_tls()
        control.expect("PROT C", 534)
        control.expect("PROT c", 534)
        self.assertEqual(control.store("STOR file", b"protected").code, 226)
        self.assert_only(file=b"protected")

    def test_transfers_without_protection(self) -> None:
        """TL10: without PROT P every transfer is refused at once; no file is made, and not an octet goes in clear."""
        self.make("file", b"old")
        control = self.greeted()
        control.begin_tls()
        control.login_after_greeting(USER, PASSWORD)
        for line in ("STOR file", "STOR new", "APPE file", "STOU", "RETR file", "LIST", "NLST", "MLSD"):
            with self.subTest(line=line), Control.connect_data(control, control.extended_passive()) as data:
                with contextlib.suppress(ConnectionError):
                    data.sendall(b"new")
                control.expect(line, 521, 522)
                control.expect("EPSV", 229)
                with contextlib.suppress(ConnectionError):
                    self.assertEqual(read_all(data), b"")
        control.expect("PBSZ 0", 200)
        control.expect("PROT C", 534)
        control.expect("EPSV", 229)
        control.expect("RETR file", 521, 522)
        self.assert_only(file=b"old")

    def test_port_of_before(self) -> None:
        """TL10: a port that was set up before PROT P is not used in clear behind it."""
        self.make("file", b"old")
        control = self.greeted()
        control.begin_tls()
        control.login_after_greeting(USER, PASSWORD)
        address = control.extended_passive()
        control.protect()
        with self.assertRaises(ConnectionRefusedError), Control.connect_data(control, address):
            pass
        control.expect("RETR file", 425, 503)

    def test_unknown_levels(self) -> None:
        """TL11: levels that TLS does not have are 536, those that nobody has are 504."""
        control = self.login_tls()
        for level, code in (("S", 536), ("E", 536), ("s", 536), ("X", 504), ("PP", 504), ("P C", 504)):
            control.expect(f"PROT {level}", code)
        control.expect("PROT", 501)
        self.assertEqual(control.store("STOR file", b"protected").code, 226)


class ClearCommandChannelTests(TlsTestCase):
    """TL12 where CCC is not allowed, and REIN."""

    def test_refused(self) -> None:
        """TL12: CCC is refused and TLS goes on."""
        control = self.login_tls()
        control.expect("CCC", 533, 502)
        control.expect("PWD", 257)
        self.assertEqual(control.store("STOR file", b"protected").code, 226)
        self.assertNotIn("CCC", control.expect("FEAT", 211).text)

    def test_reinitialize(self) -> None:
        """TL12: REIN is answered inside TLS and ends it and the login; then everything begins again."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            control = self.login_tls(self.context(version))
            address = control.extended_passive()
            control.send(b"REIN\r\nMKD behind\r\nUSER alice\r\n")
            control.expect_reply(220)
            control.end_tls()
            self.assertEqual(type(control.socket), socket.socket)
            control.expect("NOOP", 200)
            control.expect("USER alice", 530)
            control.expect("PROT P", 503)
            with self.assertRaises(ConnectionRefusedError), Control.connect_data(control, address):
                pass
            control.begin_tls()
            control.expect("PWD", 530)
            control.expect("PROT P", 503)
            control.login_after_greeting(USER, PASSWORD)
            control.protect()
            self.assertEqual(control.store("STOR file", b"again").code, 226)
            self.assert_only(file=b"again")

    def test_reinitialize_on_the_implicit_port(self) -> None:
        """TL12: on the implicit port TLS goes on behind REIN, and data connections stay protected."""
        control = self.implicit()
        control.protected = True
        control.login_after_greeting(USER, PASSWORD)
        self.assertEqual(control.store("STOR file", b"first").code, 226)
        control.expect("REIN", 220)
        control.expect("PWD", 530)
        control.login_after_greeting(USER, PASSWORD)
        self.assertEqual(control.store("STOR file", b"again").code, 226)
        control.expect("PROT C", 534)


class AllowedClearCommandChannelTests(TlsTestCase):
    """TL12 where CCC is allowed."""

    options = (*AUTH, "--tls-allow-ccc")

    def test_goes_on_in_clear(self) -> None:
        """TL12: behind CCC commands go in clear and data stays protected; a login in clear is refused."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            control = self.login_tls(self.context(version))
            session = control.tls.tls.session
            control.expect("CCC", 200)
            control.end_tls()
            self.assertEqual(type(control.socket), socket.socket)
            control.session = session
            control.expect("PWD", 257)
            self.assertEqual(control.store("STOR file", b"protected").code, 226)
            self.assertEqual(control.retrieve("RETR file"), b"protected")
            control.expect("PROT C", 534)
            control.expect("CCC", 533, 502)
            control.expect("USER alice", 530)
            control.expect(f"PASS {PASSWORD}", 503)

    def test_close_notify_with_a_command(self) -> None:
        """TL12: the client's close_notify and its next commands, in clear, may come in one segment."""
        commands = b"PWD\r\nNOOP\r\n"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for later in (0, 1, len(commands), len(commands) + 3):
                with self.subTest(version=version.name, later=later):
                    control = self.login_tls(self.context(version))
                    control.expect("CCC", 200)
                    octets = control.tls.farewell() + commands
                    control.tls.send_raw(octets[: len(octets) - later])
                    control.end_tls()
                    control.send(octets[len(octets) - later :])
                    control.expect_reply(257)
                    control.expect_reply(200)

    def test_commands_behind_it(self) -> None:
        """TL12: what comes inside TLS behind CCC is dropped."""
        control = self.login_tls()
        control.send(b"CCC\r\nMKD behind\r\n")
        control.expect_reply(200)
        control.end_tls()
        control.expect("PWD", 257)
        self.assert_only()

    def test_before_login(self) -> None:
        """TL12: CCC is for those who are logged in, and have TLS."""
        control = self.greeted()
        self.assertIn(control.command("CCC").code, (530, 533))
        control.begin_tls()
        self.assertIn(control.command("CCC").code, (530, 533))
        control.expect("NOOP", 200)

    def test_auth_again(self) -> None:
        """TL12: AUTH behind CCC begins anew, login included."""
        control = self.login_tls()
        control.expect("CCC", 200)
        control.end_tls()
        control.begin_tls()
        control.expect("PWD", 530)
        control.login_after_greeting(USER, PASSWORD)
        control.expect("PROT P", 503)
        control.protect()
        self.assertEqual(control.store("STOR file", b"again").code, 226)

    def test_garbage_in_place_of_close_notify(self) -> None:
        """TL12: records that are none behind CCC end the connection, and nothing is run."""
        for garbage in (record(ALERT, b"\x01\x00"), record(APPLICATION_DATA, b"hello"), record(HANDSHAKE, bytes(4096))):
            control = self.login_tls()
            control.expect("CCC", 200)
            with contextlib.suppress(ConnectionError):
                control.tls.send_raw(garbage + b"MKD behind\r\n")
            self.assertTrue(control.at_end())
        self.assert_only()

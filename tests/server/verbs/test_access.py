"""USER, PASS, REIN, QUIT and HOST."""

from __future__ import annotations

from typing import Any

from twisted.cred.error import LoginDenied
from twisted.internet.defer import Deferred, fail

from ftpx.errors import StorageUnavailable
from ftpx.testing.server import ServerHarness
from tests.server.doubles import ServerCase, codes


class LoginTests(ServerCase):
    """Who gets in, and what they are told."""

    def setUp(self) -> None:
        """Connect somebody who is not logged in, from another address."""
        super().setUp()
        self.other = self.server.connect("192.0.2.1")
        self.other.replies()

    def attempt(self, name: str, password: str, seconds: float = 0) -> list[int]:
        """Try to log in and wait; the codes."""
        before = codes(self.other.command(f"USER {name}", f"PASS {password}"))
        self.server.clock.advance(seconds)
        self.other.settle()
        return before + codes(self.other.replies())

    def test_same_answer(self) -> None:
        """AU01, AU16, AU20: unknown users and wrong passwords read the same, whatever is tried."""
        answers = []
        for name in ("alice", "nobody", "' OR 1=1 --", "x:)", "../../etc", "%n%s"):
            client = self.server.connect("192.0.2.1")
            client.replies()
            first = client.command(f"USER {name}")
            client.command("PASS wrong")
            self.server.clock.advance(16)
            answers.append((first, client.replies()))
            client.lose()
        self.assertEqual(answers, [answers[0]] * len(answers))
        self.assertEqual((codes(answers[0][0]), codes(answers[0][1])), ([331], [530]))

    def test_delay_grows_and_three_tries(self) -> None:
        """AU03: failures are answered after 1, 2 and 4 seconds, and the third is the last."""
        for number, delay in enumerate((1, 2, 4)):
            self.assertEqual(self.attempt("alice", "wrong", delay - 0.1), [331])
            self.server.clock.advance(0.1)
            self.other.settle()
            self.assertEqual(codes(self.other.replies()), [530, 421] if number == 2 else [530])
        self.assertTrue(self.other.closed)

    def test_delay_over_sessions(self) -> None:
        """AU04, AU05: a new session of the same address waits as long, another address does not."""
        self.attempt("alice", "wrong", 1)
        self.other.lose()
        self.other = self.server.connect("192.0.2.1")
        self.other.replies()
        self.assertEqual(self.attempt("alice", "wrong", 1.9), [331])
        self.assertEqual(codes(self.server.connect("192.0.2.2").login()), [220, 331, 230, 200])

    def test_delay_holds_nobody_else(self) -> None:
        """AU06: while a failed login waits, others are served."""
        self.attempt("alice", "wrong")
        self.assertEqual(self.codes("PWD"), [257])

    def test_success_forgets(self) -> None:
        """A login begins the count anew, for the session and for the address."""
        self.assertEqual(self.attempt("alice", "wrong", 1) + self.attempt("alice", "wrong", 2), [331, 530] * 2)
        self.assertEqual(self.attempt("alice", "secret"), [331, 230])
        self.assertEqual(self.attempt("alice", "wrong", 1) + self.attempt("alice", "wrong", 2), [331, 530] * 2)
        self.assertFalse(self.other.closed)

    def test_anonymous_does_not_forget(self) -> None:
        """An anonymous login proves nothing: the next failure waits longer all the same."""
        self.attempt("alice", "wrong", 1)
        self.assertEqual(self.attempt("anonymous", "me@"), [331, 230])
        self.assertEqual(self.attempt("alice", "wrong", 1.9), [331])

    def test_pass_again(self) -> None:
        """AU09: PASS is good for one try, and comes behind USER."""
        self.assertEqual(codes(self.other.command("PASS secret")), [503])
        self.assertEqual(self.attempt("alice", "wrong", 1), [331, 530])
        self.assertEqual(codes(self.other.command("PASS secret")), [503])
        self.assertEqual(self.codes("PASS secret"), [503])

    def test_anonymous(self) -> None:
        """AU22: both names of anonymous, in any case; they read and do not write."""
        for name in ("anonymous", "ftp", "Anonymous"):
            self.assertEqual(self.attempt(name, "me@"), [331, 230])
            self.assertEqual(codes(self.other.command("PWD", "MKD d", "DELE a")), [257, 550, 550])

    def test_no_anonymous(self) -> None:
        """AU22: without anonymous logins anonymous is a user like any other."""
        client = ServerHarness(anonymous=False).connect()
        client.replies()
        self.assertEqual(codes(client.command("USER anonymous")), [331])

    def test_long_password(self) -> None:
        """AU08: a long password is wrong and no more."""
        self.assertEqual(self.attempt("alice", "x" * 8000, 1), [331, 530])

    def test_login_source_fails(self) -> None:
        """While nobody can be checked nobody is let in, nobody waits, and it is no failure of theirs."""
        logged = self.log()
        portal: Any = self.server.services.portal
        for number in range(4):
            self.patch(portal, "login", lambda *_: fail(StorageUnavailable("busy")))
            self.assertEqual(self.attempt("alice", f"secret{number}"), [331, 530])
        self.assertFalse(self.other.closed)
        self.assertTrue(any("alice" in line for line in logged))
        self.assertFalse(any("secret" in line for line in logged))

    def test_denied(self) -> None:
        """AU18: a login that the realm denies is a wrong one."""
        portal: Any = self.server.services.portal
        self.patch(portal, "login", lambda *_: fail(LoginDenied()))
        self.assertEqual(self.attempt("alice", "secret", 1), [331, 530])

    def test_lost_while_logging_in(self) -> None:
        """A client that goes while its password is checked leaves nothing behind."""
        portal: Any = self.server.services.portal
        waiting: Deferred[Any] = Deferred()
        self.patch(portal, "login", lambda *_: waiting)
        self.attempt("alice", "secret")
        self.other.lose()
        self.client.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])

    def test_lost_while_waiting(self) -> None:
        """A client that goes while its failure waits leaves no timer behind."""
        self.attempt("alice", "wrong")
        self.other.lose()
        self.client.lose()
        self.assertEqual(self.server.clock.getDelayedCalls(), [])


class LogTests(ServerCase):
    """What of a login gets into the log."""

    def test_no_password(self) -> None:
        """IL04: passwords are not logged, right or wrong, in whatever form they come."""
        logged = self.log()
        client = self.server.connect()
        client.command("USER alice", "PASS hush-1")
        self.server.clock.advance(1)
        client.command("USER alice", "pass hush-2", "ACCT hush-3")
        client.send(b"PA\xffSS hush-4\r\nPASS  hush-5\r\nPASS hush-6\0\r\n")
        self.server.clock.advance(20)
        client.command("QUIT")
        self.server.services.journal.flush()
        self.assertTrue(logged)
        self.assertEqual([line for line in logged if "hush" in line], [])

    def test_control_characters(self) -> None:
        """CP22, CP23: names are logged literally, and never with a control character."""
        logged = self.log()
        client = self.server.connect()
        client.send(b"USER \x1b[2J\x07%s{0.__class__}\xc2\x9b\r\nPASS x\r\n")
        self.server.services.journal.flush()
        line = next(line for line in logged if "[2J" in line)
        self.assertIn("%s{0.__class__}", line)
        self.assertTrue(line.isprintable())

    def test_login_is_logged(self) -> None:
        """Who logged in and from where is logged."""
        logged = self.log()
        self.server.connect("192.0.2.1").login()
        self.server.services.journal.flush()
        self.assertTrue(any("alice" in line and "192.0.2.1" in line for line in logged))


class AgainTests(ServerCase):
    """A second login in a session."""

    def test_user_again(self) -> None:
        """AU11: USER takes all rights and all that was prepared at once, but not the transfer type."""
        self.put("a")
        self.codes("MKD d", "CWD d", "EPSV", "OPTS MLST size;", "RNFR ../a")
        self.assertEqual(self.codes("USER alice", "RNTO b", "PWD"), [331, 530, 530])
        self.assertTrue(self.client.last_port.closed)
        self.assertEqual(self.codes("PASS secret", "RNTO b", "RETR a"), [230, 503, 425])
        self.assertIn('"/"', self.texts("PWD"))
        self.assertIn("TYPE: IMAGE", self.texts("STAT"))
        self.assertIn(" size*;modify;", self.texts("FEAT").replace("type;size", " size"))

    def test_user_drops_the_offset(self) -> None:
        """AU11: REST of one user is not for the next one."""
        self.put("a", b"0123456789")
        self.codes("REST 5", "USER alice", "PASS secret")
        self.assertEqual(self.client.fetch("RETR a")[1], b"0123456789")

    def test_epsv_all_again(self) -> None:
        """EPSV ALL ends with the login."""
        self.assertEqual(self.codes("EPSV ALL", "PASV", "USER alice", "PASS secret", "PASV"), [200, 503, 331, 230, 227])

    def test_reinitialize(self) -> None:
        """AU13: REIN is 220, nothing of the login is left, and another may follow."""
        self.put("a", b"0123456789")
        self.codes("PASV", "RNFR a", "REST 5")
        self.assertEqual(self.codes("REIN", "PWD", "RNTO b", "RETR a"), [220, 530, 530, 530])
        self.assertTrue(self.client.last_port.closed)
        self.assertEqual(self.codes("USER alice", "PASS secret", "STAT"), [331, 230, 211])
        self.assertIn("TYPE: ASCII", self.texts("STAT"))

    def test_logout(self) -> None:
        """The account's logout is called once when its login ends, however that is."""
        for end in ("REIN", "USER bob", "QUIT"):
            client = self.server.connect("192.0.2.1")
            client.login()
            logouts: list[int] = []
            protocol: Any = client._protocol
            protocol.session.state.logout = lambda count=logouts: count.append(1)
            client.command(end)
            if not client.closed:
                client.lose()
            self.assertEqual(logouts, [1], end)

    def test_host(self) -> None:
        """HOST is accepted before USER, with one name, and refused behind it."""
        client = self.server.connect()
        self.assertEqual(
            codes(client.command("HOST ftp.example.com", "HOST a b", "HOST [2001:db8::1]")), [220, 220, 501, 220]
        )
        self.assertEqual(codes(client.command("USER alice", "HOST a")), [331, 503])
        self.assertEqual(codes(client.command("PASS secret", "HOST a")), [230, 503])

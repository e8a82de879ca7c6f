"""What a session may do now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.realm import Account
from ftpx.interfaces import IFreeSpace
from ftpx.server.arguments import NONE, PATH
from ftpx.server.gate import UNIMPLEMENTED, gate
from ftpx.server.session import Session
from ftpx.server.state import Login, SessionState
from ftpx.server.verb import Verb, verb
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.data import MemoryDataConnections
from ftpx.tls.policy import TlsPolicy
from ftpx.wire.commands import Command
from ftpx.wire.replies import Reply


def _verb(name: str, argument: Any = NONE, **record: Any) -> Verb:
    make: Callable[..., Verb] = verb(name, "959", argument, "Do it.", **record)

    async def run(session: Session, value: Any) -> Reply:
        return Reply(200, "Done.")

    return make(run)


_VERBS = {
    record.name: record
    for record in (
        _verb("HELLO", before_login=True),
        _verb("PASS", before_login=True),
        _verb("RNTO", PATH),
        _verb("FETCH", PATH, opens_data=True),
        _verb("ROOM", ability=IFreeSpace),
        _verb("PASV"),
        _verb("PROT"),
    )
}


class GateTests(SynchronousTestCase):
    """The order of the checks, and what each says."""

    def setUp(self) -> None:
        """Log somebody in."""
        self.state = SessionState(login=Login.DONE, account=Account("alice", False, MemoryStorage()), cwd=("d",))

    def code(self, verb: str, argument: str | None = None) -> int:
        """The reply to a command that does not get through."""
        reply = gate(_VERBS, self.state, Command(verb, argument))
        assert isinstance(reply, Reply)
        return reply.code

    def test_admitted(self) -> None:
        """A command gets through with its argument as a value."""
        self.state.data_port = MemoryDataConnections().listen("127.0.0.1", frozenset())
        self.assertEqual(gate(_VERBS, self.state, Command("FETCH", "a/b")), (_VERBS["FETCH"], ("d", "a", "b")))

    def test_unknown(self) -> None:
        """CP21: what RFCs know is not implemented, anything else is unknown."""
        self.assertEqual((self.code("XYZZY"), self.code("ADAT", "x")), (500, 502))
        self.assertTrue({"SMNT", "LPRT", "LPSV", "CONF", "ENC", "MIC"} <= UNIMPLEMENTED)

    def test_login(self) -> None:
        """AU10: before login only what is allowed then, whatever the argument."""
        for login in (Login.NONE, Login.USER_GIVEN):
            self.state.login = login
            self.assertEqual((self.code("FETCH"), self.code("HELLO", "x")), (530, 501))
            self.assertNotIsInstance(gate(_VERBS, self.state, Command("HELLO", None)), Reply)

    def test_sequence(self) -> None:
        """AU09: a command that stands behind another is refused without it."""
        self.assertEqual((self.code("PASS"), self.code("RNTO", "a")), (503, 503))
        self.state.rename_from = ("a",)
        self.assertNotIsInstance(gate(_VERBS, self.state, Command("RNTO", "b")), Reply)

    def test_argument(self) -> None:
        """CP20: an argument that is missing, superfluous or not of the form is 501."""
        self.assertEqual((self.code("FETCH"), self.code("HELLO", "x")), (501, 501))

    def test_ability(self) -> None:
        """What the storage cannot do is 502."""
        self.assertEqual(self.code("ROOM"), 502)
        self.state.account = Account("alice", False, MemoryStorage(limit=5))
        self.assertNotIsInstance(gate(_VERBS, self.state, Command("ROOM", None)), Reply)

    def test_data_port(self) -> None:
        """DC30: without a data port there is no transfer."""
        self.assertEqual(self.code("FETCH", "a"), 425)

    def test_protection(self) -> None:
        """TL10: where data must be protected there is no transfer without, whatever port was set up."""
        self.state.data_port = MemoryDataConnections().listen("127.0.0.1", frozenset())
        for policy, protected, refused in (
            (TlsPolicy.OPTIONAL, False, False),
            (TlsPolicy.LOGIN, False, False),
            (TlsPolicy.REQUIRED, True, False),
            (TlsPolicy.REQUIRED, False, True),
        ):
            self.state.protected = protected
            outcome = gate(_VERBS, self.state, Command("FETCH", "a"), policy)
            self.assertEqual(isinstance(outcome, Reply) and outcome.code == 521, refused, policy)
            self.assertNotIsInstance(gate(_VERBS, self.state, Command("PASV", None), policy), Reply)

    def test_protection_begins(self) -> None:
        """TL08: PROT stands behind PBSZ."""
        self.assertEqual(self.code("PROT"), 503)
        self.state.protection_begun = True
        self.assertNotIsInstance(gate(_VERBS, self.state, Command("PROT", None)), Reply)

    def test_epsv_all(self) -> None:
        """DC28: after EPSV ALL every other way to a data connection is refused, known or not."""
        self.state.epsv_all = True
        self.assertEqual({self.code(name) for name in ("PASV", "PORT", "EPRT", "LPRT", "LPSV")}, {503})

"""The records of verbs."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.trial.unittest import SynchronousTestCase

from ftpx.interfaces import IFreeSpace
from ftpx.server.arguments import NONE
from ftpx.server.session import Session
from ftpx.server.verb import DuringTransfer, Verb, verb
from ftpx.server.verbs import COMMANDS
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.server import ServerHarness
from ftpx.wire.replies import Reply


class VerbTests(SynchronousTestCase):
    """One record, and all of ours."""

    def features(self, record: Verb, limit: int | None = None, *, logged_in: bool = True) -> list[str]:
        """The lines of FEAT of a record in a session."""
        server = ServerHarness(MemoryStorage(limit))
        if logged_in:
            server.login()
        session: Any = server.client._protocol
        return list(record.features(session.session))

    def test_decorator(self) -> None:
        """A coroutine function becomes the record."""

        @verb("ROOM", "959", NONE, "Tell.", feature="ROOM", ability=IFreeSpace, secret=True)
        async def room(session: Session, nothing: None) -> Reply:
            """Tell."""
            return Reply(200)

        self.assertEqual((room.name, room.rfc, room.help, room.secret), ("ROOM", "959", "Tell.", True))
        self.assertEqual((room.during_transfer, room.abortable), (DuringTransfer.WAITS, False))

    def test_features(self) -> None:
        """A line of FEAT, none, or what a function says; and only where the storage has the ability."""
        plain = COMMANDS["SIZE"]
        self.assertEqual(self.features(plain), ["SIZE"])
        self.assertEqual(self.features(attrs.evolve(plain, feature=None)), [])
        self.assertEqual(self.features(attrs.evolve(plain, feature=lambda session: ["A", "B"])), ["A", "B"])
        able = attrs.evolve(plain, ability=IFreeSpace)
        self.assertEqual((self.features(able), self.features(able, 5)), ([], ["SIZE"]))
        self.assertEqual(self.features(able, logged_in=False), ["SIZE"])

    def test_every_record(self) -> None:
        """Every verb has a short name, an RFC, draft or none, a help in a sentence, a docstring."""
        for name, record in COMMANDS.items():
            self.assertEqual(name, record.name)
            self.assertRegex(name, r"\A[A-Z]{3,4}\Z|\A(X[A-Z]+|MD)[0-9]+\Z")
            self.assertRegex(record.rfc, r"\A([0-9]+|draft-[a-z0-9-]+|none)\Z")
            self.assertRegex(record.help, r"\A[A-Z].*\.\Z")
            self.assertTrue(record.run.__doc__, name)

    def test_all_there(self) -> None:
        """Every command that a server must have has a record."""
        wanted = (
            "USER PASS ACCT REIN QUIT CWD CDUP PWD XCWD XCUP XPWD XMKD XRMD MKD RMD DELE RNFR RNTO PORT PASV EPRT EPSV "
            "TYPE STRU MODE RETR STOR STOU APPE REST ALLO ABOR LIST NLST STAT HELP NOOP SYST FEAT OPTS LANG HOST SIZE "
            "MDTM MLST MLSD MFMT MFCT MFF AVBL RANG SITE AUTH PBSZ PROT CCC CLNT HASH MD5 "
            "XCRC XMD5 XSHA1 XSHA256 XSHA512"
        )
        self.assertEqual(set(wanted.split()) - COMMANDS.keys(), set())

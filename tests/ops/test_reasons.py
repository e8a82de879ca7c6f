"""Why transfers failed."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from ftpx import errors
from ftpx.ops.reasons import ABORTED, REASONS, SERVER_ERROR, SESSION_ENDED, reason_of
from tests.qa.sources import PROJECT


class ReasonTests(SynchronousTestCase):
    """The table."""

    def test_examples(self) -> None:
        """An error has its own reason, or that of what it is a kind of."""
        for error, reason in (
            (errors.DataConnectionAborted(), "aborted"),
            (errors.DataConnectionLost(), "connection lost"),
            (errors.DataConnectionTruncated(), "not complete"),
            (errors.DataConnectionStalled(), "stalled"),
            (errors.NoFreePort(), "not opened"),
            (errors.DataConnectionNotResumed(), "not secured"),
            (errors.NoSpace(), "storage full"),
            (errors.QuotaExceeded(), "quota exceeded"),
            (errors.DigestMismatch(), "digest mismatch"),
            (errors.FileReplaced(), "file changed"),
            (errors.StorageFailure(), "storage failed"),
            (errors.StorageUnavailable(), "storage busy"),
            (errors.OutcomeUnknown(), "outcome unknown"),
            (errors.AlreadyExists(), "storage failed"),
            (errors.ArgumentError(), "failed"),
        ):
            self.assertEqual(reason_of(error)[0], reason, repr(error))

    def test_every_error(self) -> None:
        """Each error of the domain has a short reason, and a text of one line."""
        for name in errors.__all__:
            reason, text = reason_of(getattr(errors, name)())
            self.assertRegex(reason, re.compile(r"\A[a-z]+( [a-z]+)?\Z"), name)
            self.assertNotEqual(reason, SERVER_ERROR, name)
            self.assertRegex(text, re.compile(r"\A[A-Z][^\n]+[.;:]\Z|\A[A-Z][^\n]+\Z"), name)

    def test_text(self) -> None:
        """What an error of ours says is told; of others the class alone."""
        self.assertEqual(reason_of(errors.NoSpace("no room for that")), ("storage full", "no room for that"))
        self.assertEqual(reason_of(OSError(28, "No space left", "/srv/secret")), (SERVER_ERROR, "OSError"))
        self.assertEqual(reason_of(GeneratorExit()), (SERVER_ERROR, "GeneratorExit"))

    def test_documented(self) -> None:
        """The page for operators tells each of them."""
        page = (PROJECT / "docs/operators/events.md").read_text(encoding="utf-8")
        for reason in {*REASONS.values(), ABORTED, SESSION_ENDED, SERVER_ERROR}:
            self.assertRegex(page, re.compile(rf"^\|.*`{reason}`.*\|$", re.MULTILINE))

    def test_table(self) -> None:
        """The table holds errors of the domain only."""
        self.assertEqual([kind for kind in REASONS if not issubclass(kind, errors.FtpxError)], [])

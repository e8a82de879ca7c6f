"""Errors as replies."""

from __future__ import annotations

import inspect

from twisted.trial.unittest import SynchronousTestCase

from ftpx import errors
from ftpx.server.outcome import REPLIES, reply_for
from ftpx.wire.hostport import ProtocolNotSupported


class OutcomeTests(SynchronousTestCase):
    """The table and its use."""

    def test_every_error_has_a_reply(self) -> None:
        """No error of the domain is answered with anything but a refusal, and storage errors with their own."""
        for _, kind in inspect.getmembers(errors, inspect.isclass):
            if issubclass(kind, errors.FtpxError):
                self.assertGreaterEqual(reply_for(kind()).code, 400, kind)
                if issubclass(kind, errors.StorageError | errors.DataConnectionNotOpened):
                    self.assertIn(kind, REPLIES)

    def test_codes(self) -> None:
        """RS06: what clients tell apart has codes of its own."""
        for kind, code in (
            (errors.ArgumentError, 501),
            (errors.NotFound, 550),
            (errors.PermissionDenied, 550),
            (errors.NoSpace, 452),
            (errors.QuotaExceeded, 552),
            (errors.NameRefused, 553),
            (errors.OffsetBeyondEnd, 554),
            (errors.StorageFailure, 451),
            (errors.StorageUnavailable, 450),
            (errors.OutcomeUnknown, 451),
            (errors.DataConnectionNotOpened, 425),
            (errors.NoFreePort, 425),
            (errors.DataConnectionLost, 426),
            (errors.DataConnectionStalled, 426),
            (errors.DataConnectionAborted, 426),
            (ProtocolNotSupported, 522),
        ):
            self.assertEqual(reply_for(kind()).code, code, kind)

    def test_same_text(self) -> None:
        """IL02: missing and forbidden cannot be told apart, and no text of an error gets out."""
        self.assertEqual(reply_for(errors.NotFound("/srv/real/a")), reply_for(errors.PermissionDenied("/srv/real/a")))

    def test_argument_error_text(self) -> None:
        """What an argument should have been is told, in the error's words if it has any."""
        self.assertEqual(reply_for(errors.ArgumentError("A number is wanted.")).lines, ("A number is wanted.",))
        self.assertTrue(reply_for(errors.ArgumentError()).lines[0])

    def test_unknown_errors(self) -> None:
        """An error of a plugin is answered as its nearest kin, or 451."""

        class Late(errors.StorageUnavailable):
            """An error that the table does not know."""

        class Strange(errors.FtpxError):
            """An error with no kin in the table."""

        self.assertEqual(reply_for(Late()), reply_for(errors.StorageUnavailable()))
        self.assertEqual(reply_for(Strange()).code, 451)

"""What an upload must be to be published."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.expectation import Expectation, parse_expectation, verify
from ftpx.errors import ArgumentError, DigestMismatch

MD5, CRC = Algorithm.MD5, Algorithm.CRC32
HEX = "900150983cd24fb0d6963f7d28e17f72"


class ParseTests(SynchronousTestCase):
    """The argument of SITE EXPECT."""

    def test_digest(self) -> None:
        """A digest of any algorithm, in either case."""
        self.assertEqual(parse_expectation(f"md5 {HEX.upper()}"), Expectation(digests={MD5: HEX}))
        self.assertEqual(parse_expectation("CRC-32 352441c2"), Expectation(digests={CRC: "352441c2"}))

    def test_size(self) -> None:
        """A size in octets."""
        self.assertEqual(parse_expectation("size 0"), Expectation(size=0))

    def test_neither(self) -> None:
        """Everything else is an error of the argument."""
        for argument in ("", "MD5", "MD5 ", f"MD5  {HEX}", f"MD5 {HEX}0", f"MD5 {HEX[:-1]}g", f"SHA-256 {HEX}"):
            self.assertRaises(ArgumentError, parse_expectation, argument)
        for argument in ("SIZE", "SIZE -1", "SIZE 1e3", "SIZE 9223372036854775808", "SIZE  1", f"TIGER {HEX}", HEX):
            self.assertRaises(ArgumentError, parse_expectation, argument)

    def test_length_is_told(self) -> None:
        """The error says how long it must be."""
        error = self.assertRaises(ArgumentError, parse_expectation, "MD5 00")
        self.assertEqual(str(error), "MD5 has 32 hexadecimal digits.")

    def test_text(self) -> None:
        """It reads well in a reply."""
        self.assertEqual(str(Expectation(3, {CRC: "352441c2"})), "CRC32 352441c2 and 3 octets")


class VerifyTests(SynchronousTestCase):
    """What came, compared with what was announced."""

    def setUp(self) -> None:
        self.asked: list[Algorithm] = []

    def digest_of(self, algorithm: Algorithm) -> Awaitable[str]:
        self.asked.append(algorithm)
        digest: Deferred[str] = Deferred()
        digest.callback({MD5: HEX, CRC: "352441c2"}[algorithm])
        return digest

    def verified(self, expectation: Expectation, size: int = 3) -> Deferred[None]:
        return Deferred.fromCoroutine(verify(expectation, size, self.digest_of))

    def test_nothing_expected(self) -> None:
        """Then no digest is asked for."""
        self.successResultOf(self.verified(Expectation()))
        self.assertEqual(self.asked, [])

    def test_met(self) -> None:
        """Size and every digest are compared."""
        self.successResultOf(self.verified(Expectation(3, {MD5: HEX, CRC: "352441c2"})))
        self.assertEqual(self.asked, [MD5, CRC])

    def test_wrong_digest(self) -> None:
        """The text tells both values."""
        failure = self.failureResultOf(self.verified(Expectation(None, {CRC: "00000000"})), DigestMismatch)
        self.assertEqual(str(failure.value), "Nothing was stored: expected CRC32 00000000, got 352441c2.")

    def test_wrong_size(self) -> None:
        """It is told without any digest being asked for."""
        failure = self.failureResultOf(self.verified(Expectation(4, {MD5: HEX})), DigestMismatch)
        self.assertEqual(str(failure.value), "Nothing was stored: expected 4 octets, got 3.")
        self.assertEqual(self.asked, [])

    def test_with_digests(self) -> None:
        """What is announced in two ways must be the same."""
        announced = Expectation(3, {MD5: HEX})
        self.assertEqual(announced.with_digests({CRC: "352441c2"}), Expectation(3, {MD5: HEX, CRC: "352441c2"}))
        self.assertEqual(announced.with_digests({MD5: HEX}), announced)
        self.assertRaises(DigestMismatch, announced.with_digests, {MD5: HEX[::-1]})

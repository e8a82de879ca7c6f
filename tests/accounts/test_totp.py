"""One-time passwords."""

from __future__ import annotations

from base64 import b32encode

from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.totp import check_secret, matching_step, new_secret, provisioning_uri, split_code
from ftpx.errors import ConfigurationError

_SECRET = b32encode(b"12345678901234567890").decode()
# RFC 6238 appendix B, the last six digits.
_VECTORS = (
    (59, b"287082"),
    (1111111109, b"081804"),
    (1111111111, b"050471"),
    (1234567890, b"005924"),
    (2000000000, b"279037"),
    (20000000000, b"353130"),
)


class TotpTests(SynchronousTestCase):
    """RFC 6238."""

    def test_vectors(self) -> None:
        """The RFC's one-time passwords are right in their step, and in the one before and behind."""
        for now, code in _VECTORS:
            for beside in (-30, 0, 30):
                self.assertEqual(matching_step(_SECRET, code, now + beside), now // 30)
            for beside in (-60, 60, 3000):
                self.assertIsNone(matching_step(_SECRET, code, now + beside))

    def test_wrong(self) -> None:
        """Anything else is no one-time password, and neither is one of a secret that is damaged."""
        for code in (b"", b"287083", b"28708", b"2870820", "\u0662".encode() * 6, b"\xff" * 6):
            self.assertIsNone(matching_step(_SECRET, code, 59))
        for secret in ("", "1", "\u00e9", "not base 32!"):
            self.assertIsNone(matching_step(secret, b"", 59))
            self.assertIsNone(matching_step(secret, b"287083", 59))

    def test_split(self) -> None:
        """Six digits at the end are the one-time password."""
        for shown, parts in (
            (b"secret123456", (b"secret", b"123456")),
            (b"123456", (b"", b"123456")),
            (b"secret12345", (b"secret12345", b"")),
            (b"secret12345\n", (b"secret12345\n", b"")),
            (b"", (b"", b"")),
            ("secret\u0661\u0661\u0661".encode(), ("secret\u0661\u0661\u0661".encode(), b"")),
        ):
            self.assertEqual(split_code(shown), parts)

    def test_secrets(self) -> None:
        """Secrets are taken as people write them, and no short ones."""
        spelled = " ".join(_SECRET.lower()[start : start + 4] for start in range(0, 32, 4))
        self.assertEqual(check_secret(spelled + "======"), _SECRET)
        for text in ("", "GEZDGNBV", "not base 32!", "\u00e9" * 32, "1" * 32):
            error = self.assertRaises(ConfigurationError, check_secret, text)
            if text:
                self.assertNotIn(text, str(error))

    def test_new(self) -> None:
        """A new secret is a good one, and another each time."""
        first, second = new_secret(), new_secret()
        self.assertEqual((check_secret(first), check_secret(second)), (first, second))
        self.assertNotEqual(first, second)

    def test_uri(self) -> None:
        """The URI holds the name, escaped, and the secret."""
        uri = provisioning_uri(_SECRET, "ren\u00e9 b")
        self.assertTrue(uri.startswith("otpauth://totp/ftpx:ren%C3%A9%20b?"))
        self.assertIn(_SECRET, uri)

"""One-time passwords by RFC 6238: six digits that stand behind the password."""

from __future__ import annotations

import binascii
import hmac
import re
from typing import Final

import pyotp

from ftpx.errors import ConfigurationError

__all__ = ["DIGITS", "check_secret", "matching_step", "new_secret", "provisioning_uri", "split_code"]

DIGITS: Final = 6
"""Digits of a one-time password."""

_STEP: Final = 30
# The step before and the one after, too: clocks differ, and people need time to type.
_WINDOW: Final = (-1, 0, 1)
_CODE = re.compile(rb"[0-9]{6}")
_ISSUER: Final = "ftpx"
# RFC 4226 wants 128 bits.
_LEAST_OCTETS: Final = 16


def new_secret() -> str:
    """A secret, in base 32."""
    return pyotp.random_base32()


def check_secret(text: str) -> str:
    """
    A secret as it is kept, from how people write it: in groups, in small letters, with or without ``=`` at the end.

    :raises ConfigurationError: it is none. The text of the error does not hold it.
    """
    secret = re.sub("[ -]", "", text).rstrip("=").upper()
    try:
        octets = pyotp.TOTP(secret).byte_secret()
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) < _LEAST_OCTETS:
        raise ConfigurationError(
            f"That is no secret of one-time passwords: at least {_LEAST_OCTETS} octets in base 32."
        )
    return secret


def provisioning_uri(secret: str, name: str) -> str:
    """What applications for one-time passwords take, as text or as a picture of it."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def split_code(shown: bytes) -> tuple[bytes, bytes]:
    """The password and the one-time password of what a user has shown; no such digits: all of it is the password."""
    password, code = shown[:-DIGITS], shown[-DIGITS:]
    return (password, code) if _CODE.fullmatch(code) else (shown, b"")


def matching_step(secret: str, code: bytes, now: float) -> int | None:
    """
    The time step whose one-time password this is: that of ``now`` (in seconds since the epoch), or one beside it.

    It takes the same work if it is none. A secret that is damaged has no one-time passwords.
    """
    # Before the epoch there is none.
    steps = [step for beside in _WINDOW if (step := int(now) // _STEP + beside) >= 0]
    try:
        codes = [pyotp.TOTP(secret).generate_otp(step) for step in steps]
    except (binascii.Error, ValueError):
        return None
    matching = [step for step, right in zip(steps, codes, strict=True) if hmac.compare_digest(right.encode(), code)]
    return max(matching, default=None)

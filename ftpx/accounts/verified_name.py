"""A name that a password has proved, so that the end of a login knows what its beginning has seen."""

from __future__ import annotations

from typing import Self

from ftpx.accounts.profile import Profile

__all__ = ["VerifiedName"]


class VerifiedName(bytes):
    """
    A user's name as a checker tells it.

    ``profile`` is that of the user when the password was looked up, and ``revision`` the number that the accounts had
    then: as long as it is the same, so is the profile.
    """

    profile: Profile
    revision: int

    @classmethod
    def of(cls, name: bytes, profile: Profile, revision: int) -> Self:
        """A name with what was seen."""
        verified = cls(name)
        verified.profile, verified.revision = profile, revision
        return verified

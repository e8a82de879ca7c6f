"""Why somebody with the right password is not let in."""

from __future__ import annotations

from twisted.cred.error import LoginDenied

__all__ = ["LoginNeedsTls", "LoginRefused", "TooManySessions"]


class LoginRefused(LoginDenied):
    """
    A rule stands against the login. To the client it reads as a wrong password.

    :param reason: the rule, for the operators only.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LoginNeedsTls(LoginRefused):
    """The account is not to be used in clear, and the client may be told so."""


class TooManySessions(LoginRefused):
    """
    The account has as many sessions as it may have, or has logged in too often.

    :param text: for the client.
    :param reason: for the operators.
    """

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(reason)
        self.text = text

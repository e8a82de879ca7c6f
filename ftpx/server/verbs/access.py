"""Who is there: USER, PASS, ACCT, REIN, QUIT (RFC 959) and HOST (RFC 7151)."""

from __future__ import annotations

from typing import cast

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import Portal
from twisted.logger import Logger

from ftpx.errors import ArgumentError, StorageError
from ftpx.interfaces import IAccount
from ftpx.server.arguments import NONE, text
from ftpx.server.session import Session
from ftpx.server.state import Login
from ftpx.server.verb import DuringTransfer, verb
from ftpx.wire.commands import encode
from ftpx.wire.replies import Reply, printable

__all__ = ["VERBS"]

_ANONYMOUS_NAMES = frozenset({"anonymous", "ftp"})
_PASSWORD_WANTED = Reply(331, "Send the password with PASS.")
_LOGGED_IN = Reply(230, "Logged in.")
_GOODBYE = Reply(221, "Goodbye.")
_REFUSED = Reply(530, "Login incorrect.")
_CLOSED_OUT = Reply(421, "Too many failed logins; closing.")

_log = Logger()


@verb("USER", "959", text("name"), "Say who you are; PASS follows.", before_login=True)
def user(session: Session, name: str) -> Reply:
    """Begin a login. A second USER ends the login there was, with all its rights."""
    session.state = session.state.reset(keep_parameters=True)
    session.state.login, session.state.user = Login.USER_GIVEN, name
    return _PASSWORD_WANTED


@verb("PASS", "959", text("password"), "Prove who you are.", before_login=True, secret=True)
async def password(session: Session, secret: str) -> Reply:
    """Log in. Every failure reads the same, and is answered the later the more there were."""
    state, portal = session.state, session.services.portal
    delay, journal = session.services.delay, session.services.journal
    client = session.control.client
    state.login = Login.NONE
    try:
        _, account, logout = await portal.login(_credentials(portal, state.user, secret), None, IAccount)
    except LoginFailed:
        journal.info("login of {user} from {client} refused", user=printable(state.user), client=client)
        return await _refuse(session, delay.failed(client))
    except StorageError as error:
        _log.error("login of {user} failed: {error!r}", user=printable(state.user), error=error)
        return Reply(530, "Nobody can log in now; try again later.")
    avatar = cast(IAccount, account)
    if not avatar.anonymous:
        delay.succeeded(client)
    state.login, state.account, state.logout, state.failures = Login.DONE, avatar, logout, 0
    journal.info("{user} logged in from {client}", user=printable(avatar.name), client=client)
    return _LOGGED_IN


def _credentials(portal: Portal, name: str, secret: str) -> ICredentials:
    if name.lower() in _ANONYMOUS_NAMES and IAnonymous in portal.listCredentialsInterfaces():
        return Anonymous()
    return UsernamePassword(encode(name), encode(secret))


async def _refuse(session: Session, seconds: float) -> Reply:
    await session.sleep(seconds)
    session.state.failures += 1
    if session.state.failures >= session.policy.login_attempts:
        session.control.finish(_CLOSED_OUT)
    return _REFUSED


@verb("ACCT", "959", text("account"), "Not needed here.", secret=True)
def account(session: Session, name: str) -> Reply:
    """Accounts in RFC 959's sense are not used."""
    return Reply(202, "No account is needed.")


@verb("REIN", "959", NONE, "Log out and begin again.", before_login=True)
def reinitialize(session: Session, nothing: None) -> Reply:
    """Forget everything but the connection."""
    session.state = session.state.reset(keep_parameters=False)
    return Reply(220, "Ready for a new user.")


@verb("QUIT", "959", NONE, "Say goodbye.", before_login=True, during_transfer=DuringTransfer.ACTS)
def quit_(session: Session, nothing: None) -> Reply:
    """Close, after the transfer under way if there is one."""
    session.control.finish()
    return _GOODBYE


@verb("HOST", "7151", text("name"), "Say by which name you know this server.", before_login=True, feature="HOST")
def host(session: Session, name: str) -> Reply:
    """Every name is served alike."""
    if session.state.login is not Login.NONE:
        return Reply(503, "HOST comes before USER.")
    if " " in name:
        raise ArgumentError("A host name has no spaces.")
    return Reply(220, "Host accepted.")


VERBS = (user, password, account, reinitialize, quit_, host)

"""Who is there: USER, PASS, ACCT, REIN, QUIT (RFC 959) and HOST (RFC 7151)."""

from __future__ import annotations

from typing import cast

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import Portal
from twisted.logger import Logger

from ftpx.accounts.certificate import CertifiedName
from ftpx.errors import ArgumentError, StorageError
from ftpx.interfaces import IAccount
from ftpx.server.arguments import NONE, text
from ftpx.server.session import Session
from ftpx.server.state import Login
from ftpx.server.verb import DuringTransfer, Outcome, verb
from ftpx.tls.policy import ClientCertificates, TlsPolicy
from ftpx.wire.commands import encode
from ftpx.wire.replies import Reply, printable

__all__ = ["VERBS"]

_ANONYMOUS_NAMES = frozenset({"anonymous", "ftp"})
_PASSWORD_WANTED = Reply(331, "Send the password with PASS.")
_LOGGED_IN = Reply(230, "Logged in.")
_AUTHORIZED = Reply(232, "Logged in by your certificate.")
_TLS_FIRST = Reply(530, "Logins go over TLS here: send AUTH TLS first.")
_GOODBYE = Reply(221, "Goodbye.")
_REFUSED = Reply(530, "Login incorrect.")
_CLOSED_OUT = Reply(421, "Too many failed logins; closing.")

_log = Logger()


@verb("USER", "959", text("name"), "Say who you are; PASS follows.", before_login=True)
def user(session: Session, name: str) -> Outcome:
    """Begin a login. A second USER ends the login there was, with all its rights."""
    if session.policy.tls_policy is not TlsPolicy.OPTIONAL and not session.control.secured:
        return _TLS_FIRST
    session.state = session.state.reset(keep_parameters=True)
    session.state.login, session.state.user = Login.USER_GIVEN, name
    tls = session.services.tls
    if tls is not None and tls.rules.client_certificates is ClientCertificates.LOGIN and session.control.secured:
        return _log_in_by_certificate(session, name)
    return _PASSWORD_WANTED


async def _log_in_by_certificate(session: Session, name: str) -> Reply:
    """The certificate is the login, for its own name and no other."""
    if name != session.control.certified_name():
        session.state.login = Login.NONE
        session.services.journal.info(
            "login of {user} from {client} refused: the certificate has another name",
            user=printable(name),
            client=session.control.client,
        )
        return await _refuse(session, session.services.delay.failed(session.control.client))
    return await _log_in(session, CertifiedName(encode(name)), _AUTHORIZED)


@verb("PASS", "959", text("password"), "Prove who you are.", before_login=True, secret=True)
async def password(session: Session, secret: str) -> Reply:
    """Log in. Every failure reads the same, and is answered the later the more there were."""
    return await _log_in(session, _credentials(session.services.portal, session.state.user, secret), _LOGGED_IN)


async def _log_in(session: Session, credentials: ICredentials, welcome: Reply) -> Reply:
    state, portal = session.state, session.services.portal
    delay, journal = session.services.delay, session.services.journal
    client = session.control.client
    state.login = Login.NONE
    try:
        _, account, logout = await portal.login(credentials, None, IAccount)
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
    return welcome


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
    """Forget everything but the connection; TLS that the client has asked for ends too (RFC 4217)."""
    session.state = session.state.reset(keep_parameters=False)
    if session.control.implicit:
        session.state.protect()
    else:
        session.tls = None
        if session.control.secured:
            session.control.end_tls()
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

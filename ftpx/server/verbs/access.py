"""Who is there: USER, PASS, ACCT, REIN, QUIT (RFC 959) and HOST (RFC 7151)."""

from __future__ import annotations

from typing import cast

from twisted.cred.credentials import Anonymous, IAnonymous, ICredentials, UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.cred.portal import Portal
from twisted.logger import Logger

from ftpx.accounts.certificate import CertifiedName
from ftpx.accounts.refusals import LoginNeedsTls, LoginRefused, TooManySessions
from ftpx.errors import ArgumentError, StorageError
from ftpx.interfaces import IAccount
from ftpx.server.arguments import NONE, text
from ftpx.server.client import Client
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
_TLS_FOR_THIS_ACCOUNT = Reply(530, "This account needs TLS: send AUTH TLS first.")
_TRY_LATER = Reply(530, "Nobody can log in now; try again later.")

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
        return await _refuse(session, "the certificate has another name", session.services.clock.seconds())
    return await _log_in(session, CertifiedName(encode(name)), _AUTHORIZED)


@verb("PASS", "959", text("password"), "Prove who you are.", before_login=True, secret=True)
async def password(session: Session, secret: str) -> Reply:
    """Log in. Every failure reads the same, and is answered the later the more there were."""
    return await _log_in(session, _credentials(session.services.portal, session.state.user, secret), _LOGGED_IN)


async def _log_in(session: Session, credentials: ICredentials, welcome: Reply) -> Reply:
    state, services, client = session.state, session.services, session.control.client
    state.login = Login.NONE
    begun = services.clock.seconds()
    if services.bans.refuses_login(client, state.user):
        return await _log_in_nobody(session, begun)
    try:
        _, account, logout = await services.portal.login(credentials, Client(session.control), IAccount)
    except TooManySessions as error:
        _note_refusal(session, error.reason)
        session.control.finish()
        return Reply(421, error.text)
    except LoginNeedsTls as error:
        _note_refusal(session, error.reason)
        return _TLS_FOR_THIS_ACCOUNT
    except LoginFailed as error:
        return await _refuse(session, error.reason if isinstance(error, LoginRefused) else None, begun)
    except StorageError as error:
        return _failed(session, error)
    avatar = cast(IAccount, account)
    if not avatar.anonymous:
        services.delay.succeeded(client)
    state.login, state.account, state.logout, state.failures = Login.DONE, avatar, logout, 0
    services.journal.info("{user} logged in from {client}", user=printable(avatar.name), client=client)
    return welcome


async def _log_in_nobody(session: Session, begun: float) -> Reply:
    """Refuse who is banned, with the work that it takes to refuse anybody."""
    # Another name, too: a directory that locks accounts must not be told of tries that nobody has looked at.
    nobody = UsernamePassword(encode(session.services.token()), encode(f"\0{session.services.token()}"))
    try:
        _, _, logout = await session.services.portal.login(nobody, Client(session.control), IAccount)
    except LoginFailed:
        pass
    except StorageError as error:
        return _failed(session, error)
    else:
        # A plugin that takes any password.
        logout()
    # No failure that would make the ban longer: who waits for its end may try meanwhile.
    return await _refuse(session, "banned", begun, counts=False)


def _failed(session: Session, error: StorageError) -> Reply:
    _log.error("login of {user} failed: {error!r}", user=printable(session.state.user), error=error)
    return _TRY_LATER


def _credentials(portal: Portal, name: str, secret: str) -> ICredentials:
    if name.lower() in _ANONYMOUS_NAMES and IAnonymous in portal.listCredentialsInterfaces():
        return Anonymous()
    return UsernamePassword(encode(name), encode(secret))


async def _refuse(session: Session, reason: str | None, begun: float, *, counts: bool = True) -> Reply:
    """
    Answer as every failed login is answered, whatever the reason.

    :param begun: when the login came. What it took to look at it is a part of the wait, so that it does not show.
    :param counts: whether it is a failure that leads to bans.
    """
    services, client = session.services, session.control.client
    _note_refusal(session, reason)
    if counts:
        services.bans.failed(client, session.state.user)
    await session.sleep(max(0.0, services.delay.failed(client) - (services.clock.seconds() - begun)))
    session.state.failures += 1
    if session.state.failures >= session.policy.login_attempts:
        session.control.finish(_CLOSED_OUT)
    return _REFUSED


def _note_refusal(session: Session, reason: str | None) -> None:
    user, client = printable(session.state.user), session.control.client
    if reason is None:
        session.services.journal.info("login of {user} from {client} refused", user=user, client=client)
    else:
        session.services.journal.info(
            "login of {user} from {client} refused: {reason}", user=user, client=client, reason=printable(reason)
        )


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

"""TLS for the control connection and data connections: AUTH, PBSZ, PROT, CCC (RFC 2228, RFC 4217)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ftpx.errors import ArgumentError
from ftpx.server.arguments import NONE, ArgumentRule, text
from ftpx.server.session import Session
from ftpx.server.verb import Features, verb
from ftpx.tls.policy import TlsPolicy
from ftpx.wire.numbers import parse_number
from ftpx.wire.replies import Reply

__all__ = ["VERBS"]

# The mechanisms, and whether data connections are protected at once: the last two are of drafts before RFC 4217.
_MECHANISMS: Mapping[str, bool] = {"TLS": False, "TLS-C": False, "SSL": True, "TLS-P": True}
_LARGEST_BUFFER = 2**32 - 1
_NOT_SUPPORTED = Reply(536, "TLS has levels C and P only.")

_NO_TLS = Reply(502, "This server has no certificate, so there is no TLS.")
_PROCEED = Reply(234, "Begin the TLS handshake.")
_ALREADY = Reply(503, "The control connection has TLS already.")
_UNKNOWN_MECHANISM = Reply(504, "Only AUTH TLS is known here.")
_AUTH_FIRST = Reply(503, "Send AUTH TLS first.")
_BUFFER = Reply(200, "PBSZ=0")
_UNKNOWN_LEVEL = Reply(504, "The level is C or P.")
_MUST_PROTECT = Reply(534, "Data connections are to be protected here; use PROT P.")
_NO_TLS_TO_END = Reply(533, "The control connection has no TLS.")
_NOT_ALLOWED = Reply(533, "The control connection stays under TLS.")
_CLEARED = Reply(200, "The control connection goes on in clear.")


def _if_tls(line: str) -> Features:
    """A feature of servers that have a certificate."""

    def lines(session: Session) -> Iterable[str]:
        return () if session.services.tls is None else (line,)

    return lines


def _ccc(session: Session) -> Iterable[str]:
    return ("CCC",) if session.services.tls is not None and session.policy.allow_ccc else ()


@verb("AUTH", "4217", text("TLS"), "Secure the control connection.", before_login=True, feature=_if_tls("AUTH TLS"))
def authenticate(session: Session, mechanism: str) -> Reply:
    """Begin TLS behind the reply. A login that there was ends with everything that was set up in clear."""
    server = session.services.tls
    if server is None:
        return _NO_TLS
    if session.control.secured:
        return _ALREADY
    protects = _MECHANISMS.get(mechanism.upper())
    if protects is None:
        return _UNKNOWN_MECHANISM
    session.state = session.state.reset(keep_parameters=False)
    if protects:
        session.state.protect()
    session.tls = server.session()
    session.control.begin_tls(session.tls.control())
    return _PROCEED


def _account_requires_tls(session: Session) -> bool:
    return session.state.account is not None and session.state.account.requires_tls


def _buffer_size(argument: str | None, cwd: object) -> int:
    size = parse_number(argument or "")
    if size > _LARGEST_BUFFER:
        raise ArgumentError("The buffer size has 32 bits.")
    return size


_BUFFER_SIZE = ArgumentRule("0", _buffer_size)


@verb("PBSZ", "4217", _BUFFER_SIZE, "Say how large protected blocks are.", before_login=True, feature=_if_tls("PBSZ"))
def buffer_size(session: Session, size: int) -> Reply:
    """TLS has blocks of its own, so whatever the client wants, the answer is 0."""
    if session.services.tls is None:
        return _NO_TLS
    if session.tls is None:
        return _AUTH_FIRST
    session.state.protection_begun = True
    return _BUFFER


@verb("PROT", "4217", text("P|C"), "Protect data connections, or not.", before_login=True, feature=_if_tls("PROT"))
def protection(session: Session, level: str) -> Reply:
    """Choose for the data connections to come; a port that was set up before is closed."""
    wanted = level.upper()
    if wanted in {"S", "E"}:
        return _NOT_SUPPORTED
    if wanted not in {"C", "P"}:
        return _UNKNOWN_LEVEL
    if wanted == "C" and (session.policy.tls_policy is TlsPolicy.REQUIRED or _account_requires_tls(session)):
        return _MUST_PROTECT
    session.state.set_data_port(None)
    session.state.protected = wanted == "P"
    return Reply(200, f"Data connections are {'protected' if session.state.protected else 'clear'}.")


@verb("CCC", "4217", NONE, "Give up the TLS of the control connection.", feature=_ccc)
def clear_command_channel(session: Session, nothing: None) -> Reply:
    """Go on in clear, for firewalls that read along; data connections stay as they are."""
    if not session.control.secured:
        return _NO_TLS_TO_END
    if not session.policy.allow_ccc or _account_requires_tls(session):
        return _NOT_ALLOWED
    session.control.end_tls()
    return _CLEARED


VERBS = (authenticate, buffer_size, protection, clear_command_channel)

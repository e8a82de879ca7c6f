"""What a session may do now: from the verbs' records and the tables of sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ftpx.errors import ArgumentError
from ftpx.server.outcome import reply_for
from ftpx.server.state import SEQUENCE, SUPERSEDED_BY_EPSV_ALL, Login, SessionState
from ftpx.server.verb import Verb
from ftpx.tls.policy import TlsPolicy
from ftpx.wire.commands import Command
from ftpx.wire.replies import Reply

__all__ = ["UNIMPLEMENTED", "gate"]

# Commands of the RFCs that ftpx knows of and does not do; whatever is not even here is a 500.
UNIMPLEMENTED = frozenset({"SMNT", "LPRT", "LPSV", "ADAT", "CONF", "ENC", "MIC"})

_UNKNOWN = Reply(500, "Unknown command.")
_UNIMPLEMENTED = Reply(502, "Command not implemented.")
_LOGIN_FIRST = Reply(530, "Log in with USER and PASS first.")
_EPSV_ONLY = Reply(503, "Only EPSV is allowed after EPSV ALL.")
_NO_ABILITY = Reply(502, "This storage cannot do that.")
_NOT_PROTECTED = Reply(521, "Data connections must be protected here: send PBSZ 0 and PROT P.")
_NO_PORT = Reply(425, "Use EPSV, PASV, EPRT or PORT first.")


def _account_requires_tls(state: SessionState) -> bool:
    return state.account is not None and state.account.requires_tls


def gate(
    verbs: Mapping[str, Verb], state: SessionState, command: Command, tls: TlsPolicy = TlsPolicy.OPTIONAL
) -> tuple[Verb, Any] | Reply:
    """
    Let a command through, or say why not. What it admits has nothing left to check in the record.

    :return: the verb and the value of its argument; or the reply that refuses the command.
    """
    if state.epsv_all and command.verb in SUPERSEDED_BY_EPSV_ALL:
        return _EPSV_ONLY
    verb = verbs.get(command.verb)
    if verb is None:
        return _UNIMPLEMENTED if command.verb in UNIMPLEMENTED else _UNKNOWN
    if state.login is not Login.DONE and not verb.before_login:
        return _LOGIN_FIRST
    rule = SEQUENCE.get(verb.name)
    if rule is not None and not rule[0](state):
        return rule[1]
    try:
        value = verb.argument.parse(command.argument, state.cwd)
    except ArgumentError as error:
        return reply_for(error)
    if verb.ability is not None and state.account is not None and not verb.ability.providedBy(state.account.storage):
        return _NO_ABILITY
    if verb.opens_data and not state.protected and (tls is TlsPolicy.REQUIRED or _account_requires_tls(state)):
        return _NOT_PROTECTED
    if verb.opens_data and state.data_port is None:
        return _NO_PORT
    return verb, value

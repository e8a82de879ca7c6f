"""Where the data connection comes about: PORT, PASV (RFC 959), EPRT, EPSV (RFC 2428)."""

from __future__ import annotations

import re

from ftpx.data.addresses import normalised
from ftpx.errors import ArgumentError
from ftpx.server.arguments import NONE, ArgumentRule, text
from ftpx.server.foreign import LOWEST_PORT, may_be_foreign, objection
from ftpx.server.session import Session
from ftpx.server.state import Pending
from ftpx.server.verb import Outcome, verb
from ftpx.wire.hostport import format_epsv, format_port, parse_eprt, parse_port
from ftpx.wire.replies import Reply, printable

__all__ = ["VERBS"]

_IPV4, _IPV6 = 1, 2
_FAMILY = re.compile(r"(?:[0-9]{1,5}|ALL)?")

_NO_ACTIVE = Reply(502, "Active mode is off here; use EPSV or PASV.")
_NOT_BY_IPV4 = Reply(522, "You reached this server by IPv6; use EPSV.")
_NOT_YOURS = Reply(501, "The address must be your own and the port above 1023.")
_LOW_PORT = Reply(501, "The port must be above 1023.")
_ACTIVE = Reply(200, "The data connection will go there.")


def _wrong_family(session: Session) -> Reply:
    return Reply(522, f"Network protocol not supported, use ({session.control.addresses().family}).")


def _dial(session: Session, host: str, port: int) -> Outcome:
    """Take an address for active mode: the control peer's own (RFC 2577, section 3), of some users any other too."""
    addresses = session.control.addresses()
    if not session.policy.active:
        return _NO_ACTIVE
    host = normalised(host)
    if (_IPV6 if ":" in host else _IPV4) != addresses.family:
        return _wrong_family(session)
    if host not in addresses.peers and may_be_foreign(session.account, session.policy.fxp):
        return _dial_foreign(session, host, port)
    is_this_server = (host, port) == (addresses.local, addresses.port)
    if host not in addresses.peers or port < LOWEST_PORT or is_this_server:
        return _NOT_YOURS
    return _will_dial(session, host, port)


async def _dial_foreign(session: Session, host: str, port: int) -> Reply:
    if port < LOWEST_PORT:
        return _LOW_PORT
    addresses = session.control.addresses()
    told = await session.policy.passive_address(addresses.announced)
    why_not = objection(host, port, addresses, [told])
    if why_not is not None:
        return Reply(504, f"No data connection goes to that address: {why_not}.")
    session.services.journal.info(
        "the next data connection of {user} from {client} goes to {host}, port {port}",
        user=printable(session.account.name),
        client=session.control.client,
        host=host,
        port=port,
    )
    return _will_dial(session, host, port)


def _will_dial(session: Session, host: str, port: int) -> Reply:
    local = session.control.addresses().local
    session.state.set_data_port(session.services.data.dial(host, port, local, session.data_security()))
    return _ACTIVE


@verb("PORT", "959", text("h1,h2,h3,h4,p1,p2"), "Let the server connect to you.", keeps=Pending.RESTART)
def port(session: Session, argument: str) -> Outcome:
    """Active mode, IPv4."""
    return _dial(session, *parse_port(argument))


@verb(
    "EPRT",
    "2428",
    text("|family|address|port|"),
    "Let the server connect to you.",
    keeps=Pending.RESTART,
    feature=lambda session: ["EPRT"] if session.policy.active else [],
)
def extended_port(session: Session, argument: str) -> Outcome:
    """Active mode, IPv4 and IPv6."""
    return _dial(session, *parse_eprt(argument))


def _listen(session: Session) -> int:
    addresses = session.control.addresses()
    session.state.set_data_port(None)
    # Of two servers, the one that listens is connected to by the other.
    peers = None if may_be_foreign(session.account, session.policy.fxp) else addresses.peers
    listening = session.services.data.listen(addresses.local, peers, session.data_security())
    session.state.set_data_port(listening)
    return listening.port


@verb("PASV", "959", NONE, "Let the server listen for your data connection.", keeps=Pending.RESTART)
async def passive(session: Session, nothing: None) -> Reply:
    """Passive mode, IPv4."""
    addresses = session.control.addresses()
    if addresses.family != _IPV4:
        return _wrong_family(session)
    announced = await session.policy.passive_address(addresses.announced)
    if ":" in announced:
        return _NOT_BY_IPV4
    return Reply(227, f"Entering Passive Mode ({format_port(announced, _listen(session))}).")


def _epsv_family(argument: str | None, cwd: object) -> str:
    wanted = (argument or "").upper()
    if not _FAMILY.fullmatch(wanted):
        raise ArgumentError("EPSV takes nothing, a protocol number or ALL.")
    return wanted


_EPSV_ARGUMENT = ArgumentRule("[1|2|ALL]", _epsv_family)


@verb(
    "EPSV",
    "2428",
    _EPSV_ARGUMENT,
    "Let the server listen for your data connection.",
    keeps=Pending.RESTART,
    feature="EPSV",
)
def extended_passive(session: Session, family: str) -> Reply:
    """Passive mode, IPv4 and IPv6."""
    if family == "ALL":
        session.state.epsv_all = True
        return Reply(200, "Only EPSV from now on.")
    if family and int(family) != session.control.addresses().family:
        return _wrong_family(session)
    return Reply(229, f"Entering Extended Passive Mode ({format_epsv(_listen(session))}).")


VERBS = (port, passive, extended_port, extended_passive)

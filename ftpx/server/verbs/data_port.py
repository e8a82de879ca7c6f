"""Where the data connection comes about: PORT, PASV (RFC 959), EPRT, EPSV (RFC 2428)."""

from __future__ import annotations

import re

from ftpx.data.addresses import normalised
from ftpx.errors import ArgumentError
from ftpx.server.arguments import NONE, ArgumentRule, text
from ftpx.server.session import Session
from ftpx.server.state import Pending
from ftpx.server.verb import verb
from ftpx.wire.hostport import format_epsv, format_port, parse_eprt, parse_port
from ftpx.wire.replies import Reply

__all__ = ["VERBS"]

_IPV4, _IPV6 = 1, 2
_LOWEST_PORT = 1024
_FAMILY = re.compile(r"(?:[0-9]{1,5}|ALL)?")

_NO_ACTIVE = Reply(502, "Active mode is off here; use EPSV or PASV.")
_NOT_BY_IPV4 = Reply(522, "You reached this server by IPv6; use EPSV.")
_NOT_YOURS = Reply(501, "The address must be your own and the port above 1023.")


def _wrong_family(session: Session) -> Reply:
    return Reply(522, f"Network protocol not supported, use ({session.control.addresses().family}).")


def _dial(session: Session, host: str, port: int) -> Reply:
    """Take an address for active mode, if it is the control peer's own (RFC 2577, section 3)."""
    addresses = session.control.addresses()
    if not session.policy.active:
        return _NO_ACTIVE
    host = normalised(host)
    if (_IPV6 if ":" in host else _IPV4) != addresses.family:
        return _wrong_family(session)
    is_this_server = (host, port) == (addresses.local, addresses.port)
    if host not in addresses.peers or port < _LOWEST_PORT or is_this_server:
        return _NOT_YOURS
    session.state.set_data_port(session.services.data.dial(host, port, addresses.local, session.data_security()))
    return Reply(200, "The data connection will go there.")


@verb("PORT", "959", text("h1,h2,h3,h4,p1,p2"), "Let the server connect to you.", keeps=Pending.RESTART)
def port(session: Session, argument: str) -> Reply:
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
def extended_port(session: Session, argument: str) -> Reply:
    """Active mode, IPv4 and IPv6."""
    return _dial(session, *parse_eprt(argument))


def _listen(session: Session) -> int:
    addresses = session.control.addresses()
    session.state.set_data_port(None)
    listening = session.services.data.listen(addresses.local, addresses.peers, session.data_security())
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

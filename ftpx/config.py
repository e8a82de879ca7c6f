"""The configuration: every setting with its default, its form and its help, once."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum
from ipaddress import ip_address
from typing import Any, TypeVar

import attrs

from ftpx.accounts.realm import ANONYMOUS_NAME
from ftpx.digests.algorithms import Algorithm
from ftpx.errors import ArgumentError, ConfigurationError
from ftpx.server.rates import RateRule, parse_rule
from ftpx.tls.policy import ClientCertificates, DataSession, TlsPolicy, TlsVersion
from ftpx.wire.numbers import parse_number

__all__ = ["Config", "Home", "Setting", "settings"]

_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_HIGHEST_PORT = 65535
_HIGHEST_LEVEL = 9

_E = TypeVar("_E", bound=Enum)


class Home(Enum):
    """Where a user's tree begins."""

    SHARED = "shared"
    PER_USER = "per-user"


@attrs.frozen
class Setting:
    """
    How a setting is given on the command line: ``parse`` turns its text into a value or raises
    `ConfigurationError`; ``form`` is empty for a flag; ``letter`` is its short option.
    """

    help: str
    parse: Callable[[str], Any]
    form: str = ""
    letter: str | None = None
    repeatable: bool = False


def _endpoint(text: str) -> str:
    if not re.fullmatch("[0-9]+", text):
        return text
    try:
        return f"tcp:{parse_number(text, _HIGHEST_PORT)}"
    except ArgumentError:
        raise ConfigurationError(f"{text} is no port; ports go up to {_HIGHEST_PORT}.") from None


def _choice(kind: type[_E]) -> Callable[[str], _E]:
    """Reads the value of an enumeration."""

    def parse(text: str) -> _E:
        try:
            return kind(text)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            raise ConfigurationError(f"{text!r} is none of {known}.") from None

    return parse


def _form(kind: type[Enum]) -> str:
    return "|".join(str(member.value) for member in kind)


def _text(text: str) -> str:
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise ConfigurationError(f"{text!r} is not a number of seconds above 0.")
    return seconds


def _grace(text: str) -> float:
    return 0.0 if text == "0" else _seconds(text)


def _count(text: str) -> int:
    try:
        return parse_number(text)
    except ArgumentError:
        raise ConfigurationError(f"{text!r} is not a number of sessions; 0 means no limit.") from None


def _level(text: str) -> int:
    try:
        return parse_number(text, _HIGHEST_LEVEL)
    except ArgumentError:
        raise ConfigurationError(f"{text!r} is not a number from 1 to 9, or 0 for no compression.") from None


def _ratio(text: str) -> int:
    try:
        return parse_number(text)
    except ArgumentError:
        raise ConfigurationError(f"{text!r} is not a number such as 200; 0 means no limit.") from None


def _fxp_user(text: str) -> str:
    if text == ANONYMOUS_NAME:
        raise ConfigurationError("anonymous users cannot transfer between servers.")
    if not text:
        raise ConfigurationError("it takes the name of a user, or * for all.")
    return text


def _algorithm(text: str) -> Algorithm:
    try:
        return Algorithm.parse(text)
    except ArgumentError:
        raise ConfigurationError(f"{text!r} is none of {', '.join(known.value for known in Algorithm)}.") from None


def _port_range(text: str) -> range:
    form = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", text)
    low, high = (int(form[1]), int(form[2])) if form else (0, 0)
    if not 1 <= low <= high <= _HIGHEST_PORT:
        raise ConfigurationError(f"{text!r} is not a range of ports such as 50000-50999.")
    return range(low, high + 1)


def _address(text: str) -> str:
    try:
        address = ip_address(text)
    except ValueError:
        if _HOST_NAME.fullmatch(text) and not re.fullmatch(r"[0-9.]*", text):
            return text
        raise ConfigurationError(f"{text!r} is neither an IPv4 address nor a host name.") from None
    if address.version != 4:
        raise ConfigurationError(f"{text!r} is an IPv6 address; only PASV tells an address, and it knows IPv4 alone.")
    return str(address)


def _setting(default: Any, help: str, parse: Callable[[str], Any] = _text, form: str = "", **more: Any) -> Any:
    return attrs.field(default=default, metadata={Setting: Setting(help, parse, form, **more)})


@attrs.frozen(kw_only=True)
class Config:
    """A server's configuration, valid as far as can be told without touching the system. Times are in seconds."""

    port: Sequence[str] = _setting(
        ("tcp:2121",),
        "Where to listen: a port number or a Twisted endpoint string, such as tcp6:2121, unix:PATH, haproxy:tcp:21.",
        _endpoint,
        "ENDPOINT",
        letter="p",
        repeatable=True,
    )
    storage: str = _setting(
        "local:.", "What to serve; --help-storage lists the kinds.", _text, "KIND:ARGUMENTS", letter="s"
    )
    auth: Sequence[str] = _setting(
        (),
        "Who may log in; --help-auth lists the kinds. Without this and --accounts, anonymous users may.",
        _text,
        "KIND:ARGUMENTS",
        repeatable=True,
    )
    accounts: str | None = _setting(
        None,
        "The database of users, which the command ftpx keeps: sqlite:FILE or postgresql://USER@HOST/DATABASE. It says "
        "where their homes are and what they may do.",
        _text,
        "URL",
    )
    home: Home = _setting(
        Home.SHARED,
        "Everybody in the root (shared), or each in a directory of their own (per-user).",
        _choice(Home),
        _form(Home),
    )
    read_only: bool = _setting(False, "Nobody may change anything; anonymous users never may.")
    passive_ports: range | None = _setting(
        None, "Ports for passive data connections; any free port if not given.", _port_range, "LOW-HIGH"
    )
    passive_address: str | None = _setting(
        None, "The address that PASV tells, for servers behind NAT.", _address, "IP|HOST"
    )
    no_active: bool = _setting(False, "Refuse active mode (PORT, EPRT).")
    fxp: Sequence[str] = _setting(
        (),
        "A user who may transfer between this server and another one; * is everybody but anonymous.",
        _fxp_user,
        "USER",
        repeatable=True,
    )
    deflate_level: int = _setting(
        6, "How hard MODE Z compresses unless a client says otherwise, 1 to 9; 0 turns MODE Z off.", _level, "LEVEL"
    )
    deflate_ratio: int = _setting(
        200, "Refuse uploads in MODE Z that inflate to more than so many times their size; 0: never.", _ratio, "RATIO"
    )
    digest: Algorithm | None = _setting(
        None,
        "Take this digest of every upload as it arrives, and tell it in the reply.",
        _algorithm,
        _form(Algorithm),
    )
    verify_companions: bool = _setting(
        False,
        "Where NAME.sha256, NAME.sha512, NAME.sha1 or NAME.md5 stands beside, publish an upload of NAME only if it "
        "matches.",
    )
    banner: str = _setting("FTP server ready.", "The greeting.", _text, "TEXT")
    max_sessions: int = _setting(10_000, "Sessions at once; 0 means no limit.", _count, "NUMBER")
    max_sessions_per_ip: int = _setting(0, "Sessions at once from one address; 0 means no limit.", _count, "NUMBER")
    idle_timeout: float = _setting(300.0, "End a session that asks nothing for so long.", _seconds, "SECONDS")
    login_timeout: float = _setting(30.0, "End a session that has not logged in for so long.", _seconds, "SECONDS")
    data_timeout: float = _setting(
        60.0,
        "End a transfer whose data connection does not open, or moves next to nothing, for so long.",
        _seconds,
        "SECONDS",
    )
    storage_deadline: float = _setting(
        30.0,
        "Tell a client to try again later when the storage has not answered for so long, ten times as long where a "
        "file is published or copied; 0 waits for ever.",
        _grace,
        "SECONDS",
    )
    fsync: bool = _setting(False, "Answer an upload only when its content and its name would survive a loss of power.")
    partial_lifetime: float = _setting(
        86_400.0,
        "Keep what has come of a broken upload for so long, so that its user can continue it; 0 keeps nothing.",
        _grace,
        "SECONDS",
    )
    rate: Sequence[RateRule] = _setting(
        (),
        "Octets a second for each transfer, session, user or address, or for the whole server: such as user=2M, "
        "user:alice:down=500K, address:10.0.0.0/8=1M; 0 means no limit.",
        parse_rule,
        "LEVEL=RATE",
        repeatable=True,
    )
    rates: str | None = _setting(
        None, "A file with more rates, one a line; changes of it count for running transfers, too.", _text, "FILE"
    )
    shutdown_grace: float = _setting(30.0, "On SIGTERM, let transfers under way go on for so long.", _grace, "SECONDS")
    events: str | None = _setting(
        None, "Append what happens to transfers of files to this file, as lines of JSON.", _text, "FILE"
    )
    event_sink: Sequence[str] = _setting(
        (),
        "Tell a plugin what happens to transfers of files; --help-event-sink lists the kinds.",
        _text,
        "KIND:ARGUMENTS",
        repeatable=True,
    )
    hide_owners: bool = _setting(False, "Show ftp in place of owners and groups in listings.")
    symbolic_links: bool = _setting(False, "Allow SITE SYMLINK.")
    tls_cert: Sequence[str] = _setting(
        (),
        "A certificate (PEM) with its chain, to offer TLS; with several, the name that a client asks for chooses.",
        _text,
        "FILE",
        repeatable=True,
    )
    tls_key: Sequence[str] = _setting(
        (), "The key (PEM) of a certificate, if it is not in the certificate's file.", _text, "FILE", repeatable=True
    )
    tls_self_signed: bool = _setting(
        False, "For a first try: make a certificate, keep it for the next start, and tell its fingerprint."
    )
    implicit_tls: Sequence[str] = _setting(
        (),
        "Where to listen for clients that begin with TLS (port 990 by custom): a port number or an endpoint string.",
        _endpoint,
        "ENDPOINT",
        repeatable=True,
    )
    tls_policy: TlsPolicy | None = _setting(
        None,
        "Leave TLS to the clients (optional), demand it for the login, or for data too (required); with a certificate "
        "it is required if not given.",
        _choice(TlsPolicy),
        _form(TlsPolicy),
    )
    tls_min_version: TlsVersion = _setting(
        TlsVersion.TLS_1_2, "The lowest version of TLS to speak.", _choice(TlsVersion), _form(TlsVersion)
    )
    tls_data_session: DataSession = _setting(
        DataSession.REPORT,
        "Whether a data connection must resume its control connection's TLS session: no (off), no but log who does "
        "not (report), or yes (require).",
        _choice(DataSession),
        _form(DataSession),
    )
    tls_client_ca: str | None = _setting(
        None, "The authorities (PEM) that certificates of clients must come from.", _text, "FILE"
    )
    tls_client_crl: str | None = _setting(None, "What those authorities have revoked (PEM).", _text, "FILE")
    tls_client_cert: ClientCertificates | None = _setting(
        None,
        "Clients may show a certificate (optional), must (required), or log in by its name without a password "
        "(login); needs --tls-client-ca, and is required with it if not given.",
        _choice(ClientCertificates),
        "optional|required|login",
    )
    tls_allow_ccc: bool = _setting(False, "Let clients give up the TLS of the control connection (CCC).")


def settings() -> dict[str, tuple[Setting, Any]]:
    """Every setting by its name in `Config`, with its default."""
    return {field.name: (field.metadata[Setting], field.default) for field in attrs.fields(Config)}

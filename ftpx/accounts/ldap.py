"""Passwords that an LDAP directory knows: a user is found in it, and then logs in to it."""

from __future__ import annotations

import os
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any, Final

from twisted.logger import Logger

from ftpx.accounts.ldap_url import LdapUrl
from ftpx.accounts.names import is_name
from ftpx.accounts.outage import Outage
from ftpx.errors import ConfigurationError, StorageUnavailable

__all__ = ["SECONDS", "LdapPasswords", "ldap_passwords"]

SECONDS: Final = 4
"""How long a directory may take for a login."""

# One address that does not answer leaves time for another.
_CONNECT_SECONDS: Final = 2.0
_MISSING: Final = "Logins by LDAP need a library that is not installed: pip install 'ftpx[ldap]'."

# Results (RFC 4511).
_SUCCESS: Final = 0
_SIZE_LIMIT_EXCEEDED: Final = 4
# A login is refused: no such entry, invalid DN, inappropriate authentication, invalid credentials, insufficient rights,
# and what directories say of an account that is locked (constraint violation, unwilling to perform).
_REFUSALS: Final = frozenset({19, 32, 34, 48, 49, 50, 53})

_log = Logger()


class _NoAnswer(Exception):
    """The directory does not answer; the text says why, and has no secret in it."""


class _NoResult(Exception):
    """The directory answers what tells nothing of a password; the text says what, and has no secret in it."""


class LdapPasswords:
    """
    The users of a directory.

    A user is searched for, and then a bind with the DN that was found proves the password; where nobody was found, a
    bind that cannot succeed is made instead. A name counts only as the directory spells it: LDAP itself compares
    without case, and so one user could have several homes.

    :param url: where they are.
    :param secret: the password to search with; empty: none.
    :param library: ldap3.
    :param context: whom to trust when there is TLS.
    :param clock: seconds of a clock that only goes forward.
    """

    blocking = True

    def __init__(
        self, url: LdapUrl, secret: bytes, library: Any, context: ssl.SSLContext, clock: Callable[[], float]
    ) -> None:
        self._url = url
        self._secret = secret
        self._library = library
        self._context = context
        self._clock = clock
        self._outage = Outage(clock)

    def verify(self, name: bytes, password: bytes) -> bool:
        """
        See `ftpx.accounts.checkers.Passwords`.

        :raises StorageUnavailable: the directory does not answer, or did not a moment ago.
        """
        text = _text(name)
        # To bind with a DN and no password is to bind as nobody, which succeeds (RFC 4513, 5.1.2).
        if text is None or not password:
            return False
        if not self._outage.may_ask():
            raise StorageUnavailable("the directory of users did not answer")
        try:
            right = self._verify(text, password)
        except _NoResult as error:
            # For this user: there is no reason to keep others from asking.
            self._outage.ended()
            raise self._unavailable(str(error)) from None
        except Exception as error:
            self._outage.failed()
            # Of other errors not the text, which may quote what was sent.
            reason = str(error) if isinstance(error, _NoAnswer | OSError) else type(error).__name__
            raise self._unavailable(reason) from None
        self._outage.ended()
        return right

    def _unavailable(self, reason: str) -> StorageUnavailable:
        _log.error("The LDAP server {host} cannot be asked: {reason}.", host=self._url.host, reason=reason)
        return StorageUnavailable("the directory of users cannot be asked")

    def _verify(self, name: str, password: bytes) -> bool:
        with self._connected() as connection:
            if self._url.direct:
                return self._prove(connection, self._url.dn_of(name), password) and self._is_own(connection, name)
            if self._url.bind_name:
                self._introduce(connection)
            found = self._search(connection, name)
            # Nobody has this DN. What the directory makes of it is thrown away.
            shown = found or f"cn={secrets.token_hex(16)},{self._url.base}"
            return self._prove(connection, shown, password) and found is not None

    def _prove(self, connection: _Connection, dn: str, password: bytes) -> bool:
        """Whether a bind succeeds."""
        code, description = connection.bind(dn, password)
        if code not in _REFUSALS | {_SUCCESS}:
            raise _NoResult(f"a login ended with {description}")
        return code == _SUCCESS

    def _introduce(self, connection: _Connection) -> None:
        """Become who may search."""
        code, description = connection.bind(self._url.bind_name, self._secret)
        if code != _SUCCESS:
            raise _NoResult(f"the bind as bindname ended with {description}")

    def _search(self, connection: _Connection, name: str) -> str | None:
        """The DN of the one entry whose name is spelled so."""
        base, scope, condition = self._url.base, self._url.scope, self._url.filter_for(name)
        code, description, entries = connection.search(base, scope, condition, self._url.attribute)
        if code not in {_SUCCESS, _SIZE_LIMIT_EXCEEDED}:
            raise _NoResult(f"the search ended with {description}")
        if len(entries) > 1 or code == _SIZE_LIMIT_EXCEEDED:
            _log.warn("The LDAP server {host} has several entries of one name; nobody gets in.", host=self._url.host)
            return None
        return next((dn for dn, values in entries if dn and name.encode() in values), None)

    def _is_own(self, connection: _Connection, name: str) -> bool:
        """Whether the entry of who is logged in has this name, spelled so."""
        dn, condition = self._url.dn_of(name), self._url.filter_for(name)
        _, _, entries = connection.search(dn, "base", condition, self._url.attribute)
        return any(name.encode() in values for _, values in entries)

    @contextmanager
    def _connected(self) -> Iterator[_Connection]:
        connection = self._connect(self._clock() + SECONDS)
        try:
            if self._url.starts_tls:
                connection.start_tls()
            yield connection
        finally:
            connection.close()

    def _connect(self, deadline: float) -> _Connection:
        """A connection to the first address of the host that takes one."""
        failure = _NoAnswer("its name has no address")
        for *_, address in socket.getaddrinfo(self._url.host, self._url.port, type=socket.SOCK_STREAM):
            seconds = min(_CONNECT_SECONDS, deadline - self._clock())
            if seconds <= 0:
                break
            connection = _Connection(self._library, self._closed(str(address[0]), seconds), deadline, self._clock)
            try:
                connection.open()
            except _NoAnswer as error:
                failure = error
            else:
                return connection
        raise failure

    def _closed(self, address: str, seconds: float) -> Any:
        """A connection of ldap3 that is still to be opened."""
        ldap3 = self._library
        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED)
        # ldap3 compares names by itself, and no addresses; OpenSSL does both.
        tls.wrap_socket = self._wrap
        server = ldap3.Server(
            address, self._url.port, self._url.tls, get_info=ldap3.NONE, tls=tls, connect_timeout=seconds
        )
        return ldap3.Connection(
            server, receive_timeout=SECONDS, auto_referrals=False, auto_escape=False, check_names=False
        )

    def _wrap(self, connection: Any, do_handshake: bool = True) -> None:
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=self._url.host)


class _Connection:
    """A connection of ldap3 that has to be done by a deadline."""

    def __init__(self, library: Any, connection: Any, deadline: float, clock: Callable[[], float]) -> None:
        self._library = library
        self._connection = connection
        self._deadline = deadline
        self._clock = clock

    def open(self) -> None:
        """Connect, and begin with TLS where the URL says so."""
        with self._told():
            self._connection.open(read_server_info=False)

    def start_tls(self) -> None:
        """Go on under TLS."""
        with self._in_time():
            started = self._connection.start_tls(read_server_info=False)
        if not started:
            raise _NoAnswer("TLS did not start")

    def bind(self, dn: str, password: bytes) -> tuple[int, str]:
        """Log in; the code of the result and its name."""
        with self._in_time():
            # Octets, since ldap3 rewrites text (SASLprep), by which a password can become empty.
            self._connection.rebind(dn, password, authentication=self._library.SIMPLE, read_server_info=False)
        return self._result()

    def search(
        self, base: str, scope: str, condition: str, attribute: str
    ) -> tuple[int, str, list[tuple[str, list[bytes]]]]:
        """The code of the result, its name, and up to two entries by DN with the values of an attribute."""
        ldap3 = self._library
        with self._in_time():
            self._connection.search(
                base,
                condition,
                {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}[scope],
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=[attribute],
                size_limit=2,
                time_limit=SECONDS,
            )
        entries = [
            (entry["dn"], entry["raw_attributes"].get(attribute, []))
            for entry in self._connection.response
            if entry["type"] == "searchResEntry"
        ]
        return *self._result(), entries

    def close(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        with suppress(Exception):
            self._connection.unbind()

    def _result(self) -> tuple[int, str]:
        result: Mapping[str, Any] = self._connection.result
        return result["result"], result["description"]

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        left = self._deadline - self._clock()
        if left <= 0:
            raise _NoAnswer("it takes too long")
        self._connection.socket.settimeout(left)
        with self._told():
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors of ldap3, in its words without those of Python around them."""
        try:
            yield
        except self._library.core.exceptions.LDAPExceptionError as error:
            raise _NoAnswer(self._connection.last_error or type(error).__name__) from None


def _text(name: bytes) -> str | None:
    """A name as text, if anybody can have it."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return None
    return text if is_name(text) else None


def ldap_passwords(text: str, clock: Callable[[], float] = time.monotonic) -> LdapPasswords:
    """
    The users of a directory, by the URL of where they are.

    :param clock: seconds of a clock that only goes forward.
    :raises ConfigurationError: the URL, or a file that it names, cannot be used, or the library is missing.
    """
    url = LdapUrl.parse(text)
    try:
        library: Any = import_module("ldap3")
        search: Any = import_module("ldap3.operation.search")
        names: Any = import_module("ldap3.utils.dn")
    except ImportError:
        raise ConfigurationError(_MISSING) from None
    try:
        search.parse_filter(url.filter_for("name"), None, False, False, None, False)
        names.parse_dn(url.dn_of("name"))
    except library.core.exceptions.LDAPExceptionError as error:
        raise ConfigurationError(f"ldap: the base or the filter cannot be used: {error}.") from None
    return LdapPasswords(url, _secret(url), library, _context(url), clock)


def _secret(url: LdapUrl) -> bytes:
    """The password to search with, from where the URL says it is."""
    secret = b""
    if url.password_file:
        path = os.path.abspath(url.password_file)
        try:
            with open(path, "rb") as file:
                secret = file.read(4096).partition(b"\n")[0].removesuffix(b"\r")
        except OSError as error:
            raise ConfigurationError(f"ldap: the password file {path} cannot be read: {error.strerror}.") from None
    elif url.password_variable:
        secret = os.environb.get(os.fsencode(url.password_variable), b"")
    if url.bind_name and not secret:
        raise ConfigurationError("ldap: the password of bindname is empty; put it into the file or the variable.")
    return secret


def _context(url: LdapUrl) -> ssl.SSLContext:
    """Whom to trust; certificates and the names in them are verified."""
    try:
        return ssl.create_default_context(cafile=url.authorities or None)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or type(error).__name__
        raise ConfigurationError(f"ldap: the authorities in {url.authorities} cannot be used: {reason}.") from None

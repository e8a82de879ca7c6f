"""Where users are in an LDAP directory: URLs (RFC 4516), and names in filters (RFC 4515) and in DNs (RFC 4514)."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import attrs

from ftpx.errors import ConfigurationError

__all__ = ["LdapUrl", "escape_in_dn", "escape_in_filter"]

NAME: Final = "{name}"

_PORTS: Final = {"ldap": 389, "ldaps": 636}
_SCOPES: Final = {"": "sub", "sub": "sub", "one": "one", "base": "base"}
_ATTRIBUTE: Final = re.compile("[A-Za-z][A-Za-z0-9-]*")
_FORM: Final = "ldaps://HOST/BASE, such as ldaps://ldap.example.org/ou=people,dc=example,dc=org?uid"
_IN_FILTER: Final = frozenset("\\*()\0")
_IN_DN: Final = frozenset('\\"#+,;<>=\0')


def _hexadecimal(character: str) -> str:
    return f"\\{ord(character):02x}"


def escape_in_filter(value: str) -> str:
    """A value as it stands in a filter (RFC 4515), where it can be nothing but a value."""
    return "".join(_hexadecimal(character) if character in _IN_FILTER else character for character in value)


def escape_in_dn(value: str) -> str:
    """A value as it stands in a DN (RFC 4514), where it can be nothing but a value."""
    escaped = [_hexadecimal(character) if character in _IN_DN else character for character in value]
    if value[:1] == " ":
        escaped[0] = _hexadecimal(" ")
    if value[-1:] == " ":
        escaped[-1] = _hexadecimal(" ")
    return "".join(escaped)


def _text(value: str | None) -> str:
    if not value:
        raise ConfigurationError("wants a value")
    return value


def _flag(value: str | None) -> bool:
    if value is not None:
        raise ConfigurationError("takes no value")
    return True


# What may stand behind the fourth question mark -> the attribute of an `LdapUrl`, and what makes its value.
_EXTENSIONS: Final[dict[str, tuple[str, Callable[[str | None], str | bool]]]] = {
    "bindname": ("bind_name", _text),
    "x-password-file": ("password_file", _text),
    "x-password-variable": ("password_variable", _text),
    "x-ca": ("authorities", _text),
    "x-insecure": ("insecure", _flag),
}


def _extensions(text: str) -> dict[str, str | bool]:
    found: dict[str, str | bool] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.removeprefix("!").partition("=")
        if name.lower() not in _EXTENSIONS:
            raise ConfigurationError(f"ldap: knows no {name!r}; there are {', '.join(_EXTENSIONS)}.")
        attribute, make = _EXTENSIONS[name.lower()]
        if attribute in found:
            raise ConfigurationError(f"ldap: {name} is there twice.")
        try:
            found[attribute] = make(unquote(value) if equals else None)
        except ConfigurationError as error:
            raise ConfigurationError(f"ldap: {name} {error}.") from None
    return found


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@attrs.frozen(kw_only=True)
class LdapUrl:
    """
    Where users are, and how they are found.

    ``base``: beneath it are the users. With ``{name}`` in it, it is the very DN of a user, and nobody is searched for.
    ``attribute``: the one that has the name. ``scope``: ``sub``, ``one`` or ``base``. ``filter``: what else must hold
    of an entry; empty: nothing. ``bind_name``: as whom to search; empty: anonymously. ``password_file`` and
    ``password_variable``: where the password for that is. ``authorities``: a file of the certificates to trust; empty:
    those of the system.
    """

    host: str
    port: int
    tls: bool
    base: str
    attribute: str = "uid"
    scope: str = "sub"
    filter: str = ""
    bind_name: str = ""
    password_file: str = ""
    password_variable: str = ""
    authorities: str = ""
    insecure: bool = False

    @classmethod
    def parse(cls, text: str) -> LdapUrl:
        """
        The URL of ``--auth ldap:URL``.

        :raises ConfigurationError: it is none, or says what does not go together.
        """
        parts, host, port = _split(text)
        fields = [*parts.query.split("?", 3), "", "", "", ""]
        attribute, scope, condition = (unquote(field) for field in fields[:3])
        if scope.lower() not in _SCOPES:
            raise ConfigurationError(f"ldap: {scope!r} is none of the scopes sub, one and base.")
        if attribute and not _ATTRIBUTE.fullmatch(attribute):
            raise ConfigurationError(f"ldap: {attribute!r} is not the name of one attribute, such as uid.")
        if condition and not (condition.startswith("(") and condition.endswith(")")):
            raise ConfigurationError(f"ldap: {condition!r} is no filter such as (objectClass=person).")
        given: dict[str, str | bool] = {
            "attribute": attribute or "uid",
            "scope": _SCOPES[scope.lower()],
            "filter": condition,
            **_extensions(fields[3]),
        }
        # Each has its own type; what is there twice cannot come here.
        made = cls(host=host, port=port, tls=parts.scheme == "ldaps", base=unquote(parts.path[1:]), **given)  # type: ignore[arg-type]
        made._check(scope)
        return made

    def _check(self, scope: str) -> None:
        sources = [source for source in (self.password_file, self.password_variable) if source]
        if self.bind_name and len(sources) != 1:
            raise ConfigurationError(
                "ldap: bindname wants its password by one of x-password-file=PATH and x-password-variable=NAME."
            )
        if sources and not self.bind_name:
            raise ConfigurationError("ldap: there is a password to search with, but no bindname that it belongs to.")
        if self.direct and (self.bind_name or scope):
            raise ConfigurationError(
                f"ldap: with {NAME} in the base nobody is searched for, so there can be no bindname and no scope."
            )
        if self.authorities and not self.protected:
            raise ConfigurationError("ldap: x-ca has no use where there is no TLS.")

    @property
    def direct(self) -> bool:
        """Whether the base is the DN of a user, and so nobody is searched for."""
        return NAME in self.base

    @property
    def starts_tls(self) -> bool:
        """Whether a connection in clear turns to TLS before anything else is said."""
        return not (self.tls or self.insecure or _is_loopback(self.host))

    @property
    def protected(self) -> bool:
        """Whether there is TLS when passwords are sent."""
        return self.tls or self.starts_tls

    def filter_for(self, name: str) -> str:
        """The filter (RFC 4515) that finds the user of a name."""
        found = f"({self.attribute}={escape_in_filter(name)})"
        return f"(&{self.filter}{found})" if self.filter else found

    def dn_of(self, name: str) -> str:
        """The DN (RFC 4514) of the user of a name, where nobody is searched for."""
        return self.base.replace(NAME, escape_in_dn(name))


def _split(text: str) -> tuple[SplitResult, str, int]:
    """The parts, the host and the port. A text that is no URL is not quoted: a password may be in it."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConfigurationError(f"ldap: wants a URL of the form {_FORM}.") from None
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("ldap: a URL is no place for a password: use bindname and x-password-file=PATH.")
    if parts.scheme not in _PORTS or not host or parts.fragment or not parts.path[1:]:
        raise ConfigurationError(f"ldap: wants a URL of the form {_FORM}.")
    return parts, unquote(host), port or _PORTS[parts.scheme]

"""The ways to log in that there are, by name: ours, and those that plugins bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import IAnonymous, IUsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.cred.strcred import ICheckerFactory, findCheckerFactories
from zope.interface import implementer

from ftpx.accounts.certificate import ICertifiedName
from ftpx.accounts.checkers import AnyChecker, PasswordChecker, Passwords, memory_passwords
from ftpx.accounts.htpasswd import htpasswd_file
from ftpx.accounts.ldap import ldap_passwords
from ftpx.accounts.pam import pam_passwords
from ftpx.accounts.password_file import clear_passwords_file
from ftpx.errors import ConfigurationError
from ftpx.interfaces import IWorkerPool

__all__ = [
    "AnonymousFactory",
    "PasswordFactory",
    "PasswordKind",
    "checker_factories",
    "describe_factories",
    "make_checker",
    "make_portal",
]

# The credentials that an FTP client can show.
_SERVED = (IUsernamePassword, IAnonymous, ICertifiedName)


@attrs.frozen
class PasswordKind:
    """
    A built-in kind of login with a password: how it is named, described and opened; and whether it asks somebody else,
    who may not answer for long.
    """

    name: str
    argument_format: str
    help: str
    open: Callable[[str], Passwords]
    asks: bool = False


_PASSWORD_KINDS = (
    PasswordKind(
        "memory",
        "NAME:PASSWORD[:NAME:PASSWORD...]",
        "Users from the command line, for trying things out: everybody on the machine can see the passwords.",
        memory_passwords,
    ),
    PasswordKind(
        "file",
        "PATH",
        "A file of NAME:PASSWORD lines in clear text; empty lines and lines that begin with # are skipped. "
        "It is read again when it has changed.",
        clear_passwords_file,
    ),
    PasswordKind(
        "htpasswd",
        "PATH",
        "A file as Apache's htpasswd makes it, with bcrypt, argon2, sha-crypt, apr1 or {SHA} hashes. "
        "It is read again when it has changed. Needs ftpx[htpasswd].",
        htpasswd_file,
    ),
    PasswordKind(
        "pam",
        "[SERVICE]",
        "Users of the operating system's PAM, by a service of it: the file /etc/pam.d/SERVICE, ftpx if none is given. "
        "Never the superuser. Needs ftpx[pam].",
        pam_passwords,
        asks=True,
    ),
    PasswordKind(
        "ldap",
        "ldaps://HOST[:PORT]/BASE[?ATTRIBUTE[?SCOPE[?FILTER[?EXTENSIONS]]]]",
        "Users of an LDAP directory: the one entry beneath BASE whose ATTRIBUTE (uid) is the name is found, and then "
        "logs in there; with {name} in it, BASE is the DN itself. SCOPE is sub, one or base. EXTENSIONS, with commas "
        "between them: bindname=DN with x-password-file=PATH or x-password-variable=NAME (as whom to search), "
        "x-ca=PATH (whom to trust), x-insecure (ldap:// without TLS to another host). Needs ftpx[ldap].",
        ldap_passwords,
        asks=True,
    ),
)


@implementer(ICheckerFactory)
class PasswordFactory:
    """Makes checkers of a built-in kind that do their work in a pool."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, kind: PasswordKind, pool: IWorkerPool) -> None:
        self.authType = kind.name
        self.argStringFormat = kind.argument_format
        self.authHelp = kind.help
        self._open = kind.open
        self._pool = pool

    def generateChecker(self, argstring: str) -> PasswordChecker:
        """
        A checker for the users that the argument names.

        :raises ConfigurationError: the argument cannot be used.
        """
        return PasswordChecker(self._open(argstring), self._pool)


@implementer(ICheckerFactory)
class AnonymousFactory:
    """Makes the checker that lets in everybody who asks for no account."""

    authType = "anonymous"
    argStringFormat = "(none)"
    authHelp = "Whoever logs in as anonymous or ftp, with any password."
    credentialInterfaces = (IAnonymous,)

    def generateChecker(self, argstring: str = "") -> AllowAnonymousAccess:
        """
        The checker.

        :raises ConfigurationError: there is an argument.
        """
        if argstring:
            raise ConfigurationError("anonymous takes no argument.")
        return AllowAnonymousAccess()


def _plugins(taken: set[str]) -> Iterator[ICheckerFactory]:
    """The kinds that plugins bring and that an FTP client can use, the first of each name."""
    for factory in findCheckerFactories():
        served = any(interface in _SERVED for interface in factory.credentialInterfaces)
        if served and factory.authType not in taken:
            taken.add(factory.authType)
            yield factory


def checker_factories(pool: IWorkerPool, asking: IWorkerPool | None = None) -> list[ICheckerFactory]:
    """
    Every kind of login: the built-in ones, which take the place of Twisted's of the same name,
    and behind them those of plugins.

    :param pool: where the checkers of the built-in kinds read files and verify hashes.
    :param asking: where they ask somebody else, so that one who does not answer keeps nobody from the threads of
        ``pool``; the same if there is none.
    """
    pools = {False: pool, True: asking or pool}
    ours = [*(PasswordFactory(kind, pools[kind.asks]) for kind in _PASSWORD_KINDS), AnonymousFactory()]
    return [*ours, *_plugins({factory.authType for factory in ours})]


def describe_factories() -> list[tuple[str, str, str]]:
    """Every kind of login as its name, the form of its argument and its help, in the order of `checker_factories`."""
    ours = [(kind.name, kind.argument_format, kind.help) for kind in _PASSWORD_KINDS]
    ours.append((AnonymousFactory.authType, AnonymousFactory.argStringFormat, AnonymousFactory.authHelp))
    plugins = _plugins({name for name, _, _ in ours})
    return [
        *ours,
        *((factory.authType, factory.argStringFormat, " ".join(factory.authHelp.split())) for factory in plugins),
    ]


def make_checker(description: str, pool: IWorkerPool, asking: IWorkerPool | None = None) -> ICredentialsChecker:
    """
    The checker that a description such as ``file:/etc/ftpx.users`` asks for.

    It is asked with bytes for names and passwords. For the pools see `checker_factories`.

    :raises ConfigurationError: there is no such kind, or its argument cannot be used.
    """
    kind, _, arguments = description.partition(":")
    factories = {factory.authType: factory for factory in checker_factories(pool, asking)}
    if kind not in factories:
        raise ConfigurationError(f"There is no login of kind {kind!r}; the kinds are {', '.join(factories)}.")
    try:
        checker: ICredentialsChecker = factories[kind].generateChecker(arguments)
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"The login of kind {kind!r} cannot be used: {error}") from error
    return checker


def make_portal(realm: IRealm, checkers: Sequence[ICredentialsChecker]) -> Portal:
    """
    A portal that asks all checkers for a kind of credentials, in order.

    (`Portal` by itself keeps only the last checker of each kind.)
    """
    portal = Portal(realm)
    for interface in _SERVED:
        able = [checker for checker in checkers if interface in checker.credentialInterfaces]
        if able:
            portal.registerChecker(AnyChecker((interface,), able), interface)
    return portal

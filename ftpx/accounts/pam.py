"""Passwords that PAM knows, the operating system's Pluggable Authentication Modules."""

from __future__ import annotations

import ctypes
import os
import pwd
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import attrs
from twisted.logger import Logger

from ftpx.accounts.names import is_name
from ftpx.errors import ConfigurationError, StorageUnavailable

__all__ = ["FOLDERS", "Pam", "PamPasswords", "SystemUser", "Verdict", "pam_passwords", "system_user"]

FOLDERS: Final = ("/etc/pam.d", "/usr/etc/pam.d", "/usr/lib/pam.d", "/usr/local/etc/pam.d")
"""Where the services of PAM are, each a file."""

_SERVICE: Final = "ftpx"
_SERVICE_NAME: Final = re.compile("[a-z0-9_][a-z0-9_.-]*")
_MISSING: Final = "Logins by PAM need a library that is not installed: pip install 'ftpx[pam]'."

_SUCCESS: Final = 0
# Permission denied, authentication failure, unknown user, too many tries, password expired in three ways, account
# expired. Anything else is no answer about the password.
_REFUSALS: Final = frozenset({6, 7, 10, 11, 12, 13, 16, 27})

# Of Linux-PAM's C interface, which python-pam has no words for.
_FAIL_DELAY_ITEM: Final = 10
_DISALLOW_NULL_PASSWORD: Final = 0x1
_SILENT: Final = 0x8000
_FailDelay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)

_log = Logger()


@attrs.frozen
class Verdict:
    """What PAM says: a code of its C interface, and that in words."""

    code: int
    reason: str


class Pam:
    """
    The operating system's PAM, by python-pam.

    :raises ConfigurationError: it, or the system's library, is missing.
    """

    def __init__(self) -> None:
        try:
            self._library: Any = import_module("pam")
            self._library.PamAuthenticator()
        except (ImportError, OSError, AttributeError):
            raise ConfigurationError(_MISSING) from None

    def ask(self, service: str, name: bytes, password: bytes) -> Verdict:
        """Authenticate, and see whether the account may be used. No session is opened, no credentials are set."""
        asked = self._library.PamAuthenticator()
        authenticate, set_item = asked.pam_authenticate, asked.pam_set_item

        def at_once(handle: Any, flags: int) -> int:
            set_item(handle, _FAIL_DELAY_ITEM, ctypes.cast(_no_delay, ctypes.c_void_p))
            return int(authenticate(handle, flags | _DISALLOW_NULL_PASSWORD | _SILENT))

        asked.pam_authenticate = at_once
        # Octets are passed on as they are; the encoding is that of what modules say, and every text can be read so.
        asked.authenticate(name, password, service.encode(), encoding="latin-1", resetcreds=False)
        return Verdict(int(asked.code), str(asked.reason))


def _at_once(_verdict: int, _microseconds: int, _data: int | None) -> None:
    """Instead of a sleep in a thread that others wait for: the server delays failed logins by itself."""


_no_delay = _FailDelay(_at_once)


@attrs.frozen
class SystemUser:
    """A user of the operating system: the name as the system spells it, and the number."""

    name: bytes
    number: int


def system_user(name: bytes) -> SystemUser | None:
    """The user of the operating system that a name leads to, however it is spelled; not all users of PAM are one."""
    try:
        entry = pwd.getpwnam(os.fsdecode(name))
    except KeyError:
        return None
    return SystemUser(os.fsencode(entry.pw_name), entry.pw_uid)


class PamPasswords:
    """
    The users of one service of PAM. What PAM says of authentication and of the account counts; the superuser never gets
    in, and a name counts only as the operating system spells it.

    :param service: its name.
    :param ask: asks PAM about a service, a name and a password.
    :param find: who of the operating system's users has a name.
    :param folders: where the file of the service can be.
    :raises ConfigurationError: there is no such service.
    """

    blocking = True

    def __init__(
        self,
        service: str,
        ask: Callable[[str, bytes, bytes], Verdict],
        find: Callable[[bytes], SystemUser | None],
        folders: Sequence[str] = FOLDERS,
    ) -> None:
        self._service = service
        self._ask = ask
        self._find = find
        self._files = [Path(folder, service) for folder in folders]
        if not _SERVICE_NAME.fullmatch(service):
            raise ConfigurationError(f"pam: {service!r} is no name of a service such as {_SERVICE}.")
        if not self._is_there():
            raise ConfigurationError(
                f"pam: there is no service {service!r}; make the file {self._files[0]}, which says who may log in."
            )

    def verify(self, name: bytes, password: bytes) -> bool:
        """
        See `ftpx.accounts.checkers.Passwords`. How long an unknown name takes is PAM's affair.

        :raises StorageUnavailable: PAM cannot tell now.
        """
        if not _possible(name) or not password:
            return False
        if not self._is_there():
            _log.error("The PAM service {service} is gone.", service=self._service)
            raise StorageUnavailable("the users cannot be read")
        verdict = self._ask(self._service, name, password)
        if verdict.code not in _REFUSALS | {_SUCCESS}:
            _log.error(
                "The PAM service {service} does not answer: {reason} ({code}).",
                service=self._service,
                reason=verdict.reason,
                code=verdict.code,
            )
            raise StorageUnavailable("the users cannot be asked for")
        return verdict.code == _SUCCESS and self._is_own(name)

    def _is_there(self) -> bool:
        # Where there is none, PAM takes "other", which lets everybody of the system in on many of them.
        return any(file.is_file() for file in self._files)

    def _is_own(self, name: bytes) -> bool:
        found = self._find(name)
        return found is None or (found.name == name and found.number != 0)


def _possible(name: bytes) -> bool:
    """Whether anybody can have a name: text, and printable."""
    try:
        return is_name(name.decode())
    except UnicodeDecodeError:
        return False


def pam_passwords(service: str) -> PamPasswords:
    """
    The users of a service of PAM; of ``ftpx`` if none is said.

    :raises ConfigurationError: there is no such service, or a library is missing.
    """
    return PamPasswords(service or _SERVICE, Pam().ask, system_user)

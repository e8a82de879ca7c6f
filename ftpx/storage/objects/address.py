"""Where an object store is: ``s3://BUCKET/PREFIX?endpoint=URL&region=NAME``, and the like for others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import attrs

from ftpx.errors import ConfigurationError

__all__ = ["ObjectAddress"]

_MEBIBYTE: Final = 1 << 20
_FORMS: Final = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, file:///DIRECTORY or memory://"
_NO_CREDENTIALS: Final = (
    "object: credentials come from the environment or a profile, never from the command line, where everybody on the"
    " machine can read them."
)
# Whoever writes one of these in an address wants to give a secret.
_SECRET: Final = re.compile(r"access|secret|token|password|account_?key|sas|sig|credential", re.IGNORECASE)
# What Amazon, Google and Azure have in common for the names of buckets and containers.
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ACCOUNT: Final = re.compile(r"[a-z0-9]{3,24}")


def _endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(_NO_CREDENTIALS)
    # To read the port is what finds out that it is none.
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError("such as https://objects.example.org")
    if parts.query or parts.fragment:
        raise ValueError("without a ? and a #")
    return value.rstrip("/")


def _named(pattern: re.Pattern[str], form: str) -> Callable[[str], str]:
    def make(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(form)
        return value

    return make


def _flag(value: str) -> bool:
    if value not in {"yes", "no"}:
        raise ValueError("yes or no")
    return value == "yes"


def _part_size(value: str) -> int:
    # Amazon takes no part below 5 MiB but the last, and two parts of each upload are in memory.
    if not value.isascii() or not value.isdecimal() or not 5 <= int(value[:9]) <= 512:
        raise ValueError("a number of MiB from 5 to 512")
    return int(value) * _MEBIBYTE


# Setting -> the attribute of an `ObjectAddress`, what makes its value, and the kinds of store that have it.
_SETTINGS: Final[dict[str, tuple[str, Callable[[str], str | bool | int], frozenset[str]]]] = {
    "endpoint": ("endpoint", _endpoint, frozenset({"s3", "az"})),
    "region": ("region", _named(_REGION, "the name of a region, such as eu-central-1"), frozenset({"s3"})),
    "profile": ("profile", _named(re.compile(r"[^\0-\x1f]+"), "the name of a profile"), frozenset({"s3"})),
    "path_style": ("path_style", _flag, frozenset({"s3"})),
    "account": ("account", _named(_ACCOUNT, "the name of a storage account"), frozenset({"az"})),
    "part_size": ("part_size", _part_size, frozenset({"s3", "gs", "az"})),
}


@attrs.frozen(kw_only=True)
class ObjectAddress:
    """
    Where an object store is, and how it is spoken to.

    ``kind``: ``s3``, ``gs``, ``az``, ``file`` or ``memory``. ``bucket``: the bucket or container; of ``file`` the
    directory, of ``memory`` nothing. ``prefix``: before all keys, empty or with a ``/`` at its end. ``endpoint``: where
    the service is, if not at its provider's. ``region``, ``profile``: what credentials and signatures want to know.
    ``path_style``: whether the bucket stands in the path of a request; ``None``: wherever an endpoint is given.
    ``account``: whose containers they are. ``part_size``: octets of a part of an upload.
    """

    kind: str
    bucket: str = ""
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    profile: str | None = None
    path_style: bool | None = None
    account: str | None = None
    part_size: int = 8 * _MEBIBYTE

    @classmethod
    def parse(cls, text: str) -> ObjectAddress:
        """
        The address that a text is.

        :raises ConfigurationError: it is none, or says what does not go together, or holds credentials.
        """
        parts = _split(text)
        settings = _settings(parts)
        if parts.scheme == "file":
            return cls(kind="file", bucket=_directory(parts), **settings)  # type: ignore[arg-type]  # see _SETTINGS
        prefix = _prefix(parts)
        if parts.scheme == "memory":
            if parts.netloc or prefix:
                raise ConfigurationError("object: memory:// takes nothing behind it.")
            return cls(kind="memory")
        if not _BUCKET.fullmatch(parts.netloc) or ".." in parts.netloc:
            raise ConfigurationError(f"object: {parts.netloc!r} is not the name of a bucket.")
        if parts.scheme == "s3" and parts.netloc.endswith("--x-s3"):
            raise ConfigurationError("object: directory buckets list without an order, so they cannot be used.")
        return cls(kind=parts.scheme, bucket=parts.netloc, prefix=prefix, **settings)  # type: ignore[arg-type]  # see _SETTINGS


def _split(text: str) -> SplitResult:
    """The parts of an address. A text that is none is not quoted: a secret may be in it."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ConfigurationError(f"object: wants an address of the form {_FORMS}.") from None
    if "@" in parts.netloc:
        raise ConfigurationError(_NO_CREDENTIALS)
    if parts.scheme not in {"s3", "gs", "az", "file", "memory"} or parts.fragment or not text.isprintable():
        raise ConfigurationError(f"object: wants an address of the form {_FORMS}.")
    return parts


def _prefix(parts: SplitResult) -> str:
    try:
        segments = list(filter(None, unquote(parts.path, errors="strict").split("/")))
    except UnicodeDecodeError:
        raise ConfigurationError("object: what stands before keys must be UTF-8.") from None
    prefix = "".join(f"{segment}/" for segment in segments)
    if {".", ".."} & set(segments) or not prefix.isprintable():
        raise ConfigurationError(f"object: {prefix!r} cannot stand before keys.")
    return prefix


def _directory(parts: SplitResult) -> str:
    directory = PurePosixPath(unquote(parts.path))
    if parts.netloc or not directory.is_absolute() or ".." in directory.parts:
        raise ConfigurationError("object: file:// wants the whole path of a directory, as in file:///srv/objects.")
    return str(directory)


def _settings(parts: SplitResult) -> dict[str, str | bool | int]:
    found: dict[str, str | bool | int] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        attribute, make, _ = _setting(name, parts.scheme)
        if attribute in found:
            raise ConfigurationError(f"object: {name} is there twice.")
        try:
            found[attribute] = make(value)
        except ValueError as error:
            raise ConfigurationError(f"object: {name} wants a value of another form: {error}.") from None
    return found


def _setting(name: str, kind: str) -> tuple[str, Callable[[str], str | bool | int], frozenset[str]]:
    known = [setting for setting, (_, _, kinds) in _SETTINGS.items() if kind in kinds]
    if name in known:
        return _SETTINGS[name]
    if _SECRET.search(name):
        raise ConfigurationError(_NO_CREDENTIALS)
    there_are = f"there are {', '.join(known)}" if known else "there are none"
    raise ConfigurationError(f"object: {kind}:// knows no {name!r}; {there_are}.")

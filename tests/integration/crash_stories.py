"""Kinds of uploads that a server is killed in: what stands before, what is done, and what may stand after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from tests.integration.cases import content
from tests.integration.control import Control, reset
from tests.integration.crash_rounds import CrashServer
from tests.integration.tls_control import TlsSocket

__all__ = ["NAME", "OLD", "STORIES", "Story", "break_upload", "send"]

NAME: Final = "file"
SMALL: Final = content(1000, 200)
LARGE: Final = content(300_000, 201)
OTHER: Final = content(250_000, 202)
OLD: Final = content(120_000, 203)
_PART: Final = 200_000


def send(control: Control, line: str, octets: bytes, *, restart: int = 0) -> int:
    """Send octets by STOR or APPE; the code of the reply."""
    with control.open_data(restart=restart or None) as data:
        first = control.command(f"{line} {NAME}")
        if first.code != 150:
            return first.code
        data.sendall(octets)
        if isinstance(data, TlsSocket):
            data.end()
    return control.reply().code


def break_upload(server: CrashServer, control: Control, octets: bytes) -> int:
    """Store some octets and break off when the server has them all; they must be too many to be kept in memory."""
    data = control.open_data()
    first = control.command(f"STOR {NAME}")
    if first.code != 150:
        data.close()
        return first.code
    data.sendall(octets)
    server.wait_staged(len(octets))
    reset(data)
    return control.reply().code


@attrs.frozen
class Story:
    """
    One kind.

    ``stands`` is the file before, ``broken`` what has come of an upload that broke off before, ``deed`` what the server
    is killed in. ``outcomes`` are what the file may be afterwards (``None``: absent), the last if the deed is
    answered by ``code``; ``sources`` what a partial upload may be the beginning of.
    """

    name: str
    deed: Callable[[CrashServer, Control], int]
    outcomes: tuple[bytes | None, ...]
    sources: tuple[bytes, ...] = ()
    code: int = 226
    stands: bytes | None = None
    broken: bytes | None = None
    settings: Mapping[str, Any] = attrs.field(factory=dict)

    def prepare(self, server: CrashServer, control: Control) -> None:
        """Bring about what stands before."""
        if self.stands is not None and send(control, "STOR", self.stands) != 226:
            raise AssertionError("the file cannot be stored")
        if self.broken is not None and break_upload(server, control, self.broken) != 426:
            raise AssertionError("the upload cannot be broken off")

    def with_settings(self, name: str, **settings: Any) -> Story:
        """The same with other settings."""
        return attrs.evolve(self, name=f"{self.name}, {name}", settings={**self.settings, **settings})


def _store(octets: bytes, restart: int = 0) -> Callable[[CrashServer, Control], int]:
    return lambda server, control: send(control, "STOR", octets[restart:], restart=restart)


def _append(octets: bytes) -> Callable[[CrashServer, Control], int]:
    return lambda server, control: send(control, "APPE", octets)


def _delete(server: CrashServer, control: Control) -> int:
    return control.command(f"DELE {NAME}").code


def _text(server: CrashServer, control: Control) -> int:
    control.expect("TYPE A", 200)
    try:
        return send(control, "STOR", b"line\r\n" * 30_000)
    finally:
        control.send(b"TYPE I\r\n")


_NEW = Story("new, large", _store(LARGE), (None, LARGE), (LARGE,))
_OVER = Story("replaced, large", _store(LARGE), (OLD, LARGE), (LARGE,), stands=OLD)
_RESUMED = Story("continued", _store(LARGE, 150_000), (None, LARGE), (LARGE,), broken=LARGE[:_PART])
_RESUMED_OVER = Story(
    "continued to replace", _store(LARGE, _PART), (OLD, LARGE), (LARGE,), stands=OLD, broken=LARGE[:_PART]
)
_BROKEN = Story(
    "broken off", lambda server, control: break_upload(server, control, LARGE[:_PART]), (None,), (LARGE,), code=426
)
_FRESH = Story("stored again behind a broken one", _store(OTHER), (None, OTHER), (LARGE, OTHER), broken=LARGE[:_PART])

STORIES: Final = (
    Story("new, small", _store(SMALL), (None, SMALL), (SMALL,)),
    _NEW,
    Story("replaced, small", _store(SMALL), (OLD, SMALL), (SMALL,), stands=OLD),
    _OVER,
    _RESUMED,
    Story("continued by APPE", _append(LARGE[_PART:]), (None, LARGE), (LARGE,), broken=LARGE[:_PART]),
    _RESUMED_OVER,
    Story("appended", _append(OTHER), (OLD, OLD + OTHER), stands=OLD),
    Story("file continued", _store(OLD[:1000] + OTHER, 1000), (OLD, OLD[:1000] + OTHER), stands=OLD),
    _BROKEN,
    Story(
        "broken off behind a broken one",
        lambda server, control: break_upload(server, control, OTHER[:_PART]),
        (None,),
        (LARGE, OTHER),
        code=426,
        broken=LARGE[:100_000],
    ),
    _FRESH,
    Story("discarded", _delete, (None,), (LARGE,), code=250, broken=LARGE[:_PART]),
    Story("text", _text, (OLD, b"line\n" * 30_000), stands=OLD),
    _NEW.with_settings("fsync", fsync=True),
    _OVER.with_settings("fsync", fsync=True),
    _RESUMED_OVER.with_settings("fsync", fsync=True),
    _NEW.with_settings("no O_TMPFILE", tmpfile=False),
    _OVER.with_settings("no O_TMPFILE", tmpfile=False),
    _BROKEN.with_settings("no O_TMPFILE", tmpfile=False),
    _NEW.with_settings("nothing is kept", partial_lifetime=0.0),
    _OVER.with_settings("nothing is kept", partial_lifetime=0.0),
)

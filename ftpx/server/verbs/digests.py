"""Digests: HASH (draft-bryan-ftpext-hash), MD5 (draft-twine-ftpmd5), and the older XCRC, XMD5 and their like."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import attrs

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.digests import Digest
from ftpx.digests.expectation import Expectation, parse_expectation
from ftpx.errors import ArgumentError, NotADirectory, NotFound
from ftpx.server.arguments import text
from ftpx.server.session import Session
from ftpx.server.state import Pending
from ftpx.server.verb import Verb, verb
from ftpx.server.verbs.files import regular_file
from ftpx.wire.numbers import parse_number
from ftpx.wire.paths import resolve
from ftpx.wire.replies import Reply

__all__ = ["VERBS", "Part", "expect", "hash_options", "parse_parts"]

_QUOTED = re.compile(r'"((?:[^"]|"")+)"((?: .*)?)', re.DOTALL)
_WITH_NUMBERS = re.compile(r"(.+) ([0-9]{1,19}) ([0-9]{1,19})", re.DOTALL)

# The older commands, as clients know them, and what each tells.
_OLDER: Mapping[str, Algorithm] = {
    "XCRC": Algorithm.CRC32,
    "XMD5": Algorithm.MD5,
    "XSHA1": Algorithm.SHA_1,
    "XSHA256": Algorithm.SHA_256,
    "XSHA512": Algorithm.SHA_512,
}


@attrs.frozen
class Part:
    """A file by the name that the client gave it, from ``start`` up to, not including, ``end``, ``None``: its end."""

    name: str
    start: int = 0
    end: int | None = None


def parse_parts(argument: str) -> tuple[Part, ...]:
    """
    What the argument of one of the older commands may mean, the likeliest first: ``path``, ``path start end``, or
    either with the path in double quotes, and those inside it doubled.

    One number alone is refused: some servers take it for the start, and others for the end.

    :raises ArgumentError: what stands behind a quoted path is not two numbers, or the second is before the first.
    """
    quoted = _QUOTED.fullmatch(argument)
    if quoted is not None:
        name, numbers = quoted[1].replace('""', '"'), quoted[2].split()
        if not numbers:
            return (Part(name),)
        if len(numbers) != 2:
            raise ArgumentError("The form is path, or path, start and end.")
        return (_part(name, *numbers),)
    parts = [Part(argument)]
    with_numbers = _WITH_NUMBERS.fullmatch(argument)
    if with_numbers is not None:
        parts.append(_part(*with_numbers.groups()))
    return tuple(parts)


def _part(name: str, first: str, last: str) -> Part:
    start, end = parse_number(first), parse_number(last)
    if end < start:
        raise ArgumentError("The end is before the start.")
    return Part(name, start, end)


async def _digest(session: Session, part: Part, algorithm: Algorithm) -> Digest:
    path = resolve(session.state.cwd, part.name)
    # Some servers mean the last octet by the end, and then the end of the file itself would be too far.
    if part.end is not None and part.end > (await regular_file(session, path)).size:
        raise ArgumentError("The end is behind the end of the file.")
    digests, owner = session.services.digests, session.account.name
    return await digests.of(owner, session.storage, path, algorithm, start=part.start, end=part.end)


async def _digest_of_any(session: Session, parts: tuple[Part, ...], algorithm: Algorithm) -> Digest:
    """The digest of the first of the parts whose file is there."""
    for part in parts[:-1]:
        try:
            return await _digest(session, part, algorithm)
        except (NotFound, NotADirectory):
            continue
    return await _digest(session, parts[-1], algorithm)


def _hash_feature(session: Session) -> list[str]:
    chosen = session.state.hash_algorithm
    return ["HASH " + ";".join(f"{known.value}{'*' if known is chosen else ''}" for known in Algorithm)]


@verb(
    "HASH",
    "draft-bryan-ftpext-hash",
    text("path"),
    "Tell the digest of a file, or of the part that RANG has named.",
    abortable=True,
    keeps=Pending.RESTART,
    feature=_hash_feature,
)
async def hash_(session: Session, name: str) -> Reply:
    """Tell the digest that OPTS HASH has chosen, of the octets as they are stored."""
    start, end = session.state.take_range()
    path = resolve(session.state.cwd, name)
    digests, owner = session.services.digests, session.account.name
    found = await digests.of(owner, session.storage, path, session.state.hash_algorithm, start=start, end=end)
    last = max(found.start, found.end - 1)
    return Reply(213, f"{found.algorithm.value} {found.start}-{last} {found.hex} {name}")


def hash_options(session: Session, argument: str) -> Reply:
    """OPTS HASH: choose the digest, or tell which is chosen."""
    if argument:
        session.state.hash_algorithm = Algorithm.parse(argument)
    return Reply(200, session.state.hash_algorithm.value)


@verb("MD5", "draft-twine-ftpmd5", text("path"), "Tell the MD5 digest of a file.", abortable=True, feature="MD5")
async def md5(session: Session, name: str) -> Reply:
    """Tell the name and the digest of a whole file."""
    quoted = _QUOTED.fullmatch(name)
    plain = quoted[1].replace('""', '"') if quoted is not None and not quoted[2] else name
    found = await _digest(session, Part(plain), Algorithm.MD5)
    return Reply(251, f"{name} {found.hex.upper()}")


def _older(algorithm: Algorithm) -> Callable[[Session, str], Coroutine[Any, Any, Reply]]:
    async def run(session: Session, argument: str) -> Reply:
        """Tell the digest alone, of the octets as they are stored."""
        found = await _digest_of_any(session, parse_parts(argument), algorithm)
        return Reply(250, found.hex.upper())

    return run


def _older_verb(name: str, algorithm: Algorithm) -> Verb:
    return Verb(
        name=name,
        rfc="none",
        argument=text("path [start end]"),
        help=f"Tell the {algorithm.value} digest of a file, or of a part of it.",
        run=_older(algorithm),
        abortable=True,
        feature=name,
    )


async def expect(session: Session, argument: str) -> Reply:
    """SITE EXPECT: note what the next upload must be to be published."""
    wanted = parse_expectation(argument)
    before = session.state.expected
    size = before.size if wanted.size is None else wanted.size
    session.state.expected = Expectation(size, {**before.digests, **wanted.digests})
    return Reply(350, f"Expecting {session.state.expected}. Send STOR, APPE or STOU.")


VERBS = (hash_, md5, *(_older_verb(name, algorithm) for name, algorithm in _OLDER.items()))

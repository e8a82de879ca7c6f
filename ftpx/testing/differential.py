"""
The same sessions on two storages, whose clients must see the same::

    compare_session(seed, MemoryStorage, lambda: MyStorage(...))

Compared are the replies, what comes over data connections, and the trees at the end. A `Difference` is told with its
seed and the beginning of the session that shows it, as short as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import attrs
from twisted.internet.defer import Deferred

from ftpx.errors import DataConnectionNotOpened
from ftpx.interfaces import IStorage
from ftpx.testing.client import MemoryClient
from ftpx.testing.server import ServerHarness
from ftpx.testing.sessions import FETCHES, Step, generate_session
from ftpx.testing.trees import Tree, read_tree
from ftpx.wire.commands import encode
from ftpx.wire.replies import Reply

__all__ = ["Allowed", "Difference", "Seen", "compare_session", "compare_steps", "replay"]

_PAUSE: Final = 0.05
_ROUNDS: Final = 60

# What two storages need not agree upon: times, identities, owners, modes, and sizes of directories.
_FACTS: Final = re.compile(r"(?:modify|create|unique|UNIX\.\w+|sizd)=[^;]*;", re.IGNORECASE)
_LISTED: Final = re.compile(r"^([-dlbcps?])[-rwxsStT]{9} +\d+ +\S+ +\S+ +(\d+) +\w{3} +\d+ +[\d:]+ (.*)$")


@attrs.frozen
class Seen:
    """What a client sees of a step: the codes of its replies, their text, and what came over its data connection."""

    codes: tuple[int, ...]
    text: tuple[str, ...]
    came: bytes

    def __str__(self) -> str:
        return f"{self.codes} {' / '.join(self.text)[:200]!r}, {len(self.came)} octets {self.came[:200]!r}"


@attrs.frozen
class Allowed:
    """
    A difference that is none: what two storages may answer to a command.

    :param verb: the command; empty: any.
    :param codes: the last replies' codes of the one and the other, in any order.
    :param reason: why that is so.
    :param longer_than: of how many octets the command must be at least, and one more.
    """

    verb: str
    codes: frozenset[int]
    reason: str
    longer_than: int = 0

    def covers(self, step: Step, one: Seen, other: Seen) -> bool:
        """Whether what was seen is this."""
        if self.verb not in {"", step.verb} or len(encode(step.line)) <= self.longer_than:
            return False
        return {one.codes[-1:], other.codes[-1:]} == {(code,) for code in self.codes}


@attrs.frozen
class Difference:
    """Where two storages differ: behind these steps, of the session of this seed, the last of which shows it."""

    seed: int | None
    steps: Sequence[Step]
    one: object
    other: object

    def __str__(self) -> str:
        told = [f"{step.line[:120]!r} {_told(step)}" for step in self.steps]
        return "\n".join([f"seed {self.seed}, behind", *told, f"one: {self.one}", f"other: {self.other}"])


def _told(step: Step) -> str:
    if step.content is None:
        return ""
    return f"({len(step.content)} octets{', broken off' if step.breaks else ''})"


class _Replay:
    """A session on one storage, step by step. The storage must answer without a wait."""

    def __init__(self, storage: IStorage) -> None:
        self._storage = storage
        self._server = ServerHarness(storage)
        self._server.login()

    def take(self, step: Step) -> Seen:
        """Take a step."""
        client = self._server.client
        if step.content is None and step.verb not in FETCHES:
            return _seen(step, self._settled(client, client.command(step.line)), b"")
        client.command("EPSV")
        port = client.last_port
        replies = client.command(step.line)
        came = b""
        with suppress(DataConnectionNotOpened):
            peer = port.accept()
            peer.send(step.content or b"")
            client.settle()
            if step.content is not None:
                peer.reset() if step.breaks else peer.end()
            client.settle()
            replies = self._settled(client, replies + client.replies())
            came = peer.sent
        return _seen(step, replies, came)

    def _settled(self, client: MemoryClient, replies: list[Reply]) -> list[Reply]:
        for _ in range(_ROUNDS):
            if replies and replies[-1].code >= 200:
                break
            self._server.clock.advance(_PAUSE)
            client.settle()
            replies = replies + client.replies()
        return replies

    def tree(self) -> Tree:
        """What is there now."""
        results: list[Tree] = []
        waiting = Deferred.fromCoroutine(read_tree(self._storage))
        waiting.addCallback(results.append)
        (tree,) = results
        return tree


def _seen(step: Step, replies: Sequence[Reply], came: bytes) -> Seen:
    """What there is to compare of a step."""
    lines = tuple(_plain(line) for reply in replies for line in reply.lines)
    if step.verb in {"LIST", "NLST", "MLSD"}:
        listed = came.decode("utf-8", "surrogateescape").splitlines(keepends=True)
        came = "".join(sorted(map(_plain, listed))).encode("utf-8", "surrogateescape")
    if step.verb == "STAT":
        lines = tuple(sorted(lines))
    return Seen(tuple(reply.code for reply in replies), lines, came)


def _plain(line: str) -> str:
    """A line without what storages need not agree upon."""
    line = _FACTS.sub("", line)
    listed = _LISTED.match(line.rstrip("\r\n"))
    if listed is None:
        return line
    kind, size, name = listed.groups()
    return f"{kind} {size if kind == '-' else ''} {name}\r\n"


def replay(storage: IStorage, steps: Sequence[Step]) -> tuple[list[Seen], Tree]:
    """What a client sees of each step on an empty storage, and what is there at the end."""
    session = _Replay(storage)
    return [session.take(step) for step in steps], session.tree()


def compare_steps(
    steps: Sequence[Step],
    make_one: Callable[[], IStorage],
    make_other: Callable[[], IStorage],
    allowed: Sequence[Allowed] = (),
    seed: int | None = None,
) -> Difference | None:
    """
    The first difference of two storages.

    :param make_one: makes an empty storage, whose calls must not wait; ``make_other`` makes the other one.
    :param allowed: what is none. Where it has led to different trees, these count as a difference still.
    """
    one, other = _Replay(make_one()), _Replay(make_other())
    for number, step in enumerate(steps, 1):
        seen = one.take(step), other.take(step)
        if seen[0] != seen[1] and not any(each.covers(step, *seen) for each in allowed):
            return Difference(seed, steps[:number], *seen)
    if one.tree() == other.tree():
        return None
    return _first_tree(steps, make_one, make_other, seed)


def _first_tree(
    steps: Sequence[Step], make_one: Callable[[], IStorage], make_other: Callable[[], IStorage], seed: int | None
) -> Difference:
    """The shortest beginning behind which the trees differ."""
    one, other = _Replay(make_one()), _Replay(make_other())
    trees = one.tree(), other.tree()
    number = 0
    while trees[0] == trees[1] and number < len(steps):
        one.take(steps[number])
        other.take(steps[number])
        trees = one.tree(), other.tree()
        number += 1
    told = [
        {path: content and content[:50] for path, content in this.items() if path not in that or that[path] != content}
        for this, that in (trees, trees[::-1])
    ]
    return Difference(seed, steps[:number], *told)


def compare_session(
    seed: int,
    make_one: Callable[[], IStorage],
    make_other: Callable[[], IStorage],
    allowed: Sequence[Allowed] = (),
    *,
    length: int = 40,
    breaks: bool = True,
    odd_names: bool = True,
) -> Difference | None:
    """
    The first difference of two storages in the session of a seed; see `compare_steps` and `generate_session`.

    :param breaks: whether uploads break off; for storages that both, or neither, keep what has come of them.
    :param odd_names: whether there are names that a storage may refuse; for storages that refuse the same ones.
    """
    steps = generate_session(seed, length, breaks=breaks, odd_names=odd_names)
    return compare_steps(steps, make_one, make_other, allowed, seed)

"""What clients do, told as stories that are run with every fault in every place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import attrs
from twisted.internet.defer import Deferred

from ftpx.errors import DataConnectionNotOpened
from ftpx.interfaces import IStorage
from ftpx.storage.memory import MemoryStorage
from ftpx.testing.client import MemoryClient
from ftpx.testing.faults import Call, FaultPlan, FaultyStorage
from ftpx.testing.server import ServerHarness
from ftpx.testing.trees import Tree, read_tree
from ftpx.wire.replies import Reply

__all__ = ["STORIES", "Step", "Story", "Telling"]

_ROUNDS = 60
_PAUSE = 0.05

_SMALL = bytes(range(256)) * 4
_LARGE = bytes(range(251)) * 1200


def _unchanged(tree: Tree) -> Tree:
    return tree


@attrs.frozen
class Step:
    """
    A command.

    :param effect: what the tree is when it has succeeded.
    :param content: what is sent to the server, if anything.
    :param breaks: the data connection is reset behind the content.
    :param expected: what must have come over the data connection if it succeeds; as sorted lines if ``lines``.
    """

    line: str
    effect: Callable[[Tree], Tree] = _unchanged
    content: bytes | None = None
    breaks: bool = False
    expected: bytes | None = None
    lines: bool = False


@attrs.frozen
class Story:
    """What is there at first, and the commands of a session."""

    name: str
    before: Tree
    steps: Sequence[Step]


def _stored(name: str, content: bytes) -> Callable[[Tree], Tree]:
    return lambda tree: {**tree, (name,): content}


def _without(name: str) -> Callable[[Tree], Tree]:
    return lambda tree: {path: content for path, content in tree.items() if path != (name,)}


def _renamed(old: str, new: str) -> Callable[[Tree], Tree]:
    def rename(tree: Tree) -> Tree:
        if (old,) not in tree:
            return tree
        kept = {path: content for path, content in tree.items() if path[0] not in {old, new}}
        return kept | {(new, *path[1:]): content for path, content in tree.items() if path[0] == old}

    return rename


_MANY: Tree = {(f"f{number:04}",): b"" for number in range(1100)}
_NAMES = b"".join(b"%s\r\n" % name.encode() for ((name,), _) in sorted(_MANY.items()))

STORIES: Sequence[Story] = (
    Story("store", {}, [Step("STOR a", _stored("a", _LARGE), _LARGE)]),
    Story("overwrite", {("a",): b"old"}, [Step("STOR a", _stored("a", _LARGE), _LARGE)]),
    Story("store nothing", {("a",): b"old"}, [Step("STOR a", _stored("a", b""), b"")]),
    Story("append", {("a",): b"old"}, [Step("APPE a", _stored("a", b"old" + _LARGE), _LARGE)]),
    Story("append to nothing", {}, [Step("APPE a", _stored("a", _SMALL), _SMALL)]),
    Story("continue a file", {("a",): b"older"}, [Step("REST 3"), Step("STOR a", _stored("a", b"oldest"), b"est")]),
    Story(
        "resume",
        {("b",): b"other"},
        [
            Step("STOR a", content=_LARGE[:200_000], breaks=True),
            Step("SIZE a"),
            Step("REST 200000"),
            Step("STOR a", _stored("a", _LARGE), _LARGE[200_000:]),
        ],
    ),
    Story(
        "resume over a file",
        {("a",): b"old"},
        [
            Step("STOR a", content=_SMALL[:100], breaks=True),
            Step("REST 100"),
            Step("STOR a", _stored("a", _SMALL), _SMALL[100:]),
        ],
    ),
    Story("store unique", {("a",): b"old"}, [Step("STOU a", _stored("a.0001", _SMALL), _SMALL)]),
    Story("store in ASCII", {}, [Step("TYPE A"), Step("STOR a", _stored("a", b"x\ny\n"), b"x\r\ny\r\n")]),
    Story("fetch", {("a",): _LARGE}, [Step("RETR a", expected=_LARGE)]),
    Story("fetch a part", {("a",): _LARGE}, [Step("REST 1000"), Step("RETR a", expected=_LARGE[1000:])]),
    Story("fetch nothing", {("a",): b""}, [Step("RETR a", expected=b"")]),
    Story("list", _MANY, [Step("NLST", expected=_NAMES, lines=True)]),
    Story("list facts", {("a",): b"abc", ("d",): None}, [Step("MLSD"), Step("LIST"), Step("MLST a"), Step("STAT d")]),
    Story("rename", {("a",): b"abc"}, [Step("RNFR a"), Step("RNTO b", _renamed("a", "b"))]),
    Story(
        "rename over a file",
        {("a",): b"abc", ("b",): b"old"},
        [Step("RNFR a"), Step("RNTO b", _renamed("a", "b"))],
    ),
    Story(
        "rename a directory",
        {("d",): None, ("d", "a"): b"abc"},
        [Step("RNFR d"), Step("RNTO e", _renamed("d", "e")), Step("CWD e")],
    ),
    Story("delete", {("a",): b"abc", ("b",): b"other"}, [Step("DELE a", _without("a"))]),
    Story("make a directory", {}, [Step("MKD d", lambda tree: {**tree, ("d",): None}), Step("CWD d")]),
    Story("remove a directory", {("d",): None}, [Step("RMD d", _without("d"))]),
    Story(
        "copy",
        {("a",): b"abc", ("b",): b"old"},
        [Step("SITE COPY a b"), Step("SITE CPFR a"), Step("SITE CPTO b", lambda tree: {**tree, ("b",): tree[("a",)]})],
    ),
    Story("digest", {("a",): _LARGE}, [Step("XCRC a"), Step("HASH a"), Step("MD5 a")]),
    Story("set a time", {("a",): b"abc"}, [Step("MFMT 20200101000000 a"), Step("MDTM a"), Step("SITE CHMOD 600 a")]),
)


class Telling:
    """
    A story as it is told once, over a server in memory.

    :param storage: what stands below the faults; it must be empty.
    :param gives_up: the client's control connection breaks where a call stalls, in the place of waiting for it.
    """

    def __init__(
        self, story: Story, plan: FaultPlan, storage: IStorage | None = None, *, gives_up: bool = False
    ) -> None:
        self._story = story
        self._inner = MemoryStorage() if storage is None else storage
        self._gives_up = gives_up
        self._plant(story.before)
        self._faulty = FaultyStorage(self._inner, plan)
        self.server = ServerHarness(self._faulty)
        self.trees = [dict(story.before)]

    def _now(self, waiting: Deferred[object]) -> object:
        results: list[object] = []
        waiting.addBoth(results.append)
        (result,) = results
        return result

    def _plant(self, tree: Tree) -> None:
        async def plant() -> None:
            for path, content in sorted(tree.items()):
                if content is None:
                    await self._inner.make_directory(path)
                else:
                    file = await self._inner.open_write(path)
                    await file.write(content)
                    await file.commit()

        self._now(Deferred.fromCoroutine(plant()))

    def run(self) -> Sequence[Call]:
        """Run all of it and look at what has come of it; the calls that were made."""
        self.server.login()
        if all(self._take(step) for step in self._story.steps):
            assert [reply.code for reply in self.server.command("NOOP", "PWD")] == [200, 257], "no answer"
        found = self._now(Deferred.fromCoroutine(read_tree(self._inner)))
        assert found in self.trees, f"{self._story.name}: what is there is neither the old nor the new"
        assert self._faulty.open == 0, f"{self._story.name}: {self._faulty.open} files are left open"
        self._answers(self.server.connect())
        return list(self._faulty.calls)

    def _answers(self, client: MemoryClient) -> None:
        client.login()
        assert [reply.code for reply in client.command("NOOP", "PWD")] == [200, 257], "no answer"

    def _take(self, step: Step) -> bool:
        """Take a step; whether there is still a client."""
        client = self.server.client
        effects = [tree for before in self.trees if (tree := dict(step.effect(before))) not in self.trees]
        replies, came = self._command(client, step)
        if self._faulty.stalled and self._gives_up:
            client.lose()
            self._faulty.release()
            self._settle(client, [])
            self.trees += effects
            return False
        while self._faulty.stalled:
            self._answers(self.server.connect())
            self._faulty.release()
            client.settle()
            replies += client.replies()
        replies = self._settle(client, replies)
        codes = [reply.code for reply in replies]
        assert len(codes) in {1, 2}, f"{step.line}: {codes}"
        assert all(code < 200 for code in codes[:-1]), f"{step.line}: {codes}"
        assert 200 <= codes[-1] < 600, f"{step.line}: {codes}"
        if codes[-1] < 400:
            self.trees = [dict(step.effect(tree)) for tree in self.trees]
            octets = came()
            if step.expected is not None:
                octets = b"".join(sorted(octets.splitlines(keepends=True))) if step.lines else octets
                assert octets == step.expected, f"{step.line}: {codes[-1]} for {len(octets)} octets"
        else:
            self.trees += effects
        return True

    def _settle(self, client: MemoryClient, replies: list[Reply]) -> list[Reply]:
        """Wait until the last reply has come, at most some seconds."""
        for _ in range(_ROUNDS):
            if replies and replies[-1].code >= 200:
                break
            self.server.clock.advance(_PAUSE)
            client.settle()
            replies = replies + client.replies()
        return replies

    def _command(self, client: MemoryClient, step: Step) -> tuple[list[Reply], Callable[[], bytes]]:
        """Send a command, and what goes over its data connection; what came by it is asked for later."""
        if step.content is None and step.line.split(" ")[0] not in {"RETR", "NLST", "LIST", "MLSD"}:
            return client.command(step.line), lambda: b""
        client.command("EPSV")
        port = client.last_port
        replies = client.command(step.line)
        with suppress(DataConnectionNotOpened):
            peer = port.accept()
            if step.content is not None:
                peer.send(step.content)
            client.settle()
            if step.content is not None:
                peer.reset() if step.breaks else peer.end()
            client.settle()
            return replies + client.replies(), lambda: peer.sent
        return replies, lambda: b""

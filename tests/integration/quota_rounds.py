"""Many sessions on several servers that store into one quota at once, and somebody who watches."""

from __future__ import annotations

import os
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import attrs
from sqlalchemy import Engine

from ftpx.accounts.database.connection import open_database, parse_url, transaction
from ftpx.accounts.database.ledger import Usage, read_usage
from tests.integration.control import Control, reset
from tests.integration.server import FtpxServer
from tests.integration.waiting import eventually

__all__ = ["QUOTA", "Books", "Rounds", "stored"]

QUOTA: Final = 10 * 1024 * 1024
"""Octets that all sessions together may store."""

_LARGEST: Final = 1024 * 1024
_STAGING: Final = ".ftpx-upload-staging"
_CONTENT: Final = os.urandom(_LARGEST)
# What each session does in a round, and how often.
_STEPS: Final = (
    "store",
    "store",
    "store",
    "announce",
    "append",
    "overwrite",
    "continue",
    "rename",
    "copy",
    "break",
    "one",
)


def stored(folder: Path) -> tuple[int, int]:
    """Octets and files that are really in a directory and below."""
    octets = files = 0
    for top, _, names in os.walk(folder):
        for name in names:
            try:
                octets += os.lstat(os.path.join(top, name)).st_size
            except FileNotFoundError:
                continue
            files += 1
    return octets, files


class Books:
    """The ledger, as somebody reads it who is no server."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = open_database(parse_url(url))

    def of(self, name: str) -> Usage:
        """What a user or a group has."""
        with transaction(self._engine, write=False) as connection:
            return next(usage for usage in read_usage(connection) if usage.name == name)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


@attrs.define
class _Worker:
    """One session, and the files of its own."""

    number: int
    control: Control
    chance: random.Random
    names: list[str] = attrs.Factory(list)
    made: int = 0

    def new_name(self) -> str:
        self.made += 1
        return f"{self.number}-{self.made}"


class Rounds:
    """
    Rounds of changes in the home of one user, by many sessions at once.

    :param root: the directory that all the servers serve; the home is in it.
    """

    def __init__(
        self, servers: Sequence[FtpxServer], root: Path, url: str, *, user: str = "alice", sessions: int = 20, seed: int
    ) -> None:
        self.books = Books(url)
        self.refused = 0
        self.done = 0
        self._root = root
        self._home = root / user
        self._user = user
        self._workers = []
        for number in range(sessions):
            server = servers[number % len(servers)]
            control = Control((server.host, server.port), timeout=60)
            control.login(user, "secret")
            self._workers.append(_Worker(number, control, random.Random(f"{seed} {number}")))

    def close(self) -> None:
        """Close all sessions."""
        for worker in self._workers:
            worker.control.close()
        self.books.close()

    def run(self, rounds: int) -> None:
        """
        Go through rounds; behind each the ledger must be what is there, and at no time be above the quota.

        :raises AssertionError: it is not so.
        """
        # A new quota has all counted that is there.
        eventually(lambda: not self.books.of(self._user).recount_due, seconds=40, what="what is there is counted")
        with self._watched():
            for number in range(rounds):
                self._together(self._step)
                self.check(f"round {number}")
                if stored(self._home)[0] > QUOTA * 9 // 10:
                    self._together(self._tidy)
                    self.check(f"behind round {number}")

    def check(self, when: str) -> None:
        """:raises AssertionError: the ledger is not what is there."""
        usage = self.books.of(self._user)
        octets, files = stored(self._home)
        kept, _ = stored(self._root / _STAGING)
        found = (usage.octets, usage.files, usage.held_octets, usage.held_files)
        if found != (octets + kept, files, 0, 0):
            raise AssertionError(f"{when}: {found} in the ledger, {octets} + {kept} octets in {files} files are there")
        if usage.recount_due:
            raise AssertionError(f"{when}: the ledger is not certain")

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Somebody looks all the time whether it is too much."""
        over = threading.Event()
        found: list[str] = []

        def watch() -> None:
            while not over.wait(0.02):
                octets, _ = stored(self._home)
                usage = self.books.of(self._user)
                together = usage.octets + usage.held_octets
                if max(octets, together) > QUOTA:
                    found.append(f"{octets} octets are there, {usage.octets} used and {usage.held_octets} set aside")
                    return

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if found:
            raise AssertionError(found[0])

    def _together(self, do: Callable[[_Worker], None]) -> None:
        """Have every session do something at the same time."""
        errors: list[BaseException] = []
        barrier = threading.Barrier(len(self._workers))

        def run(worker: _Worker) -> None:
            barrier.wait()
            try:
                do(worker)
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(worker,)) for worker in self._workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _step(self, worker: _Worker) -> None:
        chance = worker.chance
        step = chance.choice(_STEPS)
        size = chance.randrange(_LARGEST) if chance.random() < 0.5 else _LARGEST
        own = chance.choice(worker.names) if worker.names else None
        if step == "one":
            self._store(worker, "STOR everybody", size)
        elif step == "announce":
            self._announce(worker, size)
        elif step == "break":
            self._break(worker, size)
        elif own is None or step == "store":
            self._new(worker, size)
        elif step == "append":
            self._store(worker, f"APPE {own}", size // 4)
        elif step == "overwrite":
            self._store(worker, f"STOR {own}", size)
        elif step == "continue":
            worker.control.expect("REST 100", 350)
            self._store(worker, f"STOR {own}", size)
        elif step == "copy":
            worker.control.expect(f"SITE CPFR {own}", 350)
            self._noted(worker, worker.control.command(f"SITE CPTO {worker.new_name()}").code)
        else:
            worker.control.expect(f"RNFR {own}", 350)
            worker.names.remove(own)
            other = chance.choice([*worker.names, worker.new_name()])
            worker.control.expect(f"RNTO {other}", 250)
            if other not in worker.names:
                worker.names.append(other)

    def _new(self, worker: _Worker, size: int) -> None:
        name = worker.new_name()
        if self._store(worker, f"STOR {name}", size):
            worker.names.append(name)

    def _announce(self, worker: _Worker, size: int) -> None:
        """What does not fit is refused before its first octet."""
        name = worker.new_name()
        worker.control.expect(f"SITE EXPECT SIZE {size}", 350)
        if self._store(worker, f"STOR {name}", size):
            worker.names.append(name)

    def _break(self, worker: _Worker, size: int) -> None:
        """The connection breaks in the middle; what has come is kept, and then thrown away."""
        name = worker.new_name()
        data = worker.control.open_data()
        answer = worker.control.command(f"STOR {name}").code
        if answer == 150:
            try:
                data.sendall(_CONTENT[: size // 2])
            except OSError:
                data.close()
            reset(data)
            answer = worker.control.reply().code
            # What came may have been taken for all of it, or thrown away.
            worker.control.command(f"DELE {name}")
        else:
            data.close()
        self._noted(worker, answer)

    def _store(self, worker: _Worker, line: str, size: int) -> bool:
        """Store; whether it was taken. What cannot be continued any more is no error."""
        data = worker.control.open_data()
        answer = worker.control.command(line).code
        if answer == 150:
            _send(worker.control, data, _CONTENT[:size])
            answer = worker.control.reply().code
        else:
            data.close()
        return self._noted(worker, answer)

    def _noted(self, worker: _Worker, code: int) -> bool:
        self.done += 1
        if code in {226, 250}:
            return True
        if code == 552:
            self.refused += 1
        elif code not in {426, 450, 554}:
            raise AssertionError(f"session {worker.number} got {code}")
        return False

    @staticmethod
    def _tidy(worker: _Worker) -> None:
        """Remove what the session has."""
        for name in _names(worker):
            worker.control.expect(f"DELE {name}", 250)
        worker.names.clear()


def _names(worker: _Worker) -> list[str]:
    listed = worker.control.retrieve("NLST").decode().split()
    return [
        name for name in listed if name.startswith(f"{worker.number}-") or (name == "everybody" and not worker.number)
    ]


def _send(control: Control, data: socket.socket, octets: bytes) -> None:
    """Send as long as nothing is said against it."""
    rest = memoryview(octets)
    data.setblocking(False)
    with suppress(OSError):
        while rest:
            said, _, _ = select.select([control.socket], [data], [], 60)
            if said:
                break
            rest = rest[data.send(rest) :]
    data.close()

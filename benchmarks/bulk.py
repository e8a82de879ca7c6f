"""
Bulk transfers that never end, as a process of its own, so that what is measured beside them does not wait for it.

Its one line of input is a `Task` as JSON. Each of its sessions repeats one transfer. When all of them
move octets it says so in a line; when its input ends it says how many octets were moved since, and ends itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from benchmarks.clients import Session, drained, fed
from benchmarks.launch import Running

__all__ = ["Bulk", "bulk_transfers"]

_PATIENCE = 30.0
_PARTS = 4


@attrs.frozen
class Task:
    """A session's server and user, the folder that is served, and for each session ``RETR`` or ``STOR``."""

    port: int
    user: str
    password: str
    root: str
    verbs: Sequence[str]


@attrs.define
class Bulk:
    """What bulk transfers did; set when they have ended. ``speed`` is in octets a second, in all."""

    speed: float = 0.0


@contextlib.contextmanager
def bulk_transfers(server: Running, root: Path, verbs: Sequence[str]) -> Iterator[Bulk]:
    """
    Keep one transfer of each of the verbs running, of the file ``large`` and to the folder ``stored``.

    :raises RuntimeError: they did not begin, or one of them has ended before its time.
    """
    task = Task(server.port, server.launch.user, server.launch.password, str(root), verbs)
    process = subprocess.Popen(
        (sys.executable, "-m", "benchmarks.bulk"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[1],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    bulk = Bulk()
    try:
        process.stdin.write(json.dumps(attrs.asdict(task)) + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "moving\n":
            raise RuntimeError("the bulk transfers did not begin")
        begin = time.perf_counter()
        yield bulk
        elapsed = time.perf_counter() - begin
        rest, _ = process.communicate(timeout=_PATIENCE)
        if process.returncode:
            raise RuntimeError("a bulk transfer broke off")
        bulk.speed = int(rest) / elapsed
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Do what the input says."""
    task = Task(**json.loads(sys.stdin.readline()))
    moved = [0] * len(task.verbs)
    for number, verb in enumerate(task.verbs):
        threading.Thread(target=_repeat, args=(task, verb, number, moved), daemon=True).start()
    end = time.monotonic() + _PATIENCE
    while not all(moved):
        if time.monotonic() > end:
            os._exit(1)
        time.sleep(0.01)
    before = sum(moved)
    print("moving", flush=True)
    sys.stdin.read()
    print(sum(moved) - before, flush=True)
    # The threads wait for the server, and need not come to an end.
    os._exit(0)


def _repeat(task: Task, verb: str, number: int, moved: list[int]) -> None:
    """Begin a transfer again and again; a failure ends the process."""
    try:
        with Session.greeted(task.port) as session:
            session.login(task.user, task.password)
            session.prepare()
            while True:
                for size in _TRANSFERS[verb](session, Path(task.root), number):
                    moved[number] += size
    except BaseException as error:
        print(f"bulk {verb}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def _retrieve(session: Session, root: Path, number: int) -> Iterator[int]:
    with session.passive() as data:
        session.command("RETR large", b"150", b"125")
        yield from drained(data)
    session.expect(b"226", b"250")


def _store(session: Session, root: Path, number: int) -> Iterator[int]:
    # Uploads need room, so they are of a part of the file.
    name = f"stored/bulk-{number}"
    size = (root / "large").stat().st_size // _PARTS
    with (root / "large").open("rb") as source, session.passive() as data:
        session.command(f"STOR {name}", b"150", b"125")
        yield from fed(data, source.fileno(), size)
    session.expect(b"226", b"250")
    (root / name).unlink()


_TRANSFERS = {"RETR": _retrieve, "STOR": _store}


if __name__ == "__main__":
    main()

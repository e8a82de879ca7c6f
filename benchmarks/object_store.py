"""
``object:`` on SeaweedFS beside other clients of the same store: ``python -m benchmarks.object_store``.

A large file up and down, by curl through ftpx and by rclone and aws straight; many small files at once; a folder of
many objects; how long 226 takes behind the last octet, and what memory a transfer takes.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from threading import Event, Thread
from typing import Final

import attrs

from benchmarks.clients import Session
from benchmarks.launch import Launch, Running, free_port, start
from benchmarks.processes import memory
from benchmarks.seaweedfs import ObjectStore, seaweedfs

__all__ = ["main"]

_PROJECT = Path(__file__).resolve().parents[1]
_TWISTD = "import sys; sys.argv[0] = 'twistd'; from twisted.scripts.twistd import run; run()"
_MEBIBYTE: Final = 1 << 20
_SMALL_SIZE: Final = 10 << 10
_AT_ONCE: Final = 8
_LOOK_SECONDS: Final = 0.02

Commands = Callable[[Path, str], Sequence[str]]


@attrs.frozen
class _Program:
    """A program that stores a file in the bucket and fetches it again; each gets a file and a name in the bucket."""

    name: str
    store: Commands
    fetch: Commands
    environment: Mapping[str, str] = attrs.Factory(dict)

    def timed(self, command: Sequence[str]) -> float:
        """Seconds that a command took."""
        # Of the machine's own settings for the same store, none: rclone refuses a bundle of authorities.
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        begin = time.perf_counter()
        subprocess.run(command, check=True, env={**others, **self.environment}, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begin


def _programs(store: ObjectStore, server: Running) -> Iterator[_Program]:
    """Those that this machine has."""
    address = f"ftp://bench:bench@127.0.0.1:{server.port}/"
    yield _Program(
        "ftpx (curl)",
        lambda file, name: ["curl", "-sS", "-T", str(file), address + name],
        lambda file, name: ["curl", "-sS", "-o", str(file), address + name],
    )
    if which("rclone"):
        remote = {
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_B_TYPE": "s3",
            "RCLONE_CONFIG_B_PROVIDER": "SeaweedFS",
            "RCLONE_CONFIG_B_ENV_AUTH": "true",
            "RCLONE_CONFIG_B_ENDPOINT": store.endpoint,
        }
        yield _Program(
            "rclone",
            lambda file, name: ["rclone", "copyto", "--ignore-times", str(file), f"b:{store.bucket}/{name}"],
            lambda file, name: ["rclone", "copyto", "--ignore-times", f"b:{store.bucket}/{name}", str(file)],
            {**store.environment, **remote},
        )
    if which("aws"):
        copy = ["aws", "--endpoint-url", store.endpoint, "s3", "cp", "--only-show-errors"]
        yield _Program(
            "aws s3 cp",
            lambda file, name: [*copy, str(file), f"s3://{store.bucket}/{name}"],
            lambda file, name: [*copy, f"s3://{store.bucket}/{name}", str(file)],
            store.environment,
        )


def main(arguments: Sequence[str]) -> None:
    """Start the store and the server, and print what was measured."""
    parser = argparse.ArgumentParser("python -m benchmarks.object_store", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured (default 3)")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file (default 1024)")
    parser.add_argument("--objects", type=int, default=100_000, help="objects in the large folder (default 100000)")
    parser.add_argument("--small", type=int, default=400, help="small files (default 400)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="ftpx-benchmark-") as name:
        folder = Path(name)
        with seaweedfs(folder / "store") as store, _server(store, folder) as server:
            _large(store, server, folder, options.size * _MEBIBYTE, options.rounds)
            _small(store, server, folder, options.small, options.rounds)
            _folder(store, server, options.objects)


@contextmanager
def _server(store: ObjectStore, folder: Path) -> Iterator[Running]:
    """``twistd ftpx`` over the bucket."""
    port = free_port()
    options = (
        *("--port", f"tcp:{port}:interface=127.0.0.1", "--auth", "memory:bench:bench"),
        *("--storage", f"object:s3://{store.bucket}?endpoint={store.endpoint}"),
    )
    command = (sys.executable, "-c", _TWISTD, "-n", "--pidfile=", "ftpx", *options)
    running = start(Launch(command, {"PYTHONPATH": str(_PROJECT), **store.environment}), port, folder / "log")
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def _most_memory(server: Running) -> Iterator[list[float]]:
    """How many MiB a server has at most meanwhile, above what it has at the beginning: the only item, at the end."""
    found: list[float] = []
    before = most = memory(server.process.pid)
    over = Event()

    def look() -> None:
        nonlocal most
        while not over.wait(_LOOK_SECONDS):
            most = max(most, memory(server.process.pid))

    thread = Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
        found.append((most - before) / _MEBIBYTE)


def _large(store: ObjectStore, server: Running, folder: Path, size: int, rounds: int) -> None:
    file, copy = folder / "large", folder / "copy"
    block = os.urandom(_MEBIBYTE)
    with file.open("wb") as target:
        for number in range(size // _MEBIBYTE):
            target.write(number.to_bytes(8, "big") + block[8:])
    programs = list(_programs(store, server))
    took: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        for program in programs[number % len(programs) :] + programs[: number % len(programs)]:
            name = f"large-{program.name.split()[0]}"
            with _most_memory(server) as up:
                took.setdefault((program.name, "up"), []).append(program.timed(program.store(file, name)))
            with _most_memory(server) as down:
                took.setdefault((program.name, "down"), []).append(program.timed(program.fetch(copy, name)))
            if copy.stat().st_size != size:
                raise RuntimeError(f"{program.name} fetched {copy.stat().st_size} octets of {size}")
            if program is programs[0]:
                print(f"round {number + 1}: memory of ftpx: {up[0]:.0f} MiB more up, {down[0]:.0f} MiB more down")
    for way in ("up", "down"):
        ours = took[programs[0].name, way]
        for program in programs:
            theirs = took[program.name, way]
            rate = size / statistics.median(theirs) / 1e6
            ratio = statistics.median(other / mine for mine, other in zip(ours, theirs, strict=True))
            print(f"{way}: {program.name}: {rate:.0f} MB/s; ftpx is {ratio:.2f} times as fast")
    print(f"226 came {_answer(server, file, size) * 1000:.0f} ms behind the last octet")


def _answer(server: Running, file: Path, size: int) -> float:
    """Seconds from the end of the data connection to 226."""
    with server.session() as session, file.open("rb") as source:
        with session.passive() as data:
            session.command("STOR answer", b"150")
            data.sendfile(source, 0, size)
            data.shutdown(socket.SHUT_WR)
        begin = time.perf_counter()
        session.expect(b"226")
        return time.perf_counter() - begin


def _small(store: ObjectStore, server: Running, folder: Path, count: int, rounds: int) -> None:
    """Small files by several sessions, and by as many transfers of rclone."""
    source = folder / "small"
    source.mkdir()
    for number in range(count):
        (source / str(number)).write_bytes(os.urandom(_SMALL_SIZE))
    rclone = next((program for program in _programs(store, server) if program.name == "rclone"), None)
    sessions = [server.session() for _ in range(_AT_ONCE)]
    ratios: dict[str, list[float]] = {}
    for number in range(rounds):
        ours = _by_sessions(sessions, source, count, f"small-{number}")
        up, down = (count / ours[way] for way in ("up", "down"))
        print(f"round {number + 1}: {count} small files: ftpx {up:.0f} a second up, {down:.0f} down")
        if rclone is not None:
            for way, places in (
                ("up", (str(source), f"b:{store.bucket}/rclone-{number}")),
                ("down", (f"b:{store.bucket}/rclone-{number}", str(folder / f"fetched-{number}"))),
            ):
                options = ("--transfers", str(_AT_ONCE), "--ignore-times")
                took = rclone.timed(["rclone", "copy", *options, *places])
                ratios.setdefault(way, []).append(took / ours[way])
    for way, found in ratios.items():
        print(f"{count} small files {way}: ftpx is {statistics.median(found):.2f} times as fast as rclone")
    for session in sessions:
        session.close()


def _by_sessions(sessions: Sequence[Session], source: Path, count: int, folder: str) -> dict[str, float]:
    sessions[0].command(f"MKD {folder}", b"257")

    def store(session: Session, number: int) -> None:
        with (source / str(number)).open("rb") as file:
            session.store(f"{folder}/{number}", file.fileno(), _SMALL_SIZE)

    def fetch(session: Session, number: int) -> None:
        session.retrieve(f"{folder}/{number}")

    return {"up": _together(sessions, store, count), "down": _together(sessions, fetch, count)}


def _together(sessions: Sequence[Session], do: Callable[[Session, int], None], count: int) -> float:
    """Seconds in which all sessions together do something so many times."""

    def some(first: int) -> None:
        for number in range(first, count, len(sessions)):
            do(sessions[first], number)

    begin = time.perf_counter()
    with ThreadPoolExecutor(len(sessions)) as threads:
        list(threads.map(some, range(len(sessions))))
    return time.perf_counter() - begin


def _folder(store: ObjectStore, server: Running, count: int) -> None:
    """A folder of many objects: when the first octet of its listing comes, and what memory that takes."""
    client = store.client()
    with ThreadPoolExecutor(16) as threads:
        list(
            threads.map(
                lambda number: client.put_object(Bucket=store.bucket, Key=f"many/{number:06}", Body=b"x"), range(count)
            )
        )
    with server.session() as session, _most_memory(server) as most:
        with session.passive() as data:
            begin = time.perf_counter()
            session.send("MLSD many")
            block = data.recv(_MEBIBYTE)
            first = time.perf_counter() - begin
            lines = block.count(b"\n")
            while block := data.recv(_MEBIBYTE):
                lines += block.count(b"\n")
        session.expect(b"150")
        session.expect(b"226")
        whole = time.perf_counter() - begin
    print(
        f"MLSD of {lines} objects: first octet {first * 1000:.0f} ms, all {whole:.1f} s, {most[0]:.0f} MiB more memory"
    )


if __name__ == "__main__":
    main(sys.argv[1:])

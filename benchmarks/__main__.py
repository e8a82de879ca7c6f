"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs

from benchmarks.bare_secure import openssl_versions
from benchmarks.network import enter_own_network
from benchmarks.packages import Packages
from benchmarks.peers import PEERS, Mode
from benchmarks.report import insert, markdown
from benchmarks.rounds import Field, compare, obtain
from benchmarks.work import MOST_AT_ONCE, Sizes, Work
from benchmarks.workloads import WORKLOADS

__all__ = ["main"]

_QUICK = Sizes(
    transfer=64 << 20,
    at_once=20,
    each=2 << 20,
    few_each=512 << 10,
    many_each=64 << 10,
    small_files=300,
    operations=300,
    seconds=0.5,
    logins=100,
    sessions=200,
    entries=2000,
    stalled=100,
)
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SPARE_DESCRIPTORS = 500
# A server may have a control connection, a port, a data connection and a file for each transfer.
_DESCRIPTORS_EACH = 4
_QUIET = ("--markdown", "--peers", "--profile")


def main(arguments: Sequence[str]) -> int:
    """Run what the arguments say, print the report, and write it where they say."""
    options = _parser().parse_args(arguments)
    sizes = _sizes(options)
    peers = [PEERS[name] for name in options.servers]
    workloads = [WORKLOADS[name] for name in options.only]
    _raise_limit(max(sizes.sessions, MOST_AT_ONCE * _DESCRIPTORS_EACH) + _SPARE_DESCRIPTORS)
    packages = Packages(options.peers.absolute())
    absent = obtain(packages, peers)
    enter_own_network()
    base = Path(tempfile.mkdtemp(prefix="ftpx-benchmark-", dir=_memory_folder(sizes)))
    base.chmod(0o755)
    field = Field(packages, Work(base / "bench", sizes), base, options.profile and options.profile.absolute())
    try:
        field.prepare()
        results = compare(field, peers, absent, workloads, options.rounds)
    finally:
        field.close()
        shutil.rmtree(base, ignore_errors=True)
    versions = {peer.name: packages.version(peer.package) for peer in peers if peer.name in results.servers}
    if any(workload.mode is Mode.TLS for workload in workloads):
        versions |= openssl_versions()
    report = markdown(results, workloads, versions, _command(arguments))
    print(report)
    if options.markdown:
        page = options.markdown.read_text() if options.markdown.exists() else ""
        options.markdown.write_text(insert(report, page))
    for reason in results.wrong:
        print(f"WRONG OCTETS: {reason}", file=sys.stderr)
    return 1 if results.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description="ftpx beside other FTP servers.")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is done (default 5)")
    parser.add_argument("--only", type=_names(WORKLOADS), default=list(WORKLOADS), help=", ".join(WORKLOADS))
    parser.add_argument("--servers", type=_names(PEERS), default=list(PEERS), help=", ".join(PEERS))
    parser.add_argument("--size", type=_size, help="size of the large file: 256M, 1G (default 1G)")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: does everything work?")
    parser.add_argument("--markdown", type=Path, help="write the report to this file, too, or between its marks")
    parser.add_argument("--peers", type=Path, default=_cache(), help="where downloaded servers are kept")
    parser.add_argument("--profile", type=Path, help="let ftpx write a cProfile of itself to this file")
    return parser


def _sizes(options: argparse.Namespace) -> Sizes:
    sizes = _QUICK if options.quick else Sizes()
    if options.quick:
        options.rounds = 1
    return attrs.evolve(sizes, transfer=options.size) if options.size else sizes


def _names(known: Mapping[str, object]) -> Callable[[str], list[str]]:
    spelled = {name.lower(): name for name in known}

    def parse(text: str) -> list[str]:
        wanted = [name.strip().lower() for name in text.split(",")]
        strange = [name for name in wanted if name not in spelled]
        if strange:
            raise argparse.ArgumentTypeError(f"{', '.join(strange)}: choose from {', '.join(known)}")
        return [spelled[name] for name in wanted]

    return parse


def _size(text: str) -> int:
    factor = _UNITS.get(text[-1:].upper(), 1)
    return int(text[:-1] if factor > 1 else text) * factor


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ftpx-benchmarks"


def _memory_folder(sizes: Sizes) -> str | None:
    """A folder in memory that has room for the work, else the system's place for temporary files."""
    needed = sizes.transfer + sizes.each + sizes.room
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() and shutil.disk_usage(shared).free > needed else None


def _raise_limit(descriptors: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        raise SystemExit(f"the sessions need {descriptors} open files; the limit here is {hard}")
    if soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))


def _command(arguments: Sequence[str]) -> str:
    """The command as given, without the options that name places of this machine."""
    kept: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument.split("=")[0] in _QUIET:
            if "=" not in argument:
                next(left, None)
        else:
            kept.append(argument)
    return shlex.join(["python", "-m", "benchmarks", *kept])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Which server does which work, and where."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.launch import Launch, Running
from benchmarks.packages import Packages, UnavailableError
from benchmarks.peers import Peer, Setting
from benchmarks.rounds import Field, compare
from benchmarks.work import Sizes, Work
from benchmarks.workloads import Workload


class _NothingStarts(Field):
    """A field whose servers are only asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(Packages(root), Work(root, Sizes()), root)
        self.asked: list[tuple[str, bool]] = []

    def server(self, peer: Peer, tls: bool = False) -> Running:
        """Any object will do: the work here does not look at it."""
        self.asked.append((peer.name, tls))
        if tls and peer.name == "broken":
            raise UnavailableError("not today")
        server: Running = object.__new__(Running)
        return server


def _launch(setting: Setting) -> Launch:
    return Launch(("true",))


class CompareTests(SynchronousTestCase):
    """Work under TLS beside work without."""

    def test_only_peers_with_tls(self) -> None:
        """A peer without TLS is left out of that work alone, and one whose TLS fails is noted."""
        root = Path(self.mktemp())
        (root / "stored").mkdir(parents=True)
        field = _NothingStarts(root)
        peers = [
            Peer("clear", "", lambda packages: None, _launch),
            Peer("able", "", lambda packages: None, _launch, _launch),
            Peer("broken", "", lambda packages: None, _launch, _launch),
        ]
        workloads = [
            Workload("first", "first", "", lambda server, work: 1.0),
            Workload("second", "second", "", lambda server, work: 2.0, tls=True),
        ]
        results = compare(field, peers, {}, workloads, 1)
        expected = {
            ("first", "clear"): [1.0],
            ("first", "able"): [1.0],
            ("first", "broken"): [1.0],
            ("second", "able"): [2.0],
            ("second", "broken"): [None],
        }
        self.assertEqual(results.figures, expected)
        self.assertEqual(results.notes, ["broken, second: not today"])
        self.assertNotIn(("clear", True), field.asked)

"""Which server does which work, and where."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.clients import RefusedError
from benchmarks.launch import Launch, Running
from benchmarks.packages import Packages, UnavailableError
from benchmarks.peers import Mode, Peer, Setting
from benchmarks.rounds import Field, compare
from benchmarks.work import Sizes, Work, WrongOctetsError
from benchmarks.workloads import Row, Workload


class _NothingStarts(Field):
    """A field whose servers are only asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(Packages(root), Work(root, Sizes()), root)
        self.asked: list[tuple[str, Mode]] = []

    def server(self, peer: Peer, mode: Mode = Mode.CLEAR) -> Running:
        """Any object will do: the work here does not look at it."""
        self.asked.append((peer.name, mode))
        if mode is Mode.TLS and peer.name == "broken":
            raise UnavailableError("not today")
        server: Running = object.__new__(Running)
        return server


def _launch(setting: Setting) -> Launch:
    return Launch(("true",))


def _field(name: str) -> _NothingStarts:
    root = Path(name)
    (root / "stored").mkdir(parents=True)
    return _NothingStarts(root)


class CompareTests(SynchronousTestCase):
    """Work under TLS beside work without."""

    def test_only_peers_with_tls(self) -> None:
        """A peer without TLS is left out of that work alone, and one whose TLS fails is noted."""
        field = _field(self.mktemp())
        peers = [
            Peer("clear", "", lambda packages: None, _launch),
            Peer("able", "", lambda packages: None, _launch, _launch),
            Peer("broken", "", lambda packages: None, _launch, _launch),
        ]
        workloads = [
            Workload("first", "first", "", lambda server, work: 1.0),
            Workload("second", "second", "", lambda server, work: 2.0, mode=Mode.TLS),
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
        self.assertNotIn(("clear", Mode.TLS), field.asked)

    def test_several_figures(self) -> None:
        """Work with further rows leaves a figure in each, and none in any where it fails."""
        field = _field(self.mktemp())
        peers = [Peer("good", "", lambda packages: None, _launch), Peer("bad", "", lambda packages: None, _launch)]
        asked: list[int] = []

        def run(server: Running, work: Work) -> tuple[float, ...]:
            asked.append(1)
            if len(asked) == 2:
                raise RefusedError("421 full")
            return 1.0, 2.0

        work = Workload("first", "first", "", run, further=(Row("second", "second", ""),))
        results = compare(field, peers, {}, [work], 1)
        self.assertEqual(results.figures["first", "good"], [1.0])
        self.assertEqual(results.figures["second", "good"], [2.0])
        self.assertEqual(results.figures["first", "bad"], [None])
        self.assertEqual(results.figures["second", "bad"], [None])
        self.assertEqual(results.notes, ["bad, first: 421 full"])
        self.assertEqual(results.wrong, [])

    def test_wrong_octets(self) -> None:
        """Octets that are lost or changed are noted apart, for the run to fail."""

        def run(server: Running, work: Work) -> float:
            raise WrongOctetsError("1 of 50 files")

        peers = [Peer("liar", "", lambda packages: None, _launch)]
        results = compare(_field(self.mktemp()), peers, {}, [Workload("many", "many", "", run)], 2)
        self.assertEqual(results.wrong, ["liar, many: 1 of 50 files"])
        self.assertEqual(results.notes, results.wrong)
        self.assertEqual(results.figures["many", "liar"], [None])

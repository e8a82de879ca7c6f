"""The arithmetic and the layout of the benchmark's report."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.report import insert, markdown, ratio
from benchmarks.rounds import Results
from benchmarks.workloads import WORKLOADS


class RatioTests(SynchronousTestCase):
    """How many times better ftpx is."""

    def test_median_of_rounds(self) -> None:
        """Rounds are compared pair by pair, so that one slow round of both sides changes nothing."""
        self.assertEqual(ratio(WORKLOADS["retr"], [4.0, 0.2, 6.0], [2.0, 0.1, 2.0]), 2.0)

    def test_less_is_better(self) -> None:
        """Where less is better the ratio is turned over: half the memory is twice as good."""
        self.assertEqual(ratio(WORKLOADS["memory"], [1.0], [2.0]), 2.0)

    def test_missing_round(self) -> None:
        """A round that failed on either side leaves no ratio."""
        self.assertIsNone(ratio(WORKLOADS["retr"], [1.0, None], [1.0, 1.0]))
        self.assertIsNone(ratio(WORKLOADS["retr"], [], []))


class MarkdownTests(SynchronousTestCase):
    """The report as a page."""

    def test_cells(self) -> None:
        """The medians, the ratios and the notes are in the report, and a dash for what failed."""
        results = Results(("ftpx", "other"), {("retr", "ftpx"): [3.0, 4.0, 5.0], ("retr", "other"): [2.0, 2.0, 2.0]})
        results.figures["mlsd", "other"] = [None]
        results.note("other, mlsd: 502 no")
        report = markdown(results, [WORKLOADS["retr"], WORKLOADS["mlsd"]], {"other": "1.0"}, "the command")
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.splitlines()]
        self.assertIn(["RETR of one large file (GB/s)", "4.00", "2.00"], cells)
        self.assertIn(["RETR of one large file", "2.00"], cells)
        self.assertIn(["MLSD, entries (a second)", "-", "-"], cells)
        self.assertIn("- other, mlsd: 502 no\n", report)
        self.assertIn("`the command`", report)

    def test_further_rows(self) -> None:
        """Work with several figures has a row for each."""
        figures: dict[tuple[str, str], list[float | None]] = {
            ("many-50", "ftpx"): [2.0],
            ("many-50-spread", "ftpx"): [1.5],
        }
        report = markdown(Results(("ftpx",), figures), [WORKLOADS["many-50"]], {}, "the command")
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in report.splitlines()]
        self.assertIn(["50 transfers at once, checked (GB/s)", "2.00"], cells)
        self.assertIn(["50 transfers at once: slowest to fastest (times as long)", "1.50"], cells)

    def test_against_itself(self) -> None:
        """What a digest costs is told as a ratio to the same work without it, if both were done."""
        figures: dict[tuple[str, str], list[float | None]] = {
            ("stor", "ftpx"): [2.0, 4.0],
            ("stor-digest", "ftpx"): [1.0, 2.0],
            ("stor-processor", "ftpx"): [1.0, 1.0],
            ("stor-digest-processor", "ftpx"): [4.0, 4.0],
        }
        both = [WORKLOADS["stor"], WORKLOADS["stor-digest"]]
        report = markdown(Results(("ftpx",), figures), both, {}, "the command")
        self.assertIn("SHA-256 of every octet: 0.50 times as good as STOR of one large file\n", report)
        self.assertIn("SHA-256 of every octet: processor: 0.25 times as good", report)
        self.assertNotIn("itself", markdown(Results(("ftpx",), figures), both[1:], {}, "the command"))

    def test_without_ftpx(self) -> None:
        """Where ftpx did not run there is nothing to compare."""
        report = markdown(Results(("other",)), [WORKLOADS["retr"]], {}, "the command")
        self.assertNotIn("better", report)

    def test_insert(self) -> None:
        """Between two marks an older report is replaced, and what stands around it stays."""
        page = "# Head\n<!-- results -->\nold\n<!-- end of results -->\ntail\n"
        self.assertEqual(insert("new\n", page), insert("new\n", insert("newer\n", page)))
        self.assertIn("new\n\n<!-- end of results -->\ntail\n", insert("new\n", page))
        self.assertEqual(insert("new\n", "unmarked"), "new\n")

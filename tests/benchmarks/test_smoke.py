"""The benchmark as a whole, on very little work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.workloads import WORKLOADS

_TREE = Path(__file__).resolve().parents[2]


class SmokeTests(SynchronousTestCase):
    """``python -m benchmarks``, a process of its own."""

    def test_every_row(self) -> None:
        """Each workload runs on ftpx and leaves a figure in the report, and nothing is noted as failed."""
        command = [sys.executable, "-m", "benchmarks", "--quick", "--size", "4M", "--servers", "ftpx"]
        result = subprocess.run(command, cwd=_TREE, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("Notes:", result.stdout)
        for row in (row for workload in WORKLOADS.values() for row in workload.rows):
            line = next(line for line in result.stdout.splitlines() if line.startswith(f"| {row.title} ("))
            self.assertNotEqual(line.split("|")[3].strip(), "-", line)

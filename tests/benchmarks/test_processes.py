"""What the kernel says about processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.processes import family, processor_seconds

_WORK = """
import os, sys, time
if os.fork():
    print(flush=True)
    sys.stdin.read()
else:
    while time.process_time() < 0.2:
        pass
    os.write(1, b"done\\n")
    time.sleep(60)
"""


class ProcessorTests(SynchronousTestCase):
    """The processor time of a server."""

    def test_own(self) -> None:
        """What this process has used up is at least what it knows of itself."""
        known = time.process_time()
        self.assertGreaterEqual(processor_seconds(os.getpid()), known)

    def test_children(self) -> None:
        """The time of a process that the server has started counts as the server's."""
        process = subprocess.Popen(
            (sys.executable, "-c", _WORK), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        try:
            assert process.stdout is not None
            while process.stdout.readline() != b"done\n":
                self.assertIsNone(process.poll())
            self.assertEqual(len(family(process.pid)), 2)
            self.assertGreaterEqual(processor_seconds(process.pid), 0.2)
        finally:
            os.killpg(process.pid, 9)
            process.communicate()

    def test_gone(self) -> None:
        """A process that has ended takes no time."""
        process = subprocess.Popen(("true",))
        process.wait()
        self.assertEqual(processor_seconds(process.pid), 0.0)

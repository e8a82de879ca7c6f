"""
kill -9 at every step of an upload, and at random: the old version or the new one, and nothing that nobody can use.

CRASH_ROUNDS is how many servers are killed at random; ``make crashes`` has more of them. CRASH_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import threading
import time
import unittest
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from tests.integration.cases import AUTH, ServerTestCase, checksum, content
from tests.integration.control import Control
from tests.integration.crash_rounds import OTHER_USER, CrashServer
from tests.integration.crash_stories import NAME, OLD, STORIES, Story, break_upload, send
from tests.integration.waiting import eventually

_ROUNDS = int(os.environ.get("CRASH_ROUNDS", "100"))
_SEED = int(os.environ.get("CRASH_SEED", str(time.time_ns() % 1_000_000)))
# No upload has so many steps.
_MOST_STEPS = 200
_LOST = (OSError, EOFError)


class CrashCase(unittest.TestCase):
    """Servers that die, and a look at what they leave."""

    server: ClassVar[CrashServer]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = CrashServer()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def begin(self, settings: dict[str, Any], *, tls: bool = False) -> Control:
        """A session with a server that has such settings and nothing to serve."""
        self.server.ensure(**settings)
        return self.server.login(tls=tls)

    def look(self, story: Story, code: int | None, before: bytes | None, settings: dict[str, Any]) -> None:
        """
        Start the next server and see that all is as it must be; then remove everything.

        :param code: the last reply that came; ``None``: none came.
        :param before: what stood when the deed began.
        """
        self.server.kill()
        self.server.ensure(**settings)
        found = self.found()
        names = [None if one is None else checksum(one) for one in story.outcomes]
        self.assertIn(None if found is None else checksum(found), names, "neither the old nor the new")
        if code == story.code:
            self.assertEqual(found, story.outcomes[-1], f"not what was answered by {code}")
        with self.server.login() as control:
            part = self.partial(story, control, found)
            if part is not None and len(part) % 2 == 0:
                self.resume(story, control, found, part, must=found == before)
            self.remove_all(control)

    def found(self) -> bytes | None:
        """The file."""
        path = self.server.root / NAME
        return path.read_bytes() if path.exists() else None

    def partial(self, story: Story, control: Control, found: bytes | None) -> bytes | None:
        """What has come of an upload that broke off, from the disk, and as clients see it."""

        self.server.wait_tidied()
        staged = [path.read_bytes() for path in self.server.hidden() if not path.is_dir()]
        part = staged[0] if staged and staged[0] else None
        if part is not None:
            self.assertTrue(any(source.startswith(part) for source in story.sources), "a partial upload of a mixture")
        listed = control.retrieve("NLST").split()
        self.assertEqual(listed, [] if found is None else [NAME.encode()])
        size = control.command(f"SIZE {NAME}")
        if found is None and part is None:
            self.assertEqual(size.code, 550)
        else:
            self.assertEqual(size.text, f"213 {len(found if found is not None else part or b'')}")
        with self.server.login(OTHER_USER) as other:
            self.assertEqual(other.command(f"SIZE {NAME}").code, 550 if found is None else 213)
        return part

    def resume(self, story: Story, control: Control, found: bytes | None, part: bytes, *, must: bool) -> None:
        """Continue what broke off: it becomes whole, or is refused because another file stands there now."""
        (source,) = (source for source in story.sources if source.startswith(part))
        code = send(control, "STOR", source[len(part) :], restart=len(part))
        self.assertIn(code, {226} if must else {226, 554})
        expected = source if code == 226 else found
        self.assertEqual(self.found(), expected, "the continued file is a mixture")

    def remove_all(self, control: Control) -> None:
        """DELE takes all that there is of the name, seen or hidden."""
        while control.expect(f"DELE {NAME}", 250, 550).code == 250:
            pass
        eventually(lambda: not list(self.server.root.iterdir()), what="the directory is empty", seconds=5)


class StepTests(CrashCase):
    """kill -9 before each call that changes the file system."""

    def play(self, story: Story, step: int, settings: dict[str, Any]) -> bool:
        """One round; whether the server died."""
        with self.begin(settings) as control:
            story.prepare(self.server, control)
            before = self.found()
            self.server.trap.arm(step)
            try:
                code = story.deed(self.server, control)
            except _LOST:
                code = None
            # What is done behind the reply has its time, too.
            died = code is None or self.server.dies()
        self.server.trap.disarm()
        self.look(story, code, before, settings)
        return died

    def test_every_step(self) -> None:
        """For each kind of upload: killed before its first step, its second and so on, until it gets through."""
        for story in STORIES:
            settings = dict(story.settings)
            for step in range(_MOST_STEPS):
                with self.subTest(story=story.name, step=step):
                    if not self.play(story, step, settings):
                        break
            self.assertGreater(step, 0, f"{story.name} has no steps")
            self.assertLess(step, _MOST_STEPS - 1, f"{story.name} never gets through")

    def test_every_step_of_the_start(self) -> None:
        """Killed in the tidying at the start, again and again: the next start still finds what can be continued."""
        source = STORIES[1].sources[0]
        story = Story("start", lambda server, control: 0, (None,), (source,), code=0)
        for step in range(_MOST_STEPS):
            with self.subTest(step=step):
                with self.begin({}) as control:
                    break_upload(self.server, control, source[:100_000])
                with self.server.login() as control, control.open_data() as data:
                    control.expect(f"STOR {NAME}", 150)
                    data.sendall(source[:150_000])
                    self.server.wait_staged(150_000)
                    self.server.kill()
                self.server.trap.arm(step)
                started = self.server.start()
                if started:
                    self.server.wait_tidied()
                died = not started or not self.server.alive
                self.server.trap.disarm()
                self.look(story, 0, None, {})
            if not died:
                break
        self.assertGreater(step, 2)


def _whole_calls(lines: Iterable[str]) -> Iterator[str]:
    """What strace has written, each call in one line and where it ended."""
    begun: dict[str, str] = {}
    for line in lines:
        process, _, call = line.partition(" ")
        if call.endswith("<unfinished ...>"):
            begun[process] = call.removesuffix("<unfinished ...>").rstrip()
        else:
            resumed = re.match(r" *<\.\.\. \w+ resumed>", call)
            yield call if resumed is None else begun.pop(process, "") + call[resumed.end() :]


class FsyncTests(ServerTestCase):
    """What a loss of power would leave is what is on the disk: the system calls tell in which order it gets there."""

    options = (*AUTH, "--fsync")

    def test_order(self) -> None:
        """With --fsync: the content is synced, it gets its name, the directory is synced, and then comes 226."""
        control = self.login()
        large = content(300_000, 210)
        (self.server.root / "directory").mkdir()
        for name, line, octets in (
            ("small", "STOR small", b"1"),
            ("small, replaced", "STOR small", b"2"),
            ("large", "STOR large", large),
            ("large, replaced", "STOR large", large),
            ("appended", "APPE large", large),
            ("in a directory", "STOR directory/file", large),
        ):
            with self.subTest(name=name):
                calls = self.calls(partial(self.upload, control, line, octets))
                place = str(self.server.root / Path(line.split(" ")[1]).parent)
                self.assert_order(calls, place, line.split(" ")[1].rpartition("/")[2])

    def upload(self, control: Control, line: str, octets: bytes) -> None:
        """It is answered by 226."""
        self.assertEqual(control.store(line, octets).code, 226)

    def calls(self, upload: Callable[[], None]) -> list[str]:
        """The system calls of the server during an upload, in order. :raises unittest.SkipTest: they cannot be seen."""
        if shutil.which("strace") is None:
            raise unittest.SkipTest("strace is not installed")
        output = self.work / "strace"
        traced = "trace=fsync,fdatasync,linkat,renameat,renameat2,sendto,sendmsg,write"
        tracer = subprocess.Popen(
            ["strace", "-f", "-y", "-s", "64", "-e", traced, "-o", str(output), "-p", str(self.server.process.pid)],
            stderr=subprocess.PIPE,
            text=True,
        )
        assert tracer.stderr is not None
        with tracer.stderr:
            first = tracer.stderr.readline()
            if "attached" not in first:
                tracer.wait()
                raise unittest.SkipTest(f"nobody may look at processes here: {first.strip()}")
            try:
                upload()
            finally:
                tracer.terminate()
                tracer.wait()
        return [*_whole_calls(output.read_text(encoding="utf-8", errors="replace").splitlines())]

    def assert_order(self, calls: list[str], place: str, name: str) -> None:
        """One after the other, and each of them did its work."""
        steps = (
            rf"f(data)?sync\(\d+<{re.escape(str(self.server.root))}/.*>(\(deleted\))?\)\s+= 0",
            rf'(linkat|renameat2?)\(.*"{re.escape(name)}".*= 0',
            rf"fsync\(\d+<{re.escape(place)}>\)\s+= 0",
            r'(sendto|write|sendmsg)\(.*"226 ',
        )
        rest = iter(calls)
        for step in steps:
            self.assertTrue(
                any(re.search(step, call) for call in rest), f"{step} does not come in\n" + "\n".join(calls)
            )


class RandomTests(CrashCase):
    """kill -9 from outside, whenever it comes."""

    def test_at_random(self) -> None:
        """Large uploads, in clear and over TLS, with and without --fsync, alone and two at once."""
        for number in range(_ROUNDS):
            with self.subTest(seed=_SEED, round=number):
                self.play(random.Random(_SEED * 1000 + number), number)

    def play(self, rng: random.Random, number: int) -> None:
        """One round."""
        first, second = (
            content(rng.randrange(20_000, 3_000_000), number),
            content(rng.randrange(1, 500_000), -number - 1),
        )
        stands = OLD if rng.random() < 0.5 else None
        twice = rng.random() < 0.3
        sources = (first, second) if twice else (first,)
        story = Story(
            "random", lambda server, control: 0, (stands, second, first) if twice else (stands, first), sources, code=0
        )
        settings: dict[str, Any] = {"fsync": rng.random() < 0.3, "tmpfile": rng.random() < 0.8}
        tls = rng.random() < 0.3
        if tls:
            settings["tls_cert"] = [self.server.certificate]
        with self.begin(settings, tls=tls) as control, self.server.login() as other:
            if stands is not None:
                self.assertEqual(send(control, "STOR", stands), 226)
            killing = threading.Timer(rng.uniform(0, 0.03), self.server.kill_now)
            codes: list[int | None] = [None, None]
            beside = threading.Thread(target=self.upload, args=(other, second, codes, 1))
            killing.start()
            if twice:
                beside.start()
            self.upload(control, first, codes, 0)
            killing.join()
            if twice:
                beside.join()
        if codes[0] == 226 and not twice:
            self.assertEqual(self.found(), first)
        if 226 in codes:
            self.assertNotEqual(self.found(), stands, "answered by 226, and not there")
        self.look(story, None, stands, settings)

    def upload(self, control: Control, octets: bytes, codes: list[int | None], place: int) -> None:
        """Upload as far as the server lives."""
        try:
            codes[place] = send(control, "STOR", octets)
        except _LOST:
            codes[place] = None

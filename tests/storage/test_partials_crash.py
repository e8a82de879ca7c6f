"""What a local storage makes of the uploads of a server that was killed."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from typing import Any
from unittest import mock

from ftpx.errors import FileReplaced
from ftpx.interfaces import IPartialFile, IPartialUploads
from ftpx.storage.staged_names import State
from tests.storage.partials_case import CONTENT, HIDDEN, LocalPartialsCase
from tests.storage.system_calls import die, in_a_child


class CrashTests(LocalPartialsCase):
    """What a server that was killed has left."""

    def killed(self, act: Callable[[], object]) -> None:
        """Let a server do something and kill it."""

        def in_the_child() -> None:
            act()
            die()

        self.assertTrue(in_a_child(in_the_child))

    def test_under_way(self) -> None:
        """CR02, CR05: an upload that was under way can be continued, be it before or after a tidying."""
        for tidy in (False, True):
            for offset in (4, None):
                self.killed(lambda: self.keep_open(self.begin(CONTENT)))
                self.assertEqual((self.states(), self.kept()), ([State.UNDER_WAY], 10))
                if tidy:
                    self.tidy(3600)
                    self.assertEqual((self.states(), self.kept()), ([State.PARTIAL], 10))
                file = self.resume(offset)
                self.write(file, b"xyz")
                self.result(file.commit())
                self.assertEqual(self.get(("a",)), CONTENT[:offset] + b"xyz")
                self.result(self.storage.remove_file(("a",)))
                self.assertEqual(self.real_names(), [])

    def keep_open(self, file: IPartialFile) -> None:
        """Let the end of this process be the end of it."""
        self.opened_files: list[IPartialFile] = [*getattr(self, "opened_files", []), file]

    def test_discarded(self) -> None:
        """It can be thrown away."""
        self.killed(lambda: self.keep_open(self.begin(CONTENT)))
        self.assertTrue(self.discard())
        self.assertEqual(self.real_names(), [])

    def test_kept_octets(self) -> None:
        """CR02: it counts as kept, before and after a tidying, and not while another server writes to it."""
        partials = self.ability(IPartialUploads)
        self.killed(lambda: self.keep_open(self.begin(CONTENT)))
        for _ in range(2):
            octets = self.result(partials.kept_octets("alice")), self.result(partials.kept_octets("alice", ("a",)))
            self.assertEqual(octets, (10, 10))
            self.tidy(3600)
        file = self.resume(None)
        self.assertEqual(self.result(partials.kept_octets("alice")), 0)
        self.result(file.abort())
        self.assertEqual(self.result(partials.kept_octets("alice")), 0)

    def test_old_file(self) -> None:
        """CR01, CR02: the file that was to be replaced is whole, and the upload over it goes on at an offset only."""
        self.put(("a",), b"old")
        self.killed(lambda: self.keep_open(self.begin(CONTENT)))
        self.assertIsNone(self.kept())
        self.tidy(3600)
        self.assertEqual(self.get(("a",)), b"old")
        self.assert_not_continued(FileReplaced, None)
        self.result(self.resume(10).commit())
        self.assertEqual(self.get(("a",)), CONTENT)

    def test_replaced_meanwhile(self) -> None:
        """Nor does it go on if another file got the name."""
        self.killed(lambda: self.keep_open(self.begin(CONTENT)))
        self.put(("a",), b"other")
        self.assert_not_continued(FileReplaced, 4, None)
        self.tidy(3600)
        self.assert_not_continued(FileReplaced, 4, None)
        self.assertEqual(self.get(("a",)), b"other")

    def test_small(self) -> None:
        """Of one that was small nothing is left."""

        def small() -> None:
            file = self.begin()
            self.result(file.write(CONTENT))
            self.keep_open(file)

        self.killed(small)
        self.assertIsNone(self.kept())
        self.tidy(3600)
        self.assertEqual(self.real_names(), [])

    def test_continued(self) -> None:
        """One that went on when the server was killed is kept up to where it was."""
        self.leave()

        def go_on() -> None:
            file = self.resume(4)
            self.write(file, b"x" * 100_000)
            self.keep_open(file)

        self.killed(go_on)
        self.tidy(3600)
        self.assertEqual((self.states(), self.kept()), ([State.PARTIAL], 100_004))
        self.result(self.resume(None).commit())
        self.assertEqual(self.get(("a",)), b"0123" + b"x" * 100_000)

    def test_newest(self) -> None:
        """Of several of one name the newest is kept."""
        self.leave(b"older")
        self.age(self.staged()[0], 10)
        self.killed(lambda: self.keep_open(self.begin(CONTENT)))
        self.assertEqual((len(self.staged()), self.kept()), (2, 10))
        self.tidy(3600)
        self.assertEqual((self.states(), self.kept()), ([State.PARTIAL], 10))

    def test_nothing_had_come(self) -> None:
        """One to which nothing had come is no upload, and takes no place."""
        self.leave()

        def prepare() -> None:
            file: Any = self.begin()
            file.prepare()
            self.keep_open(file)

        self.killed(prepare)
        self.assertEqual((len(self.staged()), self.kept()), (2, 10))
        self.tidy(3600)
        self.assertEqual((self.states(), self.kept()), ([State.PARTIAL], 10))

    def test_another_server(self) -> None:
        """What another server is at work on is not thrown away or gone on with as long as that lives."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                self.keep_open(self.begin(CONTENT))
                self.leave(path=("b",))
                self.keep_open(self.resume(None, ("b",)))
                os.write(writing, b"x")
                signal.pause()
            finally:
                os._exit(1)
        try:
            os.close(writing)
            self.assertEqual(os.read(reading, 1), b"x")
            self.tidy(0)
            for path in (("a",), ("b",)):
                self.assertIsNone(self.kept(path))
                self.assertFalse(self.discard(path))
                self.assert_fails(self.ability(IPartialUploads).continue_upload(path, "alice", None), FileReplaced)
            self.assertEqual(self.states(), [State.UNDER_WAY, State.UNDER_WAY])
        finally:
            os.close(reading)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        self.assertEqual((self.kept(), self.kept(("b",))), (10, 10))
        self.tidy(0)
        self.assertEqual(self.real_names(), [])


class NamedCrashTests(CrashTests):
    """The same where every staged file has a name."""

    tmpfile = False

    def test_two_names(self) -> None:
        """CR03: a file that was published, and has its staged name still, is not gone on with: it would change."""
        for tidy in (False, True):

            def publish() -> None:
                with (
                    mock.patch("ftpx.storage.staging.rename_exclusively", side_effect=OSError(errno.EINVAL, "no")),
                    mock.patch("os.unlink", side_effect=lambda *_, **__: die()),
                ):
                    self.publish(CONTENT)

            self.killed(publish)
            self.assertEqual((self.states(), self.get(("a",))), ([State.UNDER_WAY], CONTENT))
            if tidy:
                self.tidy(3600)
                self.assertEqual(self.real_names(), ["a"])
            else:
                self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(("a",), "alice", 4)))
                self.assertFalse(self.discard())
                os.unlink(self.path(HIDDEN, self.staged()[0]))
                self.tidy(3600)
            self.assertEqual(self.get(("a",)), CONTENT)
            self.result(self.storage.remove_file(("a",)))

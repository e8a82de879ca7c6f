"""Tests of ftpx.storage.partials: what is kept of uploads that broke off."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any
from unittest import mock

import attrs

from ftpx.errors import FileReplaced, StorageFailure, StorageUnavailable
from ftpx.interfaces import IFileDescriptor, IPartialUploads
from ftpx.storage import partials, staged_names, staging
from ftpx.storage.staged_names import NO_FILE, ON_DISK, PartialKey, StagedName, State, parse_staged_name
from tests.storage.partials_case import CONTENT, HIDDEN, LocalPartialsCase, traced


class KeptFilesTests(LocalPartialsCase):
    """What is kept, for how long and how much of it."""

    def test_lifetime(self) -> None:
        """What is older than the lifetime is thrown away, and nothing younger."""
        for number in range(3):
            self.leave(path=(f"{number}",))
        for name, seconds in zip(sorted(self.staged(), key=self.number_of), (0, 100, 1000), strict=True):
            self.age(name, seconds)
        self.tidy(5000)
        self.assertEqual([self.kept((f"{number}",)) for number in range(3)], [10, 10, 10])
        self.tidy(500)
        self.assertEqual([self.kept((f"{number}",)) for number in range(3)], [10, 10, None])
        self.tidy(50)
        self.assertEqual([self.kept((f"{number}",)) for number in range(3)], [10, None, None])
        self.tidy(0)
        self.assertEqual(self.real_names(), [])

    @staticmethod
    def number_of(name: str) -> int:
        """Which upload a staged file is of."""
        keys = [PartialKey.of("alice", [b"%d" % number]) for number in range(10)]
        parsed = parse_staged_name(name.encode())
        assert parsed is not None
        return keys.index(parsed.key)

    def test_most(self) -> None:
        """Of one owner no more than so many are kept, the newest; others have theirs."""
        self.leave(owner="bob")
        with mock.patch.object(partials, "MOST_PARTIALS", 3):
            for number in range(6):
                self.leave(path=(f"{number}",))
                for name in self.staged():
                    self.age(name, 1)
        kept = [number for number in range(6) if self.kept((f"{number}",)) is not None]
        self.assertEqual((kept, self.kept(owner="bob"), len(self.staged())), ([3, 4, 5], 10, 4))

    def test_two_threads_break_off(self) -> None:
        """Of uploads of one owner to one name that break off at once, in several threads, one is kept, and whole."""
        for _ in range(20):
            files: list[Any] = [self.begin(b"%d" % number * 20) for number in range(4)]
            threads = [Thread(target=file._upload.suspend) for file in files]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            self.assertEqual((self.states(), self.kept()), ([State.PARTIAL], 20))
            self.result(self.resume(None).commit())
            self.assertIn(self.get(("a",)), [b"%d" % number * 20 for number in range(4)])
            self.result(self.storage.remove_file(("a",)))

    def test_superseded_is_empty(self) -> None:
        """Of what was superseded no octet is left."""
        self.leave()
        self.publish(b"whole")
        (name,) = self.staged()
        self.assertEqual(os.stat(self.path(HIDDEN, name)).st_size, 0)

    def test_flushed(self) -> None:
        """What is kept is on disk after a tidying: content first, then the name that says so."""
        self.leave()
        calls: list[str] = []
        with traced(calls):
            self.tidy(3600)
        self.assertEqual(calls, ["fdatasync", "rename"])
        (name,) = self.staged_names()
        self.assertEqual((name.state, name.boot, self.kept()), (State.PARTIAL, ON_DISK, 10))
        calls.clear()
        with traced(calls):
            self.tidy(3600)
        self.assertEqual(calls, [])

    def test_continued_while_flushed(self) -> None:
        """What a crash has left can be continued also while it is being had on disk."""
        self.leave()
        (name,) = self.staged_names()
        crashed = attrs.evolve(name, state=State.UNDER_WAY)
        os.rename(self.path(HIDDEN, name.octets().decode()), self.path(HIDDEN, crashed.octets().decode()))
        files = []

        def flush(_descriptor: int) -> None:
            self.assertEqual((self.states(), self.kept()), ([State.PARTIAL], 10))
            files.append(self.resume(4))
            self.result(files[0].write(b"new"))

        with mock.patch("os.fdatasync", flush):
            self.tidy(3600)
        self.assertEqual([name.boot for name in self.staged_names()], [name.boot])
        self.result(files[0].commit())
        self.assertEqual((self.get(("a",)), self.staged()), (CONTENT[:4] + b"new", []))

    def test_one_broken(self) -> None:
        """RS06: one file that cannot be had on disk keeps no other from it, nor what is too old from being removed."""
        for number in range(4):
            self.leave(path=(f"{number}",))
        old = next(name for name in self.staged() if self.number_of(name) == 3)
        self.age(old, 5000)
        with mock.patch("os.fdatasync", side_effect=[None, OSError(errno.EIO, "broken"), None]):
            self.assert_fails(self.ability(IPartialUploads).tidy_partials(3600), StorageFailure)
        self.assertEqual(len(self.staged()), 3)
        self.assertEqual([name.boot for name in self.staged_names()].count(ON_DISK), 2)

    def test_another_boot(self) -> None:
        """What was not on disk when the machine stopped is not trusted, and thrown away; the rest is kept."""
        self.boot(b"first")
        self.leave(path=("flushed",))
        self.tidy(3600)
        self.leave()
        self.boot(b"second")
        self.assertEqual((self.kept(), self.kept(("flushed",))), (None, 10))
        self.assertIsNone(self.result(self.ability(IPartialUploads).continue_upload(("a",), "alice", None)))
        self.assertEqual(len(self.staged()), 2)
        self.tidy(3600)
        self.assertEqual(len(self.staged()), 1)
        file = self.resume(None, ("flushed",))
        self.assertEqual([name.boot for name in self.staged_names()], [staged_names.current_boot()])
        self.result(file.commit())
        self.assertEqual(self.get(("flushed",)), CONTENT)

    def boot(self, identifier: bytes) -> None:
        """Start the machine, as far as ftpx can tell."""
        staged_names.current_boot.cache_clear()
        self.addCleanup(staged_names.current_boot.cache_clear)
        with mock.patch("builtins.open", mock.mock_open(read_data=identifier)):
            staged_names.current_boot()

    def test_boot(self) -> None:
        """The boot is that of this machine; where it is not known, all is trusted."""
        staged_names.current_boot.cache_clear()
        self.addCleanup(staged_names.current_boot.cache_clear)
        self.assertRegex(staged_names.current_boot(), "^[0-9a-f]{8}$")
        staged_names.current_boot.cache_clear()
        with mock.patch("builtins.open", side_effect=FileNotFoundError):
            self.assertEqual(staged_names.current_boot(), ON_DISK)

    def test_still_held(self) -> None:
        """What a thread may still be writing to is not gone on with before it has let go."""
        file = self.begin(CONTENT)
        held = os.dup(IFileDescriptor(file).fileno())
        self.result(file.suspend())
        for offset in (4, None):
            waiting = self.ability(IPartialUploads).continue_upload(("a",), "alice", offset)
            self.assert_fails(waiting, StorageUnavailable)
        self.tidy(0)
        os.pwrite(held, b"late", 10)
        os.close(held)
        self.assertEqual(self.kept(), 14)
        file = self.resume(None)
        held = os.dup(IFileDescriptor(file).fileno())
        self.result(file.suspend())
        self.assert_fails(self.ability(IPartialUploads).continue_upload(("a",), "alice", 4), StorageUnavailable)
        os.close(held)
        self.result(self.resume(4).abort())

    def test_other_name_meanwhile(self) -> None:
        """What gets another name while somebody looks for it is found all the same; who looks does so for a while."""
        self.leave()
        real = os.listdir
        renamings = 1

        def list_and_rename(place: Any) -> list[str]:
            nonlocal renamings
            names = real(place)
            if renamings and names:
                renamings -= 1
                name = parse_staged_name(names[0].encode())
                assert name is not None
                other = attrs.evolve(name, unique=f"{renamings:0{len(name.unique)}x}")
                os.rename(names[0], other.octets(), src_dir_fd=place, dst_dir_fd=place)
            return names

        with mock.patch("os.listdir", list_and_rename):
            self.assertEqual((self.kept(), renamings), (10, 0))
            renamings = 1000
            self.assertIsNone(self.kept())
            self.assertGreater(renamings, 900)
        self.assertEqual(self.kept(), 10)

    def before_lock(self, act: Callable[[], object]) -> Any:
        """Between somebody's opening a staged file and having its lock, something happens once."""
        acts = [act]
        real = staging.lock

        def act_and_lock(descriptor: int) -> bool:
            if acts and os.fstat(descriptor).st_size == len(CONTENT):
                acts.pop()()
            return real(descriptor)

        return mock.patch.object(partials, "lock", act_and_lock)

    def test_published_meanwhile(self) -> None:
        """CR05: what is published while another session reaches for it is a file, and no partial upload any more."""
        for offset in (4, 10):
            self.leave()
            first: Any = self.resume(10)
            with self.before_lock(partial(first._upload.commit, False)):
                waiting = self.ability(IPartialUploads).continue_upload(("a",), "alice", offset)
                self.assert_fails(waiting, FileReplaced)
            self.assertEqual((self.get(("a",)), self.staged()), (CONTENT, []))
            self.result(self.storage.remove_file(("a",)))

    def test_published_and_superseded(self) -> None:
        """Who reads what was published a moment before another upload was reads all of it."""
        self.leave()
        first: Any = self.resume(10)
        readers: list[int] = []

        def publish_and_read() -> None:
            first._upload.commit(False)
            readers.append(os.open(self.path("a"), os.O_RDONLY))
            self.addCleanup(os.close, readers[0])

        second = self.begin(b"second")
        with self.before_lock(publish_and_read):
            self.result(second.commit())
        self.assertEqual(os.pread(readers[0], 100, 0), CONTENT)
        self.assertEqual((self.get(("a",)), self.staged()), (b"second", []))

    def test_replaced_meanwhile(self) -> None:
        """What a newer one that broke off replaces while a session reaches for it is not continued."""
        self.leave()
        real = os.rename

        def replace_and_rename(*arguments: Any, **named: Any) -> None:
            (name,) = self.staged()
            os.unlink(self.path(HIDDEN, name))
            real(*arguments, **named)

        with mock.patch("os.rename", replace_and_rename):
            waiting = self.ability(IPartialUploads).continue_upload(("a",), "alice", 4)
            self.assert_fails(waiting, StorageUnavailable)

    def test_no_locks(self) -> None:
        """Where files cannot be marked as in use nothing is continued or thrown away, and uploads work."""
        with mock.patch("fcntl.flock", side_effect=OSError(errno.ENOLCK, "no")):
            self.leave()
            self.assert_fails(
                self.ability(IPartialUploads).continue_upload(("a",), "alice", 4), StorageUnavailable, FileReplaced
            )
            self.tidy(0)
            self.assertEqual(len(self.staged()), 1)
            self.publish(b"whole")
        self.assertEqual(self.get(("a",)), b"whole")

    def test_restart(self) -> None:
        """CR05: another server on the same directory goes on where the last one stopped."""
        self.put(("b",), b"old")
        self.leave()
        self.leave(path=("b",))
        self.reopen()
        self.tidy(3600)
        self.result(self.resume(4).commit())
        self.result(self.resume(10, ("b",)).commit())
        self.assertEqual((self.get(("a",)), self.get(("b",))), (b"0123", CONTENT))
        self.assertEqual(self.real_names(), ["a", "b"])

    def test_forgotten(self) -> None:
        """An upload that nobody ended is gone with the last reference to it."""
        file = self.begin(CONTENT)
        self.assertEqual(self.states(), [State.UNDER_WAY])
        del file
        self.assertEqual(self.real_names(), [])

    def test_suspend_refused(self) -> None:
        """An upload for which there is no thread to keep it is thrown away by the abort."""
        file = self.begin(CONTENT)
        self.pool.faults = {"suspend": StorageUnavailable("full")}
        self.assert_fails(file.suspend(), StorageUnavailable)
        self.result(file.abort())
        self.assertEqual(self.real_names(), [])

    def test_after_the_end(self) -> None:
        """What is over is not prepared for more."""
        for end in (lambda file: file.suspend(), lambda file: file.commit(), lambda file: file.abort()):
            file: Any = self.begin(CONTENT)
            self.result(end(file))
            self.assertRaises(StorageFailure, file.prepare)
            self.discard()


class NamedKeptFilesTests(KeptFilesTests):
    """The same where every staged file has a name."""

    tmpfile = False


class StagedNameTests(LocalPartialsCase):
    """The names of staged files."""

    def test_form(self) -> None:
        """A name says all, and nothing else is one."""
        for state in State:
            name = StagedName(state, PartialKey.of("alice", [b"d", b"a"]))
            self.assertEqual(parse_staged_name(name.octets()), name)
            self.assertLess(len(name.octets()), 144)
            for wrong in (name.octets()[:-1], name.octets() + b"0", b"x" + name.octets()[1:], name.octets().upper()):
                self.assertIsNone(parse_staged_name(wrong))
        self.assertEqual(len(NO_FILE), 16)

    def test_keys(self) -> None:
        """Different owners or paths have different keys, and no name tells them."""
        keys = {
            PartialKey.of(owner, names)
            for owner in ("alice", "bob", "")
            for names in ([b"a"], [b"b"], [b"a", b"b"], [b"ab"], [b"a", b"a"], [b"\xff"])
        }
        self.assertEqual(len(keys), 18)
        self.assertNotIn(b"alice", StagedName(State.PARTIAL, PartialKey.of("alice", [b"alice"])).octets())

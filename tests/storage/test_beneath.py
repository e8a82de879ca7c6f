"""Tests of ftpx.storage.beneath: nothing leads out of the root."""

# mypy: allow-untyped-calls

from __future__ import annotations

import errno
import os
from threading import Thread
from unittest import SkipTest

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import StorageError
from ftpx.interfaces import IStorage, IWithoutLinks
from ftpx.storage.beneath import DIRECTORY, Beneath, KernelBeneath, Root, WalkBeneath, in_parent
from ftpx.storage.local import open_local
from ftpx.storage.names import Names
from ftpx.storage.permitted import PermittedStorage
from ftpx.storage.syscalls import has_openat2
from ftpx.testing.pool import InlinePool
from tests.storage.directories import new_directory, open_beneath
from tests.storage.rules import rules

FLIPS = 2000


class WalkTests(SynchronousTestCase):
    """Opening name by name; what is said here holds for the kernel too."""

    def make_beneath(self, root: Root) -> Beneath:
        """What is tested."""
        return WalkBeneath(root)

    def setUp(self) -> None:
        """A root with something in it, and something beside it."""
        top = new_directory(self)
        self.top = top
        self.root = os.path.join(top, "root")
        os.makedirs(os.path.join(self.root, "a", "b"))
        for path, content in (("root/a/b/f", "inside"), ("root/f", "at the root"), ("secret", "outside")):
            with open(os.path.join(top, path), "w") as file:
                file.write(content)
        self.beneath = self.make_beneath(Root(os.open(self.root, DIRECTORY)))

    def link(self, path: str, target: str) -> None:
        """Make a link beneath the root."""
        os.symlink(target, os.path.join(self.root, path))

    def content(self, *names: bytes) -> bytes:
        """What is in a file."""
        descriptor = self.beneath.open(names, os.O_RDONLY)
        try:
            return os.read(descriptor, 100)
        finally:
            os.close(descriptor)

    def assert_refused(self, number: int, names: Names, flags: int = os.O_RDONLY) -> None:
        """Names cannot be opened."""
        with self.assertRaises(OSError) as caught:
            os.close(self.beneath.open(names, flags))
        self.assertEqual(caught.exception.errno, number)

    def test_names(self) -> None:
        """A file is opened by its names, the root by none."""
        self.assertEqual(self.content(b"a", b"b", b"f"), b"inside")
        descriptor = self.beneath.open((), os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, descriptor)
        self.assertEqual(sorted(os.listdir(descriptor)), ["a", "f"])

    def test_missing(self) -> None:
        """What is not there, and what is beneath a file, has its own error."""
        self.assert_refused(errno.ENOENT, (b"none",))
        self.assert_refused(errno.ENOENT, (b"none", b"f"))
        self.assert_refused(errno.ENOTDIR, (b"f", b"g"))

    def test_links_inside(self) -> None:
        """Links are followed as long as they stay inside, through other links and up again."""
        self.link("a/up", "../f")
        self.link("d", "a/b")
        self.link("a/b/far", "../../d/./f")
        self.assertEqual(self.content(b"a", b"up"), b"at the root")
        self.assertEqual(self.content(b"d", b"f"), b"inside")
        self.assertEqual(self.content(b"d", b"far"), b"inside")

    def test_link_to_the_root(self) -> None:
        """A link may lead to the root itself."""
        self.link("a/top", "..")
        self.assertEqual(self.content(b"a", b"top", b"f"), b"at the root")

    def test_links_outside(self) -> None:
        """PH03: links that lead out are refused, be they absolute or relative, the last name or one before."""
        self.link("absolute", os.path.join(self.top, "secret"))
        self.link("relative", "../secret")
        self.link("a/deep", "b/../../../secret")
        self.link("dir", "..")
        self.link("inside", os.path.join(self.root, "f"))
        for names in ((b"absolute",), (b"relative",), (b"a", b"deep"), (b"dir", b"secret"), (b"inside",)):
            self.assert_refused(errno.EXDEV, names)

    def test_magic_link(self) -> None:
        """PH07: a link of /proc that leads out is refused."""
        self.link("proc", "/proc/self/root")
        for names in ((b"proc",), (b"proc", b"etc")):
            self.assert_refused(errno.EXDEV, names)

    def test_dots(self) -> None:
        """Two dots do not lead out even if somebody let them pass."""
        self.assert_refused(errno.EXDEV, (b"..", b"secret"))
        self.assert_refused(errno.EXDEV, (b"a", b"..", b"..", b"secret"))

    def test_loop(self) -> None:
        """RS14: links that lead to each other end."""
        self.link("x", "y")
        self.link("y", "x")
        self.link("self", "self/self")
        self.assert_refused(errno.ELOOP, (b"x",))
        self.assert_refused(errno.ELOOP, (b"self",))

    def test_not_followed(self) -> None:
        """A link that is to be opened itself is not followed."""
        self.link("x", "f")
        self.assert_refused(errno.ELOOP, (b"x",), os.O_RDONLY | os.O_NOFOLLOW)

    def test_in_parent(self) -> None:
        """The directory of a name is open as long as the context is."""
        with in_parent(self.beneath, (b"a", b"b", b"f")) as (parent, name):
            self.assertEqual((os.stat("f", dir_fd=parent).st_size, name), (6, b"f"))
        with self.assertRaises(OSError):
            os.fstat(parent)
        with in_parent(self.beneath, (b"f",)) as (parent, name):
            self.assertEqual((parent, name), (self.beneath.root.descriptor, b"f"))
        os.fstat(parent)

    def test_nothing_left_open(self) -> None:
        """Whether it succeeds or fails, no other descriptor stays open."""
        self.link("d", "a/b/../b")
        self.link("out", "a/../../secret")
        before = open_beneath(self.top)
        self.content(b"d", b"f")
        self.assert_refused(errno.EXDEV, (b"out",))
        self.assert_refused(errno.ENOENT, (b"a", b"b", b"none"))
        self.assertEqual(open_beneath(self.top), before)

    def test_another_root(self) -> None:
        """PH05: beneath a directory of the root, nothing leads out of that directory."""
        self.link("a/up", "../f")
        descriptor = self.beneath.open((b"a",), DIRECTORY)
        self.beneath = self.beneath.at(Root(descriptor))
        self.assertEqual(self.content(b"b", b"f"), b"inside")
        self.assert_refused(errno.EXDEV, (b"up",))


class LinklessWalkTests(SynchronousTestCase):
    """Opening where no link is followed."""

    def make_beneath(self, root: Root) -> Beneath:
        """What is tested."""
        return WalkBeneath(root).without_links()

    def setUp(self) -> None:
        """A root with links inside and out."""
        self.root = new_directory(self)
        os.makedirs(os.path.join(self.root, "a", "b"))
        with open(os.path.join(self.root, "a", "f"), "w") as file:
            file.write("inside")
        for name, target in (
            ("file", "a/f"),
            ("dir", "a"),
            ("out", ".."),
            ("a/up", ".."),
            ("gone", "x"),
            ("self", "self"),
        ):
            os.symlink(target, os.path.join(self.root, name))
        self.beneath = self.make_beneath(Root(os.open(self.root, DIRECTORY)))

    def number(self, flags: int, *names: bytes) -> int:
        """The error of opening names, 0 if there is none."""
        try:
            os.close(self.beneath.open(names, flags))
        except OSError as error:
            return error.errno or -1
        return 0

    def test_nothing_behind_links(self) -> None:
        """PH03: a link, wherever it leads and whatever is wanted, is as if nothing was there."""
        self.assertFalse(self.beneath.follows)
        for flags in (os.O_RDONLY, os.O_PATH, DIRECTORY, os.O_RDONLY | os.O_DIRECTORY):
            for names in ((b"file",), (b"dir",), (b"out",), (b"gone",), (b"self",), (b"a", b"up"), (b"dir", b"f")):
                self.assertEqual(self.number(flags, *names), errno.ENOENT, f"{flags} {names!r}")
                self.assertEqual(self.beneath.open_now(names, flags), -1)
        self.assertEqual(self.number(os.O_RDONLY, b"a", b"f"), 0)
        self.assertEqual(self.number(DIRECTORY, b"a", b"b"), 0)
        self.assertEqual(self.number(os.O_RDONLY, b"a", b"f", b"x"), errno.ENOTDIR)

    def test_another_root(self) -> None:
        """PH05: so it is beneath a directory of the root."""
        self.beneath = self.beneath.at(Root(self.beneath.open((b"a",), DIRECTORY)))
        self.assertEqual(self.number(os.O_RDONLY, b"f"), 0)
        self.assertEqual(self.number(DIRECTORY, b"up"), errno.ENOENT)


class LinklessKernelTests(LinklessWalkTests):
    """The same by openat2(2)."""

    def make_beneath(self, root: Root) -> Beneath:
        """What is tested."""
        if not has_openat2():
            raise SkipTest("the kernel has no openat2")
        return KernelBeneath(root).without_links()


class KernelTests(WalkTests):
    """Opening by openat2(2)."""

    def make_beneath(self, root: Root) -> Beneath:
        """What is tested."""
        if not has_openat2():
            raise SkipTest("the kernel has no openat2")
        return KernelBeneath(root)

    def test_open_now(self) -> None:
        """What was opened a moment ago is opened without a wait; what fails is -1."""
        self.content(b"f")
        descriptor = self.beneath.open_now((b"f",), os.O_RDONLY)
        if descriptor >= 0:
            os.close(descriptor)
        self.assertEqual(self.beneath.open_now((b"none",), os.O_RDONLY), -1)
        self.assertEqual(self.beneath.open_now((b"..", b"secret"), os.O_RDONLY), -1)


def swap(root: str) -> None:
    """Put a link in the place of a directory, and the directory back, again and again."""
    place, away, link = (os.path.join(root, name) for name in ("d", "away", "link"))
    for _ in range(FLIPS):
        os.rename(place, away)
        os.rename(link, place)
        os.rename(place, link)
        os.rename(away, place)


class SwapTests(SynchronousTestCase):
    """PH04: a directory is swapped for a link to outside while it is used."""

    def setUp(self) -> None:
        """A root, and a directory outside that has what must not be touched."""
        self.top = new_directory(self)
        self.root, self.outside = (os.path.join(self.top, name) for name in ("root", "outside"))
        for directory in (self.root, self.outside):
            os.makedirs(os.path.join(directory, "d"))
        os.rename(os.path.join(self.outside, "d"), os.path.join(self.outside, "kept"))
        with open(os.path.join(self.outside, "f"), "w") as file:
            file.write("outside")
        os.utime(os.path.join(self.outside, "f"), (1, 1))
        os.chmod(os.path.join(self.outside, "f"), 0o604)
        self.before = self.outside_now()

    def outside_now(self) -> list[tuple[str, int, int, int]]:
        """What is outside."""
        found = [(entry.name, entry.stat()) for entry in os.scandir(self.outside)]
        return sorted((name, status.st_ino, status.st_mode, status.st_mtime_ns) for name, status in found)

    def flip(self) -> None:
        """In a thread: swap, again and again."""
        os.symlink("../outside", os.path.join(self.root, "link"))
        swap(self.root)

    async def _use(self, storage: IStorage) -> bytes:
        found = b""
        steps = [
            lambda: self._read(storage),
            lambda: self._write(storage),
            lambda: storage.make_directory(("d", "new")),
            lambda: storage.remove_directory(("d", "kept")),
            lambda: storage.rename(("d", "f"), ("stolen",)),
            lambda: storage.remove_file(("d", "f")),
            lambda: storage.set_modified(("d", "f"), 99.0),  # type: ignore[attr-defined]
            lambda: storage.set_mode(("d", "f"), 0o777),  # type: ignore[attr-defined]
            lambda: storage.remove_directory(("d", "new")),
        ]
        for step in steps:
            try:
                found += await step() or b""
            except StorageError:
                continue
        return found

    async def _read(self, storage: IStorage) -> bytes:
        source = await storage.open_read(("d", "f"))
        try:
            return await source.read(0, 100)
        finally:
            source.close()

    async def _write(self, storage: IStorage) -> None:
        target = await storage.open_write(("d", "f"))
        try:
            await target.write(b"inside")
            await target.commit()
        finally:
            await target.abort()

    def check(self, storage: IStorage) -> None:
        """Use the directory while it is swapped; nothing outside is read or changed."""
        flipping = Thread(target=self.flip)
        flipping.start()
        found: set[bytes] = set()
        rounds = 0
        while flipping.is_alive() or rounds == 0:
            found.add(self.successResultOf(Deferred.fromCoroutine(self._use(storage))))
            rounds += 1
        flipping.join()
        self.assertEqual({content for content in found if b"outside" in content}, set())
        self.assertEqual(self.outside_now(), self.before)

    def test_kernel(self) -> None:
        """PH04: no escape with openat2."""
        self.check(open_local(self.root, InlinePool()))

    def test_walk(self) -> None:
        """PH04: no escape without it."""
        self.check(open_local(self.root, InlinePool(), openat2=False))

    def test_kernel_without_links(self) -> None:
        """PH04: nor where no link is followed."""
        self.check(open_local(self.root, InlinePool()).without_links())

    def test_walk_without_links(self) -> None:
        """PH04: nor there without openat2."""
        self.check(open_local(self.root, InlinePool(), openat2=False).without_links())


class InsideSwapTests(SwapTests):
    """PH04, PH20: the link leads to where the account has no rights, in the same storage."""

    def setUp(self) -> None:
        """A directory beside the one that is swapped."""
        super().setUp()
        os.rename(self.outside, os.path.join(self.root, "outside"))
        self.outside = os.path.join(self.root, "outside")

    def flip(self) -> None:
        """In a thread: swap, again and again."""
        os.symlink("outside", os.path.join(self.root, "link"))
        swap(self.root)

    def check(self, storage: IStorage) -> None:
        """Nothing of it is read or changed by an account with rights everywhere else."""
        linkless = IWithoutLinks(storage).without_links()
        super().check(PermittedStorage(linkless, rules(["/outside=none"])))

"""Companions: the files beside a file that tell its digests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from ftpx.digests.algorithms import Algorithm
from ftpx.digests.companion import companion_expectation, parse_companion
from ftpx.digests.expectation import Expectation
from ftpx.errors import DigestMismatch, PermissionDenied
from ftpx.interfaces import IReadableFile, IStorage, Path
from ftpx.storage.memory import MemoryStorage

MD5, SHA = Algorithm.MD5, Algorithm.SHA_256
HEX, OTHER = "0123456789abcdef" * 2, "f" * 32


class ParseTests(SynchronousTestCase):
    """What a companion may look like."""

    def test_forms(self) -> None:
        """Those that the tools write."""
        for content in (
            f"{HEX}",
            f"{HEX}\n",
            f"{HEX.upper()}\r\n",
            f"\ufeff{HEX}\n",
            f"{HEX}  a b.txt\n",
            f"{HEX} *a b.txt\r\n",
            f"{HEX} a b.txt\n",
            f"{HEX}  ./a b.txt\n",
            f"{HEX} */srv/out/a b.txt",
            f"MD5 (a b.txt) = {HEX}\n",
            f"MD5(a b.txt)= {HEX}\n",
            f"md5 (a b.txt) = {HEX}",
            f"# made by hand\n\n{HEX}  a b.txt\n{OTHER}  other.txt\n",
            f"{OTHER}  other.txt\n{HEX}  a b.txt\n{HEX}  a b.txt\n",
            f"SHA256 (a b.txt) = {HEX * 2}\nMD5 (a b.txt) = {HEX}\n",
        ):
            self.assertEqual(parse_companion(content.encode(), "a b.txt", MD5), HEX, content)

    def test_escaped_names(self) -> None:
        """Names with a backslash or a line end are escaped by the tools of GNU."""
        self.assertEqual(parse_companion(f"\\{HEX}  a\\\\b.txt".encode(), "a\\b.txt", MD5), HEX)
        self.assertEqual(parse_companion(f"{HEX}  a\\\\b.txt".encode(), "a\\\\b.txt", MD5), HEX)
        self.assertEqual(parse_companion(f"\\MD5 (a\\nb) = {HEX}".encode(), "a\nb", MD5), HEX)

    def test_name_that_is_no_utf8(self) -> None:
        """Names are octets."""
        self.assertEqual(parse_companion(HEX.encode() + b"  \xff\xfe", "\udcff\udcfe", MD5), HEX)

    def test_nothing_usable(self) -> None:
        """It says nothing of this file: that is no reason to let it pass."""
        for content in (
            "",
            "\n\n",
            "nonsense",
            HEX[:-1],
            HEX + "0",
            f"{HEX}  other.txt",
            f"{HEX}  A.TXT",
            f"SHA1 (a.txt) = {HEX}",
            f"MD5 (a.txt) = {HEX} more",
            f"{HEX * 2}  a.txt",
            "\0" * 100,
        ):
            error = self.assertRaises(DigestMismatch, parse_companion, content.encode(), "a.txt", MD5)
            self.assertEqual(str(error), "Nothing was stored: the companion tells no MD5 of this file.")

    def test_two_answers(self) -> None:
        """Two different digests are as good as none."""
        for content in (f"{HEX}  a.txt\n{OTHER}  a.txt", f"{HEX}\n{OTHER}", f"{HEX}  a.txt\n{OTHER}  b/a.txt"):
            error = self.assertRaises(DigestMismatch, parse_companion, content.encode(), "a.txt", MD5)
            self.assertEqual(str(error), "Nothing was stored: the companion tells more than one MD5 of this file.")


@given(st.binary(max_size=300), st.text(min_size=1, max_size=5))
def test_any_content(content: bytes, name: str) -> None:
    """Whatever stands in it, there is a digest of the right form or the one error."""
    try:
        digest = parse_companion(content, name, MD5)
    except DigestMismatch:
        return
    assert MD5.read(digest) == digest


@given(
    st.lists(st.sampled_from([HEX, OTHER, "a.txt", "b.txt", " ", "  ", " *", "\n", "MD5 (", ") = ", "\\", "x"])),
    st.binary(max_size=3),
)
def test_likely_content(parts: list[str], end: bytes) -> None:
    """A digest is told only if it stands there."""
    content = "".join(parts).encode() + end
    try:
        assert parse_companion(content, "a.txt", MD5) in {HEX, OTHER}
    except DigestMismatch:
        return
    assert HEX.encode() in content or OTHER.encode() in content


@implementer(IStorage)
class _Guarded(MemoryStorage):
    """A storage in which nothing may be read."""

    async def open_read(self, path: Path) -> IReadableFile:
        """Refuse."""
        raise PermissionDenied


class CompanionTests(SynchronousTestCase):
    """The companions in a storage."""

    def setUp(self) -> None:
        self.storage = MemoryStorage()

    def put(self, path: Path, content: str) -> None:
        async def write() -> None:
            file = await self.storage.open_write(path)
            await file.write(content.encode())
            await file.commit()

        self.successResultOf(Deferred.fromCoroutine(write()))

    def expected(self, storage: IStorage, *path: str) -> Deferred[Expectation | None]:
        return Deferred.fromCoroutine(companion_expectation(storage, path))

    def test_none(self) -> None:
        """Most files have none; a directory of that name, or no directory, is none either."""
        self.put(("b.txt.md5",), HEX)
        self.successResultOf(Deferred.fromCoroutine(self.storage.make_directory(("a.txt.sha1",))))
        self.assertIsNone(self.successResultOf(self.expected(self.storage, "a.txt")))
        self.assertIsNone(self.successResultOf(self.expected(self.storage, "missing", "a.txt")))
        self.assertIsNone(self.successResultOf(self.expected(self.storage, "b.txt.md5", "a.txt")))

    def test_all_of_them(self) -> None:
        """Each that is there must be met."""
        for suffix, digits in ((".sha512", 128), (".sha256", 64), (".sha1", 40), (".md5", 32)):
            self.put((f"a.txt{suffix}",), f"{'a' * digits}  a.txt\n")
        expected = self.successResultOf(self.expected(self.storage, "a.txt"))
        assert expected is not None
        self.assertIsNone(expected.size)
        self.assertEqual(
            {algorithm: len(digest) for algorithm, digest in expected.digests.items()},
            {Algorithm.SHA_512: 128, SHA: 64, Algorithm.SHA_1: 40, MD5: 32},
        )

    def test_in_a_directory(self) -> None:
        """It stands beside the file."""
        self.successResultOf(Deferred.fromCoroutine(self.storage.make_directory(("pub",))))
        self.put(("pub", "a.txt.md5"), HEX)
        expected = self.successResultOf(self.expected(self.storage, "pub", "a.txt"))
        self.assertEqual(expected, Expectation(digests={MD5: HEX}))

    def test_unusable(self) -> None:
        """One that is empty or too large lets nothing pass."""
        for content in ("", "x" * 65537):
            self.put(("a.txt.md5",), content)
            self.failureResultOf(self.expected(self.storage, "a.txt"), DigestMismatch)

    def test_as_large_as_may_be(self) -> None:
        """A list of many files is read to its end."""
        line = f"{HEX}  a.txt\n"
        self.put(("a.txt.md5",), "\n" * (65536 - len(line)) + line)
        expected = self.successResultOf(self.expected(self.storage, "a.txt"))
        self.assertEqual(expected, Expectation(digests={MD5: HEX}))

    def test_unreadable(self) -> None:
        """Nobody knows what it says, so nothing passes."""
        self.failureResultOf(self.expected(_Guarded(), "a.txt"), DigestMismatch)

"""The digests that there are."""

from __future__ import annotations

import hashlib
import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from ftpx.digests.algorithms import Algorithm, is_hex
from ftpx.errors import ArgumentError

ABC = {
    Algorithm.SHA_256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    Algorithm.SHA_512: (
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    ),
    Algorithm.SHA_1: "a9993e364706816aba3e25717850c26c9cd0d89d",
    Algorithm.MD5: "900150983cd24fb0d6963f7d28e17f72",
    Algorithm.CRC32: "352441c2",
}


class AlgorithmTests(SynchronousTestCase):
    """Names, digests and their lengths."""

    def test_vectors(self) -> None:
        """The digests of ``abc`` are those that the standards print, and as long as is said."""
        for algorithm in Algorithm:
            total = algorithm.new()
            total.update(b"a")
            total.update(memoryview(b"bc"))
            self.assertEqual(total.hexdigest(), ABC[algorithm])
            self.assertEqual(len(total.hexdigest()), algorithm.digits)

    def test_leading_zeros(self) -> None:
        """A CRC has eight digits whatever it is."""
        self.assertEqual(Algorithm.CRC32.new().hexdigest(), "00000000")

    def test_names(self) -> None:
        """The case and the hyphens do not matter."""
        for name in ("SHA-256", "sha-256", "SHA256", "Sha256", "s-h-a256"):
            self.assertIs(Algorithm.parse(name), Algorithm.SHA_256)
        for algorithm in Algorithm:
            self.assertIs(Algorithm.parse(algorithm.value.lower()), algorithm)
            self.assertIs(Algorithm.parse(algorithm.value.replace("-", "")), algorithm)

    def test_other_names(self) -> None:
        """Whatever else is refused with the names that there are."""
        for name in ("", "CRC-37", "SHA", "SHA-384", "SHA-256*", " MD5", "MD5 ", "\u017fHA-1", "SHA\u00ad256"):
            error = self.assertRaises(ArgumentError, Algorithm.parse, name)
            self.assertEqual(str(error), "That is none of SHA-256, SHA-512, SHA-1, MD5, CRC32.")

    def test_read(self) -> None:
        """A digest has the right length and nothing but hexadecimal digits."""
        self.assertEqual(Algorithm.CRC32.read("352441C2"), "352441c2")
        for text in ("", "352441c", "352441c22", "352441cg", " 352441c", "35244\u0661c2", "0x2441c2"):
            self.assertIsNone(Algorithm.CRC32.read(text))


@given(st.lists(st.binary(max_size=50)))
def test_blocks(blocks: list[bytes]) -> None:
    """However content is divided into blocks, the digest is that of all of it."""
    whole = b"".join(blocks)
    for algorithm in Algorithm:
        total = algorithm.new()
        for block in blocks:
            total.update(block)
        if algorithm is Algorithm.CRC32:
            assert int(total.hexdigest(), 16) == zlib.crc32(whole)
        else:
            assert total.hexdigest() == hashlib.new(algorithm.value.replace("-", ""), whole).hexdigest()


@given(st.text(max_size=10))
def test_is_hex(text: str) -> None:
    """Exactly those texts of which bytes can be made, without the blanks that Python lets pass."""
    try:
        bytes.fromhex(text + "0" * (len(text) % 2))
        expected = bool(text) and not any(character.isspace() for character in text)
    except ValueError:
        expected = False
    assert is_hex(text) is expected

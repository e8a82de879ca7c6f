"""Tests of `ftpx.storage.objects.address`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.storage.objects.address import ObjectAddress


class AddressTests(SynchronousTestCase):
    """What an address says."""

    def test_s3(self) -> None:
        """All that can be said of a store that speaks S3."""
        address = ObjectAddress.parse(
            "s3://files/some/where?endpoint=http://127.0.0.1:8333/&region=eu-central-1&profile=ftp&path_style=no&part_size=16"
        )
        self.assertEqual(
            address,
            ObjectAddress(
                kind="s3",
                bucket="files",
                prefix="some/where/",
                endpoint="http://127.0.0.1:8333",
                region="eu-central-1",
                profile="ftp",
                path_style=False,
                part_size=16 << 20,
            ),
        )

    def test_least(self) -> None:
        """A bucket is enough."""
        for kind in ("s3", "gs", "az"):
            for text in (f"{kind}://files", f"{kind}://files/", f"{kind}://files//"):
                self.assertEqual(ObjectAddress.parse(text), ObjectAddress(kind=kind, bucket="files"))

    def test_prefix(self) -> None:
        """What stands before keys ends in one slash, and may be written as in a URL."""
        for text, prefix in {"/a": "a/", "/a/b/": "a/b/", "//a//b": "a/b/", "/a%20b": "a b/", "/%C3%A9": "é/"}.items():
            self.assertEqual(ObjectAddress.parse(f"s3://files{text}").prefix, prefix)

    def test_file_and_memory(self) -> None:
        """A directory by its whole path, and the memory by nothing."""
        self.assertEqual(ObjectAddress.parse("file:///srv/a%20b"), ObjectAddress(kind="file", bucket="/srv/a b"))
        self.assertEqual(ObjectAddress.parse("memory://"), ObjectAddress(kind="memory"))

    def test_refused(self) -> None:
        """What cannot be used is said in one sentence."""
        for text in (
            "",
            "files",
            "http://files",
            "s3:files",
            "s3://",
            "s3:///files",
            "s3://F",
            "s3://a..b",
            "s3://files:80",
            "s3://files#x",
            "s3://fi\nles",
            "s3://[files",
            "s3://files/../other",
            "s3://files/%00",
            "s3://files/%ff",
            "s3://files--euc1-az1--x-s3",
            "s3://files?region",
            "s3://files?region=",
            "s3://files?region=a/b",
            "s3://files?region=a&region=b",
            "s3://files?path_style=maybe",
            "s3://files?part_size=4",
            "s3://files?part_size=513",
            "s3://files?part_size=x",
            "s3://files?endpoint=127.0.0.1:8333",
            "s3://files?endpoint=ftp://example.org",
            "s3://files?endpoint=http://",
            "s3://files?endpoint=http://a:99999",
            "s3://files?endpoint=http://a?b",
            "s3://files?account=abc",
            "gs://files?region=eu",
            "gs://files?endpoint=http://127.0.0.1",
            "file:",
            "file://srv",
            "file:///a/../b",
            "file:///a?part_size=8",
            "memory://files",
            "memory:///files",
            "memory://?part_size=8",
        ):
            with self.assertRaises(ConfigurationError, msg=text) as caught:
                ObjectAddress.parse(text)
            self.assertTrue(str(caught.exception).startswith("object: "), text)

    def test_no_credentials(self) -> None:
        """Credentials are refused wherever they are written, and are not told again."""
        for text in (
            "s3://user:hush@files",
            "s3://hush@files",
            "s3://files?access_key=hush",
            "s3://files?secret_access_key=hush",
            "s3://files?X-Amz-Signature=hush",
            "s3://files?session_token=hush",
            "s3://files?password=hush",
            "s3://files?endpoint=http://user:hush@example.org",
            "az://files?account_key=hush",
            "az://files?sas=hush",
            "gs://files?credentials=hush",
        ):
            with self.assertRaises(ConfigurationError, msg=text) as caught:
                ObjectAddress.parse(text)
            self.assertIn("credentials come from the environment or a profile", str(caught.exception))
            self.assertNotIn("hush", str(caught.exception))

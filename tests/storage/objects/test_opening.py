"""Tests of `ftpx.storage.objects.opening`: which stores can be opened, and what is said of those that cannot."""

from __future__ import annotations

import builtins
import os
from typing import Any
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from ftpx.errors import ConfigurationError
from ftpx.storage.objects.opening import open_object_store

_KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hush"}
_NOTHING = {"HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}


class OpeningTests(SynchronousTestCase):
    """Nothing is sent when a store is opened, so no server is needed."""

    def _refused(self, address: str, **variables: str) -> str:
        with (
            patch.dict(os.environ, {**_NOTHING, **variables}, clear=True),
            self.assertRaises(ConfigurationError) as caught,
        ):
            open_object_store(address)
        self.assertNotIn("hush", str(caught.exception))
        return str(caught.exception)

    def test_no_credentials(self) -> None:
        """Where there are no credentials, it is said where they come from."""
        self.assertIn("AWS_ACCESS_KEY_ID", self._refused("s3://files?region=eu-central-1"))

    def test_no_region(self) -> None:
        """At Amazon a region is wanted; where there is an endpoint none is."""
        self.assertIn("region", self._refused("s3://files", **_KEYS))
        with patch.dict(os.environ, {**_NOTHING, **_KEYS}, clear=True):
            self.assertEqual(open_object_store("s3://files?endpoint=http://127.0.0.1:1").part_size, 8 << 20)
            self.assertEqual(open_object_store("s3://files?region=eu-central-1&part_size=16").part_size, 16 << 20)

    def test_no_profile(self) -> None:
        """A profile that is in no file is named."""
        self.assertIn("'nobody'", self._refused("s3://files?region=eu-central-1&profile=nobody", **_KEYS))

    def test_half_a_credential(self) -> None:
        """A key without its secret is a mistake of the configuration."""
        self._refused("s3://files?region=eu-central-1", AWS_ACCESS_KEY_ID="key")

    def test_library_missing(self) -> None:
        """A library that is not installed is named, with the way to install it."""
        real = builtins.__import__

        def without(name: str, *arguments: Any) -> Any:
            if name.partition(".")[0] in {"botocore", "obstore"}:
                raise ImportError(name=name)
            return real(name, *arguments)

        with patch.object(builtins, "__import__", without):
            for address in ("memory://", "s3://files?region=eu-central-1"):
                self.assertIn("pip install 'ftpx[object]'", self._refused(address, **_KEYS))

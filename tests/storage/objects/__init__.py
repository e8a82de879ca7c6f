"""Tests of `ftpx.storage.objects`."""

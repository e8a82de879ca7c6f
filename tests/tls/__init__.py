"""Tests of `ftpx.tls`."""

"""Tests of `ftpx.cli`."""

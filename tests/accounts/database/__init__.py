"""Tests of `ftpx.accounts`."""

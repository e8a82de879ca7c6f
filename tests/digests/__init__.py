"""Tests of ftpx.digests."""

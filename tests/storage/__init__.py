"""Tests of ftpx.storage."""

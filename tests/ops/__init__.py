"""Tests of ftpx.server: whole servers in memory, and the parts that need none."""

"""Tests of ftpx.testing: what plugin authors test with."""

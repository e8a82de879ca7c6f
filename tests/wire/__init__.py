"""Tests of ftpx.wire: octets to values and back."""

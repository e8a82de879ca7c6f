"""Tests of ``crypt:``."""

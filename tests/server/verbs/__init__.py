"""Tests of ftpx.server.verbs: every command, as a client sees it."""

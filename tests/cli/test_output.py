"""Tests of `ftpx.cli.output`."""

from __future__ import annotations

import re
import sys
from io import StringIO
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from ftpx.cli.output import show_table

ROWS = [["[red]:smile:\x1b[31m", "\N{CJK UNIFIED IDEOGRAPH-4E2D}"], ["b" * 300, ""]]
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(StringIO):
    """A double: what is written to a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def printed(output: StringIO, **variables: str) -> list[str]:
    """The lines of a table."""
    with patch.object(sys, "stdout", output), patch.dict("os.environ", {"COLUMNS": "60", "TERM": "xterm", **variables}):
        show_table(("first", "second"), ROWS)
    return output.getvalue().splitlines()


class TableTests(SynchronousTestCase):
    """Tables."""

    def test_elsewhere(self) -> None:
        """Where no terminal is, there are blanks between columns, no line is broken and nothing is coloured."""
        lines = printed(StringIO())
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0], "first" + " " * 297 + "second")
        self.assertTrue(lines[1].startswith("[red]:smile:?[31m "), lines[1])
        self.assertEqual(lines[2], "b" * 300)

    def test_terminal(self) -> None:
        """On a terminal a table is as wide as that, and nothing is lost; texts are never taken for markup."""
        lines = printed(Terminal(), NO_COLOR="1")
        lines = [_STYLE.sub("", line) for line in lines]
        self.assertLessEqual(max(map(len, lines)), 60)
        self.assertEqual("".join(lines).count("b"), 300)
        self.assertTrue(any("[red]:smile:?[31m" in line for line in lines), lines)

    def test_colours(self) -> None:
        """NO_COLOR keeps colours out."""
        self.assertNotIn("\x1b[3", "".join(printed(Terminal(), NO_COLOR="1")))

"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

import click
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ftpx.wire.replies import printable

__all__ = ["json_option", "say", "show_json", "show_table"]

_GAP: Final = "  "

_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(command: _F) -> _F:
    """Add ``--json`` to a command, which takes it as ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def say(text: str) -> None:
    """Print a line."""
    click.echo(printable(text))


def show_json(value: object) -> None:
    """Print a value as JSON, in ASCII."""
    click.echo(json.dumps(value, indent=2))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: on a terminal as wide as that is, elsewhere as wide as it comes to."""
    cells = [[printable(cell) for cell in row] for row in rows]
    click.echo(_drawn(columns, cells) if sys.stdout.isatty() else _plain([columns, *cells]))


def _drawn(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        # As text, so that nothing is taken for markup.
        table.add_row(*map(Text, row))
    console = Console(file=sys.stdout, markup=False, highlight=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip("\n")


def _plain(rows: Sequence[Sequence[str]]) -> str:
    """Columns with blanks between them. (Rich takes a minute for a hundred thousand rows.)"""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        _GAP.join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )

"""
The report: medians, and how many times better ftpx is.

A ratio is the median of the ratios of the rounds, not the ratio of the medians: both sides
of each were measured within the same minute.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.rounds import Results
from benchmarks.workloads import Row, Workload

__all__ = ["insert", "markdown", "ratio"]

_SUBJECT = "ftpx"
_BEGIN = "<!-- results -->"
_END = "<!-- end of results -->"


def ratio(row: Row, ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """How many times better ``ours`` are; None where a round is missing."""
    pairs = list(zip(ours, theirs, strict=False))
    if not pairs or any(not mine or not other for mine, other in pairs):
        return None
    ratios = [mine / other if row.more else other / mine for mine, other in pairs if mine and other]
    return statistics.median(ratios)


def markdown(results: Results, workloads: Iterable[Workload], versions: Mapping[str, str], command: str) -> str:
    """The whole report as Markdown: the command, the machine, the figures, the ratios and what went wrong."""
    rows = [row for workload in workloads for row in workload.rows]
    figures = [
        [f"{row.title} ({row.unit})", *(_median(results, row, server) for server in results.servers)] for row in rows
    ]
    others = [server for server in results.servers if server != _SUBJECT]
    ratios = [[row.title, *(_ratio(results, row, server) for server in others)] for row in rows]
    comparison = ["ftpx is so many times better than (above 1: ftpx is ahead):", _table(["", *others], ratios)]
    parts = [
        f"Command: `{command}`",
        f"Machine: {_machine()}",
        f"Versions: {', '.join(f'{name} {text}' for name, text in versions.items() if text)}",
        "Medians:",
        _table(["", *results.servers], figures),
        *(comparison if _SUBJECT in results.servers and others else []),
        *_against_itself(results, rows),
        *(["Notes:", "\n".join(f"- {note}" for note in results.notes)] if results.notes else []),
    ]
    return "\n\n".join(parts) + "\n"


def insert(report: str, page: str) -> str:
    """The page with the report between its two marks; the report alone where there are none."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}\n\n{report}\n{end}{after}" if begin and end else report


def _against_itself(results: Results, rows: Sequence[Row]) -> list[str]:
    """The rows in which ftpx is compared with another figure of its own, where it has both."""
    titles = {row.name: row.title for row in rows}
    found = results.figures
    lines = []
    for row in rows:
        value = ratio(row, found.get((row.name, _SUBJECT), []), found.get((row.against, _SUBJECT), []))
        if value is not None and row.against in titles:
            lines.append(f"- {row.title}: {value:.2f} times as good as {titles[row.against]}")
    return ["ftpx beside itself:", "\n".join(lines)] if lines else []


def _median(results: Results, row: Row, server: str) -> str:
    figures = [figure for figure in results.figures.get((row.name, server), []) if figure is not None]
    if not figures or None in results.figures[row.name, server]:
        return "-"
    middle = statistics.median(figures)
    return f"{middle:,.0f}" if middle >= 100 else f"{middle:.2f}"


def _ratio(results: Results, row: Row, server: str) -> str:
    found = results.figures
    value = ratio(row, found.get((row.name, _SUBJECT), []), found.get((row.name, server), []))
    return "-" if value is None else f"{value:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(line[column]) for line in [head, *rows]) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(line, widths) for line in [head, rule, *rows])


def _line(cells: list[str], widths: list[int]) -> str:
    first, *rest = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join([first.strip().ljust(widths[0]), *rest])} |"


def _machine() -> str:
    kernel = ".".join(platform.release().split("-")[0].split(".")[:2])
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.system()} {kernel}, {python}"

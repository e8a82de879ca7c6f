"""
The examples in README.md and docs/: fenced blocks of Markdown.

``console`` blocks are sessions of a shell: behind ``$`` stands a command, behind ``>`` its next
line, and all else is what it prints, where ``...`` stands for anything. ``python`` blocks are programs,
each of its own. ``{literalinclude}`` of a file from docs/examples lays it into the folder where the
examples run, under its caption. Blocks of other kinds are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from tests.qa.sources import PROJECT

__all__ = ["Block", "Command", "Page", "pages"]

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<kind>console|python|\{literalinclude\} (?P<file>\S+))\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_CAPTION = re.compile(r"^:caption: (\S+)$", re.MULTILINE)
# Its commands measure for minutes what a machine can do; they are tried by hand.
_NOT_RUN = frozenset({"docs/benchmarks.md"})


@attrs.frozen
class Command:
    """A command of a session and what it is said to print."""

    text: str
    output: str

    def pattern(self) -> re.Pattern[str]:
        """What the output matches; blanks at the ends of lines do not count."""
        return re.compile("".join(map(_line_pattern, self.output.splitlines())))


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    return re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + "\n"


@attrs.frozen
class Block:
    """A block of code: its kind, its text and the line where it begins; an included file has a name."""

    kind: str
    text: str
    line: int
    name: str = ""

    def commands(self) -> Iterator[Command]:
        """The commands of a session."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            command, rest = lines[0], lines[1:]
            while rest and rest[0].startswith("> "):
                command += rest.pop(0)[2:]
            yield Command(command.rstrip("\n"), "".join(rest))


@attrs.frozen
class Page:
    """A page and its blocks."""

    path: Path
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """The path as a word."""
        return re.sub(r"\W+", "_", str(self.path.with_suffix(""))).lower()

    def commands(self) -> Iterator[Command]:
        """The commands of all sessions."""
        for block in self.blocks:
            if block.kind == "console":
                yield from block.commands()


def _blocks(path: Path) -> Iterator[Block]:
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["file"]:
            file = path.parent / match["file"]
            caption = _CAPTION.search(match["text"])
            yield Block("file", file.read_text(encoding="utf-8"), line, caption[1] if caption else file.name)
        else:
            indent = len(match["indent"])
            lines = [line[indent:] for line in match["text"].splitlines(keepends=True)]
            yield Block(match["kind"], "".join(lines), line)


def pages() -> Iterator[Page]:
    """All pages that have examples to run."""
    for path in [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]:
        name = path.relative_to(PROJECT)
        if "_build" not in name.parts and str(name) not in _NOT_RUN and (blocks := tuple(_blocks(path))):
            yield Page(name, blocks)

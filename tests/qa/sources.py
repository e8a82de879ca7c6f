"""The Python files of the project, parsed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import attrs

__all__ = ["PROJECT", "Import", "Source", "sources"]

PROJECT = Path(__file__).resolve().parents[2]


@attrs.frozen
class Import:
    """One name that a module imports: ``module`` is all of it for ``import``, and what ``name`` is taken from else."""

    module: str
    name: str | None
    line: int
    level: int = 0


@attrs.frozen
class Source:
    """A Python file: its path in the project and its syntax tree."""

    path: Path
    tree: ast.Module = attrs.field(repr=False)

    @property
    def module(self) -> str:
        """The dotted name of the module."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def imports(self) -> Iterator[Import]:
        """Every import in the file, wherever in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield Import(alias.name, None, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    yield Import(node.module or "", alias.name, node.lineno, node.level)


@cache
def sources(folder: str) -> tuple[Source, ...]:
    """All Python files below a folder of the project."""
    paths = sorted((PROJECT / folder).rglob("*.py"))
    return tuple(Source(path.relative_to(PROJECT), ast.parse(path.read_bytes(), str(path))) for path in paths)

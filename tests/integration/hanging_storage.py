"""
``hanging:DIR``: a blocking storage in memory whose calls hang as long as a FIFO of their name is in DIR.

No clock is involved: a test sees that a call hangs, and lets it go.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.plugin import IPlugin
from zope.interface import implementer

from ftpx.interfaces import IStorage, IStoragePlugin, IStoragePool
from ftpx.storage.threaded import ThreadedStorage
from ftpx.testing.blocking import BlockingMemoryStorage
from tests.integration.waiting import eventually

__all__ = ["Gates", "HangingPlugin", "plugin_folder"]


class _Gated:
    """A storage, or an open file, whose calls go through gates."""

    def __init__(self, inner: Any, gates: Path) -> None:
        self._inner = inner
        self._gates = gates

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self._inner, name)
        return self._gated(name, value) if callable(value) else value

    def _gated(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self._pass(name)
            result = function(*arguments, **named)
            if name == "list_directory":
                return self._pages(result)
            return _Gated(result, self._gates) if name in {"open_read", "open_write"} else result

        return call

    def _pages(self, pages: Iterator[Any]) -> Iterator[Any]:
        for page in pages:
            self._pass("page")
            yield page

    def _pass(self, name: str) -> None:
        """Wait as long as there is a gate of that name, and leave a mark."""
        with contextlib.suppress(FileNotFoundError), open(self._gates / name, "rb") as gate:
            with open(self._gates / f"{name}.held", "ab") as marks:
                marks.write(b".")
            gate.read()


@implementer(IPlugin, IStoragePlugin)
class HangingPlugin:
    """``hanging:DIR``."""

    prefix = "hanging"
    argument_format = "DIR"
    help = "Files in memory; calls hang while a FIFO of their name is in DIR."

    def open_storage(self, arguments: str, pool: IStoragePool) -> IStorage:
        """See `IStoragePlugin`."""
        gates = Path(arguments)
        inner = BlockingMemoryStorage()
        _Gated(inner, gates)._pass("open_storage")
        return ThreadedStorage(_Gated(inner, gates), pool)  # type: ignore[arg-type]  # it is one, by its attributes


def plugin_folder(directory: Path) -> Path:
    """A folder that makes the plugin known to a server which has it in its PYTHONPATH."""
    plugins = directory / "plugins" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "hanging_plugin.py").write_text(
        "from tests.integration.hanging_storage import HangingPlugin\n\nhanging = HangingPlugin()\n", encoding="utf-8"
    )
    return directory / "plugins"


class Gates:
    """The gates of a storage, as a test sees them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._writers: dict[str, int] = {}

    def shut(self, name: str) -> None:
        """Let calls of a name hang from now on."""
        with contextlib.suppress(FileNotFoundError):
            (self.directory / f"{name}.held").unlink()
        os.mkfifo(self.directory / name)
        # Who reads from it waits until the last writer has closed it.
        self._writers[name] = os.open(self.directory / name, os.O_RDWR)

    def wait_held(self, name: str, count: int = 1) -> None:
        """Wait until so many calls hang, or have hung."""
        marks = self.directory / f"{name}.held"
        eventually(lambda: marks.exists() and marks.stat().st_size >= count, seconds=30, what=f"{name} hangs")

    def open(self, name: str) -> None:
        """Let all calls of a name through."""
        (self.directory / name).unlink()
        os.close(self._writers.pop(name))

    def open_all(self) -> None:
        """Let everything through."""
        for name in list(self._writers):
            self.open(name)

    @contextlib.contextmanager
    def hanging(self, name: str) -> Iterator[None]:
        """Let calls of a name hang up to the end of the context."""
        self.shut(name)
        try:
            yield
        finally:
            self.open(name)

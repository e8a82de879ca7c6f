"""The parts of the storage contract; `ftpx.testing.storage` puts them together."""

from __future__ import annotations

__all__: list[str] = []

"""``fsspec:``: any filesystem that the library fsspec knows, as far as each can."""

from __future__ import annotations

__all__: list[str] = []

"""Storage: the built-in kinds, where others are found, and the wrappers around any of them."""

from __future__ import annotations

__all__: list[str] = []

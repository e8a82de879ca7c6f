"""Digests of files: computed, taken while they arrive, remembered, and compared with what was announced."""

from __future__ import annotations

__all__: list[str] = []

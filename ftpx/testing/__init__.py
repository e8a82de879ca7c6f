"""Public test doubles, verified against the contracts, and the contract tests for plugins."""

from __future__ import annotations

__all__: list[str] = []

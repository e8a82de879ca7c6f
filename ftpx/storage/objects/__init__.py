"""``object:``: a storage in an object store."""

from __future__ import annotations

__all__: list[str] = []

"""``crypt:``: any storage, with contents, and names too, encrypted at rest. The form is described for operators."""

from __future__ import annotations

__all__: list[str] = []

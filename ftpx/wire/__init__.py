"""Between octets and values: the forms that FTP puts on the wire, as pure functions without input or output."""

from __future__ import annotations

__all__: list[str] = []

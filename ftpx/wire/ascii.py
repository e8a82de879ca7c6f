"""TYPE A: line ends between NVT-ASCII and the storage (RFC 959 section 3.1.1.1)."""

from __future__ import annotations

from ftpx.interfaces import Block

__all__ = ["AsciiDecoder", "AsciiEncoder"]


class AsciiEncoder:
    """From the storage to the wire: each LF that has no CR before it becomes CRLF."""

    def __init__(self) -> None:
        self._after_return = False

    def feed(self, block: Block) -> bytes:
        """The next block as it goes over the wire, at most twice as long."""
        data = bytes(block)
        if not data:
            return data
        ends_line = self._after_return and data.startswith(b"\n")
        self._after_return = data.endswith(b"\r")
        # Taking one CR from each CRLF first lets the second step give one to every LF.
        encoded = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        return encoded[1:] if ends_line else encoded


class AsciiDecoder:
    """From the wire to the storage: each CRLF becomes LF; any other CR stays."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, block: Block) -> bytes:
        """The next block as it is stored. A CR at its end is kept back until it is known what follows."""
        data = self._held + block
        self._held = b"\r" if data.endswith(b"\r") else b""
        return data.removesuffix(b"\r").replace(b"\r\n", b"\n")

    def finish(self) -> bytes:
        """What was kept back, when no more blocks follow."""
        held, self._held = self._held, b""
        return held

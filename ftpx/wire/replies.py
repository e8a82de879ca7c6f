"""Replies as they go over the control connection (RFC 959 section 4.2)."""

from __future__ import annotations

import re

import attrs

__all__ = ["Reply", "printable"]

# Beside the control characters: surrogates that stand for no octet and could not be encoded.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udc7f\udd00-\udfff]")
_LOOKS_LIKE_CODE = re.compile("[0-9]{3}")


def printable(text: str) -> str:
    """
    A text with ``?`` in place of each control character (C0, DEL and C1), safe in a line and on a terminal.

    Octets that are not UTF-8 (``surrogateescape``) stay as they are. The result can always be encoded.
    """
    # str.isprintable is false for more than control characters, never true for one.
    return text if text.isprintable() else _UNPRINTABLE.sub("?", text)


@attrs.frozen(init=False)
class Reply:
    """
    A reply of one or more lines: ``Reply(226, "Transfer complete.")``.

    ``code`` has three digits; ``lines`` are the texts without codes and line ends.
    """

    code: int
    lines: tuple[str, ...]
    _octets: list[bytes] = attrs.field(init=False, factory=list, eq=False, repr=False)

    def __init__(self, code: int, *lines: str) -> None:
        self.__attrs_init__(code, lines or ("",))

    @property
    def final(self) -> bool:
        """Whether the command is done with this reply: anything but 1xx."""
        return self.code >= 200

    @property
    def positive(self) -> bool:
        """Whether nothing went wrong: 1xx, 2xx or 3xx."""
        return self.code < 400

    def encode(self) -> bytes:
        """The octets of the reply with all its line ends; control characters in its texts become ``?``."""
        # Most replies are constants, sent again and again.
        if not self._octets:
            self._octets.append(self._encoded())
        return self._octets[0]

    def _encoded(self) -> bytes:
        lines = self.lines
        if len(lines) == 1:
            text = f"{self.code} {printable(lines[0])}\r\n"
        else:
            text = "\r\n".join(
                [
                    f"{self.code}-{printable(lines[0])}",
                    *map(_middle_line, lines[1:-1]),
                    f"{self.code} {printable(lines[-1])}\r\n",
                ]
            )
        return text.encode("utf-8", "surrogateescape")


def _middle_line(text: str) -> str:
    """A line that no client takes for the end of the reply (RFC 959 section 4.2)."""
    text = printable(text)
    return f" {text}" if _LOOKS_LIKE_CODE.match(text) else text

"""FTP sessions that are made up: what clients may say, with paths that are odd and hostile, the same for each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import attrs

__all__ = ["FETCHES", "Step", "generate_session"]

FETCHES: Final = frozenset({"RETR", "LIST", "NLST", "MLSD"})
"""The commands of which something comes over the data connection."""

_NAMES: Final = ("a", "b", "d", "e", "A", "sp ace", "é", "e\u0301")
_ODD_NAMES: Final = (
    " lead",
    "trail ",
    "...",
    "....",
    "..a",
    "-l",
    "--help",
    "%2e%2e",
    "~",
    "*",
    "[a]",
    "?",
    'qu"ote',
    "back\\slash",
    "..\\",
    "type=dir; x",
    "latin-\udce9",
    "\u202etxt",
    "x" * 255,
    "x" * 256,
    "é" * 128,
)
_ODD_PATHS: Final[Sequence[Callable[[str], str]]] = (
    lambda name: f"/{name}",
    lambda name: f"//{name}",
    lambda name: f"./{name}",
    lambda name: f"/./{name}/.",
    lambda name: f"{name}/",
    lambda name: f"{name}//",
    lambda name: f"../{name}",
    lambda name: f"../../../../{name}",
    lambda name: f"{name}/..",
    lambda name: f"{name}/../{name}",
    lambda name: f"d/../{name}",
    lambda name: f"none/../{name}",
    lambda name: f"d//e/./{name}",
    lambda name: f"/d/e/../../{name}",
    lambda name: "/",
    lambda name: ".",
    lambda name: "..",
    lambda name: "../" * 500 + name,
    lambda name: "/".join([name] * 20),
)
_SIZES: Final = (0, 1, 3, 10, 1000, 70_000)


@attrs.frozen
class Step:
    """
    A command.

    :param content: what is sent over its data connection, ``None``: nothing.
    :param breaks: the data connection is reset behind it.
    """

    line: str
    content: bytes | None = None
    breaks: bool = False

    @property
    def verb(self) -> str:
        """The command without its argument."""
        return self.line.partition(" ")[0]


class _Session:
    """Makes up steps."""

    def __init__(self, random: Random, breaks: bool, odd_names: bool) -> None:
        self._random = random
        self._breaks = breaks
        self._odd_names = odd_names
        self._makers: Sequence[tuple[int, Callable[[], list[Step]]]] = (
            (4, lambda: [Step(f"CWD {self._path()}")]),
            (1, lambda: [Step("CDUP"), Step("PWD")]),
            (6, lambda: [Step(f"MKD {self._path()}")]),
            (8, lambda: [self._upload("STOR")]),
            (3, lambda: [self._upload("APPE")]),
            (3, self._restarted_upload),
            (2, lambda: [Step(f"RETR {self._path()}")]),
            (2, lambda: [Step(f"REST {self._offset()}"), Step(f"RETR {self._path()}")]),
            (2, lambda: [Step(self._random.choice(["LIST", "NLST", "MLSD", "MLST", "STAT"]) + self._optional_path())]),
            (2, lambda: [Step(f"SIZE {self._path()}")]),
            (3, lambda: [Step(f"DELE {self._path()}")]),
            (2, lambda: [Step(f"RMD {self._path()}")]),
            (5, lambda: [Step(f"RNFR {self._path()}"), Step(f"RNTO {self._path()}")]),
            (1, lambda: [Step(f"XSHA256 {self._path()}")]),
        )

    def steps(self) -> list[Step]:
        """The next few."""
        weights = [weight for weight, _ in self._makers]
        (made,) = self._random.choices([maker for _, maker in self._makers], weights)
        return made()

    def _name(self) -> str:
        odd = self._random.random() >= 0.75 and self._odd_names
        return self._random.choice(_ODD_NAMES if odd else _NAMES)

    def _path(self) -> str:
        chance = self._random.random()
        if chance < 0.45:
            return self._random.choice("abde")
        if chance < 0.6:
            return self._name()
        if chance < 0.85:
            return "/".join(self._random.choice("de") for _ in range(self._random.randint(1, 2))) + f"/{self._name()}"
        return self._random.choice(_ODD_PATHS)(self._name())

    def _optional_path(self) -> str:
        return "" if self._random.random() < 0.4 else f" {self._path()}"

    def _offset(self) -> int:
        return self._random.choice((0, 1, 2, 3, 5, 10, 500, 1000, 1001, 10**12))

    def _content(self) -> bytes:
        return self._random.randbytes(self._random.choice(_SIZES))

    def _upload(self, verb: str) -> Step:
        breaks = self._breaks and self._random.random() < 0.15
        return Step(f"{verb} {self._path()}", self._content(), breaks)

    def _restarted_upload(self) -> list[Step]:
        return [Step(f"REST {self._offset()}"), self._upload("STOR")]


def generate_session(seed: int, length: int = 40, *, breaks: bool = True, odd_names: bool = True) -> list[Step]:
    """
    A session behind its login, of at least so many commands.

    :param breaks: whether some uploads break off.
    :param odd_names: whether there are names that a storage may refuse. Odd paths there are always.
    """
    session = _Session(Random(seed), breaks, odd_names)  # noqa: S311 - the same in every run
    steps: list[Step] = []
    while len(steps) < length:
        steps += session.steps()
    return steps

"""Make docs/terminal.svg, the picture in README.md, from a session that happens meanwhile: ``make picture``."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

__all__ = ["main"]

_PROJECT = Path(__file__).resolve().parents[1]
_WIDTH = 100
_PROMPT = "[bold green]$[/] "


def _serve(folder: Path) -> tuple[subprocess.Popen[bytes], list[str]]:
    """Start ``make serve``; what it prints before the log begins."""
    log = folder / "log"
    places = _places(folder)
    with log.open("wb") as output:
        server = subprocess.Popen(
            ["make", "--no-print-directory", "serve"],
            cwd=_PROJECT,
            env=os.environ | places,
            stdout=output,
            stderr=output,
        )
    while "listening: " not in log.read_text():
        if server.poll() is not None:
            raise SystemExit(log.read_text())
        time.sleep(0.1)
    return server, re.split(r"^\d{4}-", log.read_text(), flags=re.MULTILINE)[0].strip().splitlines()


def _places(folder: Path) -> dict[str, str]:
    """Where the server of the picture keeps its files, so that those of a real one stay as they are."""
    return {"ROOT": str(folder / "srv"), "RUN": str(folder / ".run")}


def _shown(text: str, folder: Path) -> str:
    """A text as it reads in a folder of one's own."""
    return text.replace(f"{folder}/", "")


def _commands(printed: list[str]) -> Iterator[str]:
    """What to do in the other terminal: what the server said to try, and a little more."""
    yield from (line.strip() for line in printed if line.startswith("  "))
    (password,) = set(re.findall(r"ftpx:([0-9a-f]+)@", "\n".join(printed)))
    login = f"lftp -u ftpx,{password} -p {os.environ.get('PORT', '2121')} 127.0.0.1 -e 'set ftp:ssl-allow no;"
    yield f"{login} mirror -R docs/operators manual; cls manual; bye'"
    yield f"{login} mv manual/limits.md limits; rm -r manual; cls -l; bye'"


def _run(command: str) -> str:
    """What a command prints on a terminal, as it looks in the end."""
    ours, theirs = os.openpty()
    printed = b""
    done = subprocess.Popen(["bash", "-c", command], cwd=_PROJECT, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    # Reading fails when nobody has the terminal open any more.
    with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:
        while block := terminal.read(65536):
            printed += block
    if done.wait():
        raise SystemExit(f"{command}: {printed.decode()}")
    lines = printed.decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition("\r")[2] for line in lines).rstrip("\n")


def main() -> None:
    """Record the session and write the picture."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server, printed = _serve(folder)
        try:
            console.print(_PROMPT + "make serve")
            console.print(_shown("\n".join(printed), folder), markup=False)
            console.rule("another terminal", style="dim")
            for command in _commands(printed):
                console.print(Text.from_markup(_PROMPT) + Text(_shown(command, folder)))
                if printed_there := _run(command):
                    console.print(Text.from_ansi(printed_there))
        finally:
            server.terminate()
            server.wait()
    picture = console.export_svg(title="ftpx", unique_id="ftpx")
    # No fonts from elsewhere: every system has one of its own for terminals.
    picture = re.sub(r"<!-- .*? -->\s*", "", picture)
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    (_PROJECT / "docs" / "terminal.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()

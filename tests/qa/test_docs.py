"""Every example in README.md and docs/ does what it says."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.server import free_port
from tests.integration.waiting import eventually
from tests.qa.packages import add_programs, installing, libraries, wheel
from tests.qa.pages import Block, Command, Page, pages
from tests.qa.sources import PROJECT

# Much for any command, and enough for the tests of a storage on a busy machine.
_SECONDS = 120
# What may be missing where the tests run; a page that needs it is skipped then.
_CLIENTS = frozenset({"curl", "lftp", "ncftpget", "ncftpput", "openssl", "tnftp", "wget", "rclone"})
_SERVER = re.compile(r"(twistd|twist)\b.* ftpx\b(?!.*( --help|\|\|))")
# A page that makes a virtual environment installs ftpx there.
_INSTALLS = re.compile(r"\bpython3 -m venv\b")
# The ports that the examples use.
_PORT = re.compile(r"\b2121[0-9]?\b")
# Where the user who runs the tests keeps certificates; those of a page are in its own folder.
_ELSEWHERE = frozenset({"STATE_DIRECTORY", "XDG_STATE_HOME"})


class _Story:
    """One page: its examples run in order, in one folder, with one server port."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self._folder = folder
        self._ports: dict[str, str] = {}
        self._servers: list[subprocess.Popen[str]] = []
        # Where the tests run, ftpx is not installed, so neither is its command.
        programs = folder / ".programs"
        programs.mkdir()
        (programs / "ftpx").write_text('#!/bin/sh\nexec python -m ftpx.cli "$@"\n')
        (programs / "ftpx").chmod(0o755)
        # Where ftpx, or what it needs, is found whatever PYTHONPATH becomes.
        self._path = str(PROJECT)
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in _ELSEWHERE},
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
            "TZ": "UTC",
        }
        if any(_INSTALLS.search(command.text) for command in page.commands()):
            shutil.copy(wheel(PROJECT), folder)
            # Whichever Python comes first when they are run.
            add_programs(programs, "/usr/bin/env python")
            self._path = libraries()
            self._environment |= installing()
        self._environment["PYTHONPATH"] = self._path

    def run(self) -> None:
        """Run all examples; servers they start go on until the end of the page."""
        try:
            for block in self.page.blocks:
                self._run(block)
        finally:
            self._stop()

    def _run(self, block: Block) -> None:
        where = f"{self.page.path}:{block.line}"
        match block.kind:
            case "file":
                self._lay_out(block)
            case "python":
                self._shell(f"python - <<'END'\n{_PORT.sub(self._port, block.text)}END", self._folder, where)
            case _:
                for command in block.commands():
                    self._command(command, f"{where}: $ {command.text}")

    def _lay_out(self, block: Block) -> None:
        path = self._folder / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def _port(self, match: re.Match[str]) -> str:
        """A port that is free here, always the same for one port of the page."""
        return self._ports.setdefault(match[0], str(free_port()))

    def _command(self, command: Command, where: str) -> None:
        text = _PORT.sub(self._port, command.text)
        words = shlex.split(text, comments=True)
        if words and words[0] == "make":
            # Only whether there is such a target: what they do is what runs this test.
            self._shell(f"make -n {shlex.join(words[1:])}", PROJECT, where)
        elif words and words[0] == "export":
            self._export(text)
        elif _SERVER.match(text):
            self._serve(text, command, where)
        else:
            self._compare(command, self._shell(text, self._folder, where), where)

    def _export(self, text: str) -> None:
        """Set a variable for the rest of the page."""
        name = text.removeprefix("export ").partition("=")[0]
        value = self._shell(f'{text}; printf %s "${name}"', self._folder, text)
        self._environment[name] = f"{value}{os.pathsep}{self._path}" if name == "PYTHONPATH" else value

    def _shell(self, text: str, folder: Path, where: str) -> str:
        """Run a command that must succeed; what it prints."""
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert result.returncode == 0, f"{where}\nexit status {result.returncode}\n{result.stdout}"
        return result.stdout

    def _compare(self, command: Command, output: str, where: str) -> None:
        if not command.output.strip():
            return
        printed = "".join(f"{line.rstrip()}\n" for line in output.splitlines())
        assert command.pattern().fullmatch(printed), f"{where}\nprinted\n{printed}\nand not\n{command.output}"

    def _serve(self, text: str, command: Command, where: str) -> None:
        """Start a server; it is there when it says so, and then its log has what the page shows of it."""
        log = self._folder / f"server-{len(self._servers)}.log"
        with log.open("w", encoding="utf-8") as output:
            server = subprocess.Popen(
                ["bash", "-c", f"exec {text}"],
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._servers.append(server)

        def listening() -> bool:
            assert server.poll() is None, f"{where}\n{log.read_text(encoding='utf-8')}"
            return "listening: " in log.read_text(encoding="utf-8")

        eventually(listening, seconds=_SECONDS, what=where)
        printed = log.read_text(encoding="utf-8")
        assert command.pattern().search(printed), f"{where}\nprinted\n{printed}\nand not\n{command.output}"

    def _stop(self) -> None:
        for server in self._servers:
            server.send_signal(signal.SIGTERM)
        for server in self._servers:
            assert server.wait(_SECONDS) == 0, f"{self.page.path}: a server ended with {server.returncode}"


def _needs(page: Page) -> frozenset[str]:
    """The clients that a page runs."""
    commands = " ".join(command.text for command in page.commands())
    return _CLIENTS & frozenset(re.findall(r"[\w-]+", commands))


def _test(page: Page) -> Callable[[SynchronousTestCase], None]:
    def test(self: SynchronousTestCase) -> None:
        missing = sorted(client for client in _needs(page) if shutil.which(client) is None)
        if missing:
            raise SkipTest(f"not installed: {', '.join(missing)}")
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(parents=True)
        _Story(page, folder).run()

    test.__doc__ = f"The examples of {page.path} work."
    return test


class ExampleTests(SynchronousTestCase):
    """One test a page."""


for _page in pages():
    setattr(ExampleTests, f"test_{_page.name}", _test(_page))


class ConventionTests(SynchronousTestCase):
    """How examples are written."""

    def test_pages_are_found(self) -> None:
        """There are examples, and so there are tests."""
        self.assertIn("README.md", [str(page.path) for page in pages()])

    def test_sessions_have_commands(self) -> None:
        """A console block without a command would be no example."""
        for page in pages():
            for block in page.blocks:
                if block.kind == "console":
                    self.assertTrue(list(block.commands()), f"{page.path}:{block.line}")

    def test_pattern(self) -> None:
        """Three dots stand for anything in a line, or for any lines."""
        pattern = Command("x", "a ... c\n...\nend\n").pattern()
        self.assertTrue(pattern.fullmatch("a b c\n1\n2\nend\n"))
        self.assertTrue(pattern.fullmatch("a  c\nend\n"))
        self.assertFalse(pattern.fullmatch("a b\nend\n"))

    def test_no_shell_by_another_name(self) -> None:
        """An example for a shell is a console block, so that nobody can leave it out of the tests."""
        for path in [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]:
            self.assertNotRegex(path.read_text(encoding="utf-8"), r"```(sh|bash|shell|py|python3)\n", str(path))

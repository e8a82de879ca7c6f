"""Tests of `ftpx.cli.commands`, and of the package as it is started."""

from __future__ import annotations

import sys
from io import StringIO
from unittest.mock import patch

import click
from twisted.trial.unittest import SynchronousTestCase

from ftpx import __version__
from ftpx.cli import main
from ftpx.cli.commands import ftpx
from tests.accounts.databases import OnPostgresql
from tests.cli.cases import PASSWORD, CommandCase


def _commands(group: click.Group, *names: str) -> list[tuple[str, ...]]:
    """All commands, each as it is written."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found += _commands(command, *names, name) if isinstance(command, click.Group) else [(*names, name)]
    return found


class HelpTests(CommandCase):
    """What the command says about itself."""

    def test_every_command_has_help(self) -> None:
        """Every command and every option has a help, and none wants accounts for it."""
        for names in [(), *_commands(ftpx)]:
            self.assertIn("Usage: ", self.done(*names, "--help"))
        self.assertFalse((self.folder / "accounts").exists())

    def test_every_option_has_help(self) -> None:
        """No option is without a word about it."""
        for names in _commands(ftpx):
            command: click.Command = ftpx
            for name in names:
                command = command.commands[name]  # type: ignore[attr-defined]
            self.assertTrue(command.help, names)
            for parameter in command.params:
                if isinstance(parameter, click.Option):
                    self.assertTrue(parameter.help, (names, parameter.name))

    def test_every_reading_command_speaks_json(self) -> None:
        """Whatever shows something can show it as JSON."""
        reading = [names for names in _commands(ftpx) if names[-1] in {"list", "show", "explain", "export"}]
        self.assertEqual(len(reading), 9)
        for names in reading:
            self.assertIn("--json", self.done(*names, "--help"))

    def test_version(self) -> None:
        """The version is told."""
        self.assertEqual(self.done("--version"), f"ftpx {__version__}\n")


class ErrorTests(CommandCase):
    """What cannot be done."""

    def test_no_accounts_yet(self) -> None:
        """Whoever only looks makes no database."""
        self.assertIn("no accounts in", self.refused("user", "list"))
        self.assertFalse((self.folder / "accounts").exists())

    def test_no_database(self) -> None:
        """What is no database of accounts is refused in one line."""
        for url, told in (
            ("nonsense", "sqlite:/PATH or postgresql://"),
            (f"sqlite:{self.folder}", "not a regular file"),
            (f"sqlite:{self.write_file('other', 'this is no database')}", "cannot be reached: file is not a database"),
            (f"sqlite:{self.write_file('empty', '')}", "out of date, or were never made"),
            (f"sqlite:{self.folder}/none/accounts", "There are no accounts"),
        ):
            self.assertIn(told, self.refused("--accounts", url, "user", "list"))

    def test_no_secret_of_a_url_is_told(self) -> None:
        """A password in the name of a database is in no error."""
        line = self.refused("--accounts", "postgresql://u:5ecret@127.0.0.1:1/x?connect_timeout=2", "user", "list")
        self.assertIn("cannot be reached", line)
        self.assertNotIn("5ecret", line)

    def test_usage(self) -> None:
        """A wrong use has status 2."""
        for arguments in (("nonsense",), ("user",), ("user", "nonsense"), ("user", "show"), ("user", "list", "x")):
            self.assertEqual(self.run_ftpx(*arguments).exit_code, 2, arguments)

    def test_not_utf8(self) -> None:
        """Arguments are UTF-8."""
        for arguments in (("user", "show", "\udcff"), ("user", "add", "x", "--hidden", "\udcff"), ("\udcff",)):
            self.assertIn("UTF-8", self.refused(*arguments, status=2))

    def test_au16_texts_are_never_statements(self) -> None:
        """AU16: names, items and texts that look like SQL are names, items and texts."""
        for text in ("' OR 1=1 --", "x'||(select 1)--", "%27", "${jndi}", "'; DROP TABLE users; --", '"'):
            self.add_user(text, "--hidden", text)
            self.assertEqual(self.read_json("user", "show", text)["hidden"], [text])
            self.done("group", "add", text)
            self.done("group", "join", text, text)
            self.done("ban", "add", "--name", text, "--reason", text)
            self.assertEqual(len(self.read_json("user", "list")), 1)
            self.done("ban", "lift", "--name", text)
            self.done("user", "delete", text)
            self.done("group", "delete", text)


class PostgresqlTests(OnPostgresql, CommandCase):
    """The same on PostgreSQL."""

    def test_everything_once(self) -> None:
        """Every kind of command works."""
        self.done("user", "add", "alice", "--quota", "1M", "--rights", "/pub=look", stdin=PASSWORD)
        self.done("group", "add", "staff", "--sessions", "3")
        self.done("group", "join", "staff", "alice")
        self.assertEqual(self.read_json("user", "show", "Alice")["groups"], ["staff"])
        self.done("user", "set", "alice", "--quota", "2M")
        self.done("user", "totp", "alice")
        self.done("user", "disable", "alice")
        self.done("user", "enable", "alice")
        self.assertIn("already", self.refused("user", "add", "ALICE", "--no-password"))
        exported = self.done("user", "export")
        self.done("user", "delete", "alice")
        self.done("user", "import", "-", stdin=exported)
        self.assertEqual(self.done("user", "export"), exported)
        self.assertEqual([one["name"] for one in self.read_json("quota", "show")], ["alice", "staff"])
        self.done("quota", "recount", "--all")
        self.done("ban", "add", "192.0.2.1", "--for", "1h")
        self.done("ban", "allow", "198.51.100.0/24")
        self.assertEqual(len(self.read_json("ban", "list")["bans"]), 1)
        self.done("settings", "set", "ban_first", "5")
        self.assertEqual(self.read_json("settings", "show")["ban_first"], 5)
        self.assertEqual(self.run_ftpx("explain", "alice", "STOR", "/pub/a").exit_code, 3)
        self.done("group", "delete", "staff")


class LibraryTests(SynchronousTestCase):
    """Where something is not installed."""

    def test_missing_library(self) -> None:
        """The one line says what to install."""
        with patch.dict(sys.modules, {"click": None}), self.assertRaises(SystemExit) as caught:
            del sys.modules["ftpx.cli.commands"]
            main()
        self.assertIn("pip install 'ftpx[accounts]'", str(caught.exception.code))

    def test_other_errors_are_not_hidden(self) -> None:
        """A module of ftpx itself that is missing is an error of the program."""
        error = ImportError("broken", name="ftpx.cli.users")
        with patch("builtins.__import__", side_effect=error), self.assertRaises(ImportError):
            main()

    def test_run(self) -> None:
        """The arguments are those of the process."""
        output = StringIO()
        with (
            patch.object(sys, "argv", ["ftpx", "--version"]),
            patch.object(sys, "stdout", output),
            self.assertRaises(SystemExit) as caught,
        ):
            main()
        self.assertEqual((caught.exception.code, output.getvalue()), (0, f"ftpx {__version__}\n"))

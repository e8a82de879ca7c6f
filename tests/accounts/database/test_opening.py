"""URLs of databases, and opening what they name."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import event
from twisted.trial.unittest import SynchronousTestCase

from ftpx.accounts.database.connection import transaction
from ftpx.accounts.database.opening import open_database, parse_url
from ftpx.errors import AccountsUnavailable, ConfigurationError
from tests.accounts.databases import OnSqlite


class UrlTests(SynchronousTestCase):
    """What operators write."""

    def test_sqlite(self) -> None:
        """A path is that of a file, made absolute, whatever signs are in it."""
        for text, path in (
            ("sqlite:/var/lib/ftpx/accounts", "/var/lib/ftpx/accounts"),
            ("sqlite:accounts.db", os.path.abspath("accounts.db")),
            ("sqlite:/a b/c?d=e%20#f", "/a b/c?d=e%20#f"),
        ):
            url = parse_url(text)
            self.assertEqual((url.get_backend_name(), url.database), ("sqlite", path))

    def test_postgresql(self) -> None:
        """A server is asked by psycopg, with libpq's parameters."""
        url = parse_url("postgresql://ftpx@db.example.com:5433/accounts?sslmode=verify-full")
        self.assertEqual((url.drivername, url.host, url.port), ("postgresql+psycopg", "db.example.com", 5433))
        self.assertEqual(
            (url.username, url.database, dict(url.query)), ("ftpx", "accounts", {"sslmode": "verify-full"})
        )
        self.assertEqual(parse_url("postgresql:///?service=ftpx").query["service"], "ftpx")

    def test_wrong(self) -> None:
        """IL04: anything else is refused in one line that holds no password."""
        for text in (
            "",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:///accounts",
            "sqlite:/a\0b",
            "mysql://ftpx:s3cr3t@host/ftpx",
            "postgresql:ftpx:s3cr3t",
            "postgresql://ftpx:s3cr3t@host:port/ftpx",
            "postgresql+psycopg2://ftpx:s3cr3t@host/ftpx",
            "/var/lib/ftpx",
        ):
            error = self.assertRaises(ConfigurationError, parse_url, text)
            self.assertNotIn("s3cr3t", str(error))
            self.assertNotIn("\n", str(error))

    def test_unknown_parameter(self) -> None:
        """A parameter that libpq does not know is told when the database is opened."""
        url = parse_url("postgresql://ftpx:s3cr3t@127.0.0.1/ftpx?nothing=1")
        error = self.assertRaises(ConfigurationError, open_database, url)
        self.assertIn("nothing", str(error))
        self.assertNotIn("s3cr3t", str(error))

    def test_password_hidden(self) -> None:
        """IL04: what is shown of an open database holds no password."""
        engine = open_database(parse_url("postgresql://ftpx:s3cr3t@127.0.0.1/ftpx"))
        self.assertNotIn("s3cr3t", repr(engine) + str(engine.url))

    def test_own_parameters(self) -> None:
        """What the URL says of a connection counts before what we say; our limits stay beside its options."""
        url = parse_url("postgresql://127.0.0.1/ftpx?connect_timeout=1&options=-csearch_path%3Dx")
        engine = open_database(url)
        seen: list[dict[str, object]] = []

        def refuse(_dialect: object, _record: object, _arguments: object, parameters: dict[str, object]) -> None:
            seen.append(parameters)
            raise ConnectionError

        event.listen(engine, "do_connect", refuse)
        self.assertRaises(ConnectionError, engine.connect)
        self.assertEqual(seen[0]["connect_timeout"], "1")
        self.assertEqual(seen[0]["options"], "-c statement_timeout=4s -c lock_timeout=3s -csearch_path=x")
        self.assertEqual(seen[0]["tcp_user_timeout"], "5000")

    def test_no_driver(self) -> None:
        """Without psycopg, what is to be installed is told."""
        with patch.dict("sys.modules", {"psycopg": None}):
            error = self.assertRaises(ConfigurationError, open_database, parse_url("postgresql://host/ftpx"))
        self.assertIn("ftpx[postgresql]", str(error))


class SqliteFileTests(OnSqlite, SynchronousTestCase):
    """The file of an SQLite database."""

    def test_left_alone(self) -> None:
        """What is there keeps its mode and its content."""
        path = Path(parse_url(self.url).database or "")
        path.chmod(0o640)
        before = path.read_bytes()
        open_database(parse_url(self.url))
        self.assertEqual((stat.S_IMODE(path.stat().st_mode), path.read_bytes()), (0o640, before))

    def test_went_away(self) -> None:
        """A file that goes away is an outage, and not an empty database."""
        path = Path(parse_url(self.url).database or "")
        self.engine.dispose()
        path.unlink()
        self.assertRaises(AccountsUnavailable, self.read, lambda connection: None)
        self.assertFalse(path.exists())

    def test_no_database(self) -> None:
        """CR08: a file that is something else is told as such, and left alone."""
        path = Path(self.mktemp())
        path.write_bytes(b"no database" * 1000)
        engine = open_database(parse_url(f"sqlite:{path}"))

        def read() -> None:
            with transaction(engine, write=False) as connection:
                connection.exec_driver_sql("SELECT * FROM users")

        self.assertIn("not a database", str(self.assertRaises(AccountsUnavailable, read)))
        self.assertEqual(path.read_bytes(), b"no database" * 1000)

    def test_no_file(self) -> None:
        """A folder that is not there, or something that is no file, is told."""
        folder = self.mktemp()
        os.mkdir(folder)
        for path in (f"{folder}/nothing/accounts", folder):
            error = self.assertRaises(ConfigurationError, open_database, parse_url(f"sqlite:{path}"))
            self.assertIn(path, str(error))

    def test_strange_path(self) -> None:
        """Every character of a path is part of the path."""
        folder = self.mktemp()
        os.mkdir(folder)
        engine = open_database(parse_url(f"sqlite:{folder}/a b?mode=ro#c%20"))
        with transaction(engine, write=True) as connection:
            connection.exec_driver_sql("CREATE TABLE a (b)")
        engine.dispose()
        self.assertEqual(os.listdir(folder), ["a b?mode=ro#c%20"])

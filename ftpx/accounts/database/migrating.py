"""Making the tables, and bringing those of an older ftpx up to date, by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from ftpx.accounts.database import migrations
from ftpx.accounts.database.connection import transaction
from ftpx.accounts.database.opening import PATIENCE
from ftpx.errors import ConfigurationError

__all__ = ["check_version", "upgrade"]

# Seconds that one process waits for another that does the same.
_PATIENCE: Final = 60
# Any number that nobody else uses: "ftpx" in ASCII.
_LOCK: Final = 0x66747078
_POSTGRESQL: Final = (
    "SET LOCAL statement_timeout = 0",
    f"SET LOCAL lock_timeout = '{_PATIENCE}s'",
    f"SELECT pg_advisory_xact_lock({_LOCK})",
)


def upgrade(engine: Engine) -> None:
    """
    Make all tables, or bring them up to date; all of it or nothing, and by one process at a time. Blocks.

    No connection stays open, so a process may fork behind it.

    :raises AccountsUnavailable: the database does not answer.
    :raises ConfigurationError: the tables are those of a newer ftpx.
    """
    scripts = _scripts()
    try:
        with transaction(engine.execution_options(**{PATIENCE: _PATIENCE}), write=True) as connection:
            # SQLite's write transactions exclude each other anyway.
            if connection.dialect.name == "postgresql":
                for statement in _POSTGRESQL:
                    connection.execute(text(statement))
            _upgrade(connection, scripts)
    finally:
        engine.dispose()


def check_version(connection: Connection) -> None:
    """
    See that the tables are those that this ftpx works with.

    :raises ConfigurationError: they are others, or there are none.
    """
    scripts = _scripts()
    if _version(connection, scripts) != scripts.get_current_head():
        raise ConfigurationError("The tables of the accounts are out of date, or were never made.")


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(migrations.__path__[0])))


def _version(connection: Connection, scripts: ScriptDirectory) -> str | None:
    version = MigrationContext.configure(connection).get_current_revision()
    if version is not None and version not in {script.revision for script in scripts.walk_revisions()}:
        raise ConfigurationError(f"The accounts were made by a newer ftpx (their version is {version}): install that.")
    return version


def _upgrade(connection: Connection, scripts: ScriptDirectory) -> None:
    head = scripts.get_current_head()
    if _version(connection, scripts) == head:
        return

    def steps(version: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs(head or "base", version)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=head) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()

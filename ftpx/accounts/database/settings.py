"""The settings of the accounts, in the database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from ftpx.accounts.database import revision
from ftpx.accounts.database.inserting import insert_or_replace
from ftpx.accounts.database.items import corrupt
from ftpx.accounts.database.schema import settings
from ftpx.accounts.settings import Settings
from ftpx.errors import ConfigurationError

__all__ = ["read_settings", "set_setting"]


def read_settings(connection: Connection) -> Settings:
    """
    The settings as they are now.

    :raises AccountsCorrupt: one of them is damaged.
    """
    texts = {}
    for name, value in connection.execute(select(settings.c.name, settings.c.value)):
        if not isinstance(value, str):
            raise corrupt("the settings", f"{name} is no text.")
        texts[name] = value
    try:
        return Settings.parse(texts)
    except ConfigurationError as error:
        raise corrupt("the settings", str(error)) from None


def set_setting(connection: Connection, name: str, text: str | None) -> None:
    """
    Change a setting; ``None``: it has its default again.

    :raises ConfigurationError: there is no such setting, or the text is none for it.
    """
    if text is None:
        Settings.parse({name: str(getattr(Settings(), name, ""))})
        connection.execute(delete(settings).where(settings.c.name == name))
    else:
        Settings.parse({name: text})
        insert_or_replace(connection, settings, {"name": name, "value": text})
    revision.bump(connection)

"""
The accounts in a database: SQLite or PostgreSQL, by SQLAlchemy Core.

:raises ConfigurationError: on import, if the libraries are not installed.
"""

from importlib.util import find_spec

from ftpx.errors import ConfigurationError

__all__: list[str] = []

if not all(map(find_spec, ("sqlalchemy", "alembic", "argon2", "pyotp"))):
    raise ConfigurationError("Accounts need libraries that are not installed: pip install 'ftpx[accounts]'.")

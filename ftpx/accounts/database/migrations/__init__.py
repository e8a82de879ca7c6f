"""The migrations of the database, for Alembic: each file of ``versions`` is one step."""

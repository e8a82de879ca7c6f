"""SQLite databases for ftpx: files, users and a table of uploads."""

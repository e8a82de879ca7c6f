"""The package: plain setuptools."""

from setuptools import setup

setup(
    name="ftpx-sqlite",
    version="1.0",
    description="SQLite databases for ftpx: files, users and a table of uploads.",
    python_requires=">=3.11",
    install_requires=["ftpx"],
    # Twisted looks for plugins in folders "twisted/plugins" without an __init__.py, which find_packages does not see.
    packages=["ftpx_sqlite", "ftpx_sqlite.test", "twisted.plugins"],
)
